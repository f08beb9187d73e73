//! Every operation of the documents, called without a credential, with wrong ones, and with another tenant's. An operation
//! without a row here fails the test: whoever adds one says how to call it.

use std::collections::BTreeSet;

use crate::harness::request::{FORM, Request};
use crate::harness::{Answer, TestApp, both, tenants};
use crate::openapi;

both!(nobody_gets_in_without_the_right_credential, another_tenants_credential_is_as_good_as_an_invented_one);

const JSON: &str = "application/json";

/// How to call an operation so that only the credential can be wrong: method, path as documented, query, content type, body.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

const AUTHZ_STORE: &[Row] = &[
    ("POST", "/authz-store/rest/v3/authorizations", "", JSON, r#"{"sub":"alice","cid":"65564eb0058d","lng":true}"#),
    ("POST", "/authz-store/rest/v3/authorizations", "?return=tokens", JSON, r#"{"sub":"alice","cid":"65564eb0058d"}"#),
    ("POST", "/authz-store/rest/v3/authorizations", "?import=true", JSON, r#"{"sub":"alice","cid":"c1","lng":true}"#),
    ("POST", "/authz-store/rest/v3/authorizations", "", FORM, "code=x&client_id=65564eb0058d"),
    ("POST", "/authz-store/rest/v3/authorizations", "", FORM, "refresh_token=x"),
    ("GET", "/authz-store/rest/v3/authorizations", "?subject=alice&client_id=65564eb0058d", "", ""),
    ("GET", "/authz-store/rest/v3/authorizations", "", "", ""),
    ("PUT", "/authz-store/rest/v3/authorizations", "", JSON, r#"{"sub":"alice","cid":"65564eb0058d"}"#),
    ("POST", "/authz-store/rest/v3/inspection", "", FORM, "access_token=x"),
    ("POST", "/authz-store/rest/v3/inspection", "?revoke=true", FORM, "access_token=x"),
    ("POST", "/authz-store/rest/v3/revocation", "", FORM, "subject=alice"),
    ("POST", "/authz-store/rest/v3/revocation", "?quiet=true", FORM, "access_token=x"),
    ("GET", "/authz-store/rest/v3/subjects", "", "", ""),
    ("GET", "/authz-store/rest/v3/actors", "", "", ""),
    ("GET", "/authz-store/rest/v3/clients", "", "", ""),
    ("GET", "/authz-store/rest/v3/authorization-codes", "", "", ""),
    ("GET", "/authz-store/rest/v3/refresh-tokens", "", "", ""),
];

const OAUTH: &[Row] = &[
    ("POST", "/token", "", FORM, "grant_type=client_credentials"),
    ("POST", "/token", "", FORM, "grant_type=refresh_token&refresh_token=x"),
    ("POST", "/token", "", FORM, "grant_type=authorization_code&code=x"),
    ("POST", "/token/revoke", "", FORM, "token=x"),
    ("POST", "/token/introspect", "", FORM, "token=x"),
    ("POST", "/clients", "", JSON, r#"{"redirect_uris":["https://client.example.com/in"]}"#),
    ("GET", "/clients/{client_id}", "", "", ""),
    ("PUT", "/clients/{client_id}", "", JSON, r#"{"redirect_uris":["https://client.example.com/in"]}"#),
    ("DELETE", "/clients/{client_id}", "", "", ""),
];

const AUTHLETE: &[Row] = &[
    ("GET", "/api/client/authorization/get/list", "?subject=alice", "", ""),
    ("GET", "/api/client/authorization/get/list/{subject}", "", "", ""),
    ("POST", "/api/client/authorization/get/list", "", JSON, r#"{"subject":"alice"}"#),
    ("POST", "/api/client/authorization/get/list", "", FORM, "subject=alice"),
    ("POST", "/api/client/authorization/update/{clientId}", "", JSON, r#"{"subject":"alice","scopes":["openid"]}"#),
    ("DELETE", "/api/client/authorization/delete/{clientId}", "?subject=alice", "", ""),
    ("DELETE", "/api/client/authorization/delete/{clientId}/{subject}", "", "", ""),
    ("POST", "/api/client/authorization/delete/{clientId}", "", FORM, "subject=alice"),
    ("GET", "/api/{serviceId}/client/authorization/get/list", "?subject=alice", "", ""),
    ("GET", "/api/{serviceId}/client/authorization/get/list/{subject}", "", "", ""),
    ("POST", "/api/{serviceId}/client/authorization/get/list", "", JSON, r#"{"subject":"alice"}"#),
    (
        "POST",
        "/api/{serviceId}/client/authorization/update/{clientId}",
        "",
        JSON,
        r#"{"subject":"alice","scopes":["openid"]}"#,
    ),
    ("DELETE", "/api/{serviceId}/client/authorization/delete/{clientId}", "?subject=alice", "", ""),
    ("DELETE", "/api/{serviceId}/client/authorization/delete/{clientId}/{subject}", "", "", ""),
    ("POST", "/api/{serviceId}/client/authorization/delete/{clientId}", "", FORM, "subject=alice"),
    ("GET", "/api/client/get/list", "", "", ""),
    ("GET", "/api/client/get/{clientId}", "", "", ""),
    ("GET", "/api/{serviceId}/client/get/list", "", "", ""),
    ("GET", "/api/{serviceId}/client/get/{clientId}", "", "", ""),
    ("GET", "/api/auth/token/get/list", "", "", ""),
    ("POST", "/api/auth/token/revoke", "", JSON, r#"{"subject":"alice"}"#),
    ("GET", "/api/{serviceId}/auth/token/get/list", "", "", ""),
    ("POST", "/api/{serviceId}/auth/token/revoke", "", FORM, "subject=alice"),
];

const IAM: &[Row] = &[
    ("GET", "/access-tokens", "", "", ""),
    ("GET", "/access-tokens/{id}", "", "", ""),
    ("DELETE", "/access-tokens/{id}", "", "", ""),
    ("GET", "/refresh-tokens", "", "", ""),
    ("GET", "/refresh-tokens/{id}", "", "", ""),
    ("DELETE", "/refresh-tokens/{id}", "", "", ""),
    ("GET", "/iam/api/access-tokens", "", "", ""),
    ("GET", "/iam/api/access-tokens/{id}", "", "", ""),
    ("DELETE", "/iam/api/access-tokens/{id}", "", "", ""),
    ("GET", "/iam/api/refresh-tokens", "", "", ""),
    ("GET", "/iam/api/refresh-tokens/{id}", "", "", ""),
    ("DELETE", "/iam/api/refresh-tokens/{id}", "", "", ""),
];

const PLATFORM: &[Row] = &[
    ("POST", "/tenants/rest/v1", "", JSON, r#"{"id":"new","issuer":"https://new.example.com"}"#),
    ("GET", "/tenants/rest/v1", "", "", ""),
    ("GET", "/tenants/rest/v1/{tid}", "", "", ""),
    ("PUT", "/tenants/rest/v1/{tid}", "", JSON, r#"{"issuer":"https://acme.example.com"}"#),
    ("DELETE", "/tenants/rest/v1/{tid}", "", "", ""),
    ("POST", "/tenants/rest/v1/{tid}/disable", "", "", ""),
    ("POST", "/tenants/rest/v1/{tid}/enable", "", "", ""),
    ("GET", "/tenants/rest/v1/{tid}/keys", "", "", ""),
    ("POST", "/tenants/rest/v1/{tid}/keys/rotate", "", "", ""),
    ("POST", "/tenants/rest/v1/{tid}/keys/rotate", "?emergency=true", "", ""),
    ("GET", "/tenants/rest/v1/{tid}/clients/{client_id}", "", "", ""),
    ("PUT", "/tenants/rest/v1/{tid}/clients/{client_id}", "", JSON, r#"{"auth_method":"none"}"#),
    ("DELETE", "/tenants/rest/v1/{tid}/clients/{client_id}", "", "", ""),
    ("GET", "/tenants/rest/v1/{tid}/users/{username}", "", "", ""),
    ("PUT", "/tenants/rest/v1/{tid}/users/{username}", "", JSON, r#"{"password":"correct horse"}"#),
    ("DELETE", "/tenants/rest/v1/{tid}/users/{username}", "", "", ""),
    ("GET", "/tenants/rest/v1/{tid}/audit", "", "", ""),
];

/// Operations that anyone may call; this list may only shrink.
const PUBLIC: &[&str] =
    &["GET /.well-known/openid-configuration", "GET /.well-known/oauth-authorization-server", "GET /jwks.json"];

const ACME_SERVICE: &str = "Basic MjE2NTM4MzUzNDg3NjI6c2VydmljZS1zZWNyZXQtYWNtZQ==";
const WRONG_SERVICE_SECRET: &str = "Basic MjE2NTM4MzUzNDg3NjI6d3Jvbmc=";
const UNKNOWN_SERVICE: &str = "Basic MTIzOnNlcnZpY2Utc2VjcmV0LWFjbWU=";
const GLOBEX_CLIENT: &str = "Basic NjU1NjRlYjAwNThkOmdsb2JleC1zaG9wLXNlY3JldC0wMTIzNDU2Nzg5YWJjZGVm";
const WRONG_CLIENT_SECRET: &str = "Basic NjU1NjRlYjAwNThkOndyb25n";
const UNKNOWN_CLIENT: &str = "Basic bm9ib2R5Ondyb25n";

/// A credential that is not good (`None`: none at all), and the code that it is answered with.
type Bad = (Option<String>, &'static str);

fn rows(family: &str) -> &'static [Row] {
    match family {
        "authz-store" => AUTHZ_STORE,
        "oauth" => OAUTH,
        "authlete" => AUTHLETE,
        "iam" => IAM,
        "platform" => PLATFORM,
        other => panic!("a family without rows: {other}"),
    }
}

fn bad_credentials(family: &str, path: &str) -> Vec<Bad> {
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let of =
        |list: &[(Option<&str>, &'static str)]| list.iter().map(|(c, code)| (c.map(str::to_owned), *code)).collect();
    match family {
        "authz-store" => vec![
            (None, "missing_token"),
            (bearer("invented"), "invalid_token"),
            (bearer(&tenants::api_token("globex")), "invalid_token"),
            (bearer(tenants::PLATFORM_TOKEN), "invalid_token"),
            (bearer("service-access-token-acme-0123456789"), "invalid_token"),
        ],
        "oauth" if path.starts_with("/clients") => vec![
            (None, "missing_token"),
            (bearer("invented"), "invalid_token"),
            (bearer(&tenants::api_token("acme")), "invalid_token"),
            (bearer(tenants::PLATFORM_TOKEN), "invalid_token"),
        ],
        "oauth" => of(&[
            (None, "invalid_client"),
            (Some(WRONG_CLIENT_SECRET), "invalid_client"),
            (Some(UNKNOWN_CLIENT), "invalid_client"),
            (Some(GLOBEX_CLIENT), "invalid_client"),
            (Some(ACME_SERVICE), "invalid_client"),
        ]),
        "authlete" if path.contains("{serviceId}") => vec![
            (None, "A001202"),
            (bearer("invented"), ""),
            (bearer(&tenants::api_token("acme")), ""),
            (bearer(tenants::PLATFORM_TOKEN), ""),
        ],
        "authlete" => {
            of(&[(None, "A001202"), (Some(WRONG_SERVICE_SECRET), "A003204"), (Some(UNKNOWN_SERVICE), "A003201")])
        }
        "iam" => vec![
            (None, "unauthorized"),
            (bearer("invented"), "invalid_token"),
            (bearer(&tenants::api_token("acme")), "invalid_token"),
            (bearer(tenants::PLATFORM_TOKEN), "invalid_token"),
        ],
        "platform" => vec![
            (None, "missing_token"),
            (bearer("invented"), "invalid_token"),
            (bearer(&tenants::api_token("acme")), "invalid_token"),
        ],
        other => panic!("a family without credentials: {other}"),
    }
}

async fn nobody_gets_in_without_the_right_credential(app: &TestApp) {
    app.authz_store().stored("alice", "65564eb0058d").await;
    let before = app.db_rows().await;
    for family in openapi::families() {
        let document = openapi::committed(family);
        let operations = openapi::operations(&document);
        let documented: BTreeSet<_> = operations.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
        let mut covered = BTreeSet::new();
        for row in rows(family) {
            covered.insert(format!("{} {}", row.0, row.1));
            for (credential, code) in bad_credentials(family, row.1) {
                let answer = call(app, row, credential.as_deref()).send().await;
                assert_refused(family, &answer, code);
            }
        }
        let public = |operation: &str| PUBLIC.iter().any(|public| operation.starts_with(public));
        let missing: Vec<_> = documented.difference(&covered).filter(|operation| !public(operation)).collect();
        assert!(missing.is_empty(), "{family}: operations without a row: {missing:?}");
        let gone: Vec<_> = covered.difference(&documented).collect();
        assert!(gone.is_empty() || documented.is_empty(), "{family}: rows without an operation: {gone:?}");
    }
    assert_eq!(app.db_rows().await, before, "nothing was changed");
}

async fn another_tenants_credential_is_as_good_as_an_invented_one(app: &TestApp) {
    app.authz_store().stored("alice", "65564eb0058d").await;
    let invented = Some("Bearer invented");
    for row in AUTHZ_STORE {
        for token in [tenants::api_token("globex"), tenants::PLATFORM_TOKEN.to_owned()] {
            let foreign = call(app, row, Some(&format!("Bearer {token}"))).send().await;
            assert_eq!(foreign.fingerprint(), call(app, row, invented).send().await.fingerprint(), "{foreign}");
        }
        let own = call(app, row, Some(&format!("Bearer {}", tenants::api_token("acme")))).send().await;
        assert!([200, 204, 404].contains(&own.code()), "the row is right but for the credential: {own}");
    }
}

fn call(app: &TestApp, row: &Row, credential: Option<&str>) -> Request {
    let (method, path, query, content_type, body) = row;
    let path = path.replace("{serviceId}", "21653835348762").replace("{clientId}", "17566160603766");
    let path = path.replace("{subject}", "alice").replace("{id}", "1").replace("{tid}", "acme");
    let path = path.replace("{client_id}", "65564eb0058d").replace("{username}", "alice");
    let mut request = app.request(method, &format!("{path}{query}"));
    if !path.starts_with("/tenants") {
        request = request.header("tenant-id", "acme");
    }
    if let Some(credential) = credential {
        request = request.header("authorization", credential);
    }
    if body.is_empty() { request } else { request.body(content_type, *body) }
}

/// Demands a 401 in the family's own words; `code` may be left open.
#[track_caller]
fn assert_refused(family: &str, answer: &Answer, code: &str) {
    assert_eq!(answer.code(), 401, "{answer}");
    assert!(!answer.header("www-authenticate").is_empty(), "{answer}");
    answer.no_store();
    let body = answer.json();
    let (member, text) = match family {
        "authlete" => ("resultCode", "resultMessage"),
        _ => ("error", "error_description"),
    };
    let found = body[member].as_str().unwrap_or_default();
    assert!(if code.is_empty() { !found.is_empty() } else { found == code }, "{answer}");
    assert!(family == "iam" || body[text].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
}
