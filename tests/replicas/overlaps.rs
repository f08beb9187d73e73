//! What overlaps with an acknowledged change undoes nothing of it: what was read before and is written after, what the upkeep
//! has found and what was made anew by the time it deletes, what a cache knows of a client that is gone.

use std::time::Duration;

use serde_json::json;
use tenure::cache::Mode;

use super::changes::{Change, Seen, Thing};
use super::holds::Held;
use super::replicas;
use crate::authlete::caller::Authlete;
use crate::harness::{Answer, TestApp};
use crate::iam::Iam;
use crate::oauth::caller::text;

/// Where JWTs have no row, a scope is replaced by a revocation that the rest of the pair outlives: no other revocation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_stands_though_scopes_are_replaced() {
    let Some(apps) = replicas(2).await else { return };
    let store = apps[0].authz_store().as_tenant("ledgerless");
    let body =
        json!({"sub": "alice", "cid": "web", "scp": ["read", "write"], "ate": "IDENTIFIER", "lng": true, "irt": true});
    let tokens = store.new_tokens(&body).await;
    let code = store.new_code(&body).await;
    // The tenant's first revocation makes the row that the others meet at.
    store.revoke(&[("subject", "bob")]).await.status(200);
    let held = Held::rows(&apps[0], "tenant_epoch", "TRUE").await;
    let api = Authlete::ledgerless(&apps[1]);
    let update = async { api.update(7, "alice", &json!(["read"])).await };
    let (revoked, updated) = held.race(store.revoke(&[("subject", "alice")]), update).await;
    revoked.status(200);
    updated.status(200);
    for app in &apps {
        let store = app.authz_store().as_tenant("ledgerless");
        store.assert_live("access_token", text(&tokens, "access_token"), false).await;
        store.refresh(text(&tokens, "refresh_token")).await.error(404, "invalid_refresh_token");
        store.exchange(&[("code", &code), ("client_id", "web")]).await.error(404, "invalid_code");
        store.find(&[("subject", "alice"), ("client_id", "web")]).await.status(404);
    }
}

/// Has the upkeep, some seconds later, wait for rows that a request changes first.
async fn tidied_after(app: &TestApp, held: Held, seconds: i64, request: impl Future<Output = Answer>) -> Answer {
    let tidied = async {
        held.waiters(1).await;
        app.advance(seconds);
        tokio::join!(app.tidy(), async {
            held.waiters(2).await;
            held.release().await;
        })
    };
    tokio::join!(request, tidied).0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_made_anew_is_not_purged() {
    let Some(apps) = replicas(2).await else { return };
    let store = apps[0].authz_store();
    store.stored("alice", "c7").await;
    store.revoke(&[("client_id", "c7")]).await.status(200);
    apps[0].advance(120);
    let body = json!({"sub": "alice", "cid": "c7", "scp": ["read"], "lng": true, "irt": true});
    let held = Held::rows(&apps[0], "authorization_record", "cid = 'c7'").await;
    let tokens = tidied_after(&apps[1], held, 0, store.tokens(&body)).await.status(200).json();
    assert_eq!(store.record("alice", "c7").await["scp"], json!(["read"]));
    store.refresh(text(&tokens, "refresh_token")).await.status(200);
}

/// A mark that ends is taken away; one that was renewed meanwhile does not end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_revoked_anew_is_not_swept() {
    let Some(apps) = replicas(2).await else { return };
    let store = apps[0].authz_store();
    let with = |irt: bool| json!({"sub": "alice", "cid": "c7", "scp": ["read"], "lng": true, "irt": irt});
    store.stored("alice", "c7").await;
    store.put(&with(false)).await.status(204);
    apps[0].advance(120);
    apps[0].tidy().await;
    store.put(&with(true)).await.status(204);
    let tokens = store.tokens(&with(true)).await.status(200).json();
    apps[0].advance(2 * 86_400);
    let held = Held::rows(&apps[0], "revocation", "kind = 9 AND purged").await;
    tidied_after(&apps[1], held, 0, store.put(&with(false))).await.status(204);
    store.put(&with(true)).await.status(204);
    store.refresh(text(&tokens, "refresh_token")).await.error(404, "invalid_refresh_token");
}

/// A code that is consumed in its last second is known as a consumed one from then on: a replay kills what came from it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_consumed_meanwhile_is_not_swept() {
    let Some(apps) = replicas(2).await else { return };
    let store = apps[0].authz_store();
    let code = store.new_code(&json!({"sub": "alice", "cid": "c7", "irt": true})).await;
    let fields = [("code", code.as_str()), ("client_id", "c7")];
    let held = Held::rows(&apps[0], "authorization_code", "cid = 'c7'").await;
    let tokens = tidied_after(&apps[1], held, 600, store.exchange(&fields)).await.status(200).json();
    store.assert_live("refresh_token", text(&tokens, "refresh_token"), true).await;
    store.exchange(&fields).await.error(404, "invalid_code");
    store.refresh(text(&tokens, "refresh_token")).await.error(404, "invalid_refresh_token");
}

/// Rows of one tenant that can't be had keep the upkeep from no other's. It goes by the tenants' numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upkeep_of_one_tenant_is_not_that_of_another() {
    let Some(app) = TestApp::postgres().await else { return };
    for (table, subject, task) in [("access_token", "expiring", "sweep"), ("authorization_record", "revoked", "purge")]
    {
        for tenant in ["acme", "limits"] {
            let store = app.authz_store().as_tenant(tenant);
            store.new_tokens(&json!({"sub": "expiring", "cid": "c7", "ate": "IDENTIFIER", "atl": 60})).await;
            store.stored("revoked", "c7").await;
            store.revoke(&[("subject", "revoked")]).await.status(200);
        }
        app.advance(120);
        let first = format!("sub = '{subject}' AND tenant_id = (SELECT MIN(tenant_id) FROM {table})");
        let held = Held::rows(&app, table, &first).await;
        tidied_down_to(&app, table, subject, 1).await;
        held.release().await;
        let metrics = app.ops_request("GET", "/metrics").send().await.status(200).text();
        let counted = format!("tenure_upkeep_failures_total{{task=\"{task}\"}} ");
        assert!(metrics.contains(&counted) && !metrics.contains(&format!("{counted}0\n")), "{metrics}");
        tidied_down_to(&app, table, subject, 0).await;
    }
}

/// Tidies up until so many rows of a subject are left; the server itself may be at it, and the passes take turns.
async fn tidied_down_to(app: &TestApp, table: &str, subject: &str, left: usize) {
    for _ in 0..5 {
        app.tidy().await;
        if app.rows_with(table, subject).await == left {
            return;
        }
    }
    panic!("{table}: {} are left, not {left}", app.rows_with(table, subject).await);
}

/// The cached client is as old as the bound allows. What it is given may be as old, and dies with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_deleted_client_is_given_within_the_bound_is_dead() {
    let Some(here) = TestApp::postgres().await else { return };
    let behind =
        here.replica_with(|settings| settings.coherence = Mode::Bounded(Duration::from_mins(5))).await.unwrap();
    let iam = Iam::new(&here).await;
    for n in 0..4 {
        let thing = Thing::make(&here, Change::ClientDeleted, n).await;
        assert_eq!(thing.look_patiently(&behind).await, Seen::Before);
        thing.change(&here, &iam).await;
        let answer = thing.asked_patiently(&behind).await;
        if answer.code() == 401 {
            continue;
        }
        let token = answer.status(200).json();
        here.authz_store().assert_live("access_token", text(&token, "access_token"), false).await;
    }
}
