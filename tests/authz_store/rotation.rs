//! Rotating refresh tokens: chains, the grace in which a lost answer is given again, and what a replay costs.

use serde_json::{Value, json};

use crate::harness::{AuthzStore, TestApp, both, both_restarting};

both!(
    each_refresh_gives_a_new_token,
    a_lost_answer_is_given_again_within_the_grace,
    a_retired_token_after_the_grace_revokes_the_authorisation,
    a_retired_token_whose_successor_was_used_revokes_the_authorisation,
    without_grace_the_second_use_is_a_replay,
    a_token_two_generations_back_is_a_replay,
    each_sign_in_starts_its_own_chain,
    the_record_decides_about_rotation,
    a_replay_of_a_transient_chain_ends_it,
    a_replay_by_another_tenant_changes_nothing,
    a_rotated_token_keeps_its_lifetime,
);
both_restarting!(a_replay_is_noticed_months_later_and_after_a_restart);

fn token(answer: &Value) -> String {
    answer["refresh_token"].as_str().unwrap().to_owned()
}

async fn next(store: &AuthzStore<'_>, refresh_token: &str) -> String {
    token(&store.refresh(refresh_token).await.status(200).json())
}

async fn assert_all_dead(store: &AuthzStore<'_>, refresh_tokens: &[&str], access_tokens: &[&Value]) {
    for refresh_token in refresh_tokens {
        store.assert_live("refresh_token", refresh_token, false).await;
        store.refresh(refresh_token).await.error(404, "invalid_refresh_token");
    }
    for access_token in access_tokens {
        store.assert_live("access_token", access_token.as_str().unwrap(), false).await;
    }
    store.find(&[("subject", "alice"), ("client_id", "c1")]).await.error(404, "authz_not_found");
}

async fn each_refresh_gives_a_new_token(app: &TestApp) {
    let store = app.authz_store().as_tenant("rotating");
    let mut current = token(&store.stored("alice", "c1").await);
    for _ in 0..4 {
        let successor = next(&store, &current).await;
        assert_ne!(successor, current);
        assert_eq!(store.list("refresh-tokens").await, [successor.as_str()], "one live chain");
        assert_eq!(store.record("alice", "c1").await["rft"], successor.as_str());
        current = successor;
    }
}

async fn a_lost_answer_is_given_again_within_the_grace(app: &TestApp) {
    let store = app.authz_store().as_tenant("rotating");
    let first = token(&store.stored("alice", "c1").await);
    let successor = next(&store, &first).await;
    app.advance(2);
    assert_eq!(next(&store, &first).await, successor);
    app.advance(7);
    assert_eq!(next(&store, &first).await, successor, "9 seconds are within 10");
    assert_ne!(next(&store, &successor).await, successor, "and it works");
}

async fn a_retired_token_after_the_grace_revokes_the_authorisation(app: &TestApp) {
    let store = app.authz_store().as_tenant("rotating");
    let issued = store.stored("alice", "c1").await;
    let first = token(&issued);
    let second = store.refresh(&first).await.status(200).json();
    app.advance(11);
    store.refresh(&first).await.error(404, "invalid_refresh_token");
    let access_tokens = [&issued["access_token"], &second["access_token"]];
    assert_all_dead(&store, &[&first, &token(&second)], &access_tokens).await;
}

async fn a_retired_token_whose_successor_was_used_revokes_the_authorisation(app: &TestApp) {
    let store = app.authz_store().as_tenant("rotating");
    let issued = store.stored("alice", "c1").await;
    let first = token(&issued);
    let second = next(&store, &first).await;
    let third = next(&store, &second).await;
    // No time has passed: the grace is open, but who has the successor can't have lost it.
    store.refresh(&first).await.error(404, "invalid_refresh_token");
    assert_all_dead(&store, &[&first, &second, &third], &[&issued["access_token"]]).await;
}

async fn without_grace_the_second_use_is_a_replay(app: &TestApp) {
    let store = app.authz_store().as_tenant("strict");
    let issued = store.stored("alice", "c1").await;
    let first = token(&issued);
    let second = next(&store, &first).await;
    store.refresh(&first).await.error(404, "invalid_refresh_token");
    assert_all_dead(&store, &[&first, &second], &[&issued["access_token"]]).await;
}

