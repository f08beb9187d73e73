//! Which tenant a request is for: headers, path, host, and every way to get it wrong.

use crate::harness::{Answer, TestApp, both, raw};

both!(
    headers_name_the_tenant,
    headers_that_disagree_are_refused,
    a_repeated_header_is_refused,
    a_near_match_is_no_match,
    the_path_names_the_tenant,
    the_path_must_agree_with_the_headers,
    only_tenant_apis_are_under_the_path,
    the_host_names_the_tenant,
    the_host_is_looked_at_last,
    advertised_urls_take_headers_that_agree,
    the_target_says_the_host,
    the_well_known_path_may_be_inserted,
    no_tenant_is_refused,
    a_disabled_tenant_is_refused,
    what_a_proxy_says_is_not_read,
    the_issuer_shown_is_the_configured_one,
    what_needs_no_tenant_answers_without,
    a_credential_of_another_tenant_is_as_good_as_none,
    the_keys_are_those_of_the_tenant,
);

const DISCOVERY: &str = "/.well-known/openid-configuration";
const ACME: &str = "https://acme.example.com";
const GLOBEX: &str = "https://globex.example.com/oauth";

async fn get(app: &TestApp, target: &str, headers: &[(&str, &str)]) -> Answer {
    let request = app.request("GET", target);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send().await
}

/// Which issuer the discovery document at `target` is for.
async fn issuer(app: &TestApp, target: &str, headers: &[(&str, &str)]) -> String {
    let answer = get(app, target, headers).await;
    assert_eq!(answer.code(), 200, "{headers:?} {answer}");
    answer.json()["issuer"].as_str().unwrap().to_owned()
}

async fn refused(app: &TestApp, target: &str, headers: &[(&str, &str)]) -> String {
    let answer = get(app, target, headers).await;
    assert_eq!(answer.code(), 400, "{target} {headers:?} {answer}");
    answer.error(400, "invalid_request")
}

async fn headers_name_the_tenant(app: &TestApp) {
    for (headers, expected) in [
        (vec![("tenant-id", "acme")], ACME),
        (vec![("Tenant-ID", "globex")], GLOBEX),
        (vec![("issuer", ACME)], ACME),
        (vec![("Issuer", "https://login.acme.example.com")], ACME),
        (vec![("ISSUER", GLOBEX)], GLOBEX),
        (vec![("tenant-id", "acme"), ("issuer", ACME)], ACME),
        (vec![("tenant-id", "acme"), ("issuer", "https://login.acme.example.com")], ACME),
    ] {
        assert_eq!(issuer(app, DISCOVERY, &headers).await, expected, "{headers:?}");
    }
}

async fn headers_that_disagree_are_refused(app: &TestApp) {
    let before = app.db_rows().await;
    for headers in [
        [("tenant-id", "acme"), ("issuer", GLOBEX)],
        [("tenant-id", "globex"), ("issuer", ACME)],
        [("tenant-id", "globex"), ("issuer", "https://login.acme.example.com")],
        [("tenant-id", "nobody"), ("issuer", ACME)],
        [("tenant-id", "acme"), ("issuer", "https://nobody.example.com")],
        [("tenant-id", ""), ("issuer", ACME)],
        [("tenant-id", "acme"), ("issuer", "")],
    ] {
        refused(app, DISCOVERY, &headers).await;
        refused(app, "/authz-store/rest/v3/subjects", &headers).await;
    }
    assert_eq!(app.db_rows().await, before);
}

async fn a_repeated_header_is_refused(app: &TestApp) {
    for headers in [
        vec![("issuer", ACME), ("issuer", ACME)],
        vec![("issuer", ACME), ("issuer", GLOBEX)],
        vec![("tenant-id", "acme"), ("tenant-id", "acme")],
        vec![("tenant-id", "acme"), ("Tenant-Id", "globex")],
        vec![("issuer", "https://acme.example.com, https://globex.example.com/oauth")],
        vec![("issuer", "https://acme.example.com,https://acme.example.com")],
        vec![("tenant-id", "acme, globex")],
        vec![("tenant-id", "acme,acme")],
    ] {
        refused(app, DISCOVERY, &headers).await;
    }
}

