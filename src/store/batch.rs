//! The writer: group commit of what is waiting.
//!
//! While one batch commits, the next collects. A batch that waits for somebody else's lock doesn't keep the next one waiting
//! for long: on PostgreSQL a second task relieves the first. What the items insert is written together, by the end of
//! the batch ([`Together`]), and each is answered after the commit of the batch it was in. A failing item fails alone: most
//! have left no traces when they fail, and the others go on; else the batch is undone and run once more with each item
//! under a savepoint, which costs two statements an item and so is not the rule. The queue is bounded: beyond it a write is
//! refused at once and nothing is changed. Items run in the writer's own tasks, so that a client that goes away cancels
//! nothing.

mod item;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, SqliteTransactionMode, TransactionOptions};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::item::{Failure, Item, Queued, claims, run, run_under_savepoint, take_claims};
use super::claims::Claim;
use super::error::{is_broken, is_retryable};
use super::open::Opened;
use super::receipt::{Fate, Receipt};
use super::together::Together;
use super::{TenantStore, Tx, Watched};
use crate::domain::coherence::Shard;
use crate::domain::{Error, Result, TenantId};
use crate::telemetry::Metrics;

/// A future that a write returns.
pub type Work<'t, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 't>>;

/// A write: rows and arguments in, a result out. A plain function, so that it can be run again after a deadlock.
pub type Write<A, T> = for<'t> fn(&'t TenantStore<'t, Tx>, &'t A) -> Work<'t, T>;

/// Told which shards of the caches a durable transaction changed, before anybody is answered.
pub type AfterCommit = Arc<dyn Fn(&[Shard]) + Send + Sync>;

/// What a write locks first. The writes of a batch run in this order, so that two batches that want the same rows take them
/// one after the other and don't wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    /// A row that many may ask for at once, such as a code, by its id.
    Row([u8; 16]),
    /// Nothing that anybody waits for, or who knows what.
    #[default]
    Other,
    /// The tenant's epoch, which every revocation carries forward.
    Epoch,
}

/// When a write has its turn in a batch: whose rows it is of, and what it locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn(TenantId, Lock);

impl Turn {
    fn tenant(self) -> TenantId {
        self.0
    }
}

impl From<TenantId> for Turn {
    fn from(tenant: TenantId) -> Self {
        Self(tenant, Lock::default())
    }
}

impl From<(TenantId, Lock)> for Turn {
    fn from((tenant, lock): (TenantId, Lock)) -> Self {
        Self(tenant, lock)
    }
}

const QUEUE: usize = 4096;
const BATCH: usize = 512;
/// How long a batch waits for the one before it, and takes along what comes meanwhile: one large batch costs less than two.
const RELIEF: Duration = Duration::from_millis(25);
/// An item that fails after such a time has waited for somebody else's lock.
const LONG: Duration = Duration::from_secs(1);
/// How often an item that lost against another transaction is run again.
const ATTEMPTS: usize = 5;
/// A batch that took longer to lose is not run again: whoever waits for it has waited enough.
const RUN_AGAIN_WITHIN: Duration = Duration::from_secs(2);

/// The queue, the tasks that empty it, and the pool they write through.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Item>>>>,
    sender: mpsc::WeakSender<Box<dyn Item>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    db: Watched<DatabaseConnection>,
    metrics: Option<Arc<Metrics>>,
}

impl Writer {
    /// Starts one task on SQLite, which has one writer, and on PostgreSQL a second one that relieves it.
    pub(super) fn start(opened: Opened, after_commit: AfterCommit, metrics: Option<&Arc<Metrics>>) -> Self {
        let Opened { writes: db, backend, receipts, .. } = opened;
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (receiver, turn) = (Arc::new(Mutex::new(receiver)), Arc::new(Mutex::new(())));
        let lanes = if backend == DbBackend::Sqlite { 1 } else { 2 };
        let tasks = (0..lanes)
            .map(|_| {
                let (after_commit, metrics) = (after_commit.clone(), metrics.cloned());
                let lane = Lane { db: db.clone(), backend, receipts, after_commit, metrics };
                tokio::spawn(lane.drain(receiver.clone(), turn.clone()))
            })
            .collect();
        let metrics = metrics.cloned();
        Self { sender: sender.downgrade(), queue: Mutex::new(Some(sender)), tasks: Mutex::new(tasks), db, metrics }
    }

