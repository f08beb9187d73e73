//! What foreign libraries make of what the server issues.

use serde_json::{Value, json};

use crate::harness::{TestApp, both, peers};

both!(a_jwt_access_token_verifies_with_foreign_libraries, a_foreign_library_refuses_another_tenants_token);

/// Peers that verify a JWT access token against a key set they fetch themselves.
const VERIFIERS: [&str; 2] = ["jose.mjs", "joserfc_jwt.py"];

fn question(app: &TestApp, tenant: &str, token: &str) -> Value {
    let issuer = format!("https://{tenant}.example.com");
    let jwks_uri = format!("http://{}/t/{tenant}/jwks.json", app.authority());
    json!({"jwks_uri": jwks_uri, "token": token, "issuer": issuer, "now": app.now()})
}

async fn issued(app: &TestApp, tenant: &str) -> String {
    let body = json!({"sub": "alice", "cid": "web", "scp": ["read"]});
    let tokens = app.authz_store().as_tenant(tenant).new_tokens(&body).await;
    tokens["access_token"].as_str().unwrap().to_owned()
}

async fn a_jwt_access_token_verifies_with_foreign_libraries(app: &TestApp) {
    for (tenant, alg) in
        [("acme", "ES256"), ("es384", "ES384"), ("rs256", "RS256"), ("ps256", "PS256"), ("eddsa", "EdDSA")]
    {
        let token = issued(app, tenant).await;
        for peer in VERIFIERS {
            let Some(seen) = peers::ask(peer, question(app, tenant, &token)).await else { return };
            assert_eq!(seen["header"]["alg"], alg, "{peer}: {seen}");
            assert_eq!(seen["header"]["typ"], "at+jwt", "{peer}: {seen}");
            assert_eq!(seen["claims"]["sub"], "alice", "{peer}: {seen}");
            assert_eq!(seen["claims"]["client_id"], "web", "{peer}: {seen}");
            assert_eq!(seen["claims"]["scope"], "read", "{peer}: {seen}");
        }
    }
}

async fn a_foreign_library_refuses_another_tenants_token(app: &TestApp) {
    let token = issued(app, "es384").await;
    for peer in VERIFIERS {
        let Some(seen) = peers::ask(peer, question(app, "acme", &token)).await else { return };
        assert!(seen["refused"].is_string(), "{peer}: {seen}");
    }
}
