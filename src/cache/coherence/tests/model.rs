//! The property: after a revocation is acknowledged, no read that starts later returns the value from before it.
//!
//! Two replicas' worth of tasks: a writer that commits to a "database" with a log (remotely, or locally with a bump), the
//! polling task, and readers that fill and use one cache. Shuttle drives them through random and PCT (probabilistic
//! concurrency testing) schedules, switching at every atomic operation, lock and await below. A lost wake-up would show as
//! a deadlock.

use std::sync::Arc;

use shuttle::future;
use shuttle::rand::Rng;
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicU64, Ordering};

use super::super::{ChangeFeed, Changes, Coherence, Freshness, Generation, Mode, Poll, Quiet, Shard};
use super::lost;
use crate::cache::{CoherentCache, TOKENS};
use crate::domain::Clock;

const SCHEDULES: usize = 1_000;
const SHARD: Shard = Shard(3);

impl Generation for AtomicU64 {
    fn read(&self) -> u64 {
        self.load(Ordering::SeqCst)
    }

    fn bump(&self) {
        self.fetch_add(1, Ordering::SeqCst);
    }
}

/// The way to the database or back: short or long.
async fn delay() {
    for _ in 0..shuttle::rand::thread_rng().gen_range(0..8) {
        future::yield_now().await;
    }
}

/// What is committed, what the log says, and what has been acknowledged to a caller.
#[derive(Default)]
struct Database {
    committed: Mutex<(u64, Vec<Shard>)>,
    acknowledged: AtomicU64,
}

/// A poll of the log: one snapshot, taken some time after the poll started and delivered some time later.
struct LogFeed {
    database: Arc<Database>,
    seen: usize,
    polls: usize,
    faults: Faults,
    /// How much was committed when the last poll started, for a store that can tell at a glance whether that is still all.
    at_start: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Faults {
    None,
    /// Every third poll fails after its snapshot.
    Fails,
    /// Every second poll breaks the contract: it reports nothing of what it saw.
    Forgets,
    /// None, and the store can be looked at.
    Glances,
    /// The glance is compared with what there was at the poll's end, not at its start.
    GlancesLate,
}

impl ChangeFeed for LogFeed {
    fn poll(&mut self) -> Poll<'_> {
        Box::pin(async {
            let at_start = self.database.committed.lock().unwrap().1.len();
            delay().await;
            let log = self.database.committed.lock().unwrap().1.clone();
            delay().await;
            let at_end = self.database.committed.lock().unwrap().1.len();
            self.at_start = match self.faults {
                Faults::Glances => Some(at_start),
                Faults::GlancesLate => Some(at_end),
                Faults::None | Faults::Fails | Faults::Forgets => None,
            };
            self.polls += 1;
            if self.faults == Faults::Fails && self.polls.is_multiple_of(3) {
                return lost();
            }
            let shards = log[self.seen..].to_vec();
            self.seen = log.len();
            let forgotten = self.faults == Faults::Forgets && self.polls.is_multiple_of(2);
            Ok(Changes { shards: if forgotten { Vec::new() } else { shards }, ..Changes::default() })
        })
    }

    fn quiet(&self) -> Option<Quiet> {
        let (database, seen) = (Arc::clone(&self.database), self.at_start?);
        Some(Quiet::new(move || database.committed.lock().unwrap().1.len() == seen))
    }
}

/// What all tasks of one run share.
#[derive(Clone)]
struct World {
    database: Arc<Database>,
    coherence: Arc<Coherence<AtomicU64>>,
    cache: Arc<CoherentCache<u8, u64>>,
}

impl World {
    fn new(mode: Mode) -> Self {
        Self {
            database: Arc::default(),
            coherence: Arc::new(Coherence::new(4, mode, Clock::fixed(0))),
            cache: Arc::new(CoherentCache::new(TOKENS, Box::new(|_| ()))),
        }
    }

