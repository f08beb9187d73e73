//! Opening a database so that an acknowledged write is a durable one.

use std::sync::Arc;
use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait};

use super::error::from_db;
use super::pulse::{Pulse, Watched};
use super::receipt;
use crate::domain::{Error, Result};
use crate::telemetry::Metrics;

/// How to open the store.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite://…` or `postgres://…`.
    pub url: String,
    /// Connections for reads.
    pub read_connections: u32,
    /// Where batches of writes are counted, if anywhere.
    pub metrics: Option<Arc<Metrics>>,
}

impl Options {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), read_connections: 16, metrics: None }
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres://") || self.url.starts_with("postgresql://")
    }
}

/// What was opened.
pub(super) struct Opened {
    pub(super) reads: Watched<DatabaseConnection>,
    pub(super) writes: Watched<DatabaseConnection>,
    pub(super) backend: DbBackend,
    /// Whether the database tells what became of a transaction.
    pub(super) receipts: bool,
}

/// The key of the advisory lock that lets one replica migrate at a time.
const MIGRATION_LOCK: i64 = 0x7465_6e75_7265;

/// Opens pools for reads and for writes, after the schema is up to date.
pub(super) async fn open(options: &Options) -> Result<Opened> {
    migrate(options).await?;
    let (backend, writers) = if options.is_postgres() { (DbBackend::Postgres, 4) } else { (DbBackend::Sqlite, 1) };
    let pulse = Pulse::new(options.is_postgres());
    let reads = Watched::new(connect(options, options.read_connections, READ_CACHE, &pulse).await?, &pulse);
    let writes = Watched::new(connect(options, writers, WRITE_CACHE, &pulse).await?, &pulse);
    if backend == DbBackend::Postgres {
        refuse_unsafe(&reads).await?;
    }
    let receipts = receipt::are_given(&reads).await;
    Ok(Opened { reads, writes, backend, receipts })
}

/// Brings the schema up to date; on PostgreSQL one process at a time does so, under a lock that ends with its transaction.
/// The others wait as long as it takes: a step on a large table may take longer than any other statement.
///
/// # Errors
/// When the database can't be reached or a step fails.
pub async fn migrate(options: &Options) -> Result<()> {
    let db = Database::connect(settings(options, 2, WRITE_CACHE, &PATIENT)).await.map_err(from_db)?;
    let outcome = if options.is_postgres() {
        let tx = db.begin().await.map_err(from_db)?;
        let lock = format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
        tx.execute_unprepared(&lock).await.map_err(from_db)?;
        let done = Migrator::up(&db, None).await.map_err(from_db);
        tx.commit().await.map_err(from_db)?;
        done
    } else {
        Migrator::up(&db, None).await.map_err(from_db)
    };
    let _ = db.close().await;
    outcome
}

/// Settings of a PostgreSQL session.
type Session = [(&'static str, &'static str); 3];

/// No request waits for long.
const PROMPT: Session =
    [("statement_timeout", "5s"), ("lock_timeout", "3s"), ("idle_in_transaction_session_timeout", "10s")];

/// A migration takes the time it takes; while it does, the transaction that holds its lock is idle.
const PATIENT: Session =
    [("statement_timeout", "0"), ("lock_timeout", "0"), ("idle_in_transaction_session_timeout", "0")];

/// How long a connection is used: a PostgreSQL backend remembers what it has ever touched, and grows.
const LIFETIME: Duration = Duration::from_mins(30);

/// The pages that an SQLite connection keeps, in KiB: those of writes are changed again and again; those of reads, of which
/// each of many connections has its own, are in the system's memory anyway.
const WRITE_CACHE: u32 = 16_000;
const READ_CACHE: u32 = 4_000;

async fn connect(options: &Options, connections: u32, cache: u32, pulse: &Arc<Pulse>) -> Result<DatabaseConnection> {
    let mut settings = settings(options, connections, cache, &PROMPT);
    let pulse = Arc::clone(pulse);
    settings.map_sqlx_postgres_pool_opts(move |pool| {
        let pulse = Arc::clone(&pulse);
        pool.after_release(move |_, connection| {
            let keep = !pulse.is_doubtful() && connection.age < LIFETIME;
            Box::pin(async move { Ok(keep) })
        })
    });
    Database::connect(settings).await.map_err(from_db)
}

/// The statements that a connection keeps prepared: those for many rows come in several lengths.
const STATEMENTS: usize = 256;

fn settings(options: &Options, connections: u32, cache: u32, session: &'static Session) -> ConnectOptions {
    let mut connect = ConnectOptions::new(&options.url);
    connect
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(1))
        .connect_timeout(Duration::from_secs(5))
        // With any time set, sqlx 0.9.0 starts a task that looks after idle connections, and that now and then takes one
        // thread of the runtime for ever (its issue 3645; mended after that release).
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire_if_idle_for(Duration::from_secs(5))
        .sqlx_logging(false);
    if options.is_postgres() {
        connect.map_sqlx_postgres_opts(|o| {
            o.application_name("tenure").options(*session).statement_cache_capacity(STATEMENTS)
        });
    } else {
        connect.map_sqlx_sqlite_opts(move |o| {
            o.statement_cache_capacity(STATEMENTS)
                .busy_timeout(Duration::from_secs(3))
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "FULL")
                // What is deleted is overwritten: the secrets of a deleted tenant first of all.
                .pragma("secure_delete", "FAST")
                .pragma("cache_size", format!("-{cache}"))
                .pragma("mmap_size", "268435456")
        });
    }
    connect
}

/// Refuses a PostgreSQL server that acknowledges what it may lose.
async fn refuse_unsafe(db: &impl ConnectionTrait) -> Result<()> {
    for setting in ["fsync", "synchronous_commit"] {
        let query = Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"));
        let row = db.query_one_raw(query).await.map_err(from_db)?;
        let value: String = row.map_or(Ok(String::new()), |r| r.try_get_by_index(0)).map_err(from_db)?;
        if value == "off" {
            return Err(Error::Unavailable(format!(
                "PostgreSQL runs with {setting}=off: acknowledged writes could be lost"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pool_is_looked_after_by_a_task() {
        for url in ["sqlite://tenure.db", "postgres://localhost/tenure"] {
            let settings = settings(&Options::new(url), 1, READ_CACHE, &PROMPT);
            let times = (settings.get_idle_timeout(), settings.get_max_lifetime());
            assert_eq!(times, (Some(None), Some(None)), "{url}");
        }
    }
}
