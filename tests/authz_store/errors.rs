//! What is refused before anything is looked up: credentials, methods, content types, bodies that are no JSON or no form.

use serde_json::json;

use crate::harness::request::FORM;
use crate::harness::{TestApp, both};

both!(
    a_missing_credential_has_the_text_of_the_specification,
    a_wrong_credential_is_refused,
    a_disabled_api_has_the_text_of_the_specification,
    a_credential_in_the_query_is_no_credential,
    a_method_that_is_not_there_is_refused,
    a_route_that_is_not_there_is_unknown,
    a_content_type_that_does_not_fit_is_refused,
    what_is_no_json_is_refused,
    json_that_is_ambiguous_is_refused,
    what_is_no_form_is_refused,
    the_tenant_comes_first,
    the_credential_comes_before_the_body,
    no_error_tells_what_is_inside,
);

const OPERATIONS: [(&str, &str); 10] = [
    ("POST", "authorizations"),
    ("GET", "authorizations"),
    ("PUT", "authorizations"),
    ("POST", "inspection"),
    ("POST", "revocation"),
    ("GET", "subjects"),
    ("GET", "actors"),
    ("GET", "clients"),
    ("GET", "authorization-codes"),
    ("GET", "refresh-tokens"),
];

async fn a_missing_credential_has_the_text_of_the_specification(app: &TestApp) {
    for (method, resource) in OPERATIONS {
        let answer = app.authz_store().without_credentials().request(method, resource).send().await;
        let text = answer.error(401, "missing_token");
        assert_eq!(text, "Unauthorized: Missing Bearer access token", "{method} {resource}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer}");
    }
}

