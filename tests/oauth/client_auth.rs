//! Client authentication by a secret (rows TK).

use serde_json::json;

use super::caller::{bare, basic, client, granted, other_shop, refused, register, shop, text};
use crate::harness::{TestApp, both};

both!(
    a_secret_is_taken_where_it_was_registered,
    every_failure_is_answered_alike,
    a_public_client_is_named_and_nothing_more,
    a_secret_ends,
    a_replaced_secret_lives_half_an_hour_more,
    failures_are_limited_where_the_tenant_says_so,
    origins_are_told_to_browsers,
);

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const POST_SECRET: &str = "post-client-secret-0123456789abcd";

async fn a_secret_is_taken_where_it_was_registered(app: &TestApp) {
    granted(&shop(app).token(&[GRANT]).await);
    // A second time: from memory.
    granted(&shop(app).token(&[GRANT]).await);
    granted(&shop(app).token(&[GRANT, ("client_id", "65564eb0058d")]).await);
    let post = [GRANT, ("client_id", "post-client"), ("client_secret", POST_SECRET)];
    granted(&bare(app, "acme", "/token", &post).await);
    refused(&client(app, "acme", "post-client", POST_SECRET).token(&[GRANT]).await);
    let shop_post = [GRANT, ("client_id", "65564eb0058d"), ("client_secret", "web-shop-secret-0123456789abcdef")];
    refused(&bare(app, "acme", "/token", &shop_post).await);
}

async fn every_failure_is_answered_alike(app: &TestApp) {
    granted(&shop(app).token(&[GRANT]).await);
    let secret = "web-shop-secret-0123456789abcdef";
    for (tenant, id, secret) in [
        ("acme", "65564eb0058d", "wrong"),
        ("acme", "65564eb0058d", ""),
        ("acme", "nobody", secret),
        ("acme", "mobile-app", secret),
        ("acme", "jwt-client", "jwt-client-secret-0123456789abcdef-0123456789"),
        ("acme", "key-client", secret),
        ("globex", "65564eb0058d", secret),
        ("federated", "off", "federated-off-secret-0123456789abc"),
    ] {
        refused(&client(app, tenant, id, secret).token(&[GRANT]).await);
        refused(&client(app, tenant, id, secret).post("/token/revoke", &[("token", "x")]).await);
        refused(&client(app, tenant, id, secret).post("/token/introspect", &[("token", "x")]).await);
    }
    for fields in [
        &[GRANT][..],
        &[GRANT, ("client_id", "65564eb0058d")],
        &[GRANT, ("client_secret", secret)],
        &[GRANT, ("client_id", "65564eb0058d"), ("client_assertion", "x")],
    ] {
        refused(&bare(app, "acme", "/token", fields).await);
    }
    for header in ["Basic", "Basic !", "Bearer abc", "Basic Og==", "Digest abc"] {
        let request = app.request("POST", "/token").header("tenant-id", "acme").header("authorization", header);
        refused(&request.form(&[GRANT]).send().await);
    }
    let twice = basic("65564eb0058d", secret);
    let request = app.request("POST", "/token").header("tenant-id", "acme").header("authorization", &twice);
    request.header("authorization", &twice).form(&[GRANT]).send().await.error(400, "invalid_request");
    // Two methods at once, each right for itself.
    let both = [GRANT, ("client_id", "post-client"), ("client_secret", POST_SECRET)];
    refused(&client(app, "acme", "post-client", POST_SECRET).token(&both).await);
    refused(&shop(app).token(&[GRANT, ("client_id", "mobile-app")]).await);
    granted(&other_shop(app).token(&[GRANT]).await);
}

async fn a_public_client_is_named_and_nothing_more(app: &TestApp) {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    bare(app, "acme", "/token", &[fields[0], fields[1], ("client_id", "mobile-app")]).await.error(400, "invalid_grant");
    let secret = [fields[0], fields[1], ("client_id", "mobile-app"), ("client_secret", "x")];
    refused(&bare(app, "acme", "/token", &secret).await);
    refused(&client(app, "acme", "mobile-app", "").token(&fields).await);
}

