//! The answer to a COMMIT is lost: what the database made of it is found out, and the client told so (row CG-13, F-7).

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenure::cache::Mode;

use super::cuts::{Pair, pair};
use super::proxy::{Cut, Fault, Path};
use super::scale;
use crate::harness::{Answer, TestApp};
use crate::oauth::caller::{bare, hs256, own_claims, refused, text, with_assertion};

/// Kinds of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    SignIn,
    Exchange,
    Rotation,
    Update,
    Revocation,
    SingleUse,
    Assertion,
}

const KINDS: [Kind; 7] =
    [Kind::SignIn, Kind::Exchange, Kind::Rotation, Kind::Update, Kind::Revocation, Kind::SingleUse, Kind::Assertion];

/// A write about to be sent: the body or fields of its request.
struct Write {
    kind: Kind,
    sub: String,
    input: String,
}

impl Write {
    async fn prepare(app: &TestApp, kind: Kind, n: usize) -> Self {
        let (store, sub) = (app.authz_store(), format!("{kind:?}-{n}").to_lowercase());
        let body = json!({"sub": sub, "cid": "c1", "ate": "IDENTIFIER", "lng": true, "irt": true, "scp": ["read"]});
        let input = match kind {
            Kind::SignIn => body.to_string(),
            Kind::Exchange => store.new_code(&body).await,
            Kind::Rotation => {
                let strict = store.as_tenant("strict").stored(&sub, "c1").await;
                text(&strict, "refresh_token").to_owned()
            }
            Kind::SingleUse | Kind::Revocation | Kind::Update => {
                let tokens = store.new_tokens(&body).await;
                text(&tokens, "access_token").to_owned()
            }
            Kind::Assertion => {
                let claims = own_claims("jwt-client", "https://acme.example.com", app.now(), &sub);
                hs256("jwt-client-secret-0123456789abcdef-0123456789", &claims)
            }
        };
        Self { kind, sub, input }
    }

    async fn send(&self, app: &TestApp) -> Answer {
        let store = app.authz_store();
        match self.kind {
            Kind::SignIn => store.tokens(&serde_json::from_str(&self.input).unwrap()).await,
            Kind::Exchange => store.exchange(&[("code", &self.input), ("client_id", "c1")]).await,
            Kind::Rotation => store.as_tenant("strict").refresh(&self.input).await,
            Kind::Update => store.put(&json!({"sub": self.sub, "cid": "c1", "scp": ["write"]})).await,
            Kind::Revocation => store.revoke(&[("subject", &self.sub)]).await,
            Kind::SingleUse => store.inspect_once(&self.input).await,
            Kind::Assertion => {
                bare(app, "acme", "/token", &with_assertion(&[("grant_type", "client_credentials")], &self.input)).await
            }
        }
    }

    /// Demands, on another replica, that an answer of success holds and that the write was made once.
    async fn holds(&self, answer: &Answer, app: &TestApp) {
        let store = app.authz_store();
        match self.kind {
            Kind::SignIn | Kind::Exchange => {
                let tokens = answer.status(200).json();
                store.assert_live("access_token", text(&tokens, "access_token"), true).await;
                store.assert_live("refresh_token", text(&tokens, "refresh_token"), true).await;
            }
            Kind::Rotation => {
                let next = answer.status(200).json();
                let store = store.as_tenant("strict");
                store.refresh(text(&next, "refresh_token")).await.status(200);
            }
            Kind::Update => {
                answer.status(204);
                assert_eq!(store.record(&self.sub, "c1").await["scp"], json!(["write"]));
            }
            Kind::Revocation => {
                answer.status(200);
                store.assert_live("access_token", &self.input, false).await;
            }
            Kind::SingleUse => {
                answer.status(200);
                store.inspect_once(&self.input).await.error(404, "invalid_access_token");
            }
            Kind::Assertion => {
                answer.status(200);
                refused(&self.send(app).await);
            }
        }
    }
}

/// Loses the next commit of each kind of write, again and again; the client is told of success nevertheless.
async fn resolve(cut: Cut) {
    let Some(Pair { here, behind, proxy }) = pair(Mode::Strict).await else { return };
    let rounds = 3 * scale();
    for n in 0..rounds {
        for kind in KINDS {
            let write = Write::prepare(&here, kind, n).await;
            let lost = proxy.lost_commits();
            proxy.cut_commits(cut, 1);
            let answer = write.send(&behind).await;
            assert!(proxy.lost_commits() > lost, "{kind:?}: no commit was lost");
            write.holds(&answer, &here).await;
        }
    }
    println!("{} commits lost {cut:?} the server: {0} resolved, 0 burned", rounds * KINDS.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_done_is_a_success() {
    resolve(Cut::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_not_done_is_made_again() {
    resolve(Cut::Before).await;
}

/// Nobody can be asked: 503, and what may have been written is consistent afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_can_tell_is_unavailable() {
    let Some(Pair { here, behind, proxy }) = pair(Mode::Strict).await else { return };
    for kind in [Kind::Exchange, Kind::Rotation, Kind::SingleUse, Kind::Revocation] {
        let write = Write::prepare(&here, kind, 0).await;
        proxy.cut_commits(Cut::Gone, 1);
        let (answer, asked) = (write.send(&behind).await, Instant::now());
        assert!(!answer.status(503).header("retry-after").is_empty(), "{answer}");
        assert!(asked.elapsed() < Duration::from_secs(5));
        // It was done: a second try is a replay, and what the first one made is dead or was never given to anybody.
        let again = write.send(&here).await;
        match kind {
            Kind::Revocation => assert_eq!(again.status(200).json(), json!({})),
            _ => drop(again.status(404).json()),
        }
        let subjects: Vec<Value> = here.authz_store().list("subjects").await.into_iter().map(Value::from).collect();
        assert!(kind != Kind::Rotation || !subjects.contains(&json!(write.sub)));
        proxy.set(&[Path::Feed, Path::Queries], Fault::None);
        while behind.ops_request("GET", "/health/ready").send().await.code() != 200 {
            assert!(asked.elapsed() < Duration::from_secs(10), "not ready again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
