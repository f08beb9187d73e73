//! Rotation of signing keys: published, signing, verifying, gone.

use serde_json::{Value, json};

use crate::harness::{TestApp, both, jwt, tenants};

both!(
    a_key_is_published_before_it_signs_and_verifies_after,
    a_second_rotation_waits_for_the_first,
    an_emergency_kills_what_the_old_key_signed,
    an_emergency_may_name_the_key,
    the_schedule_rotates,
    a_key_outlives_the_longest_token_it_signed,
    a_key_without_a_register_outlives_the_longest_life,
    every_replica_takes_each_step,
    an_unknown_key_is_refused,
    another_algorithm_waits_until_its_key_is_known,
    an_algorithm_taken_back_leaves_the_key_that_signs,
    a_key_brought_later_waits_until_it_is_known,
    a_key_that_is_over_does_not_come_back_with_its_file,
    an_emergency_does_not_wait_for_the_key_to_come,
);

const DAY: i64 = 86_400;

async fn keys(app: &TestApp, tenant: &str) -> Vec<(String, String)> {
    let keys = app.platform().call("GET", &format!("/{tenant}/keys")).await.status(200).json();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    keys.as_array().unwrap().iter().map(|key| (text(key, "kid"), text(key, "state"))).collect()
}

fn states(keys: &[(String, String)]) -> Vec<&str> {
    keys.iter().map(|(_, state)| state.as_str()).collect()
}

