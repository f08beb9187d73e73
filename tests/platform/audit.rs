//! The audit trail.

use serde_json::{Value, json};

use crate::harness::{TestApp, both};
use crate::oauth::caller::{client, refused};

both!(
    every_act_is_on_the_trail,
    the_trail_is_paged_and_filtered,
    security_events_are_on_the_trail,
    a_lock_out_is_on_the_trail_once,
    nothing_refused_is_on_the_trail,
    one_tenants_trail_is_not_anothers,
);

async fn trail(app: &TestApp, query: &str) -> Vec<Value> {
    app.platform().call("GET", &format!("/acme/audit{query}")).await.status(200).json().as_array().unwrap().clone()
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["kind"].as_str().unwrap()).collect()
}

async fn every_act_is_on_the_trail(app: &TestApp) {
    app.advance(10);
    let from = format!("?from={}", app.now());
    let platform = app.platform();
    let put = platform.send("PUT", "/acme/clients/c9", &json!({"auth_method": "none"})).await;
    put.status(201);
    platform.send("PUT", "/acme/clients/c9", &json!({"auth_method": "none", "name": "x"})).await.status(200);
    platform.call("DELETE", "/acme/clients/c9").await.status(204);
    platform.send("PUT", "/acme/users/u9", &json!({"password": "canary-password"})).await.status(201);
    platform.send("PUT", "/acme/users/u9", &json!({"enabled": false})).await.status(200);
    platform.call("DELETE", "/acme/users/u9").await.status(204);
    platform.call("POST", "/acme/disable").await.status(200);
    platform.call("POST", "/acme/enable").await.status(200);
    platform.call("POST", "/acme/keys/rotate").await.status(200);
    platform.call("POST", "/acme/keys/rotate?emergency=true").await.status(200);
    platform.send("PUT", "/acme", &json!({"issuer": "https://acme.example.com"})).await.status(200);
    let entries = trail(app, &from).await;
    assert_eq!(
        kinds(&entries),
        [
            "client_created",
            "client_updated",
            "client_deleted",
            "user_created",
            "user_updated",
            "user_deleted",
            "tenant_disabled",
            "tenant_enabled",
            "key_published",
            "key_dropped",
            "key_dropped",
            "key_published",
            "tenant_updated",
        ]
    );
    for entry in &entries {
        assert_eq!(entry["at"], app.now());
        assert_eq!(entry["actor"], "platform:926b0b96", "the start of the token's hash");
    }
    assert_eq!(entries[0]["request_id"], put.header("x-request-id"));
    assert_eq!(entries[0]["detail"], json!({"client_id": "c9"}));
    assert!(!json!(entries).to_string().contains("canary"));
}

async fn the_trail_is_paged_and_filtered(app: &TestApp) {
    app.advance(10);
    let start = app.now();
    for n in 0..7 {
        app.platform().send("PUT", &format!("/acme/clients/n{n}"), &json!({"auth_method": "none"})).await.status(201);
        app.advance(1);
    }
    app.platform().call("POST", "/acme/disable").await.status(200);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = trail(app, &format!("?from={start}&limit=3{after}")).await;
        let Some(last) = page.last() else { break };
        after = format!("&after={}", last["id"].as_str().unwrap());
        assert!(page.len() <= 3);
        seen.extend(page);
    }
    assert_eq!(seen.len(), 8);
    assert_eq!(trail(app, &format!("?from={start}&kind=tenant_disabled")).await.len(), 1);
    assert_eq!(trail(app, &format!("?from={}&to={}", start + 2, start + 4)).await.len(), 2);
    assert!(trail(app, &format!("?from={}", start + 100)).await.is_empty());
    for bad in ["kind=x", "limit=0", "limit=1001", "after=x", "from=x", "to=1.5"] {
        app.platform().call("GET", &format!("/acme/audit?{bad}")).await.error(400, "invalid_request");
    }
}

