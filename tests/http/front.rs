//! What the front makes of requests before any handler of a family sees them.

#![expect(clippy::unused_async, reason = "handlers are async, whatever they do")]

use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};
use tenure::domain::Error;
use tenure::http::authz_store::AuthzStore;
use tenure::http::call::Call;
use tenure::http::oauth::OAuth;
use tenure::http::payload::{Form, Json};
use tenure::http::reply::Reply;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::served::{Answer, Served, parse};

const TENANT: &str = "Tenant-ID: acme";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";
const BEARER: &str = "Authorization: Bearer ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6";

struct Api;

#[derive(Debug, Deserialize, Object)]
struct Asked {
    grant_type: String,
    code: Option<String>,
}

#[derive(Debug, Deserialize, Object, Serialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    sub: String,
}

#[OpenApi]
impl Api {
    /// Echoes a form.
    #[oai(path = "/token", method = "post", operation_id = "test_token")]
    async fn token(&self, call: Call, form: Form<Asked>) -> Reply<Json<Thing>, OAuth> {
        let Asked { grant_type, code } = form.0;
        let tid = &call.ctx.tenant.tid;
        Ok(Json(Thing { sub: format!("{tid} {grant_type} {}", code.unwrap_or_default()) }).into())
    }

    /// Echoes JSON.
    #[oai(path = "/token/introspect", method = "post", operation_id = "test_clients")]
    async fn clients(&self, thing: Json<Thing>) -> Reply<Json<Thing>, OAuth> {
        Ok(thing.into())
    }

    /// Fails.
    #[oai(path = "/token/revoke", method = "get", operation_id = "test_fail")]
    async fn fail(&self) -> Reply<Json<Thing>, OAuth> {
        Err(Error::Unavailable("the secret cause".into()).into())
    }

    /// Panics.
    #[oai(path = "/jwks.json", method = "get", operation_id = "test_panic")]
    #[expect(clippy::panic, reason = "what it is for")]
    async fn panic(&self) -> Reply<Json<Thing>, OAuth> {
        panic!("the secret text")
    }

    /// Is public.
    #[oai(path = "/.well-known/openid-configuration", method = "get", operation_id = "test_public")]
    async fn public(&self) -> Reply<Json<Thing>, OAuth> {
        Ok(Json(Thing { sub: "public".into() }).into())
    }

    /// Echoes a form, in the strict family.
    #[oai(path = "/authz-store/rest/v3/inspection", method = "post", operation_id = "test_inspect")]
    async fn inspect(&self, form: Form<Asked>) -> Reply<Json<Thing>, AuthzStore> {
        Ok(Json(Thing { sub: form.0.grant_type }).into())
    }
}

async fn token(served: &Served, headers: &[&str], body: &str) -> Answer {
    let headers: Vec<_> = [TENANT].iter().chain(headers).copied().collect();
    served.send("POST /token", &headers, body).await
}

