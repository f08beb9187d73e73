//! Many callers at once for what may happen once. No interleaving may give two winners, or none, or an answer 5xx.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, both};

both!(
    one_code_has_one_winner,
    one_retired_token_has_one_successor_within_the_grace,
    without_grace_one_refresh_wins,
    a_single_use_token_has_one_winner,
    a_revocation_beats_whoever_races_it,
    racing_sign_ins_leave_one_record,
    racing_updates_are_never_mixed,
    racing_imports_of_one_token_have_one_winner,
    a_shared_refresh_token_serves_all_at_once,
);

const RACERS: usize = 64;

/// The servers that race: one on SQLite, two replicas on PostgreSQL.
async fn servers(app: &TestApp) -> Vec<TestApp> {
    let mut replicas = Vec::new();
    if app.is_postgres() {
        replicas.push(app.replica().await);
    }
    replicas
}

/// Sends one form `RACERS` times at once, over all servers.
async fn race(
    app: &TestApp,
    replicas: &[TestApp],
    tenant: &str,
    resource: &str,
    fields: &[(&str, &str)],
) -> Vec<Answer> {
    let racers = (0..RACERS).map(|n| {
        let server = if n % 2 == 0 { app } else { replicas.first().unwrap_or(app) };
        server.authz_store().as_tenant(tenant).request("POST", resource).form(fields).send()
    });
    join_all(racers).await
}

/// Demands that `winners` answers are 200 and the rest 404 with an error; returns the bodies of the winners.
#[track_caller]
fn winners(answers: &[Answer], winners: usize, error: &str) -> Vec<Value> {
    let won: Vec<_> = answers.iter().filter(|answer| answer.code() == 200).map(Answer::json).collect();
    let lost = answers.iter().filter(|answer| answer.code() != 200);
    lost.for_each(|answer| {
        answer.error(404, error);
    });
    assert_eq!(won.len(), winners);
    won
}

async fn one_code_has_one_winner(app: &TestApp) {
    let replicas = servers(app).await;
    let store = app.authz_store();
    for round in 0..4 {
        let (lng, ate) = (round % 2 == 0, if round < 2 { "SELF_CONTAINED" } else { "IDENTIFIER" });
        let body = json!({"sub": "alice", "cid": format!("c{round}"), "lng": lng, "irt": true, "ate": ate});
        let code = store.new_code(&body).await;
        let fields = [("code", &*code), ("client_id", body["cid"].as_str().unwrap())];
        let answers = race(app, &replicas, "acme", "authorizations", &fields).await;
        let [won] = winners(&answers, 1, "invalid_code").try_into().unwrap();
        // The losers were replays of the winner's request.
        store.assert_live("access_token", won["access_token"].as_str().unwrap(), false).await;
        store.refresh(won["refresh_token"].as_str().unwrap()).await.error(404, "invalid_refresh_token");
    }
}

async fn one_retired_token_has_one_successor_within_the_grace(app: &TestApp) {
    let replicas = servers(app).await;
    let store = app.authz_store().as_tenant("rotating");
    for client in ["c1", "c2", "c3"] {
        let first = store.stored("alice", client).await;
        let fields = [("refresh_token", first["refresh_token"].as_str().unwrap())];
        let answers = race(app, &replicas, "rotating", "authorizations", &fields).await;
        let won = winners(&answers, RACERS, "invalid_refresh_token");
        let successors: BTreeSet<_> = won.iter().map(|tokens| tokens["refresh_token"].to_string()).collect();
        assert_eq!(successors.len(), 1, "never two live branches");
        store.refresh(won[0]["refresh_token"].as_str().unwrap()).await.status(200);
    }
}

async fn without_grace_one_refresh_wins(app: &TestApp) {
    let replicas = servers(app).await;
    let store = app.authz_store().as_tenant("strict");
    for client in ["c1", "c2", "c3"] {
        let first = store.stored("alice", client).await;
        let fields = [("refresh_token", first["refresh_token"].as_str().unwrap())];
        let answers = race(app, &replicas, "strict", "authorizations", &fields).await;
        let [won] = winners(&answers, 1, "invalid_refresh_token").try_into().unwrap();
        // The losers were replays: the whole authorisation is revoked.
        store.refresh(won["refresh_token"].as_str().unwrap()).await.error(404, "invalid_refresh_token");
        store.assert_live("access_token", won["access_token"].as_str().unwrap(), false).await;
        store.find(&[("subject", "alice"), ("client_id", client)]).await.error(404, "authz_not_found");
    }
}

async fn a_single_use_token_has_one_winner(app: &TestApp) {
    let replicas = servers(app).await;
    for round in 0..4 {
        let body = json!({"sub": "alice", "cid": "c1", "lng": round % 2 == 0, "ate": "IDENTIFIER"});
        let tokens = app.authz_store().new_tokens(&body).await;
        let fields = [("access_token", tokens["access_token"].as_str().unwrap())];
        let answers = race(app, &replicas, "acme", "inspection?revoke=true", &fields).await;
        winners(&answers, 1, "invalid_access_token");
    }
}

