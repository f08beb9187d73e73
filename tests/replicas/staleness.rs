//! What is acknowledged on one replica is seen on another: at once in strict mode, within the bound in bounded mode (rows
//! TK-13, RV-5, IN-7, TR-8, TN-10, TN-12, F-9).
//!
//! Readers ask the other replica without a pause while the change is made, so that its caches are full and are being filled
//! at that very moment. What counts is when a question was *sent*: after the acknowledgement, no answer may be old.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tenure::cache::Mode;
use tokio::sync::Barrier;

use super::changes::{Change, Seen, Thing};
use super::proxy::{Fault, Path, Proxy};
use super::{replicas, scale};
use crate::harness::TestApp;
use crate::iam::Iam;

const READERS: usize = 4;
/// How often each reader asks once it has seen the change.
const MORE: usize = 3;
const BOUND: Duration = Duration::from_millis(250);
/// How long an old answer is waited out before the test fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// What readers saw after an acknowledgement.
#[derive(Default)]
struct Tally {
    checks: usize,
    stale: usize,
    worst: Duration,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.checks += other.checks;
        self.stale += other.stale;
        self.worst = self.worst.max(other.worst);
    }
}

async fn read(thing: &Thing, reader: &TestApp, warm: &Barrier, acknowledged: &OnceLock<Instant>) -> Tally {
    assert_eq!(thing.look_patiently(reader).await, Seen::Before, "{:?}", thing.change);
    warm.wait().await;
    let (mut tally, mut seen) = (Tally::default(), 0);
    while seen < MORE {
        let (known, sent) = (acknowledged.get(), Instant::now());
        let answer = thing.look(reader).await;
        if answer == Seen::Refused {
            assert!(thing.change.asks_a_secret(), "{:?}: only password hashes may be too many", thing.change);
            continue;
        }
        let Some(at) = known else { continue };
        tally.checks += 1;
        if answer == Seen::After {
            seen += 1;
        } else {
            assert_eq!(seen, 0, "{:?}: seen, and then not", thing.change);
            tally.stale += 1;
            tally.worst = tally.worst.max(sent - *at);
            assert!(tally.worst < PATIENCE, "{:?} is never seen", thing.change);
        }
    }
    tally
}

async fn watch(thing: &Thing, writer: &TestApp, reader: &TestApp, iam: &Iam<'_>) -> Tally {
    let (warm, acknowledged) = (Barrier::new(READERS + 1), OnceLock::new());
    let readers = join_all((0..READERS).map(|_| read(thing, reader, &warm, &acknowledged)));
    let change = async {
        warm.wait().await;
        thing.change(writer, iam).await;
        acknowledged.set(Instant::now()).unwrap();
    };
    let (tallies, ()) = tokio::join!(readers, change);
    let mut all = Tally::default();
    for tally in &tallies {
        all.add(tally);
    }
    all
}

