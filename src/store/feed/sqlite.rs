//! SQLite: `PRAGMA data_version`, and the log only when that says so.
//!
//! The pragma answers another number than before if any other connection, of this process or another, has committed since.
//! It is read first and the log second: what is committed in between shows again at the next poll. `AUTOINCREMENT` numbers
//! have no gaps here (one writer at a time; a rollback takes its numbers back), so counting tells whether any row was
//! removed, or the file restored, before it was read.
//!
//! Between polls a glance at the head of the shared-memory file will do ([`glance`]).

mod glance;

use sea_orm::sqlx;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use self::glance::{Head, Index};
use super::{lost, shard};
use crate::domain::Result;
use crate::domain::coherence::{Changes, Quiet, Shard};

const LOG: &str = "SELECT s.seq, c.shard \
    FROM (SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change_log'), 0) AS seq) AS s \
    LEFT JOIN change_log c ON c.seq > $1";

#[derive(Debug)]
pub(super) struct SqliteFeed {
    options: SqliteConnectOptions,
    live: Option<Live>,
    /// The last one that was opened, for a connection that comes after.
    index: Option<Index>,
}

/// A connection and where it has read to.
#[derive(Debug)]
struct Live {
    connection: SqliteConnection,
    seen: Option<Seen>,
    index: Option<Index>,
}

#[derive(Debug)]
struct Seen {
    data_version: i64,
    seq: i64,
    /// Read before all else.
    head: Option<Head>,
}

impl SqliteFeed {
    pub(super) fn new(url: &str) -> Result<Self> {
        let options: SqliteConnectOptions = url.parse().map_err(lost)?;
        let options = options.create_if_missing(false).pragma("query_only", "ON").disable_statement_logging();
        Ok(Self { options, live: None, index: None })
    }

    pub(super) async fn poll(&mut self) -> Result<Changes> {
        let mut live = match self.live.take() {
            Some(live) => live,
            None => Live { connection: self.options.connect().await.map_err(lost)?, seen: None, index: None },
        };
        let changes = live.poll().await?;
        // Once a connection has read, the shared-memory file stays as long as the connection does.
        if live.index.is_none() {
            self.index = Index::open(self.options.get_filename(), self.index.take());
            live.index.clone_from(&self.index);
        }
        self.live = Some(live);
        Ok(changes)
    }

    pub(super) fn quiet(&self) -> Option<Quiet> {
        let live = self.live.as_ref()?;
        Some(live.index.clone()?.quiet_since(live.seen.as_ref()?.head?))
    }
}

impl Live {
    async fn poll(&mut self) -> Result<Changes> {
        let head = self.index.as_ref().and_then(Index::head);
        let version = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut self.connection);
        let data_version: i64 = version.await.map_err(lost)?;
        let read_to = match &mut self.seen {
            Some(seen) if seen.data_version == data_version => {
                seen.head = head;
                return Ok(Changes::default());
            }
            Some(seen) => Some(seen.seq),
            None => None,
        };
        let (seq, shards) = self.log_after(read_to.unwrap_or(i64::MAX)).await?;
        let all_there = read_to.is_some_and(|read_to| i64::try_from(shards.len()).is_ok_and(|n| seq - read_to == n));
        self.seen = Some(Seen { data_version, seq, head });
        Ok(Changes { shards, flush: !all_there, store_now: None })
    }

    /// The highest number ever given, and the shards of the rows after `read_to`.
    async fn log_after(&mut self, read_to: i64) -> Result<(i64, Vec<Shard>)> {
        let rows: Vec<(i64, Option<i64>)> =
            sqlx::query_as(LOG).bind(read_to).fetch_all(&mut self.connection).await.map_err(lost)?;
        let seq = rows.first().map_or(0, |row| row.0);
        let shards = rows.iter().filter_map(|row| row.1).map(shard).collect::<Result<_>>()?;
        Ok((seq, shards))
    }
}