    /// Queues one write and waits for its answer.
    pub(super) async fn submit<A, T>(&self, turn: Turn, claim: Option<Claim>, args: A, work: Write<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let item: Box<dyn Item> = Box::new(Queued { turn, claim: claim.map(Arc::new), args, work, done: None, reply });
        let sender = self.sender.upgrade().ok_or_else(|| Error::Unavailable("the writer has stopped".into()))?;
        sender.try_send(item).map_err(|error| {
            if let TrySendError::Closed(_) = error {
                return Error::Unavailable("the writer has stopped".into());
            }
            if let Some(metrics) = &self.metrics {
                metrics.shed("writes");
            }
            Error::Unavailable("too many writes are waiting".into())
        })?;
        drop(sender);
        answer.await.map_err(|_| Error::Unavailable("the writer has stopped".into()))?
    }

    /// Takes no more, writes what is queued, closes the pool and ends.
    pub(super) async fn stop(&self) {
        self.queue.lock().await.take();
        for task in self.tasks.lock().await.drain(..) {
            let _ = task.await;
        }
        self.db.close().await;
    }
}

/// One writing task.
struct Lane {
    db: Watched<DatabaseConnection>,
    backend: DbBackend,
    receipts: bool,
    after_commit: AfterCommit,
    metrics: Option<Arc<Metrics>>,
}

/// Why a batch was not written.
struct Lost {
    cause: String,
    /// Whether nothing of it stands, and it may well be written if it is tried again.
    again: bool,
    /// How to run it then, if an item has to be undone alone.
    way: Option<Way>,
}

/// How the items of a batch are run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As one: no item is undone alone.
    Together,
    /// Each under a savepoint.
    Apart,
    /// The same, with little patience for locks: they were waited for already.
    ApartInHaste,
}

impl From<String> for Lost {
    fn from(cause: String) -> Self {
        Self { again: is_retryable(&cause) || is_broken(&cause), cause, way: None }
    }
}

impl Lane {
    /// `turn` is had by the task whose batch is being written, unless that takes long.
    async fn drain(self, receiver: Arc<Mutex<mpsc::Receiver<Box<dyn Item>>>>, turn: Arc<Mutex<()>>) {
        loop {
            let mut batch = Vec::new();
            let mut waiting = receiver.lock().await;
            if waiting.recv_many(&mut batch, BATCH).await == 0 {
                return;
            }
            let turn = timeout(RELIEF, turn.lock()).await;
            while batch.len() < BATCH
                && let Ok(item) = waiting.try_recv()
            {
                batch.push(item);
            }
            drop(waiting);
            // One order for all, so that two lanes don't wait for each other.
            batch.sort_by_key(|item| item.turn());
            // A panic, outside of items too, costs this batch its answers, and no other.
            if AssertUnwindSafe(self.write(batch)).catch_unwind().await.is_err() {
                tracing::error!("a batch of writes ended in a panic");
            }
            drop(turn);
        }
    }

    /// Writes a batch, again if it lost against another transaction or its connection, and answers every item.
    async fn write(&self, mut batch: Vec<Box<dyn Item>>) {
        let (mut attempt, mut way, begun) = (1, Way::Together, Instant::now());
        let outcome = loop {
            match self.attempt(&mut batch, way).await {
                Ok(()) => break Ok(()),
                Err(Lost { way: Some(other), .. }) if way == Way::Together => way = other,
                Err(lost) if lost.again && attempt < ATTEMPTS && begun.elapsed() < RUN_AGAIN_WITHIN => {
                    tokio::time::sleep(Duration::from_millis(5 << attempt)).await;
                    attempt += 1;
                }
                Err(lost) => break Err(lost.cause),
            }
        };
        for item in batch {
            item.answer(outcome.clone());
        }
    }

