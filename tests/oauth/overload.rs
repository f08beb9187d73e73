//! Floods (rows PW-4, TK-14): slow hashes are bounded, what finds no place is told so at once, and other tenants go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::caller::{Caller, bare, client, granted, refused, shop, text};
use crate::harness::{Answer, TestApp, both};

both!(
    a_burst_of_passwords_is_answered_soon,
    a_storm_of_passwords_is_the_tenants_own,
    a_storm_of_secrets_is_the_tenants_own,
    wrong_secrets_have_a_limit_of_their_own,
);

/// How many ask at once.
const BURST: usize = 500;
/// How many ask over and over: more than have a place in the queue.
const SUSTAINED: usize = 48;
const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];

fn limited(app: &TestApp) -> Caller<'_> {
    client(app, "limited", "shop", "limited-shop-secret-0123456789abcd")
}

async fn sign_in(client: &Caller<'_>, password: &str) -> Answer {
    client.token(&[("grant_type", "password"), ("username", "alice"), ("password", password)]).await
}

/// Demands that a storm was answered, one way or the other, and that some of it was turned away as it should be.
#[track_caller]
fn weathered(answers: &[(Answer, Duration)], served: &[u16]) {
    let (turned_away, answered): (Vec<_>, Vec<_>) = answers.iter().partition(|(answer, _)| answer.code() == 503);
    assert!(!answered.is_empty() && !turned_away.is_empty(), "{} answered", answered.len());
    for (answer, _) in answered {
        assert!(served.contains(&answer.code()), "{answer}");
    }
    for (answer, _) in &turned_away {
        answer.error(503, "temporarily_unavailable");
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{answer}");
    }
    let slowest = answers.iter().map(|(_, took)| *took).max().unwrap();
    assert!(slowest < Duration::from_secs(20), "{slowest:?}");
}

async fn timed(answer: impl Future<Output = Answer>) -> (Answer, Duration) {
    let begun = Instant::now();
    (answer.await, begun.elapsed())
}

/// How many hashes have been counted as turned away.
async fn shed(app: &TestApp) -> u64 {
    let metrics = app.ops_request("GET", "/metrics").send().await.status(200).text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("tenure_shed_total{queue=\"passwords\"} "));
    line.map_or(0, |count| count.parse().unwrap())
}

/// Asks again when told to: a busy machine may be slow, but a place in the queue is found.
async fn in_the_end(mut ask: impl AsyncFnMut() -> Answer) -> Answer {
    for _ in 0..20 {
        let answer = ask().await;
        if answer.code() != 503 {
            return answer;
        }
    }
    ask().await
}

/// Runs `one` on many tasks over and over for as long as `neighbours` take.
async fn storm_during(one: impl AsyncFn(usize), neighbours: impl Future<Output = ()>) {
    let done = AtomicBool::new(false);
    let tasks = (0..SUSTAINED).map(async |n| {
        let mut next = n;
        while !done.load(Ordering::Relaxed) {
            one(next).await;
            next += SUSTAINED;
        }
    });
    let ends = async {
        neighbours.await;
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(join_all(tasks), ends);
}

async fn a_burst_of_passwords_is_answered_soon(app: &TestApp) {
    let shop = shop(app);
    let token = granted(&shop.token(&GRANT).await);
    let burst = join_all((0..BURST).map(|_| timed(sign_in(&shop, "secret-alice"))));
    let reads = async {
        for _ in 0..8 {
            // A busy machine may have no answer in time, but never a wrong one.
            let read =
                in_the_end(async || shop.post("/token/introspect", &[("token", text(&token, "access_token"))]).await)
                    .await;
            assert_eq!(read.status(200).json()["active"], true);
        }
    };
    let (answers, ()) = tokio::join!(burst, reads);
    weathered(&answers, &[200]);
    assert!(shed(app).await > 0, "it was no burst");
    granted(&in_the_end(async || sign_in(&shop, "secret-alice").await).await);
}

async fn a_storm_of_passwords_is_the_tenants_own(app: &TestApp) {
    let (shop, other) = (shop(app), limited(app));
    // Their secrets are known from now on: what follows is about passwords.
    granted(&shop.token(&GRANT).await);
    granted(&other.token(&GRANT).await);
    let neighbours = async {
        for _ in 0..6 {
            granted(&in_the_end(async || sign_in(&other, "secret-alice").await).await);
        }
    };
    let storm = async |_| drop(sign_in(&shop, "secret-alice").await);
    storm_during(storm, neighbours).await;
    assert!(shed(app).await > 0, "it was no storm");
}

async fn a_storm_of_secrets_is_the_tenants_own(app: &TestApp) {
    let other = limited(app);
    let neighbours = async {
        // The first one is a slow hash, too.
        granted(&in_the_end(async || other.token(&GRANT).await).await);
        for _ in 0..6 {
            granted(&in_the_end(async || sign_in(&other, "secret-alice").await).await);
        }
    };
    // Wrong secrets of one that exists, and of as many as there are numbers that don't.
    let storm = async |n: usize| {
        let id = if n.is_multiple_of(2) { "65564eb0058d".to_owned() } else { format!("c{n}") };
        let answer = client(app, "acme", &id, &format!("w{n}")).token(&GRANT).await;
        assert!([401, 503].contains(&answer.code()), "{answer}");
    };
    storm_during(storm, neighbours).await;
    assert!(shed(app).await > 0, "it was no storm");
    granted(&in_the_end(async || super::caller::shop(app).token(&GRANT).await).await);
}

async fn wrong_secrets_have_a_limit_of_their_own(app: &TestApp) {
    granted(&limited(app).token(&GRANT).await);
    let wrong = client(app, "limited", "shop", "wrong");
    for _ in 0..3 {
        refused(&wrong.token(&GRANT).await);
    }
    for path in ["/token", "/token/revoke", "/token/introspect"] {
        let answer = wrong.post(path, &[GRANT[0], ("token", "x")]).await;
        answer.error(429, "temporarily_unavailable");
        assert!(
            answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=60).contains(&seconds)),
            "{answer}"
        );
    }
    // Who knows the secret, or is another, or of another tenant, is not held up.
    granted(&limited(app).token(&GRANT).await);
    refused(&bare(app, "limited", "/token", &[GRANT[0], ("client_id", "nobody")]).await);
    refused(&client(app, "acme", "shop", "wrong").token(&GRANT).await);
    granted(&shop(app).token(&GRANT).await);
}
