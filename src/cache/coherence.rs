//! Coherent caches over replicas: generation stamps and a batched read-index, with the database as the only shared state.
//!
//! # How it works
//!
//! Every cacheable thing falls into a [`Shard`], and each replica keeps a generation per shard. A cache entry carries the
//! [`Stamps`] that were captured *before* its value was read; it is a hit only while they equal the generations. A writer
//! records the shards it changed in its own transaction; a poll of that log ([`ChangeFeed`]) moves the generations. One
//! poll is in flight at a time, and all requests that arrived before it started share it.
//!
//! * **Strict:** a request waits for the next poll that starts after it arrived.
//! * **Bounded(L):** it doesn't wait if the last completed poll *started* at most L ago.
//! * In either mode it doesn't wait if the store can show at a glance that nothing was committed since that poll started
//!   ([`Quiet`]): a poll that started now would report nothing.
//! * A poll that fails, a feed that is gone: [`Freshness::Untrusted`] at once, to everybody who waits. Caches are bypassed
//!   and the store asked; if that fails too the answer is 503. Nothing is ever served from memory on hope.
//!
//! # Why no answer is stale (strict)
//!
//! Let revocation R be acknowledged before request B arrives. R was committed by then, with its shard in the log. B waits
//! for a poll that starts later; by the contract of [`ChangeFeed`] that poll, or an earlier one, reported R's shard, and
//! its generation was moved before B was woken. Now take the entry B finds. Was its value read before R became visible?
//! Then its stamps were captured earlier still, before the generation moved: they differ, no hit. Was it read after?
//! Then it tells of R. How slow or late the filler was doesn't matter, for an entry is judged when it is used, not when it
//! is deleted. In bounded mode the same holds for every R acknowledged more than L before B.
//!
//! A generation only grows, so the *sum* of an entry's generations is equal if and only if each of them is: one number is
//! stored for any number of shards. Bumps and reads are sequentially consistent: the model check (`tests.rs`) explores
//! interleavings under that order, and what is shipped is what was checked.
//!
//! Not shared on purpose: two requests that miss load twice, since to join a load that is under way is to read its past.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::domain::coherence::{ChangeFeed, Changes, Poll, Quiet, SHARDS, Shard};
use crate::domain::{Clock, Error};

/// How long one poll may take.
const POLL_TIMEOUT: Duration = Duration::from_secs(1);
/// How often an idle replica polls: finds a lost feed, finds it again, and keeps the store's time.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// How often a poll that is due lets others join first.
const GATHERINGS: usize = 8;

/// How old what a cache says may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Never older than the request.
    Strict,
    /// At most this much older than the request.
    Bounded(Duration),
}

/// What a request may believe of the caches; good for that one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Freshness {
    /// Entries with current stamps are as fresh as [`Mode`] promises.
    Current,
    /// The feed is lost: ask the store, and keep nothing of its answer.
    Untrusted,
}

/// The change feed's state, for readiness and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedState {
    /// Not polled yet.
    Starting,
    /// The last poll succeeded, and started at this moment.
    Good(Instant),
    /// The last poll failed, or there is no feed: caches are bypassed.
    Lost,
}

/// The generations of an entry's shards before its value was read.
#[derive(Clone, Debug)]
pub struct Stamps {
    shards: Box<[Shard]>,
    sum: u64,
}

/// A generation: an atomic counter. A trait so that the model check can put its own atomics in.
pub trait Generation: Default + Send + Sync + 'static {
    /// The value, sequentially consistent.
    fn read(&self) -> u64;
    /// Adds one, sequentially consistent.
    fn bump(&self);
}

impl Generation for AtomicU64 {
    fn read(&self) -> u64 {
        self.load(Ordering::SeqCst)
    }

    fn bump(&self) {
        self.fetch_add(1, Ordering::SeqCst);
    }
}

/// The generations of all shards and the queue for the next poll. One per process; see the module's head.
#[derive(Debug)]
pub struct Coherence<G = AtomicU64> {
    shards: Box<[G]>,
    flushes: G,
    queue: Mutex<Queue>,
    wake: Arc<Notify>,
    mode: Mode,
    clock: Clock,
}

