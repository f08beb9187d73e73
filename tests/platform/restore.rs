//! After a restore: what was revoked or used since the back-up stays dead. And another master key.

use serde_json::{Value, json};
use tenure::app::Tenure;
use tenure::cli::Commands;
use tenure::domain::Tid;
use tenure::tenancy::ApplyOptions;

use crate::harness::jwt::signed_by_legacy;
use crate::harness::saml::Saml;
use crate::harness::{Answer, TestApp, both_restarting};
use crate::oauth::caller::{bare, client, granted, hs256, own_claims, refused, text, with_assertion};

both_restarting!(
    what_was_used_since_the_back_up_stays_used,
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

/// A client authenticates by a JWT.
async fn authenticate(app: &TestApp, claims: &Value) -> Answer {
    let assertion = hs256("jwt-client-secret-0123456789abcdef-0123456789", claims);
    bare(app, "acme", "/token", &with_assertion(&[("grant_type", "client_credentials")], &assertion)).await
}

/// A trusted issuer speaks for a subject, by a JWT or in SAML.
async fn assert(app: &TestApp, kind: &str, assertion: &str) -> Answer {
    let shop = client(app, "federated", "shop", "federated-shop-secret-0123456789ab");
    let grant = format!("urn:ietf:params:oauth:grant-type:{kind}-bearer");
    shop.token(&[("grant_type", grant.as_str()), ("assertion", assertion)]).await
}

fn jwt_of_sts(claims: &Value) -> String {
    signed_by_legacy(json!({"alg": "ES256", "kid": "old-1"}), claims)
}

fn saml_of_idp(id: &str, now: i64) -> String {
    Saml::new("https://idp.example.org/metadata", id, now).assertion()
}

async fn what_was_used_since_the_back_up_stays_used(app: TestApp) {
    let rotating = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rtr": true});
    let code = app.authz_store().new_code(&json!({"sub": "alice", "cid": "c1"})).await;
    let refresh = app.authz_store().new_tokens(&rotating).await;
    let identifier = app.authz_store().as_tenant("opaque").stored("alice", "c1").await;
    let (app, backup) = app.backed_up().await;
    app.advance(20);
    let now = app.now();
    let (issuer, sts) = ("https://acme.example.com", "https://sts.example.org");
    let own = own_claims("jwt-client", issuer, now, "own");
    let undated =
        |exp: i64, jti: &str| json!({"iss": "jwt-client", "sub": "jwt-client", "aud": issuer, "exp": exp, "jti": jti});
    let third = jwt_of_sts(
        &json!({"iss": sts, "sub": "carol", "aud": "https://federated.example.com", "exp": now + 3600, "jti": "third"}),
    );
    let saml = saml_of_idp("_used", now);
    for claims in [&own, &undated(now + 3600, "undated")] {
        granted(&authenticate(&app, claims).await);
    }
    granted(&assert(&app, "jwt", &third).await);
    granted(&assert(&app, "saml2", &saml).await);
    let store = app.authz_store();
    store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200);
    let rotated = store.refresh(text(&refresh, "refresh_token")).await.status(200).json();
    store.as_tenant("opaque").inspect_once(text(&identifier, "access_token")).await.status(200);

    app.advance(10);
    let restored_at = app.now();
    let app = app.restored(backup).await;
    for claims in [&own, &undated(now + 3600, "undated"), &undated(restored_at + 3660, "never used, but who knows")] {
        refused(&authenticate(&app, claims).await);
    }
    assert(&app, "jwt", &third).await.error(400, "invalid_grant");
    assert(&app, "saml2", &saml).await.error(400, "invalid_grant");
    let store = app.authz_store();
    store.exchange(&[("code", &code), ("client_id", "c1")]).await.error(404, "invalid_code");
    for answer in [&refresh, &rotated] {
        store.refresh(text(answer, "refresh_token")).await.error(404, "invalid_refresh_token");
    }
    let spent = text(&identifier, "access_token");
    store.as_tenant("opaque").inspect_once(spent).await.error(404, "invalid_access_token");
    store.as_tenant("opaque").assert_live("access_token", spent, false).await;

    // What can't have been used before is as good as ever, once.
    app.advance(1);
    let claims = own_claims("jwt-client", issuer, app.now(), "new");
    granted(&authenticate(&app, &claims).await);
    refused(&authenticate(&app, &claims).await);
    granted(&authenticate(&app, &undated(app.now() + 3660, "new and undated")).await);
    granted(&assert(&app, "saml2", &saml_of_idp("_new", app.now())).await);
    // Another tenant's trail tells of the restore too.
    let trail = app.platform().call("GET", "/globex/audit?kind=restore_finalized").await.status(200).json();
    assert_eq!(trail.as_array().unwrap().len(), 1, "{trail}");
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
