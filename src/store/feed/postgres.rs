//! PostgreSQL: what has become visible since the previous poll's snapshot.
//!
//! A sequence number would not do, since numbers are not drawn in the order of commits: a poll would skip what is still in
//! flight below the highest number it saw. A row's `xid` is compared with the previous *snapshot* instead. Let S be that
//! snapshot. A transaction below `xmin(S)` was finished when S was taken; so was one that is visible in S. All others that
//! the poll's own snapshot shows were committed in between, and these are exactly the rows returned. A transaction that
//! holds `xmin` back makes the index range longer, and changes nothing else.

use sea_orm::sqlx;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::{RETENTION, lost, shard};
use crate::domain::Result;
use crate::domain::coherence::Changes;

/// The statement's one snapshot serves `pg_current_snapshot` and the scan alike. Without a previous snapshot: no rows.
const POLL: &str = "WITH s AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot) \
    SELECT s.snapshot::text, pg_snapshot_xmin(s.snapshot)::text, \
        floor(extract(epoch FROM now()))::bigint, pg_postmaster_start_time()::text, pg_is_in_recovery(), c.shard \
    FROM s LEFT JOIN change_log c ON c.xid >= pg_snapshot_xmin($1::text::pg_snapshot) \
        AND NOT pg_visible_in_snapshot(c.xid, $1::text::pg_snapshot)";

type Row = (String, String, i64, String, bool, Option<i32>);

/// Engines that speak PostgreSQL's protocol and whose snapshots don't order commits.
const OTHERS: [&str; 4] = ["CockroachDB", "-YB-", "Redshift", "Greenplum"];

#[derive(Debug)]
pub(super) struct PostgresFeed {
    options: PgConnectOptions,
    live: Option<Live>,
}

/// A connection and where it has read to.
#[derive(Debug)]
struct Live {
    connection: PgConnection,
    seen: Option<Seen>,
}

/// The database at one poll.
#[derive(Debug, PartialEq)]
struct Seen {
    snapshot: String,
    xmin: u64,
    store_now: i64,
    /// When the server was started: another server, or the same one after a crash, tells another time.
    server: String,
}

impl PostgresFeed {
    /// `None` for an engine that can't be followed.
    pub(super) async fn open(url: &str) -> Result<Option<Self>> {
        let options: PgConnectOptions = url.parse().map_err(lost)?;
        let options =
            options.application_name("tenure-feed").options([("statement_timeout", "1s")]).disable_statement_logging();
        let mut connection = options.connect().await.map_err(lost)?;
        let supported = is_supported(&mut connection).await?;
        Ok(supported.then(|| Self { options, live: Some(Live { connection, seen: None }) }))
    }

    pub(super) async fn poll(&mut self) -> Result<Changes> {
        let mut live = match self.live.take() {
            Some(live) => live,
            None => Live { connection: self.options.connect().await.map_err(lost)?, seen: None },
        };
        let changes = live.poll().await?;
        self.live = Some(live);
        Ok(changes)
    }
}

impl Live {
    async fn poll(&mut self) -> Result<Changes> {
        let previous = self.seen.as_ref().map(|seen| seen.snapshot.clone());
        let rows: Vec<Row> = sqlx::query_as(POLL).bind(previous).fetch_all(&mut self.connection).await.map_err(lost)?;
        let Some((snapshot, xmin, store_now, server, in_recovery, _)) = rows.first().cloned() else {
            return Err(lost("a poll without an answer"));
        };
        if in_recovery {
            return Err(lost("the server is a standby, which lags behind"));
        }
        let now = Seen { snapshot, xmin: xmin.parse().map_err(lost)?, store_now, server };
        let flush = !self.seen.as_ref().is_some_and(|before| now.continues(before));
        let shards = rows.iter().filter_map(|row| row.5).map(|stored| shard(stored.into()));
        let changes = Changes { shards: shards.collect::<Result<_>>()?, flush, store_now: Some(store_now) };
        self.seen = Some(now);
        Ok(changes)
    }
}

impl Seen {
    /// Whether what happened between two polls is what the log tells: the same server, no step back in its history (a
    /// fail-over, a restore), and no rows removed in between.
    fn continues(&self, before: &Self) -> bool {
        self.server == before.server
            && self.xmin >= before.xmin
            && self.store_now.abs_diff(before.store_now) <= RETENTION.unsigned_abs() / 2
    }
}

async fn is_supported(connection: &mut PgConnection) -> Result<bool> {
    let version: String = sqlx::query_scalar("SELECT version()").fetch_one(&mut *connection).await.map_err(lost)?;
    if OTHERS.iter().any(|other| version.contains(other)) {
        return Ok(false);
    }
    let citus = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')";
    if sqlx::query_scalar(citus).fetch_one(&mut *connection).await.map_err(lost)? {
        return Ok(false);
    }
    match sqlx::query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::xid8").execute(connection).await {
        Ok(_) => Ok(true),
        // Any complaint about the statement: no such function, type or cast.
        Err(sqlx::Error::Database(_)) => Ok(false),
        Err(error) => Err(lost(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    fn seen() -> Seen {
        Seen { snapshot: "100:105:101".into(), xmin: 100, store_now: 5_000, server: "2026-01-01 00:00:00+00".into() }
    }

    #[test]
    fn a_later_poll_of_the_same_server_continues() {
        assert!(seen().continues(&seen()));
        assert!(Seen { xmin: 101, store_now: 5_300, ..seen() }.continues(&seen()));
    }

    #[test]
    fn another_server_a_lower_xmin_and_a_long_silence_do_not() {
        assert!(!Seen { server: "2026-01-01 00:00:01+00".into(), ..seen() }.continues(&seen()));
        assert!(!Seen { xmin: 99, ..seen() }.continues(&seen()));
        assert!(!Seen { store_now: 5_301, ..seen() }.continues(&seen()));
        assert!(!Seen { store_now: 4_699, ..seen() }.continues(&seen()));
    }
}