async fn published(app: &TestApp, tenant: &str) -> Vec<String> {
    let set = app.request("GET", "/jwks.json").header("tenant-id", tenant).send().await.status(200).json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn token(app: &TestApp, tenant: &str, life: i64) -> String {
    let body = json!({"sub": "alice", "cid": "c1", "atl": life, "ate": "SELF_CONTAINED"});
    let tokens = app.authz_store().as_tenant(tenant).new_tokens(&body).await;
    tokens["access_token"].as_str().unwrap().to_owned()
}

fn kid(token: &str) -> String {
    jwt::unverified(token).header["kid"].as_str().unwrap().to_owned()
}

async fn assert_live(app: &TestApp, tenant: &str, token: &str, live: bool) {
    app.authz_store().as_tenant(tenant).assert_live("access_token", token, live).await;
}

async fn a_key_is_published_before_it_signs_and_verifies_after(app: &TestApp) {
    let old = keys(app, "acme").await;
    assert_eq!(states(&old), ["signing"]);
    app.platform().call("POST", "/acme/keys/rotate").await.status(200);
    assert_eq!(states(&keys(app, "acme").await), ["signing", "published"]);
    assert_eq!(published(app, "acme").await.len(), 2);
    app.advance(599);
    let last = token(app, "acme", 600).await;
    assert_eq!(kid(&last), old[0].0);
    app.advance(1);
    let first = token(app, "acme", 600).await;
    assert_ne!(kid(&first), old[0].0);
    assert_eq!(states(&keys(app, "acme").await), ["verifying", "signing"]);
    app.look_after_tenants().await;
    app.advance(598);
    jwt::verified(app, "acme", &last).await;
    assert_live(app, "acme", &last, true).await;
    app.advance(1);
    assert_eq!(published(app, "acme").await, [kid(&first)], "the last token of the old key has expired");
    app.look_after_tenants().await;
    assert_eq!(keys(app, "acme").await, [(kid(&first), "signing".to_owned())]);
    assert_live(app, "acme", &first, true).await;
}

async fn a_second_rotation_waits_for_the_first(app: &TestApp) {
    let once = app.platform().call("POST", "/acme/keys/rotate").await.status(200).json();
    let twice = app.platform().call("POST", "/acme/keys/rotate").await.status(200).json();
    assert_eq!(once, twice);
    app.advance(600);
    app.platform().call("POST", "/acme/keys/rotate").await.status(200);
    assert_eq!(states(&keys(app, "acme").await), ["verifying", "signing", "published"]);
}

async fn an_emergency_kills_what_the_old_key_signed(app: &TestApp) {
    let stolen = token(app, "acme", 600).await;
    let refresh = app.authz_store().stored("bob", "c1").await;
    app.platform().call("POST", "/acme/keys/rotate").await.status(200);
    app.platform().call("POST", "/acme/keys/rotate?emergency=true").await.status(200);
    assert_eq!(states(&keys(app, "acme").await), ["signing"]);
    assert!(!published(app, "acme").await.contains(&kid(&stolen)));
    assert_live(app, "acme", &stolen, false).await;
    let fresh = token(app, "acme", 600).await;
    assert_live(app, "acme", &fresh, true).await;
    jwt::verified(app, "acme", &fresh).await;
    let refreshed = app.authz_store().refresh(refresh["refresh_token"].as_str().unwrap()).await.status(200).json();
    assert_live(app, "acme", refreshed["access_token"].as_str().unwrap(), true).await;
}

async fn an_emergency_may_name_the_key(app: &TestApp) {
    let stolen = token(app, "acme", 6000).await;
    app.platform().call("POST", "/acme/keys/rotate").await.status(200);
    app.advance(600);
    let fresh = token(app, "acme", 600).await;
    app.platform().call("POST", &format!("/acme/keys/rotate?emergency=true&kid={}", kid(&stolen))).await.status(200);
    assert_eq!(keys(app, "acme").await, [(kid(&fresh), "signing".to_owned())], "the key that signs is another");
    assert_live(app, "acme", &stolen, false).await;
    assert_live(app, "acme", &fresh, true).await;
}

async fn the_schedule_rotates(app: &TestApp) {
    app.platform().make("daily", &json!({"keys": {"rotate_every_days": 1}})).await;
    let old = keys(app, "daily").await;
    app.advance(DAY - 1);
    app.look_after_tenants().await;
    assert_eq!(keys(app, "daily").await, old);
    app.advance(1);
    app.look_after_tenants().await;
    app.look_after_tenants().await;
    assert_eq!(states(&keys(app, "daily").await), ["signing", "published"]);
    app.advance(600);
    app.look_after_tenants().await;
    assert_eq!(states(&keys(app, "daily").await), ["signing"], "nothing was signed with the old key");
    app.advance(DAY);
    app.look_after_tenants().await;
    assert_eq!(states(&keys(app, "daily").await), ["signing", "published"]);
}

async fn a_key_outlives_the_longest_token_it_signed(app: &TestApp) {
    let long = token(app, "acme", 30 * DAY).await;
    token(app, "acme", 600).await;
    app.platform().call("POST", "/acme/keys/rotate").await.status(200);
    for _ in 0..29 {
        app.advance(DAY);
        app.look_after_tenants().await;
    }
    assert_live(app, "acme", &long, true).await;
    app.advance(DAY - 1);
    jwt::verified(app, "acme", &long).await;
    app.advance(1);
    app.look_after_tenants().await;
    assert_eq!(states(&keys(app, "acme").await), ["signing"]);
}

async fn a_key_without_a_register_outlives_the_longest_life(app: &TestApp) {
    app.platform().call("POST", "/unregistered/keys/rotate").await.status(200);
    app.advance(599);
    let long = token(app, "unregistered", 10 * DAY).await;
    app.advance(10 * DAY - 1);
    app.look_after_tenants().await;
    assert_live(app, "unregistered", &long, true).await;
    jwt::verified(app, "unregistered", &long).await;
    app.advance(2);
    app.look_after_tenants().await;
    assert_eq!(states(&keys(app, "unregistered").await), ["signing"]);
}

async fn every_replica_takes_each_step(app: &TestApp) {
    if !app.is_postgres() {
        return;
    }
    let replica = app.replica().await;
    let old = token(&replica, "acme", 600).await;
    app.platform().call("POST", "/acme/keys/rotate").await.status(200);
    assert_eq!(published(&replica, "acme").await.len(), 2);
    app.advance(600);
    assert_eq!(kid(&token(app, "acme", 600).await), kid(&token(&replica, "acme", 600).await));
    app.platform().call("POST", &format!("/acme/keys/rotate?emergency=true&kid={}", kid(&old))).await.status(200);
    assert_live(&replica, "acme", &old, false).await;
    tokio::join!(app.look_after_tenants(), replica.look_after_tenants());
    assert_eq!(states(&keys(&replica, "acme").await), ["signing"]);
}

async fn an_unknown_key_is_refused(app: &TestApp) {
    app.platform().call("POST", "/acme/keys/rotate?emergency=true&kid=nobody").await.error(404, "not_found");
    app.platform().call("POST", "/acme/keys/rotate?kid=nobody").await.error(400, "invalid_request");
    app.platform().call("POST", "/acme/keys/rotate?emergency=maybe").await.error(400, "invalid_request");
    app.platform().call("POST", "/nobody/keys/rotate").await.error(404, "tenant_not_found");
    assert_eq!(states(&keys(app, "acme").await), ["signing"]);
}

/// Writes the settings of a tenant anew: its algorithm and the keys it brings.
async fn put(app: &TestApp, tid: &str, alg: &str, brought: &[Value]) {
    let mut body = json!({
        "id": tid, "issuer": format!("https://{tid}.example.com"),
        "authz_store": {"api_token_sha256": [tenants::api_token_hash(tid)]}, "access_token": {"jws_alg": alg},
    });
    if !brought.is_empty() {
        body["keys"] = json!({"jwks": {"keys": brought}});
    }
    if app.platform().call("GET", &format!("/{tid}")).await.code() == 404 {
        app.platform().send("POST", "", &body).await.status(201);
    } else {
        app.platform().send("PUT", &format!("/{tid}"), &body).await.status(200);
    }
}

fn alg(token: &str) -> String {
    jwt::unverified(token).header["alg"].as_str().unwrap().to_owned()
}

async fn signed_with(app: &TestApp, tenant: &str) -> String {
    let fresh = token(app, tenant, 600).await;
    jwt::verified(app, tenant, &fresh).await;
    assert_live(app, tenant, &fresh, true).await;
    alg(&fresh)
}

async fn another_algorithm_waits_until_its_key_is_known(app: &TestApp) {
    put(app, "mover", "ES256", &[]).await;
    assert_eq!(signed_with(app, "mover").await, "ES256");
    put(app, "mover", "RS256", &[]).await;
    assert_eq!(states(&keys(app, "mover").await), ["signing", "published"]);
    assert_eq!(published(app, "mover").await.len(), 2);
    app.advance(599);
    let last = token(app, "mover", 600).await;
    assert_eq!(alg(&last), "ES256");
    app.advance(1);
    assert_eq!(signed_with(app, "mover").await, "RS256");
    assert_eq!(states(&keys(app, "mover").await), ["verifying", "signing"]);
    app.look_after_tenants().await;
    app.advance(598);
    jwt::verified(app, "mover", &last).await;
    app.advance(1);
    app.look_after_tenants().await;
    assert_eq!(states(&keys(app, "mover").await), ["signing"], "the old key is over with its last token");
}

async fn an_algorithm_taken_back_leaves_the_key_that_signs(app: &TestApp) {
    put(app, "mover", "ES256", &[]).await;
    let before = keys(app, "mover").await;
    put(app, "mover", "PS256", &[]).await;
    app.advance(300);
    put(app, "mover", "ES256", &[]).await;
    for _ in 0..2 {
        let fresh = token(app, "mover", 600).await;
        assert_eq!(kid(&fresh), before[0].0);
        jwt::verified(app, "mover", &fresh).await;
        app.advance(1000);
        app.look_after_tenants().await;
    }
    assert_eq!(states(&keys(app, "mover").await), ["signing"]);
    put(app, "mover", "PS256", &[]).await;
    app.advance(600);
    assert_eq!(signed_with(app, "mover").await, "PS256");
}

/// The key that a tenant brings, which signs with ES256.
fn own_key() -> Value {
    serde_json::from_str(tenants::LEGACY_KEY).unwrap()
}

async fn a_key_brought_later_waits_until_it_is_known(app: &TestApp) {
    put(app, "mover", "ES256", &[]).await;
    let made = keys(app, "mover").await;
    put(app, "mover", "ES256", &[own_key()]).await;
    assert_eq!(kid(&token(app, "mover", 600).await), made[0].0);
    assert!(published(app, "mover").await.contains(&"old-1".to_owned()));
    app.advance(600);
    assert_eq!(kid(&token(app, "mover", 600).await), "old-1");
    put(app, "mover", "ES256", &[own_key()]).await;
    assert_eq!(states(&keys(app, "mover").await), ["verifying", "signing"]);
}

async fn a_key_that_is_over_does_not_come_back_with_its_file(app: &TestApp) {
    put(app, "retiring", "ES256", &[own_key()]).await;
    put(app, "dropping", "ES256", &[own_key()]).await;
    for tid in ["retiring", "dropping"] {
        assert_eq!(kid(&token(app, tid, 600).await), "old-1");
    }
    app.platform().call("POST", "/dropping/keys/rotate?emergency=true&kid=old-1").await.status(200);
    app.platform().call("POST", "/retiring/keys/rotate").await.status(200);
    app.advance(600);
    app.look_after_tenants().await;
    app.advance(2 * DAY);
    app.look_after_tenants().await;
    for tid in ["retiring", "dropping"] {
        let left = keys(app, tid).await;
        assert_eq!(states(&left), ["signing"]);
        put(app, tid, "ES256", &[own_key()]).await;
        app.advance(600);
        assert_eq!(keys(app, tid).await, left, "{tid}");
        assert_eq!(published(app, tid).await, [left[0].0.clone()], "{tid}");
        assert_eq!(kid(&token(app, tid, 600).await), left[0].0, "{tid}");
    }
}

async fn an_emergency_does_not_wait_for_the_key_to_come(app: &TestApp) {
    let stolen = token(app, "acme", 600).await;
    app.platform().call("POST", "/acme/keys/rotate").await.status(200);
    let (next, _) = keys(app, "acme").await.remove(1);
    app.platform().call("POST", &format!("/acme/keys/rotate?emergency=true&kid={}", kid(&stolen))).await.status(200);
    let fresh = token(app, "acme", 600).await;
    assert_eq!(kid(&fresh), next);
    jwt::verified(app, "acme", &fresh).await;
    assert_live(app, "acme", &stolen, false).await;
    assert_eq!(states(&keys(app, "acme").await), ["signing"]);
}
