//! Deleting a tenant, and making it anew.

use serde_json::json;

use crate::harness::{TestApp, both};

both!(
    a_deleted_tenant_is_unknown_at_once_on_every_replica,
    nothing_is_left_but_a_tombstone,
    a_tenant_made_anew_shares_nothing_with_the_old_one,
    deletion_under_load_is_final,
);

async fn a_deleted_tenant_is_unknown_at_once_on_every_replica(app: &TestApp) {
    let replica = if app.is_postgres() { Some(app.replica().await) } else { None };
    let servers: Vec<&TestApp> = [Some(app), replica.as_ref()].into_iter().flatten().collect();
    let tokens = app.authz_store().stored("alice", "c1").await;
    for server in &servers {
        server.authz_store().assert_live("access_token", tokens["access_token"].as_str().unwrap(), true).await;
    }
    app.platform().call("DELETE", "/acme").await.status(204).empty();
    for server in &servers {
        for (header, value) in [
            ("tenant-id", "acme"),
            ("issuer", "https://acme.example.com"),
            ("issuer", "https://login.acme.example.com"),
        ] {
            server.request("GET", "/jwks.json").header(header, value).send().await.error(400, "invalid_request");
        }
        server.request("GET", "/t/acme/jwks.json").send().await.error(400, "invalid_request");
        server
            .authz_store()
            .inspect("access_token", tokens["access_token"].as_str().unwrap())
            .await
            .error(400, "invalid_request");
        server.platform().call("GET", "/acme").await.error(404, "tenant_not_found");
    }
    app.platform().call("DELETE", "/acme").await.error(404, "tenant_not_found");
    app.authz_store().as_tenant("globex").stored("alice", "c1").await;
}

async fn nothing_is_left_but_a_tombstone(app: &TestApp) {
    let before = app.db_rows().await;
    app.platform().make("gone", &json!({"client": [{"client_id": "canary-client", "auth_method": "none"}]})).await;
    let store = app.authz_store().as_tenant("gone");
    for n in 0..30 {
        store.stored(&format!("canary-{n}"), "c1").await;
    }
    store.new_code(&json!({"sub": "canary-code", "cid": "c1"})).await;
    store.revoke(&[("subject", "canary-3")]).await.status(200);
    assert!(app.db_rows().await.len() > before.len() + 100);
    app.platform().call("DELETE", "/gone").await.status(204);
    app.look_after_tenants().await;
    let of_tenants = |rows: Vec<String>| -> Vec<String> {
        rows.into_iter().filter(|row| !row.starts_with("change_log: ")).collect()
    };
    let mut left = of_tenants(app.db_rows().await);
    let before = of_tenants(before);
    left.retain(|row| !before.contains(row));
    assert_eq!(left.len(), 1, "{left:#?}");
    assert!(
        left[0].starts_with("tenant: ") && left[0].contains("gone") && !left[0].contains("example.com"),
        "{left:#?}"
    );
    app.advance(120);
    app.look_after_tenants().await;
}

async fn a_tenant_made_anew_shares_nothing_with_the_old_one(app: &TestApp) {
    app.platform().make("again", &json!({})).await;
    let store = app.authz_store().as_tenant("again");
    let old = store.stored("alice", "c1").await;
    let code = store.new_code(&json!({"sub": "alice", "cid": "c1"})).await;
    let opaque = store.new_tokens(&json!({"sub": "alice", "cid": "c1", "ate": "IDENTIFIER"})).await;
    app.platform().call("DELETE", "/again").await.status(204);
    app.platform().make("again", &json!({})).await;
    for token in [&old["access_token"], &opaque["access_token"]] {
        store.assert_live("access_token", token.as_str().unwrap(), false).await;
    }
    store.assert_live("refresh_token", old["refresh_token"].as_str().unwrap(), false).await;
    store.exchange(&[("code", &code), ("client_id", "c1")]).await.error(404, "invalid_code");
    assert!(store.list("subjects").await.is_empty());
    assert_eq!(app.platform().call("GET", "/again/audit").await.status(200).json().as_array().unwrap().len(), 1);
    app.look_after_tenants().await;
    let new = store.stored("alice", "c1").await;
    store.assert_live("access_token", new["access_token"].as_str().unwrap(), true).await;
}

async fn deletion_under_load_is_final(app: &TestApp) {
    app.platform().make("busy", &json!({})).await;
    let store = app.authz_store().as_tenant("busy");
    let load = futures_util::future::join_all((0..40).map(|n| {
        let store = store.clone();
        async move {
            for m in 0..5 {
                let body = json!({"sub": format!("u{n}-{m}"), "cid": "c1", "lng": true, "irt": true});
                let code = store.tokens(&body).await.code();
                assert!(code == 200 || code == 400, "{code}");
            }
        }
    }));
    let delete = async {
        app.platform().call("DELETE", "/busy").await.status(204).empty();
    };
    tokio::join!(load, delete);
    store.request("GET", "subjects").send().await.error(400, "invalid_request");
    app.look_after_tenants().await;
    app.platform().make("busy", &json!({})).await;
    assert!(store.list("subjects").await.is_empty());
}