#[derive(Debug)]
struct Queue {
    /// Who arrived since the last poll started.
    waiting: Vec<oneshot::Sender<Freshness>>,
    feed: FeedState,
    /// Of the last poll, while it is good.
    quiet: Option<Quiet>,
}

impl Coherence {
    /// Starts polling `feed` in a task of its own, until the last handle is dropped. Must be called within the runtime.
    pub fn start(feed: impl ChangeFeed + 'static, mode: Mode, clock: Clock) -> Arc<Self> {
        let this = Arc::new(Self::new(SHARDS, mode, clock));
        tokio::spawn(Self::serve(Arc::downgrade(&this), Arc::clone(&this.wake), Timed(feed, POLL_TIMEOUT)));
        tokio::spawn(Self::beat(Arc::downgrade(&this), Arc::clone(&this.wake)));
        this
    }

    /// For stores that have no usable feed: nothing is ever trusted, every check is a query.
    pub fn without_feed(clock: Clock) -> Arc<Self> {
        let this = Self::new(1, Mode::Strict, clock);
        this.queue().feed = FeedState::Lost;
        Arc::new(this)
    }

    async fn beat(this: Weak<Self>, wake: Arc<Notify>) {
        while this.strong_count() > 0 {
            wake.notify_one();
            tokio::time::sleep(HEARTBEAT).await;
        }
        wake.notify_one(); // `serve` sees that it may end
    }
}

impl<G: Generation> Coherence<G> {
    fn new(shards: usize, mode: Mode, clock: Clock) -> Self {
        Self {
            shards: (0..shards).map(|_| G::default()).collect(),
            flushes: G::default(),
            queue: Mutex::new(Queue { waiting: Vec::new(), feed: FeedState::Starting, quiet: None }),
            wake: Arc::default(),
            mode,
            clock,
        }
    }

    /// Waits until what was committed before this call is known here (strict), or known up to the bound.
    pub async fn read_index(&self) -> Freshness {
        match self.join() {
            Ok(answer) => answer.await.unwrap_or(Freshness::Untrusted),
            Err(at_once) => at_once,
        }
    }

    /// A place in the queue for the next poll, or the answer where none is needed.
    fn join(&self) -> Result<oneshot::Receiver<Freshness>, Freshness> {
        if self.needs_no_poll() {
            return Err(Freshness::Current);
        }
        let mut queue = self.queue();
        if queue.feed == FeedState::Lost {
            return Err(Freshness::Untrusted);
        }
        let (sender, receiver) = oneshot::channel();
        queue.waiting.push(sender);
        drop(queue);
        self.wake.notify_one();
        Ok(receiver)
    }

    /// Whether what the last poll told is young enough, or still all there is to tell.
    fn needs_no_poll(&self) -> bool {
        let queue = self.queue();
        let FeedState::Good(started) = queue.feed else { return false };
        let quiet = queue.quiet.clone();
        drop(queue);
        let young = match self.mode {
            Mode::Strict => false,
            Mode::Bounded(limit) => started.elapsed() <= limit,
        };
        young || quiet.is_some_and(|quiet| quiet.is_quiet())
    }

    /// Whether entries are never older than the request.
    pub fn is_strict(&self) -> bool {
        self.mode == Mode::Strict
    }

    /// The stamps of a value that is about to be read: call this first, then read.
    pub fn capture(&self, shards: &[Shard]) -> Stamps {
        Stamps { sum: self.sum(shards), shards: shards.into() }
    }

    /// Whether nothing in the shards of an entry has changed since its stamps were captured, as far as is known here.
    pub fn is_current(&self, stamps: &Stamps) -> bool {
        self.sum(&stamps.shards) == stamps.sum
    }

    fn sum(&self, shards: &[Shard]) -> u64 {
        shards.iter().fold(self.flushes.read(), |sum, &shard| sum.wrapping_add(self.generation(shard).read()))
    }

