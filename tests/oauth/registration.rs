//! `/clients`: dynamic registration and its management (RFC 7591, RFC 7592).

use serde_json::{Value, json};

use super::caller::{REGISTRATION, client, granted, refused, register, text};
use crate::harness::{Answer, TestApp, both};

both!(
    a_client_is_registered_read_updated_and_deleted,
    what_a_client_may_not_register_is_refused,
    a_client_cannot_widen_itself,
    only_its_own_token_manages_a_client,
    deleting_a_client_kills_all_that_it_held,
);

async fn manage(app: &TestApp, method: &str, registration: &Value, body: Option<&Value>) -> Answer {
    let path = text(registration, "registration_client_uri").strip_prefix("https://acme.example.com").unwrap();
    let request = app.request(method, path).header("tenant-id", "acme");
    let request = request.bearer(text(registration, "registration_access_token"));
    match body {
        Some(body) => request.json(body).send().await,
        None => request.send().await,
    }
}

fn metadata() -> Value {
    json!({
        "client_name": "Shop", "redirect_uris": ["https://shop.example.com/in"], "scope": "openid app:read",
        "grant_types": ["authorization_code", "client_credentials"], "contacts": ["a@shop.example.com"],
        "logo_uri": "https://shop.example.com/logo.png"
    })
}

async fn a_client_is_registered_read_updated_and_deleted(app: &TestApp) {
    let made = register(app, "acme", &metadata()).await;
    for (member, value) in [
        ("client_id_issued_at", json!(app.now())),
        ("client_secret_expires_at", json!(0)),
        ("client_name", json!("Shop")),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("grant_types", json!(["authorization_code", "client_credentials"])),
        ("response_types", json!(["code"])),
        ("redirect_uris", json!(["https://shop.example.com/in"])),
        ("scope", json!("openid app:read")),
        ("contacts", json!(["a@shop.example.com"])),
    ] {
        assert_eq!(made[member], value, "{member}");
    }
    let caller = client(app, "acme", text(&made, "client_id"), text(&made, "client_secret"));
    granted(&caller.token(&[("grant_type", "client_credentials")]).await);
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(manage(app, "GET", &made, None).await.status(200).no_store().json(), shown, "the secret is told once");
    let mut update = metadata();
    update["client_id"] = made["client_id"].clone();
    update["client_secret"] = made["client_secret"].clone();
    update["scope"] = json!("app:read");
    let updated = manage(app, "PUT", &made, Some(&update)).await.status(200).json();
    assert_eq!(updated["scope"], "app:read");
    assert!(updated.get("client_secret").is_none(), "the one that was named stays");
    assert_eq!(granted(&caller.token(&[("grant_type", "client_credentials")]).await)["scope"], "app:read");
    manage(app, "DELETE", &made, None).await.status(204).empty();
    refused(&caller.token(&[("grant_type", "client_credentials")]).await);
    manage(app, "GET", &made, None).await.error(401, "invalid_token");
}

async fn what_a_client_may_not_register_is_refused(app: &TestApp) {
    let keys = json!({"keys": [{"kty": "oct", "k": "AAAA"}]});
    for (member, value, code) in [
        ("scope", json!("app:read iam:admin.write"), "invalid_client_metadata"),
        ("introspection", json!(true), "invalid_client_metadata"),
        ("jwks_uri", json!("https://shop.example.com/jwks"), "invalid_client_metadata"),
        ("jwks", keys, "invalid_client_metadata"),
        ("grant_types", json!(["implicit"]), "invalid_client_metadata"),
        ("response_types", json!(["token"]), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("tls_client_auth"), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("private_key_jwt"), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("none"), "invalid_client_metadata"),
        ("redirect_uris", json!(["javascript:alert(1)"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["https://shop.example.com/#f"]), "invalid_redirect_uri"),
        ("redirect_uris", json!([]), "invalid_redirect_uri"),
        ("client_name", json!(1), "invalid_request"),
    ] {
        let mut metadata = metadata();
        metadata[member] = value;
        let request = app.request("POST", "/clients").header("tenant-id", "acme").bearer(REGISTRATION);
        request.json(&metadata).send().await.error(400, code);
    }
    let request = || app.request("POST", "/clients").header("tenant-id", "acme");
    request().json(&metadata()).send().await.error(401, "missing_token");
    request().bearer("wrong").json(&metadata()).send().await.error(401, "invalid_token");
    let globex = app.request("POST", "/clients").header("tenant-id", "globex").bearer(REGISTRATION);
    globex.json(&metadata()).send().await.error(403, "web_api_disabled");
}

async fn a_client_cannot_widen_itself(app: &TestApp) {
    let made = register(app, "acme", &metadata()).await;
    let before = app.db_rows().await;
    for (member, value) in [
        ("scope", json!("openid app:read app:write")),
        ("grant_types", json!(["authorization_code", "client_credentials", "password"])),
        ("client_id", json!("65564eb0058d")),
        ("client_secret", json!("wrong")),
    ] {
        let mut update = metadata();
        update["client_id"] = made["client_id"].clone();
        update[member] = value;
        manage(app, "PUT", &made, Some(&update)).await.error(400, "invalid_client_metadata");
    }
    assert_eq!(app.db_rows().await, before);
}

async fn only_its_own_token_manages_a_client(app: &TestApp) {
    let [one, two] = [register(app, "acme", &metadata()).await, register(app, "acme", &metadata()).await];
    for token in [text(&two, "registration_access_token"), REGISTRATION, "wrong"] {
        let mut forged = one.clone();
        forged["registration_access_token"] = json!(token);
        manage(app, "GET", &forged, None).await.error(401, "invalid_token");
        manage(app, "DELETE", &forged, None).await.error(401, "invalid_token");
    }
    let path = format!("/clients/{}", text(&one, "client_id"));
    let token = text(&one, "registration_access_token");
    app.request("GET", &path).header("tenant-id", "globex").bearer(token).send().await.error(401, "invalid_token");
    app.request("GET", "/clients/nobody")
        .header("tenant-id", "acme")
        .bearer(token)
        .send()
        .await
        .error(401, "invalid_token");
    manage(app, "GET", &one, None).await.status(200);
}

async fn deleting_a_client_kills_all_that_it_held(app: &TestApp) {
    let (store, shop) = (app.authz_store(), super::caller::shop(app));
    let made = register(app, "acme", &metadata()).await;
    let id = text(&made, "client_id");
    let caller = client(app, "acme", id, text(&made, "client_secret"));
    let own = granted(&caller.token(&[("grant_type", "client_credentials")]).await);
    let users = store.stored("alice", id).await;
    shop.assert_active(text(&users, "access_token"), true).await;
    manage(app, "DELETE", &made, None).await.status(204);
    for token in [text(&own, "access_token"), text(&users, "access_token"), text(&users, "refresh_token")] {
        shop.assert_active(token, false).await;
    }
    store.find(&[("subject", "alice"), ("client_id", id)]).await.error(404, "authz_not_found");
}