async fn security_events_are_on_the_trail(app: &TestApp) {
    app.advance(10);
    let from = app.now();
    let store = app.authz_store();
    let code = store.new_code(&json!({"sub": "alice", "cid": "c1"})).await;
    let fields: &[(&str, &str)] = &[("code", &code), ("client_id", "c1")];
    store.exchange(fields).await.status(200);
    store.exchange(fields).await.error(404, "invalid_code");
    store.list("authorization-codes").await;
    store.find(&[("subject", "alice")]).await.status(200);
    // Such entries are written beside the answer, not before it.
    for _ in 0..200 {
        let entries = trail(app, &format!("?from={from}")).await;
        let found = kinds(&entries);
        let shown = found.iter().filter(|kind| **kind == "secrets_shown").count();
        if found.contains(&"replay_detected") && shown == 2 {
            assert!(!json!(entries).to_string().contains(&code));
            let replay = entries.iter().find(|entry| entry["kind"] == "replay_detected").unwrap();
            assert_eq!(replay["detail"], json!({"what": "code", "client_id": "c1"}));
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{:?}", trail(app, &format!("?from={from}")).await);
}

/// The lock-outs on the trail of tenant `limited`, once there are so many: they are written beside the answer.
async fn lock_outs(app: &TestApp, from: i64, count: usize) -> Vec<Value> {
    let target = format!("/limited/audit?kind=sign_ins_locked&from={from}");
    for _ in 0..500 {
        let entries = app.platform().call("GET", &target).await.status(200).json();
        if entries.as_array().unwrap().len() >= count {
            return entries.as_array().unwrap().clone();
        }
        tokio::task::yield_now().await;
    }
    panic!("never {count} lock-outs");
}

async fn a_lock_out_is_on_the_trail_once(app: &TestApp) {
    app.advance(60);
    let from = app.now();
    let shop = client(app, "limited", "shop", "limited-shop-secret-0123456789abcd");
    let grant = [("grant_type", "client_credentials")];
    let sign_in = |name| [("grant_type", "password"), ("username", name), ("password", "wrong")];
    for name in ["alice", "nobody"] {
        for _ in 0..3 {
            shop.token(&sign_in(name)).await.error(400, "invalid_grant");
        }
        for _ in 0..2 {
            shop.token(&sign_in(name)).await.status(429);
        }
    }
    for _ in 0..2 {
        refused(&client(app, "limited", "shop", "wrong").token(&grant).await);
    }
    assert_eq!(lock_outs(app, from, 2).await.len(), 2, "two failures of the client are allowed, and a third");
    refused(&client(app, "limited", "shop", "wrong").token(&grant).await);
    let entries = lock_outs(app, from, 3).await;
    let details: Vec<&Value> = entries.iter().map(|entry| &entry["detail"]).collect();
    for expected in [("user", "alice"), ("user", "nobody"), ("client", "shop")] {
        let (kind, name) = expected;
        assert!(details.contains(&&json!({"kind": kind, "name": name})), "{expected:?} among {details:?}");
    }
    assert_eq!(entries.len(), 3);
    app.advance(60);
    for _ in 0..3 {
        refused(&client(app, "limited", "shop", "wrong").token(&grant).await);
    }
    assert_eq!(lock_outs(app, from, 4).await.len(), 4, "a new minute, a new lock-out");
    // Where nothing is limited nothing is locked.
    for _ in 0..4 {
        refused(&client(app, "acme", "65564eb0058d", "wrong").token(&grant).await);
    }
    assert!(trail(app, "?kind=sign_ins_locked").await.is_empty());
}

async fn nothing_refused_is_on_the_trail(app: &TestApp) {
    app.advance(10);
    let from = format!("?from={}", app.now());
    app.platform().send("PUT", "/acme/clients/c9", &json!({"colour": 1})).await.status(400);
    app.platform().send("PUT", "/acme/clients/c9", &json!({})).await.status(400);
    app.platform().call("DELETE", "/acme/clients/nobody").await.status(404);
    app.platform().call("POST", "/acme/keys/rotate?emergency=true&kid=nobody").await.status(404);
    app.platform().send("PUT", "/acme", &json!({"issuer": "https://x.example.com"})).await.status(409);
    assert!(trail(app, &from).await.is_empty());
}

async fn one_tenants_trail_is_not_anothers(app: &TestApp) {
    app.advance(10);
    app.platform().call("POST", "/globex/disable").await.status(200);
    assert!(trail(app, &format!("?from={}", app.now())).await.is_empty());
    app.platform().call("GET", "/nobody/audit").await.error(404, "tenant_not_found");
}