#[tokio::test]
async fn a_sound_request_reaches_its_handler_with_its_tenant() {
    let served = Served::start(Api).await;
    let answer = token(&served, &[FORM], "grant_type=code&code=&unknown=1").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"sub":"acme code "}"#));
    assert!(answer.has("cache-control: no-store") && answer.head.contains("x-request-id: "), "{}", answer.head);
    let prefixed = served.send("POST /t/acme/token", &[FORM], "grant_type=a").await;
    assert_eq!(prefixed.body, r#"{"sub":"acme a "}"#);
    let hosted = "POST /token HTTP/1.1\r\nHost: acme.example.com\r\nConnection: close\r\n";
    let hosted = served.raw(&format!("{hosted}{FORM}\r\nContent-Length: 12\r\n\r\ngrant_type=b")).await;
    assert_eq!(hosted.body, r#"{"sub":"acme b "}"#);
}

#[tokio::test]
async fn a_form_that_can_be_read_in_two_ways_is_refused_by_the_name_of_its_parameter() {
    let served = Served::start(Api).await;
    for (body, said) in [
        ("grant_type=a&grant_type=b", "Bad request: Repeated parameter grant_type"),
        ("grant_type=a&x=1&x=2", "Bad request: Repeated parameter x"),
        ("grant_type=%zz", "Bad request: Bad encoding of parameter grant_type"),
        ("grant_type=%ff", "Bad request: Bad encoding of parameter grant_type"),
        ("grant_type=a%00", "Bad request: Bad encoding of parameter grant_type"),
        ("grant_type=", "Bad request: Missing parameter grant_type"),
        ("code=secret", "Bad request: Missing parameter grant_type"),
    ] {
        let answer = token(&served, &[FORM], body).await;
        assert_eq!((answer.status, answer.error()), (400, ("invalid_request".into(), said.into())), "{body}");
        assert!(!answer.body.contains("secret"));
    }
    let query = served.send("POST /token?a=1&a=2", &[TENANT, FORM], "grant_type=a").await;
    assert_eq!(query.error().1, "Bad request: Repeated parameter a");
}

#[tokio::test]
async fn the_strict_family_checks_credentials_first_and_then_refuses_what_it_does_not_know() {
    let served = Served::start(Api).await;
    let line = "POST /authz-store/rest/v3/inspection";
    let nobody = served.send(line, &[TENANT, FORM], "nonsense=%zz").await;
    assert_eq!((nobody.status, nobody.error().0.as_str()), (401, "missing_token"));
    assert!(nobody.has("www-authenticate: Bearer"));
    let wrong = served.send(line, &[TENANT, FORM, "Authorization: Bearer x"], "grant_type=a").await;
    assert_eq!((wrong.status, wrong.error().0.as_str()), (401, "invalid_token"));
    for (body, said) in [
        ("grant_type=a&nonsense=1", "Bad request: Unknown parameter nonsense"),
        ("grant_type=a&code=", "Bad request: Empty parameter code"),
    ] {
        let answer = served.send(line, &[TENANT, FORM, BEARER], body).await;
        assert_eq!((answer.status, answer.error().1), (400, said.to_owned()), "{body}");
    }
    let query = served.send(&format!("{line}?code=1"), &[TENANT, FORM, BEARER], "grant_type=a").await;
    assert_eq!((query.status, query.error().1.as_str()), (400, "Bad request: Unknown parameter code"));
    let known = served.send(line, &[TENANT, FORM, BEARER], "grant_type=a").await;
    assert_eq!((known.status, known.body.as_str()), (200, r#"{"sub":"a"}"#));
}

#[tokio::test]
async fn json_is_taken_strictly_and_a_missing_type_means_json() {
    let served = Served::start(Api).await;
    let ok = served.send("POST /token/introspect", &[TENANT], r#"{"sub":"a"}"#).await;
    assert_eq!((ok.status, ok.body.as_str()), (200, r#"{"sub":"a"}"#));
    for (body, said) in [
        (r#"{"sub":"a","sub":"b"}"#, "Invalid JSON: duplicate member sub at line 1 column 16"),
        (r#"{"sub":12345}"#, "Invalid JSON: sub: expected a string at line 1 column 12"),
        (r#"{"sub":"a","x":1}"#, "Invalid JSON: unknown field x"),
        (r#"{"sub":"a","AQNSFdUHF_qQqzrGtt0h1PZ_AAAAAOMSHMo":1}"#, "Invalid JSON: unknown field (not shown)"),
        (r"{}", "Invalid JSON: missing field sub"),
        (r#"{"sub":"a"} x"#, "Invalid JSON: at line 1 column 13"),
    ] {
        let answer = served.send("POST /token/introspect", &[TENANT, JSON], body).await;
        assert_eq!((answer.status, answer.error().1), (400, format!("Bad request: {said}")), "{body}");
    }
}

#[tokio::test]
async fn a_content_type_must_be_the_one_meant() {
    let served = Served::start(Api).await;
    for wrong in ["text/plain", "application/evil+x-www-form-urlencoded", "application/json", "multipart/form-data"] {
        let answer = token(&served, &[&format!("Content-Type: {wrong}")], "grant_type=a").await;
        assert_eq!((answer.status, answer.error().0.as_str()), (415, "invalid_request"), "{wrong}");
    }
    let right =
        token(&served, &["Content-Type: application/x-www-form-urlencoded; charset=UTF-8"], "grant_type=a").await;
    assert_eq!(right.status, 200);
    for (coding, expected) in [("gzip", 415), ("identity", 200)] {
        let answer = token(&served, &[FORM, &format!("Content-Encoding: {coding}")], "grant_type=a").await;
        assert_eq!(answer.status, expected, "RFC 9110 section 8.4: {coding}");
    }
}

#[tokio::test]
async fn a_body_past_the_cap_is_refused_before_it_is_read() {
    let served = Served::start(Api).await;
    let head = format!("POST /token HTTP/1.1\r\nHost: h\r\n{TENANT}\r\n{FORM}\r\n");
    let declared = served.raw(&format!("{head}Content-Length: 65537\r\n\r\n")).await;
    assert_eq!((declared.status, declared.error().0.as_str()), (413, "invalid_request"));
    let chunk = format!("8000\r\n{}\r\n", "a".repeat(0x8000));
    let chunked = served.raw(&format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(3))).await;
    assert_eq!(chunked.status, 413);
    let fits = format!("grant_type={}", "a".repeat(65_536 - 11));
    assert_eq!(token(&served, &[FORM], &fits).await.status, 200);
}

#[tokio::test]
async fn a_head_that_can_be_read_in_two_ways_is_refused() {
    let served = Served::start(Api).await;
    let body = "grant_type=a";
    for (headers, said) in [
        ([TENANT, TENANT], "the Tenant-ID header is repeated"),
        (["Issuer: https://acme.example.com", "Issuer: https://acme.example.com"], "the Issuer header is repeated"),
        (["Authorization: Basic YQ==", "Authorization: Basic YQ=="], "Repeated header Authorization"),
        ([TENANT, FORM], "Repeated header Content-Type"),
    ] {
        let headers: Vec<_> = headers.into_iter().chain([FORM]).collect();
        let answer = served.send("POST /token", &headers, body).await;
        assert_eq!((answer.status, answer.error().1), (400, format!("Bad request: {said}")));
    }
    let hostless = served.raw(&format!("POST /token HTTP/1.1\r\n{TENANT}\r\nConnection: close\r\n\r\n")).await;
    assert_eq!((hostless.status, hostless.error().1.as_str()), (400, "Bad request: Missing header Host"));
    let nobody = served.send("POST /token", &[FORM], body).await;
    assert_eq!((nobody.status, nobody.error().0.as_str()), (400, "invalid_request"));
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_methods_are_told() {
    let served = Served::start(Api).await;
    for path in ["//token", "/%74oken", "/token/", "/Token", "/nope", "/t/acme/docs", "/t/acme/nope", "/metrics"] {
        let answer = served.send(&format!("POST {path}"), &[TENANT, FORM], "grant_type=a").await;
        assert_eq!((answer.status, answer.error().0.as_str()), (404, "not_found"), "{path}");
    }
    for method in ["GET", "TRACE", "DELETE"] {
        let answer = served.send(&format!("{method} /token"), &[], "").await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.has("allow: OPTIONS, POST"), "{}", answer.head);
    }
    let options = served.send("OPTIONS /token", &[], "").await;
    assert!(options.status == 204 && options.has("allow: OPTIONS, POST"), "{}", options.head);
    let bad = served.send("POST /token%zz", &[TENANT], "").await;
    assert_eq!((bad.status, bad.error().1.as_str()), (400, "Bad request: Bad encoding of the path"));
}

#[tokio::test]
async fn a_panic_answers_500_and_keeps_the_connection() {
    let served = Served::start(Api).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for turn in 1..=2 {
        let request = format!("GET /jwks.json HTTP/1.1\r\nHost: h\r\n{TENANT}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = vec![0; 4096];
        let read = stream.read(&mut bytes).await.unwrap();
        let answer = parse(&String::from_utf8_lossy(&bytes[..read]));
        assert_eq!((answer.status, answer.error().0.as_str()), (500, "server_error"));
        assert!(!answer.body.contains("secret"), "{}", answer.body);
        assert_eq!(served.metrics.panics.get(), turn);
    }
}

#[tokio::test]
async fn a_failure_tells_when_to_come_back_and_not_why() {
    let served = Served::start(Api).await;
    let answer = served.send("GET /token/revoke", &[TENANT], "").await;
    assert_eq!(answer.status, 503);
    assert!(answer.has("retry-after: 1") && answer.has("cache-control: no-store"), "{}", answer.head);
    assert!(!answer.body.contains("secret"));
    let metrics = served.metrics.render().unwrap();
    assert!(metrics.contains(r#"operation="test_fail",outcome="shed""#), "{metrics}");
}

#[tokio::test]
async fn a_browser_is_told_who_may_read() {
    let served = Served::start(Api).await;
    let ours = token(&served, &[FORM, "Origin: https://shop.example.com"], "grant_type=a").await;
    assert!(ours.has("access-control-allow-origin: https://shop.example.com") && ours.has("vary: Origin"));
    let refused = token(&served, &[FORM, "Origin: https://shop.example.com"], "").await;
    assert!(refused.status == 400 && refused.has("access-control-allow-origin: https://shop.example.com"));
    let others = token(&served, &[FORM, "Origin: https://evil.example.com"], "grant_type=a").await;
    assert!(!others.head.contains("access-control-allow-origin"), "{}", others.head);
    let public = ["Origin: https://any.example.com", TENANT];
    let public = served.send("GET /.well-known/openid-configuration", &public, "").await;
    assert!(public.has("access-control-allow-origin: *"), "{}", public.head);
    let preflight = ["Origin: https://shop.example.com", "Access-Control-Request-Method: POST"];
    let preflight = served.send("OPTIONS /t/acme/token", &preflight, "").await;
    assert!(preflight.status == 204 && preflight.has("access-control-allow-origin: https://shop.example.com"));
}

#[tokio::test]
async fn documents_need_no_tenant_and_name_no_other_host() {
    let served = Served::start(Api).await;
    for family in ["authz-store", "oauth", "authlete", "iam", "platform"] {
        let answer = served.send(&format!("GET /openapi/{family}.json"), &[], "").await;
        let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(document["openapi"], "3.0.0", "{family}");
    }
    let page = served.send("GET /docs", &[], "").await;
    assert!(page.status == 200 && page.body.contains("url: '/openapi/' + chosen + '.json'"));
    assert!(!page.body.contains("src=\"http") && !page.body.contains("href=\"http"));
    assert!(page.head.contains("connect-src 'self'"));
}