async fn a_wrong_credential_is_refused(app: &TestApp) {
    let right = "ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6";
    let mut answers = Vec::new();
    for wrong in [
        "wrong",
        "globex-api-token-0123456789abcdefghij",
        "platform-token-0123456789abcdefghijklmn",
        "ztucZS1ZyFKgh0tUEruUtiSTXhnexmd7",
        "ZtucZS1ZyFKgh0tUEruUtiSTXhnexmd6",
        "ztucZS1ZyFKgh0tUEruUtiSTXhnexmd",
        "ztucZS1ZyFKgh0tUEruUtiSTXhnexmd66",
        "cca68b8b82bcf0b96cb826199429e50cd95a042f8e8891d1ac56ab135d096633",
    ] {
        for (method, resource) in OPERATIONS {
            let answer = app.authz_store().with_token(wrong).request(method, resource).send().await;
            answer.error(401, "invalid_token");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer}");
            assert!(!answer.text().contains(wrong), "{answer}");
            answers.push(answer.fingerprint());
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one answer for all: {answers:?}");
    for header in [
        format!("Basic {right}"),
        right.to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {right} x"),
    ] {
        let request = app.authz_store().without_credentials().request("GET", "subjects");
        let answer = request.header("authorization", &header).send().await;
        assert_eq!(answer.code(), 401, "{header} {answer}");
    }
    let twice = app.authz_store().request("GET", "subjects").bearer(right).send().await;
    assert!([400, 401].contains(&twice.code()), "two credentials are none: {twice}");
    let other_case = app.authz_store().without_credentials().request("GET", "subjects");
    other_case.header("authorization", &format!("bearer {right}")).send().await.status(200);
}

async fn a_disabled_api_has_the_text_of_the_specification(app: &TestApp) {
    let before = app.db_rows().await;
    for (method, resource) in OPERATIONS {
        for store in
            [app.authz_store().as_tenant("closed"), app.authz_store().as_tenant("closed").without_credentials()]
        {
            let answer = store.request(method, resource).send().await;
            assert_eq!(answer.error(403, "web_api_disabled"), "Forbidden: Web API disabled");
        }
    }
    assert_eq!(app.db_rows().await, before);
}

async fn a_credential_in_the_query_is_no_credential(app: &TestApp) {
    for name in ["access_token", "token", "authorization"] {
        let target = format!("subjects?{name}=ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6");
        let answer = app.authz_store().without_credentials().request("GET", &target).send().await;
        assert!([400, 401].contains(&answer.code()), "{answer}");
        assert!(!answer.text().contains("ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6"), "{answer}");
    }
    let body = [("access_token", "x")];
    let in_body = app.authz_store().without_credentials().request("POST", "inspection").form(&body).send().await;
    in_body.error(401, "missing_token");
}

async fn a_method_that_is_not_there_is_refused(app: &TestApp) {
    for (method, resource) in [
        ("DELETE", "authorizations"),
        ("PATCH", "authorizations"),
        ("GET", "inspection"),
        ("PUT", "inspection"),
        ("GET", "revocation"),
        ("DELETE", "revocation"),
        ("POST", "subjects"),
        ("DELETE", "refresh-tokens"),
        ("TRACE", "authorizations"),
    ] {
        let answer = app.authz_store().request(method, resource).send().await;
        answer.error(405, "invalid_request");
    }
}

async fn a_route_that_is_not_there_is_unknown(app: &TestApp) {
    for resource in
        ["", "authorisations", "authorizations/", "authorizations/alice", "Authorizations", "tokens", "../v3/subjects"]
    {
        let answer = app.authz_store().request("GET", resource).send().await;
        if resource != "../v3/subjects" {
            answer.status(404);
            assert!(answer.json()["error"].is_string(), "{answer}");
        }
    }
    for target in [
        "/authz-store/rest/v2/authorizations",
        "/authz-store",
        "/",
        "/metrics",
        "/health/ready",
        "/health/live",
        "/nothing",
    ] {
        let answer = app.request("GET", target).header("tenant-id", "acme").send().await;
        answer.status(404);
        assert!(answer.json().is_object(), "{answer}");
    }
}

async fn a_content_type_that_does_not_fit_is_refused(app: &TestApp) {
    let before = app.db_rows().await;
    let json = json!({"sub": "alice", "cid": "c1", "lng": true}).to_string();
    for content_type in
        ["text/plain", "application/xml", "multipart/form-data; boundary=b", "application/evil+json", "x/y", "json", ""]
    {
        let answer = app.authz_store().request("POST", "authorizations").body(content_type, json.clone()).send().await;
        assert!([400, 415].contains(&answer.code()), "{content_type} {answer}");
        answer.error(answer.code(), "invalid_request");
    }
    for content_type in [
        "application/json",
        "text/plain",
        "application/x+x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "form",
    ] {
        for resource in ["inspection", "revocation"] {
            let answer = app.authz_store().request("POST", resource).body(content_type, "subject=alice").send().await;
            assert!([400, 415].contains(&answer.code()), "{content_type} {answer}");
            answer.error(answer.code(), "invalid_request");
        }
    }
    // The two bodies of one resource under each other's type.
    let swapped = app.authz_store().request("POST", "authorizations").body(FORM, json).send().await;
    swapped.error(400, "invalid_request");
    let swapped =
        app.authz_store().request("POST", "authorizations").body("application/json", "code=x&client_id=y").send().await;
    swapped.error(400, "invalid_request");
    assert_eq!(app.db_rows().await, before);
    for content_type in ["application/json;charset=UTF-8", "APPLICATION/JSON", "application/json ; charset=\"utf-8\""] {
        let body = json!({"sub": "alice", "cid": "c1"}).to_string();
        app.authz_store().request("POST", "authorizations").body(content_type, body).send().await.status(200);
    }
    for content_type in ["application/x-www-form-urlencoded;charset=UTF-8", "Application/X-WWW-Form-Urlencoded"] {
        app.authz_store().request("POST", "revocation").body(content_type, "subject=nobody").send().await.status(200);
    }
}

async fn what_is_no_json_is_refused(app: &TestApp) {
    let before = app.db_rows().await;
    let deep = format!("{{\"sub\":\"alice\",\"cid\":\"c1\",\"dat\":{}1{}}}", "{\"k\":".repeat(200), "}".repeat(200));
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"foo".to_vec(),
        b"{".to_vec(),
        b"{\"sub\":\"alice\",\"cid\":\"c1\"".to_vec(),
        b"{\"sub\":\"alice\",\"cid\":\"c1\",}".to_vec(),
        b"{\"sub\":\"alice\",\"cid\":\"c1\"} x".to_vec(),
        b"{\"sub\":\"alice\",\"cid\":\"c1\"}{}".to_vec(),
        b"{'sub':'alice','cid':'c1'}".to_vec(),
        b"{\"sub\":\"alice\",\"cid\":\"c1\",\"atl\":NaN}".to_vec(),
        b"{\"sub\":\"alice\",\"cid\":\"c1\",\"atl\":1e400}".to_vec(),
        b"{\"sub\":\"alice\",\"cid\":\"c1\",\"atl\":01}".to_vec(),
        b"{\"sub\":\"\\ud800\",\"cid\":\"c1\"}".to_vec(),
        b"{\"sub\":\"alice\\u0000\",\"cid\":\"c1\"}".to_vec(),
        b"\xef\xbb\xbf{\"sub\":\"alice\",\"cid\":\"c1\"}".to_vec(),
        b"{\"sub\":\"\xff\",\"cid\":\"c1\"}".to_vec(),
        b"\"alice\"".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        deep.into_bytes(),
    ];
    for body in bodies {
        for (method, target) in
            [("POST", "authorizations"), ("POST", "authorizations?import=true"), ("PUT", "authorizations")]
        {
            let answer = app.authz_store().request(method, target).body("application/json", body.clone()).send().await;
            assert_eq!(answer.code(), 400, "{} {answer}", String::from_utf8_lossy(&body));
            assert!(answer.error(400, "invalid_request").starts_with("Bad request: "), "{answer}");
        }
    }
    assert_eq!(app.db_rows().await, before);
}