async fn a_near_match_is_no_match(app: &TestApp) {
    for near in [
        "https://ACME.example.com",
        "HTTPS://acme.example.com",
        "https://acme.example.com/",
        "https://acme.example.com:443",
        "http://acme.example.com",
        "https://acme.example.com/oauth",
        "https://acme.example.com.",
        "https://acme.example.com?",
        "https://acme.example.com#",
        "https://user@acme.example.com",
        "acme.example.com",
        "https://globex.example.com",
        "https://globex.example.com/oauth/",
        "https://globex.example.com/OAuth",
        "https://globex.example.com/%6fauth",
        "\"https://acme.example.com\"",
    ] {
        refused(app, DISCOVERY, &[("issuer", near)]).await;
    }
    for near in
        ["ACME", "Acme", "acme.", "acme/", "acm", "acmee", "acme globex", "\"acme\"", "%61cme", "_", "*", "..", "1"]
    {
        refused(app, DISCOVERY, &[("tenant-id", near)]).await;
    }
}

async fn the_path_names_the_tenant(app: &TestApp) {
    assert_eq!(issuer(app, "/t/acme/.well-known/openid-configuration", &[]).await, ACME);
    assert_eq!(issuer(app, "/t/globex/.well-known/openid-configuration", &[]).await, GLOBEX);
    let target = "/t/acme/authz-store/rest/v3/subjects?no_duplicates=true";
    let bearer = ("authorization", "Bearer ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6");
    assert_eq!(get(app, target, &[bearer]).await.status(200).json(), serde_json::json!([]));
    let elsewhere = get(app, "/t/globex/authz-store/rest/v3/subjects", &[bearer]).await;
    elsewhere.error(401, "invalid_token");
    for wrong in ["/t/nobody", "/t/ACME", "/t/acme%20", "/t/%2e%2e", "/t/acme%2f..", "/t/initech%00"] {
        let answer = get(app, &format!("{wrong}{DISCOVERY}"), &[]).await;
        assert_eq!(answer.code(), 400, "{wrong} {answer}");
    }
}

async fn the_path_must_agree_with_the_headers(app: &TestApp) {
    let path = "/t/acme/.well-known/openid-configuration";
    assert_eq!(issuer(app, path, &[("tenant-id", "acme")]).await, ACME);
    assert_eq!(issuer(app, path, &[("issuer", ACME), ("tenant-id", "acme")]).await, ACME);
    assert_eq!(issuer(app, path, &[("issuer", "https://login.acme.example.com")]).await, ACME);
    for header in [("tenant-id", "globex"), ("issuer", GLOBEX), ("tenant-id", "nobody"), ("issuer", "")] {
        refused(app, path, &[header]).await;
    }
}

async fn only_tenant_apis_are_under_the_path(app: &TestApp) {
    for rest in [
        "/docs",
        "/openapi/authz-store.json",
        "/tenants/rest/v1",
        "/t/acme/jwks.json",
        "/t/globex/jwks.json",
        "/metrics",
        "/nothing",
    ] {
        let answer = get(app, &format!("/t/acme{rest}"), &[]).await;
        assert_eq!(answer.code(), 404, "{rest} {answer}");
    }
    for target in ["/t/acme", "/t/acme/", "/t/", "/t"] {
        let code = get(app, target, &[]).await.code();
        assert!([400, 404].contains(&code), "{target}: {code}");
    }
}

async fn the_host_names_the_tenant(app: &TestApp) {
    for (host, target, expected) in [
        ("acme.example.com", DISCOVERY.to_owned(), ACME),
        ("ACME.Example.COM", DISCOVERY.to_owned(), ACME),
        ("acme.example.com:443", DISCOVERY.to_owned(), ACME),
        ("login.acme.example.com", DISCOVERY.to_owned(), ACME),
        ("globex.example.com", format!("/oauth{DISCOVERY}"), GLOBEX),
    ] {
        assert_eq!(issuer(app, &target, &[("host", host)]).await, expected, "{host}{target}");
    }
    for (host, target) in [
        ("acme.example.com:8443", DISCOVERY.to_owned()),
        ("acme.example.com:80", DISCOVERY.to_owned()),
        ("acme.example.com.", DISCOVERY.to_owned()),
        ("xacme.example.com", DISCOVERY.to_owned()),
        ("example.com", DISCOVERY.to_owned()),
        ("globex.example.com", DISCOVERY.to_owned()),
        ("evil.example.com", DISCOVERY.to_owned()),
    ] {
        refused(app, &target, &[("host", host)]).await;
    }
    for target in [
        format!("/oauthx{DISCOVERY}"),
        format!("/OAUTH{DISCOVERY}"),
        format!("/oauth2{DISCOVERY}"),
        format!("/%6fauth{DISCOVERY}"),
    ] {
        let code = get(app, &target, &[("host", "globex.example.com")]).await.code();
        assert!([400, 404].contains(&code), "{target}: {code}");
    }
    let bearer = ("authorization", "Bearer globex-api-token-0123456789abcdefghij");
    let target = "/oauth/authz-store/rest/v3/subjects";
    get(app, target, &[("host", "globex.example.com"), bearer]).await.status(200);
}