async fn a_revocation_beats_whoever_races_it(app: &TestApp) {
    let replicas = servers(app).await;
    let store = app.authz_store();
    let other = replicas.first().unwrap_or(app).authz_store();
    for round in 0..30 {
        let body = json!({"sub": "alice", "cid": "c1", "lng": round % 2 == 0, "irt": true});
        let code = store.new_code(&body).await;
        let held = store.new_tokens(&body).await;
        let held_refresh = held["refresh_token"].as_str().unwrap();
        let fields = [("code", &*code), ("client_id", "c1")];
        let subject = [("subject", "alice")];
        let (exchanged, refreshed, revoked) =
            futures_util::join!(other.exchange(&fields), other.refresh(held_refresh), store.revoke_quietly(&subject),);
        revoked.status(204);
        for (answer, error) in [(exchanged, "invalid_code"), (refreshed, "invalid_refresh_token")] {
            if answer.code() != 200 {
                answer.error(404, error);
                continue;
            }
            let tokens = answer.json();
            store.assert_live("access_token", tokens["access_token"].as_str().unwrap(), false).await;
            store.assert_live("refresh_token", tokens["refresh_token"].as_str().unwrap(), false).await;
        }
        other.assert_live("access_token", held["access_token"].as_str().unwrap(), false).await;
        other.refresh(held_refresh).await.error(404, "invalid_refresh_token");
    }
}

async fn racing_sign_ins_leave_one_record(app: &TestApp) {
    let replicas = servers(app).await;
    let bodies: Vec<_> = (0..RACERS)
        .map(|n| json!({"sub": "alice", "cid": "c1", "scp": [format!("s{n}")], "lng": true, "irt": true}))
        .collect();
    let racers = bodies.iter().enumerate().map(|(n, body)| {
        let server = if n % 2 == 0 { app } else { replicas.first().unwrap_or(app) };
        server.authz_store().request("POST", "authorizations?return=tokens").json(body).send()
    });
    let answers = join_all(racers).await;
    let refresh_tokens: BTreeSet<_> =
        answers.iter().map(|a| a.status(200).json()["refresh_token"].to_string()).collect();
    assert_eq!(refresh_tokens.len(), 1, "one record has one refresh token");
    assert_eq!(app.authz_store().list("subjects").await, ["alice"]);
    assert_eq!(app.authz_store().list("refresh-tokens").await.len(), 1);
}

async fn racing_updates_are_never_mixed(app: &TestApp) {
    let replicas = servers(app).await;
    let store = app.authz_store();
    let made = |scope: &str| json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "scp": [scope], "clm": [scope], "dat": {"k": scope}});
    let issued = store.new_tokens(&made("s0")).await;
    let refresh_token = issued["refresh_token"].as_str().unwrap();
    let other = replicas.first().unwrap_or(app).authz_store();
    for round in 1..=20 {
        let body = made(&format!("s{round}"));
        let puts = store.put(&body);
        let refreshes = join_all((0..4).map(|_| other.refresh(refresh_token)));
        let (put, refreshed) = futures_util::join!(puts, refreshes);
        put.status(204);
        for answer in refreshed {
            let tokens = answer.status(200).json();
            let claims = crate::harness::jwt::unverified(tokens["access_token"].as_str().unwrap()).claims;
            let scope = claims["scope"].as_str().unwrap();
            assert!([format!("s{}", round - 1), format!("s{round}")].contains(&scope.to_owned()), "{claims}");
            assert_eq!(
                (&claims["clm"], &claims["dat"]["k"]),
                (&json!([scope]), &json!(scope)),
                "old or new, never a mix"
            );
        }
        assert_eq!(other.record("alice", "c1").await["scp"], json!([format!("s{round}")]), "no update is lost");
    }
}

async fn racing_imports_of_one_token_have_one_winner(app: &TestApp) {
    let replicas = servers(app).await;
    let bodies: Vec<_> = (0..RACERS)
        .map(|n| json!({"sub": format!("s{n}"), "cid": "c1", "lng": true, "irt": true, "rft": "one-refresh-token-for-all-of-them"}))
        .collect();
    let racers = bodies.iter().enumerate().map(|(n, body)| {
        let server = if n % 2 == 0 { app } else { replicas.first().unwrap_or(app) };
        server.authz_store().request("POST", "authorizations?import=true").json(body).send()
    });
    let answers = join_all(racers).await;
    let won = answers.iter().filter(|answer| answer.code() == 204).count();
    answers.iter().filter(|answer| answer.code() != 204).for_each(|answer| {
        answer.error(400, "invalid_request");
    });
    assert_eq!(won, 1);
    assert_eq!(app.authz_store().list("subjects").await.len(), 1);
}

async fn a_shared_refresh_token_serves_all_at_once(app: &TestApp) {
    let replicas = servers(app).await;
    let issued = app.authz_store().stored("alice", "c1").await;
    let fields = [("refresh_token", issued["refresh_token"].as_str().unwrap())];
    let answers = race(app, &replicas, "acme", "authorizations", &fields).await;
    for tokens in winners(&answers, RACERS, "invalid_refresh_token") {
        assert_eq!(tokens["refresh_token"], issued["refresh_token"]);
    }
}
