//! What was used up or revoked stays so when every replica has been restarted (rows RF-6, TK-6, JB-6, SB-11, F-3).

use serde_json::json;

use super::changes::{Change, Seen, Thing};
use super::races::{federated_shop, saml};
use super::{replicas, scale};
use crate::harness::TestApp;
use crate::iam::Iam;
use crate::oauth::caller::{bare, granted, hs256, own_claims, refused, text, with_assertion};

/// Both replicas stopped, then both started anew.
async fn restart(apps: Vec<TestApp>) -> [TestApp; 2] {
    let [one, other]: [TestApp; 2] = apps.try_into().ok().unwrap();
    other.stop().await;
    let one = one.restarted().await;
    let other = one.replica().await;
    [one, other]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_revoked_stays_dead() {
    let Some(apps) = replicas(2).await else { return };
    let iam = Iam::new(&apps[0]).await;
    let mut things = Vec::new();
    for n in 0..2 * scale() {
        for change in Change::LIGHT.iter().chain(if n == 0 { &Change::HEAVY[..] } else { &[] }) {
            let thing = Thing::make(&apps[0], *change, n).await;
            thing.change(&apps[n % 2], &iam).await;
            things.push(thing);
        }
    }
    let apps = restart(apps).await;
    for (n, thing) in things.iter().enumerate() {
        assert_eq!(thing.look_patiently(&apps[n % 2]).await, Seen::After, "{:?}", thing.change);
    }
    println!("{} changes, 0 undone by a restart of all replicas", things.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_used_up_stays_used() {
    let Some(apps) = replicas(2).await else { return };
    let mut used = Vec::new();
    for n in 0..10 * scale() {
        let store = apps[n % 2].authz_store();
        let body = json!({"sub": format!("s{n}"), "cid": "c1", "ate": "IDENTIFIER"});
        let code = store.new_code(&body).await;
        store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200);
        let once = text(&store.new_tokens(&body).await, "access_token").to_owned();
        store.inspect_once(&once).await.status(200);
        let first = store.as_tenant("strict").stored(&format!("s{n}"), "c1").await;
        let retired = text(&first, "refresh_token").to_owned();
        let next = store.as_tenant("strict").refresh(&retired).await.status(200).json();
        used.push((code, once, retired, text(&next, "refresh_token").to_owned()));
    }
    let apps = restart(apps).await;
    for (n, (code, once, retired, next)) in used.iter().enumerate() {
        let (one, other) = (apps[n % 2].authz_store(), apps[1 - n % 2].authz_store());
        one.assert_live("code", code, false).await;
        one.exchange(&[("code", code), ("client_id", "c1")]).await.error(404, "invalid_code");
        one.inspect_once(once).await.error(404, "invalid_access_token");
        // A retired token is a replay, however many restarts ago: what succeeded it dies, on the other replica too.
        other.as_tenant("strict").assert_live("refresh_token", next, true).await;
        one.as_tenant("strict").refresh(retired).await.error(404, "invalid_refresh_token");
        other.as_tenant("strict").refresh(next).await.error(404, "invalid_refresh_token");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_assertion_stays_used() {
    let Some(apps) = replicas(2).await else { return };
    let claims = own_claims("jwt-client", "https://acme.example.com", apps[0].now(), "once");
    let jwt = hs256("jwt-client-secret-0123456789abcdef-0123456789", &claims);
    let by_jwt = with_assertion(&[("grant_type", "client_credentials")], &jwt);
    granted(&bare(&apps[0], "acme", "/token", &by_jwt).await);
    let claims = own_claims("hmac", "https://federated.example.com", apps[0].now(), "once");
    let grant = hs256("federated-hmac-secret-0123456789ab-0123456789", &claims);
    let grant = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", grant.as_str())];
    granted(&bare(&apps[1], "federated", "/token", &grant).await);
    let minted = saml(apps[0].now()).await;
    let saml = minted
        .as_deref()
        .map(|assertion| [("grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer"), ("assertion", assertion)]);
    if let Some(fields) = &saml {
        granted(&federated_shop(&apps[0]).token(fields).await);
    }
    for app in &restart(apps).await {
        refused(&bare(app, "acme", "/token", &by_jwt).await);
        bare(app, "federated", "/token", &grant).await.error(400, "invalid_grant");
        if let Some(fields) = &saml {
            federated_shop(app).token(fields).await.error(400, "invalid_grant");
        }
    }
}