async fn json_that_is_ambiguous_is_refused(app: &TestApp) {
    let before = app.db_rows().await;
    for body in [
        r#"{"sub":"alice","sub":"bob","cid":"c1"}"#,
        r#"{"sub":"alice","cid":"c1","cid":"c1"}"#,
        r#"{"sub":"alice","cid":"c1","s\u0075b":"bob"}"#,
        r#"{"sub":"alice","cid":"c1","act":{"sub":"x","sub":"y"}}"#,
        r#"{"sub":"alice","cid":"c1","dat":{"k":1,"k":2}}"#,
        r#"{"sub":"alice","cid":"c1","dat":{"a":[{"k":1,"k":1}]}}"#,
    ] {
        let answer = app.authz_store().request("POST", "authorizations").body("application/json", body).send().await;
        assert_eq!(answer.code(), 400, "{body} {answer}");
        answer.error(400, "invalid_request");
    }
    assert_eq!(app.db_rows().await, before);
}

async fn what_is_no_form_is_refused(app: &TestApp) {
    let before = app.db_rows().await;
    let bodies: [&[u8]; 10] = [
        b"subject=%zz",
        b"subject=%",
        b"subject=%4",
        b"subject=%ff",
        b"subject=\xff",
        b"subject=alice%00",
        b"subject=alice\0",
        b"subject=alice&subject=alice",
        b"subject=alice&s%75bject=alice",
        b"subject=alice&foo=bar",
    ];
    for body in bodies {
        let answer = app.authz_store().request("POST", "revocation").body(FORM, body).send().await;
        assert_eq!(answer.code(), 400, "{} {answer}", String::from_utf8_lossy(body));
        assert!(answer.error(400, "invalid_request").starts_with("Bad request: "), "{answer}");
    }
    assert_eq!(app.db_rows().await, before);
    let large = format!("subject={}", "x".repeat(64 * 1024));
    app.authz_store().request("POST", "revocation").body(FORM, large).send().await.error(413, "invalid_request");
    app.authz_store().request("POST", "inspection").untyped_body("access_token=x").send().await;
}

async fn the_tenant_comes_first(app: &TestApp) {
    for (method, resource) in OPERATIONS {
        let unknown =
            app.authz_store().as_tenant("nobody").without_credentials().request(method, resource).send().await;
        unknown.error(400, "invalid_request");
        let disabled =
            app.authz_store().as_tenant("initech").without_credentials().request(method, resource).send().await;
        disabled.error(403, "tenant_disabled");
    }
}

async fn the_credential_comes_before_the_body(app: &TestApp) {
    for resource in ["authorizations", "inspection", "revocation"] {
        let bare = app.authz_store().without_credentials();
        bare.request("POST", resource).body("application/json", "{").send().await.error(401, "missing_token");
        bare.request("POST", resource).body("text/plain", "x").send().await.error(401, "missing_token");
        let large = vec![b'x'; 70_000];
        let answer = bare.request("POST", resource).body(FORM, large).send().await;
        assert!([401, 413].contains(&answer.code()), "{answer}");
    }
}

async fn no_error_tells_what_is_inside(app: &TestApp) {
    let store = app.authz_store();
    let answers = [
        store.request("POST", "authorizations").body("application/json", "{\"sub\":\"s3cr3t\"").send().await,
        store.authorize(&json!({"sub": "alice", "cid": "c1", "idt": {"s3cr3t": 1}})).await,
        store.authorize(&json!({"sub": "alice", "cid": "c1", "scp": "s3cr3t"})).await,
        store.inspect("access_token", "s3cr3t").await,
        store.exchange(&[("code", "s3cr3t"), ("client_id", "c1"), ("code", "s3cr3t")]).await,
        store.clone().with_token("s3cr3t").find(&[]).await,
        store.refresh("s3cr3t").await,
    ];
    for answer in answers {
        assert!((400..500).contains(&answer.code()), "{answer}");
        let text = answer.to_string().to_lowercase();
        for inside in
            ["s3cr3t", "sqlx", "sea_orm", "sqlite", "postgres", "src/", ".rs:", "panicked", "select ", "serde", "poem"]
        {
            let body = text.split("\n\n").nth(1).unwrap_or_default();
            assert!(!body.contains(inside), "{inside}: {answer}");
        }
        answer.no_store();
    }
}
