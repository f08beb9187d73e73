//! The password grant (rows PW): users of the tenant, and the web hook.

use serde_json::json;

use super::caller::{Caller, client, granted, other_shop, shop, text};
use crate::harness::jwt::verified;
use crate::harness::{Answer, TestApp, both};

both!(
    a_user_signs_in,
    a_hash_of_another_cost_is_made_anew,
    every_wrong_credential_is_answered_alike,
    scope_is_the_clients_and_administration_the_administrators,
    a_stored_authorisation_is_not_touched,
    the_hook_decides,
    what_is_no_answer_of_the_hook_is_no_answer,
);

async fn sign_in(client: &Caller<'_>, username: &str, password: &str, more: &[(&str, &str)]) -> Answer {
    let fields = [("grant_type", "password"), ("username", username), ("password", password)];
    client.token(&[&fields[..], more].concat()).await
}

async fn a_user_signs_in(app: &TestApp) {
    let shop = shop(app);
    let body = granted(&sign_in(&shop, "alice", "secret-alice", &[]).await);
    assert_eq!(body["scope"], "openid email profile app:read app:write");
    let id = verified(app, "acme", text(&body, "id_token")).await;
    assert_eq!((&id.claims["sub"], &id.claims["aud"]), (&json!("alice"), &json!("65564eb0058d")));
    assert_eq!(id.claims["auth_time"], app.now());
    let access = verified(app, "acme", text(&body, "access_token")).await;
    assert_eq!(access.claims["sub"], "alice");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", text(&body, "refresh_token"))];
    granted(&shop.token(&refresh).await);
    let narrow = granted(&sign_in(&shop, "alice", "secret-alice", &[("scope", "app:read")]).await);
    assert_eq!(narrow["scope"], "app:read");
    assert!(narrow.get("id_token").is_none());
    sign_in(&shop, "alice", "secret-alice", &[("scope", "app:delete")]).await.error(400, "invalid_scope");
}

/// From the tests of the Argon2 reference program: `password`, salt `somesalt`, 2 passes over 64 MiB in one lane.
const BROUGHT: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

async fn a_hash_of_another_cost_is_made_anew(app: &TestApp) {
    let shop = shop(app);
    app.platform().send("PUT", "/acme/users/brought", &json!({"password_hash": BROUGHT})).await.status(201);
    let stored = async || {
        let rows = app.db_rows().await;
        let row = rows.into_iter().find(|row| row.starts_with("end_user: ") && row.contains("brought"));
        row.expect("the user is stored")
    };
    sign_in(&shop, "brought", "Password", &[]).await.error(400, "invalid_grant");
    assert!(stored().await.contains(BROUGHT), "who can't sign in changes nothing");
    granted(&sign_in(&shop, "brought", "password", &[]).await);
    let renewed = stored().await;
    assert!(!renewed.contains(BROUGHT) && renewed.contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
    sign_in(&shop, "brought", "Password", &[]).await.error(400, "invalid_grant");
    granted(&sign_in(&shop, "brought", "password", &[]).await);
    assert_eq!(stored().await, renewed, "once is enough");
}

async fn every_wrong_credential_is_answered_alike(app: &TestApp) {
    let shop = shop(app);
    let told = sign_in(&shop, "alice", "wrong", &[]).await;
    told.error(400, "invalid_grant");
    let long = "a".repeat(1_025);
    let disabled = json!({"password": "secret-zoe", "enabled": false});
    app.platform().send("PUT", "/acme/users/zoe", &disabled).await.status(201);
    for (username, password) in [
        ("nobody", "secret-alice"),
        ("Alice", "secret-alice"),
        ("alice", long.as_str()),
        ("alice", "secret-alice "),
        ("zoe", "secret-zoe"),
        ("zoe", "wrong"),
    ] {
        assert_eq!(sign_in(&shop, username, password, &[]).await.fingerprint(), told.fingerprint(), "{username}");
    }
    for (username, password) in [("alice", "a\0b"), ("al\0ice", "secret-alice")] {
        let answer = sign_in(&shop, username, password, &[]).await;
        assert_eq!(answer.code(), 400, "{answer}");
    }
    sign_in(&shop, "alice", &"a".repeat(1_000_000), &[]).await.error(413, "invalid_request");
    app.platform().send("PUT", "/acme/users/zoe", &json!({"enabled": true})).await.status(200);
    granted(&sign_in(&shop, "zoe", "secret-zoe", &[]).await);
    for missing in ["username", "password"] {
        let fields = [("grant_type", "password"), ("username", "alice"), ("password", "secret-alice")];
        let left: Vec<_> = fields.into_iter().filter(|(name, _)| *name != missing).collect();
        assert!(shop.token(&left).await.error(400, "invalid_request").contains(missing));
    }
    sign_in(&other_shop(app), "alice", "secret-alice", &[]).await.error(400, "unauthorized_client");
}

async fn scope_is_the_clients_and_administration_the_administrators(app: &TestApp) {
    let shop = shop(app);
    for user in ["alice", "admin"] {
        let answer = sign_in(&shop, user, &format!("secret-{user}"), &[("scope", "iam:admin.read")]).await;
        answer.error(400, "invalid_scope");
    }
}

async fn a_stored_authorisation_is_not_touched(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    store.stored("alice", "65564eb0058d").await;
    let before = store.record("alice", "65564eb0058d").await;
    let body = granted(&sign_in(&shop, "alice", "secret-alice", &[]).await);
    assert_eq!(store.record("alice", "65564eb0058d").await, before);
    shop.revoke(text(&body, "access_token")).await;
    store.find(&[("subject", "alice"), ("client_id", "65564eb0058d")]).await.error(404, "authz_not_found");
}

fn hooked(app: &TestApp) -> Caller<'_> {
    client(app, "hooked", "shop", "hooked-shop-secret-0123456789abcde")
}

async fn the_hook_decides(app: &TestApp) {
    let shop = hooked(app);
    let body = granted(&sign_in(&shop, "echo", "p\u{e4}ss", &[("scope", "openid app:read")]).await);
    assert_eq!(body["scope"], "openid app:read");
    let access = verified(app, "hooked", text(&body, "access_token")).await.claims;
    assert_eq!(access["sub"], "echo-sub");
    let asked = json!({"username": "echo", "password": "p\u{e4}ss", "scope": ["openid", "app:read"],
        "client": {"client_id": "shop", "confidential": true}});
    assert_eq!(access["dat"]["asked"], asked);
    assert_eq!(granted(&sign_in(&shop, "narrowed", "x", &[]).await)["scope"], "app:read");
    for user in ["widened", "admin"] {
        sign_in(&shop, user, "x", &[]).await.error(400, "invalid_scope");
    }
    sign_in(&shop, "echo", "x", &[("scope", "iam:admin.read")]).await.error(400, "invalid_scope");
    let locked = sign_in(&shop, "locked", "x", &[]).await.status(400).no_store().json();
    assert_eq!(locked, json!({"error": "invalid_grant", "error_description": "The account is locked"}));
}

async fn what_is_no_answer_of_the_hook_is_no_answer(app: &TestApp) {
    for user in ["moved", "broken", "down"] {
        let answer = sign_in(&hooked(app), user, "x", &[]).await;
        answer.error(503, "temporarily_unavailable");
        assert!(!answer.header("retry-after").is_empty(), "{answer}");
    }
}
