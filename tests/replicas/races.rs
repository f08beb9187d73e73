//! Racers over all replicas for what may be had once (rows CG-2, AZ-10, RF-2, TK-6, JB-6, SB-11, IN-6).

use std::collections::BTreeSet;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use super::{replicas, scale, warm};
use crate::harness::{Answer, TestApp, peers};
use crate::oauth::caller::{bare, client, hs256, own_claims, refused, shop, text, with_assertion};

/// How many things are raced for, and by how many at once.
fn sizes() -> (usize, usize) {
    if scale() == 1 { (12, 16) } else { (40 * scale(), 64) }
}

/// Asks one thing of every replica in turn, all at once.
async fn race<'a, F: Future<Output = Answer>>(
    apps: &'a [TestApp],
    racers: usize,
    ask: impl Fn(&'a TestApp) -> F,
) -> Vec<Answer> {
    join_all((0..racers).map(|n| ask(&apps[n % apps.len()]))).await
}

/// The one answer that is 200; each of the others must be the error.
#[track_caller]
fn one_winner(answers: &[Answer], status: u16, error: &str) -> Value {
    let won: Vec<_> = answers.iter().filter(|answer| answer.code() == 200).collect();
    answers.iter().filter(|answer| answer.code() != 200).for_each(|answer| {
        answer.error(status, error);
    });
    assert_eq!(won.len(), 1, "one winner among {}", answers.len());
    won[0].json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_has_one_winner_over_two_replicas() {
    if let Some(apps) = replicas(2).await {
        codes(&apps).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_has_one_winner_over_four_replicas() {
    if let Some(apps) = replicas(4).await {
        codes(&apps).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_has_one_winner_over_two_servers_on_one_file() {
    let one = TestApp::sqlite().await;
    let other = one.replica().await;
    codes(&[one, other]).await;
}

/// Half of the codes at the authorisation store, half at `/token`; 64 racers at any time, fewer than any server sheds.
async fn codes(apps: &[TestApp]) {
    let (codes, racers) = sizes();
    warm(apps).await;
    let side_by_side = stream::iter(0..codes).map(|n| async move {
        if n % 2 == 0 { store_code(apps, n, racers).await } else { token_code(apps, n, racers).await }
    });
    let won = side_by_side.buffer_unordered(64 / racers).count().await;
    println!("{won} codes x {racers} racers over {} replicas: {won} winners, 0 doubles, 0 of another kind", apps.len());
}

async fn store_code(apps: &[TestApp], n: usize, racers: usize) {
    let cid = format!("c{n}");
    let body = json!({"sub": format!("s{n}"), "cid": cid, "lng": n.is_multiple_of(4), "irt": true});
    let code = apps[0].authz_store().new_code(&body).await;
    let fields = [("code", code.as_str()), ("client_id", cid.as_str())];
    let ask = |app: &TestApp| app.authz_store().request("POST", "authorizations").form(&fields).send();
    let won = one_winner(&race(apps, racers, ask).await, 404, "invalid_code");
    // The losers were replays of the winner's request: on every replica what it got is dead.
    let store = apps[n % apps.len()].authz_store();
    store.assert_live("access_token", text(&won, "access_token"), false).await;
    store.refresh(text(&won, "refresh_token")).await.error(404, "invalid_refresh_token");
}

async fn token_code(apps: &[TestApp], n: usize, racers: usize) {
    let redirect = "https://client.example.com/in";
    let body = json!({"sub": format!("s{n}"), "cid": "65564eb0058d", "rur": redirect, "irt": true, "scp": ["openid"]});
    let code = apps[0].authz_store().new_code(&body).await;
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", redirect)];
    let callers: Vec<_> = apps.iter().map(shop).collect();
    let answers = join_all((0..racers).map(|n| callers[n % apps.len()].token(&fields))).await;
    let won = one_winner(&answers, 400, "invalid_grant");
    let caller = &callers[n % apps.len()];
    caller.assert_active(text(&won, "access_token"), false).await;
    let again = [("grant_type", "refresh_token"), ("refresh_token", text(&won, "refresh_token"))];
    caller.token(&again).await.error(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_has_one_successor_over_four_replicas() {
    let Some(apps) = replicas(4).await else { return };
    let (tokens, racers) = sizes();
    for n in 0..tokens / 2 {
        let store = apps[0].authz_store().as_tenant("rotating");
        let first = store.stored(&format!("s{n}"), "c1").await;
        let fields = [("refresh_token", text(&first, "refresh_token"))];
        let ask = |app: &TestApp| {
            app.authz_store().as_tenant("rotating").request("POST", "authorizations").form(&fields).send()
        };
        let answers = race(&apps, racers, ask).await;
        let successors: BTreeSet<_> =
            answers.iter().map(|answer| text(&answer.status(200).json(), "refresh_token").to_owned()).collect();
        assert_eq!(successors.len(), 1, "never two live branches");
        let next = successors.first().unwrap();
        assert_ne!(next, fields[0].1);
        let other = apps[n % apps.len()].authz_store().as_tenant("rotating");
        other.refresh(next).await.status(200);
        // The successor was used: the first one is a replay now, also within the grace.
        other.refresh(fields[0].1).await.error(404, "invalid_refresh_token");
        apps[0].authz_store().as_tenant("rotating").assert_live("refresh_token", next, false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_grace_one_refresh_wins_over_four_replicas() {
    let Some(apps) = replicas(4).await else { return };
    let (tokens, racers) = sizes();
    for n in 0..tokens / 2 {
        let first = apps[0].authz_store().as_tenant("strict").stored(&format!("s{n}"), "c1").await;
        let fields = [("refresh_token", text(&first, "refresh_token"))];
        let ask = |app: &TestApp| {
            app.authz_store().as_tenant("strict").request("POST", "authorizations").form(&fields).send()
        };
        let won = one_winner(&race(&apps, racers, ask).await, 404, "invalid_refresh_token");
        let other = apps[n % apps.len()].authz_store().as_tenant("strict");
        other.refresh(text(&won, "refresh_token")).await.error(404, "invalid_refresh_token");
        other.assert_live("access_token", text(&won, "access_token"), false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_use_token_has_one_winner_over_four_replicas() {
    let Some(apps) = replicas(4).await else { return };
    let (tokens, racers) = sizes();
    for n in 0..tokens {
        let body = json!({"sub": format!("s{n}"), "cid": "c1", "ate": "IDENTIFIER"});
        let token = text(&apps[0].authz_store().new_tokens(&body).await, "access_token").to_owned();
        let fields = [("access_token", token.as_str())];
        let ask = |app: &TestApp| app.authz_store().request("POST", "inspection?revoke=true").form(&fields).send();
        one_winner(&race(&apps, racers, ask).await, 404, "invalid_access_token");
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_has_one_winner_over_four_replicas() {
    let Some(apps) = replicas(4).await else { return };
    let (ids, racers) = sizes();
    for n in 0..ids {
        let id = format!("jti-{n}");
        let client_claims = own_claims("jwt-client", "https://acme.example.com", apps[0].now(), &id);
        let assertion = hs256("jwt-client-secret-0123456789abcdef-0123456789", &client_claims);
        let fields = with_assertion(&[("grant_type", "client_credentials")], &assertion);
        let answers = race(&apps, racers, |app| bare(app, "acme", "/token", &fields)).await;
        assert_eq!(answers.iter().filter(|answer| answer.code() == 200).count(), 1);
        for answer in answers.iter().filter(|answer| answer.code() != 200) {
            refused(answer);
        }
        // The same for the grant: self-issued, so that one use authenticates the client and stands for the grant.
        let claims = own_claims("hmac", "https://federated.example.com", apps[0].now(), &id);
        let assertion = hs256("federated-hmac-secret-0123456789ab-0123456789", &claims);
        let fields = [("grant_type", JWT_BEARER), ("assertion", assertion.as_str())];
        let answers = race(&apps, racers, |app| bare(app, "federated", "/token", &fields)).await;
        one_winner(&answers, 400, "invalid_grant");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saml_assertion_has_one_winner_over_four_replicas() {
    let Some(apps) = replicas(4).await else { return };
    for n in 0..3 {
        let Some(assertion) = saml(apps[0].now()).await else { return };
        let grant = "urn:ietf:params:oauth:grant-type:saml2-bearer";
        let fields = [("grant_type", grant), ("assertion", assertion.as_str())];
        let shops: Vec<_> = apps.iter().map(federated_shop).collect();
        let answers = join_all((0..sizes().1).map(|n| shops[n % shops.len()].token(&fields))).await;
        one_winner(&answers, 400, "invalid_grant");
        shops[n % shops.len()].token(&fields).await.error(400, "invalid_grant");
    }
}

pub(super) fn federated_shop(app: &TestApp) -> crate::oauth::caller::Caller<'_> {
    client(app, "federated", "shop", "federated-shop-secret-0123456789ab")
}

/// A SAML assertion that another implementation made; `None` where it isn't installed.
pub(super) async fn saml(now: i64) -> Option<String> {
    let question = json!({"issuer": "https://idp.example.org/metadata", "subject": "dave", "now": now,
        "audience": "https://federated.example.com", "recipient": "https://federated.example.com/token",
        "private_key": include_str!("../fixtures/idp.pem")});
    let minted = peers::ask("saml/mint.py", question).await?;
    Some(text(&minted, "assertion").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_beats_what_races_it_on_another_replica() {
    let Some(apps) = replicas(2).await else { return };
    let rounds = 20 * scale();
    for n in 0..rounds {
        let (here, there) = (apps[n % 2].authz_store(), apps[1 - n % 2].authz_store());
        let sub = format!("s{n}");
        let old = there.stored(&sub, "c1").await;
        let code = there.new_code(&json!({"sub": sub, "cid": "c2", "lng": n.is_multiple_of(3), "irt": true})).await;
        let fields = [("subject", sub.as_str())];
        let exchange = [("code", code.as_str()), ("client_id", "c2")];
        let (revoked, exchanged, refreshed) = tokio::join!(
            here.revoke_quietly(&fields),
            there.exchange(&exchange),
            there.refresh(text(&old, "refresh_token"))
        );
        revoked.status(204);
        for (answer, error) in [(exchanged, "invalid_code"), (refreshed, "invalid_refresh_token")] {
            if answer.code() != 200 {
                answer.error(404, error);
                continue;
            }
            let tokens = answer.json();
            for store in [&here, &there] {
                store.assert_live("access_token", text(&tokens, "access_token"), false).await;
                store.assert_live("refresh_token", text(&tokens, "refresh_token"), false).await;
            }
        }
        there.assert_live("access_token", text(&old, "access_token"), false).await;
        there.exchange(&exchange).await.error(404, "invalid_code");
    }
    println!("{rounds} revocations against an exchange and a refresh on another replica: nothing lives");
}