async fn a_secret_ends(app: &TestApp) {
    let ending = client(app, "federated", "ending", "federated-ending-secret-0123456789");
    granted(&ending.token(&[GRANT]).await);
    app.advance(99);
    granted(&ending.token(&[GRANT]).await);
    app.advance(1);
    refused(&ending.token(&[GRANT]).await);
}

async fn a_replaced_secret_lives_half_an_hour_more(app: &TestApp) {
    let metadata = json!({"grant_types": ["client_credentials"], "scope": "app:read"});
    let first = register(app, "acme", &metadata).await;
    let (id, token) = (text(&first, "client_id"), text(&first, "registration_access_token"));
    let old = client(app, "acme", id, text(&first, "client_secret"));
    granted(&old.token(&[GRANT]).await);
    let update = json!({"client_id": id, "grant_types": ["client_credentials"], "scope": "app:read"});
    let request = app.request("PUT", &format!("/clients/{id}")).header("tenant-id", "acme").bearer(token);
    let second = request.json(&update).send().await.status(200).json();
    let new = client(app, "acme", id, text(&second, "client_secret"));
    granted(&new.token(&[GRANT]).await);
    app.advance(1_799);
    granted(&old.token(&[GRANT]).await);
    app.advance(1);
    refused(&old.token(&[GRANT]).await);
    granted(&new.token(&[GRANT]).await);
}

async fn failures_are_limited_where_the_tenant_says_so(app: &TestApp) {
    let right = client(app, "limited", "shop", "limited-shop-secret-0123456789abcd");
    let wrong = client(app, "limited", "shop", "wrong");
    for _ in 0..3 {
        refused(&wrong.token(&[GRANT]).await);
    }
    let shed = wrong.token(&[GRANT]).await;
    shed.status(429).no_store();
    let wait: i64 = shed.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{shed}");
    refused(&client(app, "limited", "other", "wrong").token(&[GRANT]).await);
    app.advance(60);
    refused(&wrong.token(&[GRANT]).await);
    granted(&right.token(&[GRANT]).await);
    let alice = |password| [("grant_type", "password"), ("username", "alice"), ("password", password)];
    for _ in 0..3 {
        right.token(&alice("wrong")).await.error(400, "invalid_grant");
    }
    right.token(&alice("secret-alice")).await.status(429);
    app.advance(60);
    granted(&right.token(&alice("secret-alice")).await);
}

async fn origins_are_told_to_browsers(app: &TestApp) {
    for (origin, told) in [("https://shop.example.com", "https://shop.example.com"), ("https://evil.example.com", "")] {
        let request = app.request("POST", "/token").header("tenant-id", "acme").header("origin", origin);
        let answer = request.header("authorization", &basic("65564eb0058d", "wrong")).form(&[GRANT]).send().await;
        refused(&answer);
        assert_eq!(answer.header("access-control-allow-origin"), told, "{answer}");
    }
    // A client is known: its own origins count, whatever others have registered.
    let shop = basic("65564eb0058d", "web-shop-secret-0123456789abcdef");
    let mobile = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", "mobile-app")];
    let key = basic("post-client", "x");
    for (path, credential, fields, told) in [
        ("/token", Some(&shop), &[GRANT][..], true),
        ("/token/introspect", Some(&shop), &[("token", "x")], true),
        ("/token/revoke", Some(&shop), &[("token", "x")], true),
        ("/token", None, &mobile, false),
        ("/token/revoke", None, &[("token", "x"), ("client_id", "mobile-app")], false),
        // Which client it would be is told by no failure.
        ("/token", Some(&key), &[GRANT], true),
        ("/token", None, &[GRANT, ("client_id", "unknown")], true),
    ] {
        let request =
            app.request("POST", path).header("tenant-id", "acme").header("origin", "https://shop.example.com");
        let request = credential.into_iter().fold(request, |request, basic| request.header("authorization", basic));
        let answer = request.form(fields).send().await;
        let expected = if told { "https://shop.example.com" } else { "" };
        assert_eq!(answer.header("access-control-allow-origin"), expected, "{answer}");
        assert_eq!(answer.header("vary"), "Origin", "{answer}");
    }
    let request =
        app.request("GET", "/jwks.json").header("tenant-id", "acme").header("origin", "https://evil.example.com");
    assert_eq!(request.send().await.header("access-control-allow-origin"), "*");
}