    fn generation(&self, shard: Shard) -> &G {
        &self.shards[usize::from(shard.0) % self.shards.len()]
    }

    /// Makes every entry of these shards stale: what a writer calls after its commit and before its answer.
    pub fn bump(&self, shards: &[Shard]) {
        for &shard in shards {
            self.generation(shard).bump();
        }
    }

    /// Makes every entry stale.
    pub fn flush_all(&self) {
        self.flushes.bump();
    }

    /// How the feed is doing.
    pub fn feed_state(&self) -> FeedState {
        self.queue().feed
    }

    /// Polls whenever somebody waits, until the last handle is gone.
    async fn serve(this: Weak<Self>, wake: Arc<Notify>, mut feed: impl ChangeFeed) {
        let _closing = Closing(this.clone());
        loop {
            wake.notified().await;
            let Some(this) = this.upgrade() else { return };
            this.gather().await;
            this.poll_once(&mut feed).await;
        }
    }

    /// Lets those join who are ready to: under load a poll serves dozens at the price of one, and nobody waits for somebody
    /// who isn't there.
    async fn gather(&self) {
        let mut joined = 0;
        for _ in 0..GATHERINGS {
            let now = self.queue().waiting.len();
            if now == joined {
                return;
            }
            joined = now;
            tokio::task::yield_now().await;
        }
    }

    async fn poll_once(&self, feed: &mut impl ChangeFeed) {
        // The poll starts here: who joins from now on waits for the next one.
        let sharing = std::mem::take(&mut self.queue().waiting);
        let started = Instant::now();
        match feed.poll().await {
            Ok(changes) => {
                self.apply(&changes);
                self.settle(FeedState::Good(started), feed.quiet());
                answer(sharing, Freshness::Current);
            }
            Err(error) => {
                let before = self.settle(FeedState::Lost, None);
                answer(sharing, Freshness::Untrusted);
                if before != FeedState::Lost {
                    tracing::warn!(%error, "change feed lost: caches are bypassed");
                }
            }
        }
    }

    fn apply(&self, changes: &Changes) {
        if changes.flush {
            self.flush_all();
        }
        self.bump(&changes.shards);
        // Both clocks tell whole seconds: a difference of one is rounding.
        if let Some(store_now) = changes.store_now
            && store_now.abs_diff(self.clock.now()) > 1
        {
            self.clock.set_store_time(store_now);
        }
    }

    /// Sets the feed's state and tells what it was. Whoever waits for a lost feed is told so at once.
    fn settle(&self, feed: FeedState, quiet: Option<Quiet>) -> FeedState {
        let mut queue = self.queue();
        queue.quiet = quiet;
        let before = std::mem::replace(&mut queue.feed, feed);
        let told = if feed == FeedState::Lost { std::mem::take(&mut queue.waiting) } else { Vec::new() };
        drop(queue);
        answer(told, Freshness::Untrusted);
        before
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(waiting: Vec<oneshot::Sender<Freshness>>, freshness: Freshness) {
    for sender in waiting {
        let _ = sender.send(freshness); // an error means that the request is gone
    }
}

/// However the polling task ends, nobody waits for it in vain.
struct Closing<G: Generation>(Weak<Coherence<G>>);

impl<G: Generation> Drop for Closing<G> {
    fn drop(&mut self) {
        if let Some(coherence) = self.0.upgrade() {
            coherence.settle(FeedState::Lost, None);
        }
    }
}

/// A feed whose polls end in time.
struct Timed<F>(F, Duration);

impl<F: ChangeFeed> ChangeFeed for Timed<F> {
    fn poll(&mut self) -> Poll<'_> {
        let poll = tokio::time::timeout(self.1, self.0.poll());
        Box::pin(async { poll.await.unwrap_or_else(|_| Err(Error::Unavailable("change feed timed out".into()))) })
    }

    fn quiet(&self) -> Option<Quiet> {
        self.0.quiet()
    }
}

#[cfg(test)]
mod tests;
