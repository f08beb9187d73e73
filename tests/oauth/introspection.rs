//! `/token/introspect` (rows IS; RFC 7662).

use serde_json::json;

use super::caller::{bare, client, granted, other_shop, refused, shop, text};
use crate::harness::tenants::VAULT_KEY;
use crate::harness::{TestApp, both};

both!(
    a_good_token_is_described,
    of_all_else_nothing_is_said,
    only_registered_clients_may_ask,
    encrypted_and_pairwise_tokens_are_read,
    a_revoked_self_contained_token_is_inactive,
);

async fn a_good_token_is_described(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let body = json!({"sub": "alice", "act": {"sub": "claire"}, "cid": "mobile-app", "scp": ["openid", "app:read"],
        "lng": true, "irt": true, "rtl": 1000, "aud": ["https://api.example.com"]});
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let mut body = body.clone();
        body["ate"] = json!(ate);
        let tokens = store.new_tokens(&body).await;
        let expected = json!({"active": true, "scope": "openid app:read", "client_id": "mobile-app", "sub": "alice",
            "token_type": "bearer", "iss": "https://acme.example.com", "aud": ["https://api.example.com"],
            "iat": app.now(), "exp": app.now() + 600, "act": {"sub": "claire"}});
        assert_eq!(shop.introspect(text(&tokens, "access_token")).await, expected);
        let refresh = json!({"active": true, "scope": "openid app:read", "client_id": "mobile-app", "sub": "alice",
            "iss": "https://acme.example.com", "iat": app.now(), "exp": app.now() + 1000, "act": {"sub": "claire"}});
        assert_eq!(shop.introspect(text(&tokens, "refresh_token")).await, refresh);
    }
    let own = granted(&shop.token(&[("grant_type", "client_credentials"), ("scope", "app:read")]).await);
    let told = shop.introspect(text(&own, "access_token")).await;
    assert_eq!((&told["sub"], &told["scope"]), (&json!("65564eb0058d"), &json!("app:read")));
}

async fn of_all_else_nothing_is_said(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let tokens = store.stored("alice", "mobile-app").await;
    let code = store.new_code(&json!({"sub": "alice", "cid": "mobile-app"})).await;
    let foreign = granted(&other_shop(app).token(&[("grant_type", "client_credentials")]).await);
    let id_token = [("grant_type", "password"), ("username", "alice"), ("password", "secret-alice")];
    let id_token = granted(&shop.token(&id_token).await);
    for token in [&code, text(&foreign, "access_token"), text(&id_token, "id_token"), "x", "e30.e30.x"] {
        shop.assert_active(token, false).await;
    }
    app.advance(599);
    shop.assert_active(text(&tokens, "access_token"), true).await;
    app.advance(1);
    shop.assert_active(text(&tokens, "access_token"), false).await;
    shop.assert_active(text(&tokens, "refresh_token"), true).await;
    store.revoke_quietly(&[("client_id", "mobile-app")]).await.status(204);
    shop.assert_active(text(&tokens, "refresh_token"), false).await;
}

async fn only_registered_clients_may_ask(app: &TestApp) {
    let token = ("token", "x");
    other_shop(app).post("/token/introspect", &[token]).await.error(403, "access_denied");
    refused(&bare(app, "acme", "/token/introspect", &[token]).await);
    refused(&bare(app, "acme", "/token/introspect", &[token, ("client_id", "mobile-app")]).await);
    refused(&client(app, "acme", "65564eb0058d", "wrong").post("/token/introspect", &[token]).await);
    for fields in [&[][..], &[("token", "")], &[token, token]] {
        shop(app).post("/token/introspect", fields).await.error(400, "invalid_request");
    }
    let get = app.request("GET", "/token/introspect?token=x").header("tenant-id", "acme").send().await;
    get.error(405, "invalid_request");
    let query = app.request("POST", "/token/introspect?token=x").header("tenant-id", "acme");
    let query =
        query.header("authorization", &super::caller::basic("65564eb0058d", "web-shop-secret-0123456789abcdef"));
    query.form(&[]).send().await.error(400, "invalid_request");
}

async fn encrypted_and_pairwise_tokens_are_read(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "65564eb0058d", "ats": "PAIRWISE", "aud": ["https://api.example.com"],
        "lng": true, "irt": true});
    let tokens = store.new_tokens(&body).await;
    let shop = shop(app);
    let [access, refresh] = ["access_token", "refresh_token"].map(|kind| text(&tokens, kind));
    let told = shop.introspect(access).await;
    assert_ne!(told["sub"], "alice");
    assert_eq!(shop.introspect(refresh).await["sub"], told["sub"]);
    store.revoke_quietly(&[("subject", "alice")]).await.status(204);
    shop.assert_active(access, false).await;
}

async fn a_revoked_self_contained_token_is_inactive(app: &TestApp) {
    let secret = "sealed-web-secret-0123456789abcdef";
    let key = json!({"kty": "oct", "kid": "atc", "k": VAULT_KEY});
    let web = json!({"client_id": "web", "client_secret": secret, "introspection": true, "scope": "read",
        "grant_types": ["client_credentials"]});
    app.platform().make("sealed", &json!({"keys": {"jwks": {"keys": [key]}}, "client": [web]})).await;
    let (store, web) = (app.authz_store().as_tenant("sealed"), client(app, "sealed", "web", secret));
    let inactive = json!({"active": false});
    for (atc, stored) in [(true, true), (true, false), (false, true), (false, false)] {
        let body = json!({"sub": "alice", "cid": "web", "scp": ["read"], "lng": stored, "irt": true, "atc": atc});
        let selectors: [&[(&str, &str)]; 4] =
            [&[("subject", "alice")], &[("client_id", "web")], &[("subject", "alice"), ("client_id", "web")], &[]];
        for selector in selectors {
            let tokens = store.new_tokens(&body).await;
            let access = text(&tokens, "access_token");
            assert_eq!(access.split('.').count(), if atc { 5 } else { 3 });
            let told = web.introspect(access).await;
            assert_eq!(
                (&told["active"], &told["sub"], &told["scope"]),
                (&json!(true), &json!("alice"), &json!("read"))
            );
            if selector.is_empty() {
                web.revoke(access).await;
            } else {
                store.revoke_quietly(selector).await.status(204);
            }
            assert_eq!(web.introspect(access).await, inactive, "atc {atc}, {selector:?}");
            assert_eq!(web.introspect(text(&tokens, "refresh_token")).await, inactive);
        }
    }
    let own = granted(&web.token(&[("grant_type", "client_credentials")]).await);
    web.revoke(text(&own, "access_token")).await;
    assert_eq!(web.introspect(text(&own, "access_token")).await, inactive);
}
