//! The official clients against a running server.

use serde_json::{Value, json};

use super::caller::{KEY, WEB_SHOP};
use crate::harness::{TestApp, both, peers};

both!(the_python_library_works_against_it, the_typescript_sdk_works_against_it);

/// A subject that a path must carry encoded.
const SUBJECT: &str = "test user/01";

async fn sign_in(app: &TestApp) -> Vec<String> {
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let body = json!({"sub": SUBJECT, "cid": "65564eb0058d", "scp": ["openid", "app:read"], "irt": true});
        let issued = app.authz_store().new_tokens(&body).await;
        tokens.push(issued["access_token"].as_str().unwrap().to_owned());
    }
    tokens
}

fn question(app: &TestApp, version: &str) -> Value {
    json!({
        "base": format!("http://{}", app.authority()),
        "version": version,
        "key": KEY,
        "secret": "service-secret-acme",
        "token": "service-access-token-acme-0123456789",
        "client": WEB_SHOP,
        "subject": SUBJECT,
        "scopes": ["app:write"],
    })
}

#[track_caller]
fn check_common(seen: &Value) {
    assert_eq!(seen["client"]["clientId"], WEB_SHOP, "{seen}");
    assert_eq!(seen["client"]["clientName"], "Web shop");
    assert_eq!(seen["client"]["clientType"], "CONFIDENTIAL");
    assert_eq!(seen["client"]["tokenAuthMethod"], "CLIENT_SECRET_BASIC");
    assert_eq!(seen["clients"]["totalCount"], 5);
    assert_eq!(seen["clients"]["clients"].as_array().unwrap().len(), 5);
    assert_eq!(seen["before"]["totalCount"], 1);
    assert_eq!(seen["before"]["clients"][0]["clientId"], WEB_SHOP);
    assert_eq!(seen["tokens"]["totalCount"], 3);
    assert_eq!(seen["tokens"]["accessTokens"].as_array().unwrap().len(), 3);
    assert_eq!(seen["tokens"]["accessTokens"][0]["scopes"], json!(["openid", "app:read"]));
    assert_eq!(seen["after"]["totalCount"], 0);
    assert_eq!(seen["after"]["clients"], json!([]));
}

async fn the_python_library_works_against_it(app: &TestApp) {
    for version in ["V2", "V3"] {
        let tokens = sign_in(app).await;
        let Some(seen) = peers::ask("authlete_api.py", question(app, version)).await else { return };
        check_common(&seen);
        assert_eq!(seen["unknown"][0], 404, "{seen}");
        for token in seen["updated"]["accessTokens"].as_array().unwrap() {
            assert_eq!(token["scopes"], json!(["app:write"]));
        }
        assert_eq!(seen["revoked"], 1, "{seen}");
        for token in tokens {
            app.authz_store().assert_live("access_token", &token, false).await;
        }
    }
}

async fn the_typescript_sdk_works_against_it(app: &TestApp) {
    let tokens = sign_in(app).await;
    let Some(seen) = peers::ask("authlete-sdk.mjs", question(app, "V3")).await else { return };
    check_common(&seen);
    assert_eq!(seen["wrong"], json!([400, "A136202"]), "{seen}");
    assert_eq!(seen["updated"]["resultCode"], "A138001");
    for token in seen["rescoped"]["accessTokens"].as_array().unwrap() {
        assert_eq!(token["scopes"], json!(["app:write"]));
    }
    assert_eq!(seen["revoked"]["count"], 1);
    assert_eq!(seen["deleted"]["resultCode"], "A137001");
    let message = seen["deleted"]["resultMessage"].as_str().unwrap();
    assert!(message.starts_with("[A137001] Deleted 2 access token(s)"), "one was revoked before: {message}");
    for token in tokens {
        app.authz_store().assert_live("access_token", &token, false).await;
    }
}