    /// Revokes: commits the change with its log row, bumps if it is this replica's own write, then acknowledges.
    async fn write(&self, local: bool) {
        delay().await;
        let value = {
            let mut committed = self.database.committed.lock().unwrap();
            committed.0 += 1;
            committed.1.push(SHARD);
            committed.0
        };
        delay().await;
        if local {
            self.coherence.bump(&[SHARD]);
        }
        self.database.acknowledged.fetch_max(value, Ordering::SeqCst);
    }

    /// One request: what it answers is at least as new as what was acknowledged before it began.
    async fn read(&self) {
        let before = self.database.acknowledged.load(Ordering::SeqCst);
        let freshness = self.coherence.read_index().await;
        self.answer_is_newer_than(before, freshness).await;
    }

    async fn answer_is_newer_than(&self, before: u64, freshness: Freshness) {
        let load = || async {
            delay().await;
            let value = self.database.committed.lock().unwrap().0;
            delay().await;
            Ok(value)
        };
        let answer = self.cache.get_or_load((&self.coherence, freshness), 0, &[SHARD], load).await.unwrap();
        assert!(answer >= before, "stale: {answer} after {before} was acknowledged");
    }
}

/// A writer, two readers and the poller; ends when all requests are answered.
fn run(local: bool, faults: Faults) {
    future::block_on(async {
        let world = World::new(Mode::Strict);
        let feed = LogFeed { database: Arc::clone(&world.database), seen: 0, polls: 0, faults, at_start: None };
        let wake = Arc::clone(&world.coherence.wake);
        let poller = future::spawn(Coherence::serve(Arc::downgrade(&world.coherence), Arc::clone(&wake), feed));
        let mut tasks = Vec::new();
        let writer = world.clone();
        tasks.push(future::spawn(async move {
            writer.write(local).await;
            writer.write(local).await;
        }));
        for _ in 0..2 {
            let reader = world.clone();
            tasks.push(future::spawn(async move {
                for _ in 0..4 {
                    reader.read().await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        drop(world);
        wake.notify_one();
        poller.await.unwrap();
    });
}

#[test]
fn strict_reads_are_never_stale() {
    shuttle::check_random(|| run(false, Faults::None), SCHEDULES);
    shuttle::check_pct(|| run(false, Faults::None), SCHEDULES, 3);
}

#[test]
fn strict_reads_are_never_stale_while_polls_fail() {
    shuttle::check_random(|| run(false, Faults::Fails), SCHEDULES);
    shuttle::check_pct(|| run(true, Faults::Fails), SCHEDULES, 3);
}

#[test]
fn a_glance_is_as_good_as_a_poll() {
    shuttle::check_random(|| run(false, Faults::Glances), SCHEDULES);
    shuttle::check_pct(|| run(true, Faults::Glances), SCHEDULES, 3);
}

/// What was committed while a poll was on its way may have escaped it: a glance that takes it for seen is found out.
#[test]
#[should_panic(expected = "stale")]
fn a_glance_from_the_end_of_a_poll_is_found_out() {
    shuttle::check_random(|| run(false, Faults::GlancesLate), SCHEDULES);
}

/// The replica that wrote sees its own write even without a poll, whatever a slow filler does meanwhile.
#[test]
fn a_replica_sees_its_own_writes_without_a_poll() {
    let check = || {
        future::block_on(async {
            let world = World::new(Mode::Strict);
            let (writer, filler) = (world.clone(), world.clone());
            let writes = future::spawn(async move { writer.write(true).await });
            let fills = future::spawn(async move { filler.answer_is_newer_than(0, Freshness::Current).await });
            for _ in 0..3 {
                let before = world.database.acknowledged.load(Ordering::SeqCst);
                world.answer_is_newer_than(before, Freshness::Current).await;
            }
            writes.await.unwrap();
            fills.await.unwrap();
            world.answer_is_newer_than(1, Freshness::Current).await;
        });
    };
    shuttle::check_random(check, SCHEDULES);
}

/// The model has teeth: with a feed that loses changes the property fails.
#[test]
#[should_panic(expected = "stale")]
fn a_feed_that_forgets_is_found_out() {
    shuttle::check_random(|| run(false, Faults::Forgets), SCHEDULES);
}
