//! A replica that has lost its change feed, or its whole database, never gives an old answer: the right one, or 503 with
//! `Retry-After`; and it comes back by itself.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::json;
use tenure::cache::Mode;

use super::changes::{Change, Seen, Thing};
use super::proxy::{Fault, Path, Proxy};
use super::scale;
use crate::harness::TestApp;
use crate::harness::database::connect;
use crate::iam::Iam;

/// A good deal longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// A server, and a replica behind a proxy.
pub(super) struct Pair {
    pub(super) here: TestApp,
    pub(super) behind: TestApp,
    pub(super) proxy: Proxy,
}

pub(super) async fn pair(mode: Mode) -> Option<Pair> {
    let here = TestApp::postgres().await?;
    let proxy = Proxy::start(here.database_url()).await;
    let behind = here.replica_with(|settings| {
        settings.coherence = mode;
        settings.database_url = tenure::crypto::secret::Secret::new(proxy.url());
    });
    let behind = behind.await.unwrap();
    Some(Pair { here, behind, proxy })
}

/// What the replica behind the proxy says, and how long it took.
async fn look(thing: &Thing, app: &TestApp) -> (Seen, Duration) {
    let asked = Instant::now();
    let seen = tokio::time::timeout(PATIENCE, thing.look(app)).await.expect("an answer in time");
    (seen, asked.elapsed())
}

/// Asks until the replica answers, and demands what it says. Each connection that was lost in a pool may cost one 503.
async fn answers(thing: &Thing, app: &TestApp, expected: Seen) {
    let begun = Instant::now();
    loop {
        let (seen, _) = look(thing, app).await;
        if seen != Seen::Refused {
            return assert_eq!(seen, expected, "{:?}", thing.change);
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}: not back", thing.change);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The replica is back without a restart.
async fn comes_back(thing: &Thing, app: &TestApp) {
    answers(thing, app, Seen::After).await;
    let mended = Instant::now();
    while app.ops_request("GET", "/health/ready").send().await.code() != 200 {
        assert!(mended.elapsed() < PATIENCE, "not ready again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The changes that are tried: silence takes a second each time, so that the short form makes do with three.
fn changes(fault: Fault) -> Vec<Change> {
    match fault {
        Fault::Silent if scale() == 1 => vec![Change::PairRevoked, Change::ClientDisabled, Change::TenantDisabled],
        _ => Change::LIGHT.into_iter().chain(Change::HEAVY).collect(),
    }
}

/// Cuts `paths`, makes each change on the other replica, and asks the one that is cut.
async fn cut(pair: &Pair, paths: &[Path], fault: Fault, bound: Duration) {
    let iam = Iam::new(&pair.here).await;
    let mut slowest = Duration::ZERO;
    for (n, change) in changes(fault).into_iter().enumerate() {
        let thing = Thing::make(&pair.here, change, n).await;
        answers(&thing, &pair.behind, Seen::Before).await;
        pair.proxy.set(paths, fault);
        thing.change(&pair.here, &iam).await;
        // What was acknowledged longer ago than the bound must be known.
        tokio::time::sleep(bound).await;
        for _ in 0..3 {
            let (seen, took) = look(&thing, &pair.behind).await;
            assert_ne!(seen, Seen::Before, "{change:?}: an old answer");
            slowest = slowest.max(took);
            if paths == [Path::Feed] && fault == Fault::Closed {
                assert_eq!(seen, Seen::After, "{change:?}: the store could be asked");
            }
        }
        pair.proxy.set(paths, Fault::None);
        comes_back(&thing, &pair.behind).await;
    }
    println!("{paths:?} {fault:?}: no old answer, the slowest took {slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_feed_the_store_is_asked() {
    let Some(pair) = pair(Mode::Strict).await else { return };
    cut(&pair, &[Path::Feed], Fault::Closed, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_feed_is_given_up() {
    let Some(pair) = pair(Mode::Strict).await else { return };
    cut(&pair, &[Path::Feed], Fault::Silent, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bounded_replica_without_the_feed_asks_the_store_after_the_bound() {
    let bound = Duration::from_millis(250);
    let Some(pair) = pair(Mode::Bounded(bound)).await else { return };
    cut(&pair, &[Path::Feed], Fault::Silent, bound).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_nothing_is_answered() {
    let Some(pair) = pair(Mode::Strict).await else { return };
    cut(&pair, &[Path::Feed, Path::Queries], Fault::Closed, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_silent_database_nothing_is_answered() {
    let Some(pair) = pair(Mode::Strict).await else { return };
    cut(&pair, &[Path::Feed, Path::Queries], Fault::Silent, Duration::ZERO).await;
}

/// A replica that vanished in the middle of a transaction holds its rows until the database notices: whoever needs one of
/// them is told to come back, nobody else is, the waits don't add up, and nothing is used up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_vanished_replica_holds_is_unavailable() {
    let Some(app) = TestApp::postgres().await else { return };
    let store = app.authz_store();
    let codes = join_all((0..8).map(|_| async { store.new_code(&json!({"sub": "alice", "cid": "c1"})).await })).await;
    let vanished = connect(app.database_url()).await;
    let hold = vanished.begin().await.unwrap();
    hold.execute_unprepared("SELECT 1 FROM authorization_code FOR UPDATE").await.unwrap();
    let exchange = async |code: &str| store.exchange(&[("code", code), ("client_id", "c1")]).await;
    let (asked, other) = (Instant::now(), app.authz_store().as_tenant("globex"));
    let (held, free) = tokio::join!(join_all(codes.iter().map(|code| exchange(code))), async {
        let code = other.new_code(&json!({"sub": "bob", "cid": "c1"})).await;
        other.exchange(&[("code", &code), ("client_id", "c1")]).await
    });
    for answer in held {
        assert!(!answer.status(503).header("retry-after").is_empty(), "{answer}");
    }
    free.status(200);
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    hold.rollback().await.unwrap();
    for code in &codes {
        exchange(code).await.status(200);
    }
}
