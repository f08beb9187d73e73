//! The coherence core: its rules one by one, then model checked over random and PCT schedules of the shipped code, with
//! only the atomics exchanged for ones that the checker can interrupt.

mod model;

use std::collections::VecDeque;

use super::{ChangeFeed, Changes, Coherence, FeedState, Freshness, Mode, Poll, Shard, Timed};
use crate::domain::{Clock, Error, Result};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const A: Shard = Shard(1);
const B: Shard = Shard(2);

/// A feed that answers what it was given, in order, and then "nothing changed".
struct Script(VecDeque<Result<Changes>>);

impl ChangeFeed for Script {
    fn poll(&mut self) -> Poll<'_> {
        let next = self.0.pop_front().unwrap_or_else(|| Ok(Changes::default()));
        Box::pin(async { next })
    }
}

fn lost() -> Result<Changes> {
    Err(Error::Unavailable("the store is down".into()))
}

fn changed(shards: &[Shard]) -> Changes {
    Changes { shards: shards.into(), ..Changes::default() }
}

fn core(mode: Mode) -> Coherence<AtomicU64> {
    Coherence::new(8, mode, Clock::fixed(1_000))
}

async fn poll(core: &Coherence<AtomicU64>, changes: Result<Changes>) {
    core.poll_once(&mut Script(VecDeque::from([changes]))).await;
}

#[test]
fn stamps_are_current_until_one_of_their_shards_moves() {
    let core = core(Mode::Strict);
    let (one, both) = (core.capture(&[A]), core.capture(&[A, B]));
    assert!(core.is_current(&one) && core.is_current(&both));
    core.bump(&[B]);
    assert!(core.is_current(&one));
    assert!(!core.is_current(&both));
    core.flush_all();
    assert!(!core.is_current(&one));
    assert!(core.is_current(&core.capture(&[A])));
}

#[tokio::test]
async fn a_poll_moves_what_the_feed_reports_and_a_flush_moves_all() {
    let core = core(Mode::Strict);
    let (a, b) = (core.capture(&[A]), core.capture(&[B]));
    poll(&core, Ok(changed(&[A]))).await;
    assert!(!core.is_current(&a));
    assert!(core.is_current(&b));
    poll(&core, Ok(Changes { flush: true, ..changed(&[]) })).await;
    assert!(!core.is_current(&b));
}

/// A feed in whose first poll a second request arrives.
struct Interrupted {
    core: Arc<Coherence>,
    late: Arc<Mutex<Option<tokio::sync::oneshot::Receiver<Freshness>>>>,
}

impl ChangeFeed for Interrupted {
    fn poll(&mut self) -> Poll<'_> {
        let mut late = self.late.lock().unwrap();
        if late.is_none() {
            *late = self.core.join().ok();
        }
        Box::pin(async { Ok(changed(&[])) })
    }
}

#[tokio::test]
async fn a_request_waits_for_a_poll_that_starts_after_it_arrived() {
    let core = Arc::new(core(Mode::Strict));
    let late = Arc::default();
    let mut feed = Interrupted { core: Arc::clone(&core), late: Arc::clone(&late) };
    let mut early = core.join().unwrap();

    core.poll_once(&mut feed).await;
    assert_eq!(early.try_recv(), Ok(Freshness::Current));
    let mut late = late.lock().unwrap().take().unwrap();
    assert!(late.try_recv().is_err(), "the poll under way began before this request");

    poll(&core, Ok(changed(&[]))).await;
    assert_eq!(late.try_recv(), Ok(Freshness::Current));
}

#[tokio::test]
async fn bounded_mode_waits_only_when_the_last_poll_is_too_old() {
    let lenient = core(Mode::Bounded(Duration::from_hours(1)));
    assert!(lenient.join().is_ok(), "never polled: waits");
    poll(&lenient, Ok(changed(&[]))).await;
    assert_eq!(lenient.join().err(), Some(Freshness::Current));

    let severe = core(Mode::Bounded(Duration::ZERO));
    poll(&severe, Ok(changed(&[]))).await;
    assert!(severe.join().is_ok(), "too old: waits");
}

