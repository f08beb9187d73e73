//! The log of changes that keeps the caches of all replicas true (`cache::coherence`): writing it, reading it, trimming it.
//!
//! A feed holds a connection of its own, outside any pool and any transaction, through the driver beneath SeaORM: what it
//! remembers (a snapshot, a `data_version`) means something on that very connection only, and a pool changes connections
//! silently. A poll *takes* the connection and puts it back when it is done; so one that fails, or is dropped half-way,
//! leaves none behind, and the next begins on a new one with a flush.
//!
//! The log's `at` is the database's own time, not the clock's: how long a row is kept has to do with how long a replica
//! may be silent, not with what time it is for tokens.

mod postgres;
mod sqlite;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use self::postgres::PostgresFeed;
use self::sqlite::SqliteFeed;
use super::Options;
use super::error::from_db;
use crate::domain::coherence::{ChangeFeed, Poll, Quiet, Shard};
use crate::domain::{Error, Result, TenantId};

/// How long rows of the log are kept, in seconds. A replica that was silent for half of it flushes its caches.
const RETENTION: i64 = 600;

/// The change feed of a database.
#[derive(Debug)]
pub struct Feed(Kind);

#[derive(Debug)]
enum Kind {
    Postgres(PostgresFeed),
    Sqlite(SqliteFeed),
}

impl Feed {
    /// The feed of the database at the URL; `None` if its engine has no snapshots that a log could be read by (`CockroachDB`,
    /// `YugabyteDB`, Citus, PostgreSQL before 13): without a feed nothing may be cached.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached.
    pub async fn open(options: &Options) -> Result<Option<Self>> {
        let kind = if options.is_postgres() {
            PostgresFeed::open(&options.url).await?.map(Kind::Postgres)
        } else {
            Some(Kind::Sqlite(SqliteFeed::new(&options.url)?))
        };
        Ok(kind.map(Self))
    }
}

impl ChangeFeed for Feed {
    fn poll(&mut self) -> Poll<'_> {
        match &mut self.0 {
            Kind::Postgres(feed) => Box::pin(feed.poll()),
            Kind::Sqlite(feed) => Box::pin(feed.poll()),
        }
    }

    fn quiet(&self) -> Option<Quiet> {
        match &self.0 {
            Kind::Postgres(_) => None,
            Kind::Sqlite(feed) => feed.quiet(),
        }
    }
}

const RECORD_POSTGRES: &str = "INSERT INTO change_log (tenant_id, shard, at) \
    SELECT (c ->> 0)::bigint, (c ->> 1)::integer, floor(extract(epoch FROM clock_timestamp()))::bigint \
    FROM json_array_elements($1::json) AS c";
const RECORD_SQLITE: &str = "INSERT INTO change_log (tenant_id, shard, at) \
    SELECT c.value ->> 0, c.value ->> 1, unixepoch() FROM json_each($1) AS c";

/// Records what a transaction changed, in that transaction. One statement, whatever the number of shards.
pub(super) async fn record_change(tx: &impl ConnectionTrait, changed: &[(TenantId, Shard)]) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let mut pairs: Vec<(i64, u16)> = changed.iter().map(|(tenant, shard)| (tenant.0, shard.0)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let pairs = serde_json::to_string(&pairs).map_err(Error::internal)?;
    let backend = tx.get_database_backend();
    let sql = if backend == DbBackend::Postgres { RECORD_POSTGRES } else { RECORD_SQLITE };
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, [pairs.into()])).await.map_err(from_db)?;
    Ok(())
}

/// After how many rows one statement that trims the log ends, with the transaction that wrote the last of them.
pub(super) const PORTION: u64 = 20_000;

// Up to the first row that is young enough, or the end of the portion: what is left is contiguous.
const PURGE_POSTGRES: &str = "WITH oldest AS (SELECT xid, at FROM change_log ORDER BY xid LIMIT $2) \
    DELETE FROM change_log WHERE xid < coalesce( \
        (SELECT xid FROM oldest WHERE at >= floor(extract(epoch FROM clock_timestamp()))::bigint - $1 ORDER BY xid LIMIT 1), \
        pg_snapshot_xmin(pg_current_snapshot())) \
    AND xid <= (SELECT xid FROM oldest ORDER BY xid DESC LIMIT 1)";
const PURGE_SQLITE: &str = "WITH oldest AS (SELECT seq, at FROM change_log ORDER BY seq LIMIT $2) \
    DELETE FROM change_log WHERE seq < coalesce( \
        (SELECT seq FROM oldest WHERE at >= unixepoch() - $1 ORDER BY seq LIMIT 1), 9223372036854775807) \
    AND seq <= (SELECT seq FROM oldest ORDER BY seq DESC LIMIT 1)";

/// Removes a [`PORTION`] of the rows that no replica will ask for any more; tells how many. One statement, which is its own
/// transaction.
pub(super) async fn purge_changes(conn: &impl ConnectionTrait) -> Result<u64> {
    let backend = conn.get_database_backend();
    let sql = if backend == DbBackend::Postgres { PURGE_POSTGRES } else { PURGE_SQLITE };
    let portion = i64::try_from(PORTION).map_err(Error::internal)?;
    let purge = Statement::from_sql_and_values(backend, sql, [RETENTION.into(), portion.into()]);
    Ok(conn.execute_raw(purge).await.map_err(from_db)?.rows_affected())
}

/// A failed poll, whatever the cause: the caches are bypassed until one succeeds.
fn lost(cause: impl std::fmt::Display) -> Error {
    Error::Unavailable(format!("change feed: {cause}"))
}

/// A shard as the log has it; another number was not written by us.
fn shard(stored: i64) -> Result<Shard> {
    u16::try_from(stored).map(Shard).map_err(|_| lost("a shard out of range"))
}
