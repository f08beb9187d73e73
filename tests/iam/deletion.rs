//! Deleting one token: what dies with it, and what doesn't.

use serde_json::json;

use super::Iam;
use crate::harness::{TestApp, both};

both!(
    deleting_an_access_token_kills_it_alone,
    deleting_a_refresh_token_kills_the_access_tokens_issued_from_it,
    of_many_that_delete_one_token_one_succeeds,
    another_tenants_token_is_none,
);

async fn deleting_an_access_token_kills_it_alone(app: &TestApp) {
    let iam = Iam::new(app).await;
    let store = app.authz_store();
    for encoding in ["SELF_CONTAINED", "IDENTIFIER"] {
        let body = json!({"sub": "alice", "cid": "web", "ate": encoding, "lng": true, "irt": true});
        let first = store.new_tokens(&body).await;
        let refresh = first["refresh_token"].as_str().unwrap();
        let second = store.refresh(refresh).await.status(200).json();
        let [first, second] = [&first, &second].map(|tokens| tokens["access_token"].as_str().unwrap());
        let id = iam.id_of("access-tokens", first).await;
        iam.delete(&format!("access-tokens/{id}")).await.status(204).empty();
        iam.delete(&format!("access-tokens/{id}")).await.status(404);
        store.assert_live("access_token", first, false).await;
        store.assert_live("access_token", second, true).await;
        store.assert_live("refresh_token", refresh, true).await;
        store.revoke_quietly(&[("subject", "alice"), ("client_id", "web")]).await.status(204);
    }
}

async fn deleting_a_refresh_token_kills_the_access_tokens_issued_from_it(app: &TestApp) {
    let iam = Iam::new(app).await;
    let store = app.authz_store();
    for tenant in ["acme"] {
        let store = store.as_tenant(tenant);
        for (encoding, stored) in [("SELF_CONTAINED", false), ("IDENTIFIER", false), ("SELF_CONTAINED", true)] {
            let body = json!({"sub": "alice", "cid": "web", "ate": encoding, "lng": stored, "irt": true, "rtr": true});
            let doomed = store.new_tokens(&body).await;
            let other = store.new_tokens(&body).await;
            let refreshed = store.refresh(doomed["refresh_token"].as_str().unwrap()).await.status(200).json();
            let current = refreshed["refresh_token"].as_str().unwrap();
            let id = iam.id_of("refresh-tokens", current).await;
            iam.delete(&format!("refresh-tokens/{id}")).await.status(204).empty();
            iam.delete(&format!("refresh-tokens/{id}")).await.status(404);
            for tokens in [&doomed, &refreshed] {
                store.assert_live("access_token", tokens["access_token"].as_str().unwrap(), false).await;
                store.refresh(tokens["refresh_token"].as_str().unwrap()).await.error(404, "invalid_refresh_token");
            }
            store.assert_live("access_token", other["access_token"].as_str().unwrap(), true).await;
            let again = store.refresh(other["refresh_token"].as_str().unwrap()).await.status(200).json();
            store.assert_live("access_token", again["access_token"].as_str().unwrap(), true).await;
            let listed = iam.all("access-tokens", &[("userId", "alice")]).await;
            assert_eq!(listed.len(), 2, "the other sign-in's: {listed:?}");
            app.advance(60);
            app.tidy().await;
            store.assert_live("access_token", refreshed["access_token"].as_str().unwrap(), false).await;
            store.assert_live("access_token", again["access_token"].as_str().unwrap(), true).await;
            store.revoke_quietly(&[("subject", "alice"), ("client_id", "web")]).await.status(204);
        }
    }
}

async fn of_many_that_delete_one_token_one_succeeds(app: &TestApp) {
    let iam = Iam::new(app).await;
    for (resource, member) in [("access-tokens", "access_token"), ("refresh-tokens", "refresh_token")] {
        let issued = app.authz_store().new_tokens(&json!({"sub": "alice", "cid": "web", "irt": true})).await;
        let id = iam.id_of(resource, issued[member].as_str().unwrap()).await;
        let path = format!("{resource}/{id}");
        let answers = futures_util::future::join_all((0..64).map(|_| iam.delete(&path))).await;
        let codes: Vec<u16> = answers.iter().map(crate::harness::Answer::code).collect();
        assert_eq!(codes.iter().filter(|code| **code == 204).count(), 1, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| **code == 404).count(), 63, "{codes:?}");
    }
}

async fn another_tenants_token_is_none(app: &TestApp) {
    let iam = Iam::new(app).await;
    let foreign = app.authz_store().as_tenant("globex");
    let issued = foreign.new_tokens(&json!({"sub": "alice", "cid": "65564eb0058d", "irt": true})).await;
    assert!(iam.all("access-tokens", &[]).await.is_empty());
    assert!(iam.all("refresh-tokens", &[]).await.is_empty());
    foreign.assert_live("access_token", issued["access_token"].as_str().unwrap(), true).await;
}