async fn the_host_is_looked_at_last(app: &TestApp) {
    let host = ("host", "acme.example.com");
    assert_eq!(issuer(app, DISCOVERY, &[host, ("tenant-id", "globex")]).await, GLOBEX);
    assert_eq!(issuer(app, DISCOVERY, &[host, ("issuer", GLOBEX)]).await, GLOBEX);
    assert_eq!(issuer(app, "/t/globex/.well-known/openid-configuration", &[host]).await, GLOBEX);
    refused(app, DISCOVERY, &[host, ("tenant-id", "nobody")]).await;
    refused(app, DISCOVERY, &[host, ("tenant-id", "")]).await;
}

async fn advertised_urls_take_headers_that_agree(app: &TestApp) {
    let host = ("host", "globex.example.com");
    for headers in
        [vec![("issuer", GLOBEX)], vec![("tenant-id", "globex")], vec![("tenant-id", "globex"), ("issuer", GLOBEX)]]
    {
        let headers = [vec![host], headers].concat();
        for target in [format!("/oauth{DISCOVERY}"), format!("{DISCOVERY}/oauth"), DISCOVERY.to_owned()] {
            assert_eq!(issuer(app, &target, &headers).await, GLOBEX, "{target} {headers:?}");
        }
    }
    let bearer = ("authorization", "Bearer globex-api-token-0123456789abcdefghij");
    let target = "/oauth/authz-store/rest/v3/subjects";
    get(app, target, &[host, bearer, ("tenant-id", "globex")]).await.status(200);
    // Host and path must name the same tenant, else there is no such path.
    for headers in [
        vec![host, ("tenant-id", "acme")],
        vec![("host", "acme.example.com"), ("tenant-id", "globex")],
        vec![("host", "globex.example.com:8443"), ("tenant-id", "globex")],
        vec![("tenant-id", "globex")],
    ] {
        let answer = get(app, &format!("/oauth{DISCOVERY}"), &headers).await;
        assert_eq!(answer.code(), 404, "{headers:?} {answer}");
    }
}

async fn the_target_says_the_host(app: &TestApp) {
    let ask = async |target: &str, host: &str| {
        let request = format!("GET {target}{DISCOVERY} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        raw::send(app, request.as_bytes()).await
    };
    let agreeing = ask("http://acme.example.com:443", "ACME.example.com:443").await;
    assert!(agreeing.status == 200 && agreeing.text.contains(ACME), "{agreeing:?}");
    for (target, host) in [
        ("http://acme.example.com:443", "globex.example.com"),
        ("http://globex.example.com", "acme.example.com"),
        ("http://acme.example.com:8443", "acme.example.com"),
    ] {
        let answer = ask(target, host).await;
        assert!(answer.status == 400 && answer.text.contains("invalid_request"), "{answer:?}");
    }
}

async fn the_well_known_path_may_be_inserted(app: &TestApp) {
    let host = ("host", "globex.example.com");
    for document in ["openid-configuration", "oauth-authorization-server"] {
        for target in [format!("/oauth/.well-known/{document}"), format!("/.well-known/{document}/oauth")] {
            assert_eq!(issuer(app, &target, &[host]).await, GLOBEX, "{target}");
        }
        assert_eq!(issuer(app, &format!("/.well-known/{document}"), &[("host", "acme.example.com")]).await, ACME);
        let code = get(app, &format!("/.well-known/{document}/nobody"), &[host]).await.code();
        assert!([400, 404].contains(&code), "{document}: {code}");
    }
}

async fn no_tenant_is_refused(app: &TestApp) {
    let before = app.db_rows().await;
    for target in [DISCOVERY, "/jwks.json", "/authz-store/rest/v3/subjects", "/authz-store/rest/v3/authorizations"] {
        refused(app, target, &[]).await;
    }
    let bearer = ("authorization", "Bearer ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6");
    let none = refused(app, "/authz-store/rest/v3/subjects", &[bearer]).await;
    let unknown = refused(app, "/authz-store/rest/v3/subjects", &[bearer, ("tenant-id", "nobody")]).await;
    let twice =
        refused(app, "/authz-store/rest/v3/subjects", &[bearer, ("tenant-id", "acme"), ("tenant-id", "acme")]).await;
    let unlike =
        refused(app, "/authz-store/rest/v3/subjects", &[bearer, ("tenant-id", "acme"), ("issuer", GLOBEX)]).await;
    let mut texts = vec![none, unknown, twice, unlike];
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 4, "the description says which: {texts:?}");
    assert_eq!(app.db_rows().await, before);
}

