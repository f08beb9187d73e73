//! Every operation of the documents, called without a credential, with a wrong one, and with another tenant's. An operation
//! without a row here fails the test: whoever adds one says how to call it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::request::{FORM, Request};
use crate::harness::{Answer, TestApp, both, tenants};
use crate::openapi;

both!(nobody_gets_in_without_the_right_credential);

const STORE: &str = "/authz-store/rest/v3";
const JSON: &str = "application/json";

/// How to call an operation so that only the credential can be wrong: method, path, query, content type, body.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

const AUTHZ_STORE: &[Row] = &[
    ("POST", "/authorizations", "", JSON, r#"{"sub":"alice","cid":"65564eb0058d","lng":true}"#),
    ("POST", "/authorizations", "?return=tokens", JSON, r#"{"sub":"alice","cid":"65564eb0058d"}"#),
    ("POST", "/authorizations", "?import=true", JSON, r#"{"sub":"alice","cid":"65564eb0058d","lng":true}"#),
    ("POST", "/authorizations", "", FORM, "code=x&client_id=65564eb0058d"),
    ("POST", "/authorizations", "", FORM, "refresh_token=x"),
    ("GET", "/authorizations", "?subject=alice&client_id=65564eb0058d", "", ""),
    ("GET", "/authorizations", "", "", ""),
    ("PUT", "/authorizations", "", JSON, r#"{"sub":"alice","cid":"65564eb0058d"}"#),
    ("POST", "/inspection", "", FORM, "access_token=x"),
    ("POST", "/inspection", "?revoke=true", FORM, "access_token=x"),
    ("POST", "/revocation", "", FORM, "subject=alice"),
    ("POST", "/revocation", "?quiet=true", FORM, "access_token=x"),
    ("GET", "/subjects", "", "", ""),
    ("GET", "/actors", "", "", ""),
    ("GET", "/clients", "", "", ""),
    ("GET", "/authorization-codes", "", "", ""),
    ("GET", "/refresh-tokens", "", "", ""),
];

/// Operations that anyone may call; this list may only shrink.
const PUBLIC: &[&str] =
    &["GET /.well-known/openid-configuration", "GET /.well-known/oauth-authorization-server", "GET /jwks.json"];

async fn nobody_gets_in_without_the_right_credential(app: &TestApp) {
    for family in openapi::families() {
        let document = openapi::committed(family);
        let operations = openapi::operations(&document);
        let documented: BTreeSet<_> = operations.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
        let covered = match family {
            "authz-store" => authz_store(app).await,
            _ => BTreeSet::new(),
        };
        let public = |operation: &str| PUBLIC.iter().any(|public| operation.starts_with(public));
        let missing: Vec<_> = documented.difference(&covered).filter(|operation| !public(operation)).collect();
        assert!(missing.is_empty(), "{family}: operations without a row: {missing:?}");
        let gone: Vec<_> = covered.difference(&documented).collect();
        assert!(gone.is_empty(), "{family}: rows without an operation: {gone:?}");
    }
}

async fn authz_store(app: &TestApp) -> BTreeSet<String> {
    app.authz_store().stored("alice", "65564eb0058d").await;
    app.authz_store().as_tenant("globex").stored("alice", "65564eb0058d").await;
    let before = app.db_rows().await;
    let mut covered = BTreeSet::new();
    for row in AUTHZ_STORE {
        let (method, path, query, ..) = row;
        covered.insert(format!("{method} {STORE}{path}"));
        let what = format!("{method} {path}{query}");
        let bare = call(app, row, "acme").send().await;
        envelope(&what, &bare, "missing_token");
        let invented = call(app, row, "acme").bearer("invented").send().await;
        envelope(&what, &invented, "invalid_token");
        for (tenant, token) in [
            ("acme", tenants::api_token("globex")),
            ("globex", tenants::api_token("acme")),
            ("acme", tenants::PLATFORM_TOKEN.to_owned()),
            ("acme", "service-access-token-acme-0123456789".to_owned()),
        ] {
            let answer = call(app, row, tenant).bearer(&token).send().await;
            assert_eq!(
                answer.fingerprint(),
                invented.fingerprint(),
                "{what}: a foreign token is as good as an invented one"
            );
        }
        let basic =
            call(app, row, "acme").header("authorization", "Basic MjE2NTM4MzUzNDg3NjI6c2VydmljZS1zZWNyZXQtYWNtZQ==");
        assert_eq!(basic.send().await.code(), 401, "{what}");
    }
    assert_eq!(app.db_rows().await, before, "nothing was changed");
    for row in AUTHZ_STORE {
        let answer = call(app, row, "acme").bearer(&tenants::api_token("acme")).send().await;
        assert!([200, 204, 404].contains(&answer.code()), "the row is right but for the credential: {answer}");
    }
    covered
}

fn call(app: &TestApp, row: &Row, tenant: &str) -> Request {
    let (method, path, query, content_type, body) = row;
    let request = app.request(method, &format!("{STORE}{path}{query}")).header("tenant-id", tenant);
    if body.is_empty() { request } else { request.body(content_type, *body) }
}

#[track_caller]
fn envelope(what: &str, answer: &Answer, code: &str) {
    assert_eq!(answer.code(), 401, "{what}: {answer}");
    answer.error(401, code);
    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}: {answer}");
    assert!(matches!(answer.json(), Value::Object(_)));
}