/// Makes every change, and the light ones often, on one replica and then on the other.
async fn watch_all(apps: &[TestApp; 2], rounds: usize) -> Tally {
    let iam = [Iam::new(&apps[0]).await, Iam::new(&apps[1]).await];
    let mut all = Tally::default();
    for n in 0..rounds {
        let heavy = if n % 50 == 0 { &Change::HEAVY[..] } else { &[] };
        for change in Change::LIGHT.iter().chain(heavy) {
            let writer = n % 2;
            let thing = Thing::make(&apps[0], *change, n).await;
            all.add(&watch(&thing, &apps[writer], &apps[1 - writer], &iam[writer]).await);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_stale_after_the_acknowledgement() {
    let Some(apps) = replicas(2).await else { return };
    let apps: [TestApp; 2] = apps.try_into().ok().unwrap();
    let tally = watch_all(&apps, 6 * scale()).await;
    println!("strict: {} checks after an acknowledgement, {} stale", tally.checks, tally.stale);
    assert_eq!(tally.stale, 0, "up to {:?} late", tally.worst);
    assert!(tally.checks >= 400 * scale(), "{}", tally.checks);
}

/// Two replicas whose change feeds, but nothing else, pass the proxy.
async fn behind_a_proxy() -> Option<([TestApp; 2], Proxy)> {
    let first = TestApp::postgres().await?;
    let proxy = Proxy::start(first.database_url()).await;
    let behind =
        || first.replica_with(|settings| settings.database_url = tenure::crypto::secret::Secret::new(proxy.url()));
    let apps = [behind().await.unwrap(), behind().await.unwrap()];
    first.stop().await;
    Some((apps, proxy))
}

/// Without a change feed on any of them, all the while: each asks the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_stale_without_the_feed() {
    let Some((apps, proxy)) = behind_a_proxy().await else { return };
    proxy.set(&[Path::Feed], Fault::Closed);
    let tally = watch_all(&apps, 4 * scale()).await;
    println!("no feed: {} checks after an acknowledgement, {} stale", tally.checks, tally.stale);
    for app in &apps {
        app.ops_request("GET", "/health/ready").send().await.status(503);
    }
    assert_eq!(tally.stale, 0, "up to {:?} late", tally.worst);
    assert!(tally.checks >= 300 * scale(), "{}", tally.checks);
}

/// A feed that is lost and found many times a second: what it told before, between and after must join without a gap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_stale_while_the_feed_comes_and_goes() {
    let Some((apps, proxy)) = behind_a_proxy().await else { return };
    let mut cuts = 0;
    let come_and_go = async {
        loop {
            for (fault, millis) in [(Fault::Closed, 3 + cuts % 17), (Fault::None, 3 + cuts % 31)] {
                proxy.set(&[Path::Feed], fault);
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            cuts += 1;
        }
    };
    let tally = tokio::select! {
        tally = watch_all(&apps, 4 * scale()) => tally,
        () = come_and_go => unreachable!(),
    };
    println!("a feed cut {cuts} times: {} checks after an acknowledgement, {} stale", tally.checks, tally.stale);
    assert!(cuts > 20, "cut {cuts} times only: this shows nothing");
    assert_eq!(tally.stale, 0, "up to {:?} late", tally.worst);
    assert!(tally.checks >= 300 * scale(), "{}", tally.checks);
}

/// SQLite: another process on the same file, as a command beside a running server is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_stale_over_two_servers_on_one_file() {
    let one = TestApp::sqlite().await;
    let other = one.replica().await;
    let tally = watch_all(&[one, other], 2 * scale()).await;
    println!("one file: {} checks after an acknowledgement, {} stale", tally.checks, tally.stale);
    assert_eq!(tally.stale, 0, "up to {:?} late", tally.worst);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounded_replicas_are_late_by_no_more_than_the_bound() {
    let Some(first) = TestApp::postgres().await else { return };
    let bounded = || first.replica_with(|settings| settings.coherence = Mode::Bounded(BOUND));
    let apps = [bounded().await.unwrap(), bounded().await.unwrap()];
    first.stop().await;
    let tally = watch_all(&apps, 2 * scale()).await;
    println!(
        "bounded:250ms: {} checks after an acknowledgement, {} stale, the latest sent {:?} after it",
        tally.checks, tally.stale, tally.worst
    );
    assert!(tally.worst <= BOUND, "{:?}", tally.worst);
    assert!(tally.stale > 0, "the bound was not used at all: this shows nothing");
}

/// A secret that another one replaced lives 30 minutes more, on a replica that remembers it as verified too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verified_secret_is_not_remembered_past_its_end() {
    let Some(apps) = replicas(2).await else { return };
    let thing = Thing::make(&apps[0], Change::ClientDisabled, 0).await;
    assert_eq!(thing.look_patiently(&apps[1]).await, Seen::Before);
    thing.replace_secret(&apps[0]).await;
    apps[0].advance(30 * 60 - 1);
    assert_eq!(thing.look_patiently(&apps[1]).await, Seen::Before);
    apps[0].advance(1);
    assert_eq!(thing.look_patiently(&apps[1]).await, Seen::After);
}

/// Deleted on one replica and made anew on another: nothing of the old tenant is good under the new one, on any of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_made_anew_on_another_replica_shares_nothing_with_the_old_one() {
    let Some(apps) = replicas(4).await else { return };
    for n in 0..2 * scale() {
        let (writer, maker) = (&apps[n % 4], &apps[(n + 1) % 4]);
        let thing = Thing::make(writer, Change::TenantDeleted, n).await;
        for app in &apps {
            assert_eq!(thing.look(app).await, Seen::Before);
        }
        thing.change(writer, &Iam::new(writer).await).await;
        thing.make_tenant(maker).await;
        for app in &apps {
            assert_eq!(thing.look(app).await, Seen::After);
            thing.assert_fresh(app).await;
        }
    }
}