async fn a_token_two_generations_back_is_a_replay(app: &TestApp) {
    let store = app.authz_store().as_tenant("rotating");
    let issued = store.stored("alice", "c1").await;
    let first = token(&issued);
    let second = next(&store, &first).await;
    let third = next(&store, &second).await;
    let fourth = next(&store, &third).await;
    store.refresh(&second).await.error(404, "invalid_refresh_token");
    assert_all_dead(&store, &[&first, &second, &third, &fourth], &[&issued["access_token"]]).await;
}

async fn each_sign_in_starts_its_own_chain(app: &TestApp) {
    let store = app.authz_store().as_tenant("rotating");
    let phone = token(&store.stored("alice", "c1").await);
    let laptop = token(&store.stored("alice", "c1").await);
    assert_ne!(phone, laptop);
    assert_eq!(store.record("alice", "c1").await["rft"], laptop.as_str(), "the newest is shown");
    let phone = next(&store, &phone).await;
    let laptop = next(&store, &laptop).await;
    let mut both = [phone.clone(), laptop.clone()];
    both.sort();
    let mut listed = store.list("refresh-tokens").await;
    listed.sort();
    assert_eq!(listed, both, "the list shows each chain's current token");
    next(&store, &phone).await;
    next(&store, &laptop).await;
}

async fn the_record_decides_about_rotation(app: &TestApp) {
    for (tenant, rtr, rotates) in [("acme", true, true), ("rotating", false, false)] {
        let store = app.authz_store().as_tenant(tenant);
        let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rtr": rtr});
        let first = token(&store.new_tokens(&body).await);
        assert_eq!(store.record("alice", "c1").await["rtr"], rtr);
        assert_eq!(next(&store, &first).await != first, rotates, "{tenant} with rtr={rtr}");
        let again = token(&store.new_tokens(&body).await);
        assert_eq!(again != first && rotates, rotates, "a chain for each sign-in, or one for all");
    }
}

async fn a_replay_of_a_transient_chain_ends_it(app: &TestApp) {
    let store = app.authz_store().as_tenant("strict");
    let record = store.stored("alice", "c1").await;
    let passing = json!({"sub": "alice", "cid": "c1", "irt": true});
    let [one, other] = [store.new_tokens(&passing).await, store.new_tokens(&passing).await];
    let second = next(&store, &token(&one)).await;
    store.refresh(&token(&one)).await.error(404, "invalid_refresh_token");
    store.refresh(&second).await.error(404, "invalid_refresh_token");
    store.assert_live("access_token", one["access_token"].as_str().unwrap(), false).await;
    // Neither the record of the same key nor another transient authorisation is part of this one.
    next(&store, &token(&other)).await;
    next(&store, &token(&record)).await;
}

async fn a_replay_by_another_tenant_changes_nothing(app: &TestApp) {
    let store = app.authz_store().as_tenant("strict");
    let first = token(&store.stored("alice", "c1").await);
    let second = next(&store, &first).await;
    app.authz_store().as_tenant("rotating").refresh(&first).await.error(404, "invalid_refresh_token");
    store.without_credentials().refresh(&first).await.error(401, "missing_token");
    app.authz_store().as_tenant("strict").refresh(&second).await.status(200);
}

async fn a_rotated_token_keeps_its_lifetime(app: &TestApp) {
    let store = app.authz_store().as_tenant("rotating");
    let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rtl": 100, "rtm": 60});
    let mut current = token(&store.new_tokens(&body).await);
    app.advance(59);
    current = next(&store, &current).await;
    app.advance(40);
    current = next(&store, &current).await;
    app.advance(1);
    // Expiry is the issue of the first in the chain plus rtl: rotation does not prolong it.
    store.refresh(&current).await.error(404, "invalid_refresh_token");
}

async fn a_replay_is_noticed_months_later_and_after_a_restart(app: TestApp) {
    let first = token(&app.authz_store().as_tenant("rotating").stored("alice", "c1").await);
    let second = next(&app.authz_store().as_tenant("rotating"), &first).await;
    let app = app.restarted().await;
    app.advance(180 * 24 * 3600);
    let store = app.authz_store().as_tenant("rotating");
    store.refresh(&first).await.error(404, "invalid_refresh_token");
    assert_all_dead(&store, &[&first, &second], &[]).await;
}
