//! Floods (rows PW-4, TK-14): slow hashes are bounded, what finds no place is told so at once, and other tenants go on.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::caller::{Caller, bare, client, granted, refused, shop, text};
use crate::harness::{Answer, TestApp, both};

both!(
    a_storm_of_passwords_is_the_tenants_own,
    a_storm_of_secrets_is_the_tenants_own,
    wrong_secrets_have_a_limit_of_their_own,
);

const STORM: usize = 500;
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
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
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

async fn a_storm_of_passwords_is_the_tenants_own(app: &TestApp) {
    let (shop, other) = (shop(app), limited(app));
    // Their secrets are known from now on: what follows is about passwords.
    let token = granted(&shop.token(&GRANT).await);
    granted(&other.token(&GRANT).await);
    let storm = join_all((0..STORM).map(|_| timed(sign_in(&shop, "secret-alice"))));
    let neighbours = async {
        for _ in 0..8 {
            granted(&sign_in(&other, "secret-alice").await);
            shop.assert_active(text(&token, "access_token"), true).await;
        }
    };
    let (answers, ()) = tokio::join!(storm, neighbours);
    weathered(&answers, &[200]);
    let turned_away = answers.iter().filter(|(answer, _)| answer.code() == 503).count();
    assert_eq!(shed(app).await, turned_away as u64);
    granted(&sign_in(&shop, "secret-alice").await);
}

async fn a_storm_of_secrets_is_the_tenants_own(app: &TestApp) {
    let other = limited(app);
    let storm = join_all((0..STORM).map(async |n| {
        let (id, secret) =
            if n % 2 == 0 { ("65564eb0058d".to_owned(), format!("w{n}")) } else { (format!("c{n}"), "x".into()) };
        timed(client(app, "acme", &id, &secret).token(&GRANT)).await
    }));
    let neighbours = async {
        // The first one is a slow hash, too.
        granted(&other.token(&GRANT).await);
        for _ in 0..8 {
            granted(&sign_in(&other, "secret-alice").await);
        }
    };
    let (answers, ()) = tokio::join!(storm, neighbours);
    weathered(&answers, &[401]);
    granted(&shop(app).token(&GRANT).await);
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
