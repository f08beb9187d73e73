//! Whether the database answers at all, and connections that don't wait for one that doesn't.
//!
//! When a machine or a network is gone nobody says so: a statement that was sent would be waited for until the kernel gives
//! up, a quarter of an hour later, and its connection with it. A statement is given up much earlier where nothing else is
//! answered either ([`Pulse`]), and what was asked in vain is closed instead of being put back into its pool.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, TransactionOptions, TransactionTrait,
};

/// How long a question to the database goes unanswered before the database counts as silent.
const SILENCE: Duration = Duration::from_secs(1);
/// How long a silent database is waited for, each time.
const CHANCE: Duration = Duration::from_millis(500);
/// How long any statement is waited for: longer than the database itself lets one run.
const LONGEST: Duration = Duration::from_secs(6);
/// How often a statement that waits looks round.
const GLANCE: Duration = Duration::from_millis(100);
/// For how long after a statement was given up connections are closed rather than kept.
const DOUBT: Duration = Duration::from_secs(5);

/// The moments that tell whether a database is there, in milliseconds since this value was made; 0 for never.
#[derive(Debug)]
pub(super) struct Pulse {
    begun: Instant,
    /// Whether there is a network in between. A file answers in the end, however slow the disk is.
    remote: bool,
    /// When the oldest question that nobody has answered was asked.
    asked: AtomicU64,
    /// When a statement was given up last.
    given_up: AtomicU64,
}

impl Pulse {
    /// Of a database on a server, or of a file.
    pub(super) fn new(remote: bool) -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), remote, asked: AtomicU64::new(0), given_up: AtomicU64::new(0) })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn within(&self, moment: &AtomicU64, span: Duration) -> Option<bool> {
        let at = moment.load(Ordering::Relaxed);
        (at > 0).then(|| u128::from(self.now().saturating_sub(at)) < span.as_millis())
    }

    /// Whether questions have been unanswered for a while.
    fn is_silent(&self) -> bool {
        self.within(&self.asked, SILENCE) == Some(false)
    }

    /// Whether a connection may have lost its other end without knowing.
    pub(super) fn is_doubtful(&self) -> bool {
        self.is_silent() || self.within(&self.given_up, DOUBT) == Some(true)
    }

    /// Notes that the database is being asked whether it is there: from now on its silence counts.
    fn ask(&self) {
        let _ = self.asked.compare_exchange(0, self.now(), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Waits for a statement, unless the database is silent.
    async fn wait<T>(&self, statement: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        if !self.remote {
            return statement.await;
        }
        let (begun, mut statement) = (Instant::now(), pin!(statement));
        loop {
            if let Ok(done) = tokio::time::timeout(GLANCE, statement.as_mut()).await {
                if done.is_ok() {
                    self.asked.store(0, Ordering::Relaxed);
                }
                return done;
            }
            let waited = begun.elapsed();
            if waited >= LONGEST || (waited >= CHANCE && self.is_silent()) {
                // Before the statement is dropped: what becomes of its connection depends on it.
                self.given_up.store(self.now(), Ordering::Relaxed);
                return Err(DbErr::Conn(RuntimeErr::Internal("the database is silent".into())));
            }
        }
    }
}

/// A pool or a transaction whose statements are given up where the database is silent.
#[derive(Clone, Debug)]
pub struct Watched<C> {
    conn: C,
    pulse: Arc<Pulse>,
}

impl<C> Watched<C> {
    pub(super) fn new(conn: C, pulse: &Arc<Pulse>) -> Self {
        Self { conn, pulse: Arc::clone(pulse) }
    }
}

impl Watched<DatabaseConnection> {
    /// Asks whether the database is there.
    pub(super) async fn ping(&self) -> Result<(), DbErr> {
        self.pulse.ask();
        self.pulse.wait(self.conn.ping()).await
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<Watched<DatabaseTransaction>, DbErr> {
        let begun = self.pulse.wait(self.conn.begin_with_options(options)).await?;
        Ok(Watched::new(begun, &self.pulse))
    }

    /// Closes the pool; a connection that was lost in silence isn't waited for.
    pub(super) async fn close(&self) {
        let _ = tokio::time::timeout(LONGEST, self.conn.clone().close()).await;
    }
}

impl Watched<DatabaseTransaction> {
    /// Begins a savepoint.
    pub(super) async fn savepoint(&self) -> Result<Self, DbErr> {
        let begun = self.pulse.wait(self.conn.begin()).await?;
        Ok(Self::new(begun, &self.pulse))
    }

    /// Makes it durable.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        self.pulse.wait(self.conn.commit()).await
    }

    /// Undoes it.
    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        self.pulse.wait(self.conn.rollback()).await
    }
}

#[async_trait]
impl<C: ConnectionTrait + Send> ConnectionTrait for Watched<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.conn.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.pulse.wait(self.conn.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pulse.wait(self.conn.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.pulse.wait(self.conn.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.pulse.wait(self.conn.query_all_raw(statement)).await
    }
}