    async fn attempt(&self, batch: &mut [Box<dyn Item>], way: Way) -> Result<(), Lost> {
        let started = Instant::now();
        let tx = self.begin().await?;
        let alone = batch.len() == 1;
        if way == Way::ApartInHaste {
            self.hurry(&tx).await?;
        }
        let together = Together::default();
        let asked = Instant::now();
        let won = match way {
            Way::Together if !alone => match take_claims(claims(batch), &tx).await {
                Ok(won) => won,
                Err(Failure::Batch(cause)) => {
                    let _ = tx.rollback().await;
                    return Err(cause.into());
                }
                Err(Failure::Item | Failure::Traces) => return Err(undo(tx, asked.elapsed()).await),
            },
            Way::Together | Way::Apart | Way::ApartInHaste => Vec::new(),
        };
        let mut won = won.into_iter();
        let (mut changed, mut revocations) = (Vec::new(), 0);
        for item in batch.iter_mut() {
            let asked = Instant::now();
            let ran = match way {
                Way::Together => run(item, &tx, &together, won.next().flatten()).await,
                Way::Apart | Way::ApartInHaste => run_under_savepoint(item, &tx).await,
            };
            match ran {
                Ok(done) => {
                    changed.extend(done.changed.into_iter().map(|shard| (item.turn().tenant(), shard)));
                    revocations += done.revocations;
                }
                Err(Failure::Item | Failure::Traces) if alone => {
                    return Ok(tx.rollback().await.map_err(|e| e.to_string())?);
                }
                Err(Failure::Traces) => return Err(undo(tx, asked.elapsed()).await),
                Err(Failure::Item) if asked.elapsed() > LONG => self.hurry(&tx).await?,
                Err(Failure::Item) => {}
                Err(Failure::Batch(cause)) => {
                    let _ = tx.rollback().await;
                    return Err(cause.into());
                }
            }
        }
        let Ok(receipt) = together.finish(&tx, self.receipts).await else {
            return Err(undo(tx, Duration::ZERO).await);
        };
        super::feed::record_change(&tx, &changed).await.map_err(|e| e.to_string())?;
        self.commit(tx, receipt).await?;
        let shards: Vec<Shard> = changed.into_iter().map(|(_, shard)| shard).collect();
        (self.after_commit)(&shards);
        if let Some(metrics) = &self.metrics {
            metrics.writer_batch.observe(f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
            metrics.writer_commit.observe(started.elapsed().as_secs_f64());
            metrics.revocations.inc_by(revocations);
        }
        Ok(())
    }

    /// Has the rest of a batch wait for locks much shorter than one of its items did: they shall not add up.
    async fn hurry(&self, tx: &Tx) -> Result<(), String> {
        if self.backend == DbBackend::Postgres {
            tx.execute_unprepared("SET LOCAL lock_timeout = '200ms'").await.map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Commits; where the answer is lost, finds out whether the transaction stands.
    async fn commit(&self, tx: Tx, receipt: Option<Receipt>) -> Result<(), Lost> {
        let receipt = match receipt {
            None if self.receipts => Receipt::take(&tx).await.map_err(|e| e.to_string())?,
            taken => taken,
        };
        let Err(error) = tx.commit().await else { return Ok(()) };
        let cause = error.to_string();
        let fate = match &receipt {
            Some(receipt) => receipt.fate(&self.db).await,
            None => Fate::Unknown,
        };
        tracing::warn!(%cause, ?fate, "the answer to a commit was lost");
        match fate {
            Fate::Committed => Ok(()),
            Fate::Aborted => Err(cause.into()),
            Fate::Unknown => Err(Lost { again: is_retryable(&cause), cause, way: None }),
        }
    }

    async fn begin(&self) -> Result<Tx, String> {
        let mode = (self.backend == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..TransactionOptions::default() };
        self.db.begin(options).await.map_err(|e| e.to_string())
    }
}

/// Undoes a batch in which one item, that took this long, must be undone alone.
async fn undo(tx: Tx, took: Duration) -> Lost {
    let _ = tx.rollback().await;
    let way = if took > LONG { Way::ApartInHaste } else { Way::Apart };
    Lost { cause: "the items of a batch were in each other's way".to_owned(), again: true, way: Some(way) }
}