async fn a_disabled_tenant_is_refused(app: &TestApp) {
    for headers in
        [("tenant-id", "initech"), ("issuer", "https://initech.example.com"), ("host", "initech.example.com")]
    {
        for target in [DISCOVERY, "/jwks.json", "/authz-store/rest/v3/subjects"] {
            get(app, target, &[headers]).await.error(403, "tenant_disabled");
        }
    }
    get(app, "/t/initech/jwks.json", &[]).await.error(403, "tenant_disabled");
}

async fn what_a_proxy_says_is_not_read(app: &TestApp) {
    for header in [
        ("x-forwarded-host", "globex.example.com"),
        ("x-forwarded-prefix", "/oauth"),
        ("forwarded", "host=globex.example.com;proto=https"),
        ("x-forwarded-proto", "http"),
        ("x-original-url", "/t/globex/jwks.json"),
        ("x-tenant-id", "globex"),
        ("tenant_id", "globex"),
    ] {
        assert_eq!(issuer(app, DISCOVERY, &[("tenant-id", "acme"), header]).await, ACME, "{header:?}");
        assert_eq!(issuer(app, DISCOVERY, &[("host", "acme.example.com"), header]).await, ACME, "{header:?}");
        refused(app, DISCOVERY, &[header]).await;
    }
}

async fn the_issuer_shown_is_the_configured_one(app: &TestApp) {
    for headers in [
        vec![("issuer", "https://login.acme.example.com")],
        vec![("host", "login.acme.example.com")],
        vec![("tenant-id", "acme"), ("host", "evil.example.com")],
        vec![("tenant-id", "acme"), ("host", "evil.example.com"), ("x-forwarded-host", "evil.example.com")],
    ] {
        let answer = get(app, DISCOVERY, &headers).await;
        let text = answer.status(200).text();
        assert!(!text.contains("evil") && !text.contains("127.0.0.1"), "{text}");
        let document = answer.json();
        assert_eq!(document["issuer"], ACME);
        assert_eq!(document["jwks_uri"], format!("{ACME}/jwks.json"));
        assert_eq!(document["authorization_endpoint"], "https://login.acme.example.com/authorize", "as given");
    }
    let globex = get(app, DISCOVERY, &[("tenant-id", "globex")]).await.json();
    assert_eq!(globex["jwks_uri"], format!("{GLOBEX}/jwks.json"));
}

async fn what_needs_no_tenant_answers_without(app: &TestApp) {
    for target in ["/docs", "/openapi/authz-store.json"] {
        for headers in [vec![], vec![("tenant-id", "acme")], vec![("host", "evil.example.com")]] {
            get(app, target, &headers).await.status(200);
        }
    }
    for target in ["/nothing", "/openapi/nothing.json", "/favicon.ico"] {
        let answer = get(app, target, &[]).await;
        answer.status(404);
        assert!(answer.json().is_object(), "{answer}");
    }
}

async fn a_credential_of_another_tenant_is_as_good_as_none(app: &TestApp) {
    let before = app.db_rows().await;
    let target = "/authz-store/rest/v3/subjects";
    for (tenant, token) in [
        ("acme", "Bearer globex-api-token-0123456789abcdefghij"),
        ("globex", "Bearer ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6"),
        ("acme", "Bearer platform-token-0123456789abcdefghijklmn"),
    ] {
        let answer = get(app, target, &[("tenant-id", tenant), ("authorization", token)]).await;
        answer.error(401, "invalid_token");
        let invented = get(app, target, &[("tenant-id", tenant), ("authorization", "Bearer invented")]).await;
        assert_eq!(answer.fingerprint(), invented.fingerprint());
    }
    assert_eq!(app.db_rows().await, before);
}

async fn the_keys_are_those_of_the_tenant(app: &TestApp) {
    let acme = get(app, "/jwks.json", &[("tenant-id", "acme")]).await;
    let globex = get(app, "/t/globex/jwks.json", &[]).await;
    let kids = |answer: &Answer| {
        let set = answer.status(200).json();
        let keys = set["keys"].as_array().unwrap();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (acme_kids, globex_kids) = (kids(&acme), kids(&globex));
    assert!(!acme_kids.is_empty() && !globex_kids.is_empty());
    assert!(acme_kids.iter().all(|kid| !globex_kids.contains(kid)));
    assert_eq!(acme.header("access-control-allow-origin"), "*");
    let text = "GET /jwks.json HTTP/1.1\r\nHost: localhost\r\nTenant_ID: globex\r\nTenant-ID: acme\r\n\r\n";
    assert!(raw::send(app, text.as_bytes()).await.text.contains(&acme_kids[0]));
}