#[tokio::test]
async fn a_failed_poll_bypasses_caches_until_one_succeeds() {
    let core = core(Mode::Bounded(Duration::from_hours(1)));
    let mut waiting = core.join().unwrap();
    poll(&core, lost()).await;
    assert_eq!(waiting.try_recv(), Ok(Freshness::Untrusted));
    assert_eq!(core.read_index().await, Freshness::Untrusted);
    assert_eq!(core.feed_state(), FeedState::Lost);
    poll(&core, Ok(changed(&[]))).await;
    assert_eq!(core.read_index().await, Freshness::Current);
}

#[tokio::test]
async fn whoever_arrives_during_a_poll_that_fails_is_told_at_once() {
    struct Fails(Interrupted);
    impl ChangeFeed for Fails {
        fn poll(&mut self) -> Poll<'_> {
            drop(self.0.poll());
            Box::pin(async { lost() })
        }
    }
    let core = Arc::new(core(Mode::Strict));
    let late = Arc::default();
    core.poll_once(&mut Fails(Interrupted { core: Arc::clone(&core), late: Arc::clone(&late) })).await;
    assert_eq!(late.lock().unwrap().take().unwrap().try_recv(), Ok(Freshness::Untrusted));
}

#[tokio::test]
async fn the_clock_follows_the_store_but_not_its_rounding() {
    let core = Coherence::<AtomicU64>::new(1, Mode::Strict, Clock::system());
    let machine = core.clock.now();
    let told = |store_now| Ok(Changes { store_now: Some(store_now), ..changed(&[]) });
    poll(&core, told(machine + 1)).await;
    assert!(core.clock.now().abs_diff(machine) <= 1);
    poll(&core, told(machine + 90)).await;
    assert!(core.clock.now().abs_diff(machine + 90) <= 1);
}

/// Polls in a task of its own, as in production.
mod running {
    use super::*;

    #[tokio::test]
    async fn requests_share_polls_and_a_lost_feed_comes_back() {
        let script = Script(VecDeque::from([Ok(changed(&[])), lost()]));
        let coherence = Coherence::start(script, Mode::Strict, Clock::fixed(0));
        let answers = futures_util::future::join_all((0..100).map(|_| coherence.read_index())).await;
        assert!(answers.iter().all(|&answer| answer == Freshness::Current));
        assert_eq!(coherence.read_index().await, Freshness::Untrusted);
        while coherence.feed_state() == FeedState::Lost {
            coherence.wake.notify_one();
            tokio::task::yield_now().await;
        }
        assert_eq!(coherence.read_index().await, Freshness::Current);
    }

    struct Hangs;
    impl ChangeFeed for Hangs {
        fn poll(&mut self) -> Poll<'_> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_poll_that_hangs_is_given_up() {
        let core = core(Mode::Strict);
        let mut waiting = core.join().unwrap();
        core.poll_once(&mut Timed(Hangs, Duration::from_millis(1))).await;
        assert_eq!(waiting.try_recv(), Ok(Freshness::Untrusted));
    }

    struct Panics;
    impl ChangeFeed for Panics {
        fn poll(&mut self) -> Poll<'_> {
            Box::pin(async { panic!("a fault in the feed") })
        }
    }

    #[tokio::test]
    async fn a_feed_that_panics_leaves_nobody_waiting() {
        let coherence = Coherence::start(Panics, Mode::Strict, Clock::fixed(0));
        assert_eq!(coherence.read_index().await, Freshness::Untrusted);
        assert_eq!(coherence.read_index().await, Freshness::Untrusted);
    }

    #[tokio::test]
    async fn without_a_feed_nothing_is_trusted() {
        assert_eq!(Coherence::without_feed(Clock::fixed(0)).read_index().await, Freshness::Untrusted);
    }
}
