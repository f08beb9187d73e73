//! The client credentials grant (rows CC).

use serde_json::json;

use super::caller::{bare, client, granted, other_shop, register, shop, text};
use crate::harness::jwt::verified;
use crate::harness::{TestApp, both};

both!(
    the_answer_and_the_token_are_the_clients_own,
    scope_stays_within_what_is_registered,
    only_operators_make_administrators,
    a_token_without_a_user_dies_alone,
);

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

async fn the_answer_and_the_token_are_the_clients_own(app: &TestApp) {
    let body = granted(&shop(app).token(&[GRANT]).await);
    assert_eq!(body["expires_in"], 600);
    assert_eq!(body["scope"], "openid email profile app:read app:write");
    assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none(), "{body}");
    let jwt = verified(app, "acme", text(&body, "access_token")).await;
    assert_eq!(jwt.header["typ"], "at+jwt");
    for (claim, value) in [
        ("iss", json!("https://acme.example.com")),
        ("sub", json!("65564eb0058d")),
        ("client_id", json!("65564eb0058d")),
        ("aud", json!(["https://acme.example.com"])),
        ("iat", json!(app.now())),
        ("exp", json!(app.now() + 600)),
        ("scope", json!("openid email profile app:read app:write")),
    ] {
        assert_eq!(jwt.claims[claim], value, "{claim}");
    }
    let again = granted(&shop(app).token(&[GRANT]).await);
    assert_ne!(again["access_token"], body["access_token"]);
}

async fn scope_stays_within_what_is_registered(app: &TestApp) {
    let shop = shop(app);
    assert_eq!(granted(&shop.token(&[GRANT, ("scope", "app:write app:read")]).await)["scope"], "app:write app:read");
    let whole = "openid email profile app:read app:write";
    assert_eq!(granted(&shop.token(&[GRANT, ("scope", "")]).await)["scope"], whole);
    for scope in ["app:delete", "app:read app:delete", "app:read\"", "\u{e9}"] {
        shop.token(&[GRANT, ("scope", scope)]).await.error(400, "invalid_scope");
    }
}

async fn only_operators_make_administrators(app: &TestApp) {
    let post = [GRANT, ("client_id", "post-client"), ("client_secret", "post-client-secret-0123456789abcd")];
    let body = granted(&bare(app, "acme", "/token", &post).await);
    assert_eq!(body["scope"], "app:read iam:admin.read iam:admin.write");
    let request = app.request("POST", "/clients").header("tenant-id", "acme").bearer(super::caller::REGISTRATION);
    let metadata = json!({"grant_types": ["client_credentials"], "scope": "app:read iam:admin.read"});
    request.json(&metadata).send().await.error(400, "invalid_client_metadata");
    let metadata = json!({"grant_types": ["client_credentials"], "scope": "app:read"});
    let made = register(app, "acme", &metadata).await;
    let own = client(app, "acme", text(&made, "client_id"), text(&made, "client_secret"));
    own.token(&[GRANT, ("scope", "iam:admin.read")]).await.error(400, "invalid_scope");
}

async fn a_token_without_a_user_dies_alone(app: &TestApp) {
    let shop = shop(app);
    let tokens = [shop.token(&[GRANT]).await, shop.token(&[GRANT]).await].map(|answer| granted(&answer));
    let [one, two] = tokens.each_ref().map(|body| text(body, "access_token"));
    shop.assert_active(one, true).await;
    // A subject of the same name has nothing to do with it.
    app.authz_store().revoke_quietly(&[("subject", "65564eb0058d")]).await.status(204);
    shop.assert_active(one, true).await;
    other_shop(app).revoke(one).await;
    shop.assert_active(one, true).await;
    shop.revoke(one).await;
    shop.assert_active(one, false).await;
    shop.assert_active(two, true).await;
}
