//! After a restore: what was revoked or used since the back-up stays dead. And another master key.

use serde_json::{Value, json};
use tenure::app::Tenure;
use tenure::cli::Commands;
use tenure::domain::Tid;
use tenure::tenancy::ApplyOptions;

use crate::harness::{TestApp, both_restarting};

both_restarting!(
    everything_from_before_is_dead,
    keys_can_be_managed_from_the_command_line,
    another_master_key_opens_everything
);

async fn everything_from_before_is_dead(app: TestApp) {
    let mut issued: Vec<(&str, Value, String)> = Vec::new();
    for tenant in ["acme", "unregistered", "opaque"] {
        let store = app.authz_store().as_tenant(tenant);
        // Some revocations, so that epochs differ.
        store.revoke_quietly(&[("subject", "nobody")]).await.status(204);
        let tokens = store.stored("alice", "c1").await;
        let code = store.new_code(&json!({"sub": "alice", "cid": "c1"})).await;
        issued.push((tenant, tokens, code));
    }
    let config = app.config();
    let app = app
        .restarted_after(|_| async move {
            let told = Tenure.finalize_restore(config).await.unwrap();
            assert!(told.contains("tenant(s)"), "{told}");
        })
        .await;
    for (tenant, tokens, code) in issued {
        let store = app.authz_store().as_tenant(tenant);
        for kind in ["access_token", "refresh_token"] {
            store.assert_live(kind, tokens[kind].as_str().unwrap(), false).await;
        }
        store.exchange(&[("code", &code), ("client_id", "c1")]).await.error(404, "invalid_code");
        assert!(store.list("subjects").await.is_empty());
        let new = store.stored("alice", "c1").await;
        store.assert_live("access_token", new["access_token"].as_str().unwrap(), true).await;
    }
}

async fn keys_can_be_managed_from_the_command_line(app: TestApp) {
    // A tenant of its own: commands go by the machine's clock.
    let file =
        tenure::tenancy::file::parse("[[tenant]]\nid = \"cli\"\nissuer = \"https://cli.example.com\"\n").unwrap();
    let (config, cli) = (app.config(), Tid::parse("cli").unwrap());
    Tenure.apply(config.clone(), file, ApplyOptions::default()).await.unwrap();
    let listed = Tenure.list_keys(config.clone(), cli.clone()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].ends_with("\tES256\tsigning"), "{listed:?}");
    let kid = Tenure.rotate_keys(config.clone(), cli.clone()).await.unwrap();
    assert_eq!(Tenure.rotate_keys(config.clone(), cli.clone()).await.unwrap(), kid, "it is on its way");
    assert_eq!(Tenure.list_keys(config.clone(), cli).await.unwrap().len(), 2);
    assert!(Tenure.rotate_keys(config, Tid::parse("nobody").unwrap()).await.is_err());
    let set = app.request("GET", "/jwks.json").header("tenant-id", "cli").send().await.status(200).json();
    assert!(set.to_string().contains(&kid), "a running server sees what another process has done");
}

async fn another_master_key_opens_everything(app: TestApp) {
    let tokens = app.authz_store().stored("alice", "c1").await;
    let body = json!({"issuer": "https://acme.example.com", "access_token": {"lifetime": 99}});
    app.platform().send("PUT", "/acme", &body).await.status(200);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new.key");
    let new = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
    std::fs::write(&file, new).unwrap();
    let config = app.config();
    let old = config.clone();
    let app = app
        .restarted_with_key(new, |_| async move {
            assert!(Tenure.rewrap_keys(config.clone(), file.clone()).await.unwrap() > 0);
            assert!(Tenure.rewrap_keys(config, file).await.is_err(), "the old key opens nothing any more");
        })
        .await;
    for kind in ["access_token", "refresh_token"] {
        app.authz_store().assert_live(kind, tokens[kind].as_str().unwrap(), true).await;
    }
    let shown = app.platform().call("GET", "/acme").await.status(200).json();
    assert_eq!(shown["access_token"]["lifetime"], 99, "the file is not taken for a changed one");
    assert!(Tenure.list_keys(old, Tid::parse("acme").unwrap()).await.is_err(), "the old key is refused");
}
