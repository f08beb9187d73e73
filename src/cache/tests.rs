//! The typed cache over the coherence core.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{Coherence, CoherentCache, Freshness, Outcome, TOKENS};
use crate::domain::coherence::{ChangeFeed, Changes, Poll, Shard};
use crate::domain::{Clock, Error, Result};

const SHARD: &[Shard] = &[Shard(7)];

struct Quiet;
impl ChangeFeed for Quiet {
    fn poll(&mut self) -> Poll<'_> {
        Box::pin(async { Ok(Changes::default()) })
    }
}

struct Fixture {
    coherence: Arc<Coherence>,
    cache: CoherentCache<&'static str, Option<u32>>,
    loads: AtomicUsize,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
}

impl Fixture {
    fn new() -> Self {
        let outcomes: Arc<Mutex<Vec<Outcome>>> = Arc::default();
        let tallied = Arc::clone(&outcomes);
        Self {
            coherence: Coherence::start(Quiet, super::Mode::Strict, Clock::fixed(0)),
            cache: CoherentCache::new(TOKENS, Box::new(move |outcome| tallied.lock().unwrap().push(outcome))),
            loads: AtomicUsize::new(0),
            outcomes,
        }
    }

    async fn get(&self, freshness: Freshness, loaded: Result<Option<u32>>) -> Result<Option<u32>> {
        let load = || async {
            self.loads.fetch_add(1, Ordering::SeqCst);
            loaded
        };
        self.cache.get_or_load((&self.coherence, freshness), "key", SHARD, load).await
    }

    async fn find(&self, found: Option<u32>) -> Option<Option<u32>> {
        let find = || async { Ok(found.map(Some)) };
        self.cache.get_or_find((&self.coherence, Freshness::Current), "key", SHARD, find).await.unwrap()
    }
}

#[tokio::test]
async fn a_value_is_loaded_once_until_its_shard_moves() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get(Freshness::Current, Ok(Some(1))).await.unwrap(), Some(1));
    assert_eq!(fixture.get(Freshness::Current, Ok(Some(2))).await.unwrap(), Some(1));
    fixture.coherence.bump(SHARD);
    assert_eq!(fixture.get(Freshness::Current, Ok(Some(2))).await.unwrap(), Some(2));
    assert_eq!(*fixture.outcomes.lock().unwrap(), [Outcome::Miss, Outcome::Hit, Outcome::Miss]);
}

#[tokio::test]
async fn a_change_during_the_load_makes_the_entry_stale() {
    let fixture = Fixture::new();
    let load = || async {
        fixture.coherence.bump(SHARD);
        Ok(Some(1))
    };
    fixture.cache.get_or_load((&fixture.coherence, Freshness::Current), "key", SHARD, load).await.unwrap();
    assert_eq!(fixture.get(Freshness::Current, Ok(Some(2))).await.unwrap(), Some(2));
}

#[tokio::test]
async fn an_untrusted_feed_bypasses_the_cache_both_ways() {
    let fixture = Fixture::new();
    fixture.get(Freshness::Current, Ok(Some(1))).await.unwrap();
    assert_eq!(fixture.get(Freshness::Untrusted, Ok(Some(2))).await.unwrap(), Some(2));
    assert_eq!(fixture.get(Freshness::Current, Ok(Some(3))).await.unwrap(), Some(1), "2 was not kept");
    assert_eq!(*fixture.outcomes.lock().unwrap(), [Outcome::Miss, Outcome::Bypass, Outcome::Hit]);
}

#[tokio::test]
async fn failures_are_not_kept_and_absence_is_kept_by_choice() {
    let fixture = Fixture::new();
    assert!(fixture.get(Freshness::Current, Err(Error::internal("down"))).await.is_err());
    assert_eq!(fixture.find(None).await, None, "absence isn't kept by get_or_find");
    assert_eq!(fixture.get(Freshness::Current, Ok(None)).await.unwrap(), None);
    assert_eq!(fixture.get(Freshness::Current, Ok(Some(2))).await.unwrap(), None, "it is where V is an Option");
    assert_eq!(fixture.loads.load(Ordering::SeqCst), 2);
}
