//! The change feed by itself: everything committed, once, and a flush where that can't be known.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use tenure::domain::coherence::{ChangeFeed as _, Changes, Shard};
use tenure::store::Feed;

use super::database::{TestDatabase, log_row};

async fn open(database: &TestDatabase) -> Feed {
    Feed::open(&database.options).await.unwrap().unwrap()
}

/// The shards of the next poll, sorted; it must not flush.
async fn next(feed: &mut Feed) -> Vec<u16> {
    let changes = feed.poll().await.unwrap();
    assert!(!changes.flush);
    let mut shards: Vec<u16> = changes.shards.iter().map(|shard| shard.0).collect();
    shards.sort_unstable();
    shards
}

async fn flushes(feed: &mut Feed) -> bool {
    let Changes { flush, .. } = feed.poll().await.unwrap();
    flush
}

/// Tests of one behaviour on both databases.
macro_rules! on_both {
    ($($name:ident)*) => { $(
        mod $name {
            #[tokio::test]
            async fn on_sqlite() {
                super::$name(&super::TestDatabase::sqlite().await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                if let Some(database) = super::TestDatabase::postgres().await {
                    super::$name(&database).await;
                }
            }
        }
    )* };
}

on_both! {
    a_feed_begins_with_a_flush_and_reports_each_change_once
    what_is_rolled_back_is_not_reported
    the_purge_takes_old_rows_and_leaves_young_ones
    a_long_log_is_purged_in_portions
}

async fn a_feed_begins_with_a_flush_and_reports_each_change_once(database: &TestDatabase) {
    let postgres = database.is_postgres();
    database.run(&log_row(postgres, Shard(9), 0)).await;
    let (mut feed, mut other) = (open(database).await, open(database).await);
    assert!(flushes(&mut feed).await);
    assert!(flushes(&mut other).await);
    assert!(next(&mut feed).await.is_empty());
    for shard in [0, 7, u16::MAX] {
        database.run(&log_row(postgres, Shard(shard), 0)).await;
    }
    assert_eq!(next(&mut feed).await, [0, 7, u16::MAX]);
    assert!(next(&mut feed).await.is_empty());
    database.run("INSERT INTO probe VALUES (1, 1)").await;
    assert!(next(&mut feed).await.is_empty(), "a write that touches no shard");
    assert_eq!(next(&mut other).await, [0, 7, u16::MAX], "each feed reads for itself");
}

async fn what_is_rolled_back_is_not_reported(database: &TestDatabase) {
    let postgres = database.is_postgres();
    let mut feed = open(database).await;
    assert!(flushes(&mut feed).await);
    let undone = database.pool.begin().await.unwrap();
    undone.execute_unprepared(&log_row(postgres, Shard(1), 0)).await.unwrap();
    undone.rollback().await.unwrap();
    database.run(&log_row(postgres, Shard(2), 0)).await;
    assert_eq!(next(&mut feed).await, [2]);
}

async fn the_purge_takes_old_rows_and_leaves_young_ones(database: &TestDatabase) {
    let postgres = database.is_postgres();
    let store = tenure::store::Store::open(&database.options, std::sync::Arc::new(|_| ())).await.unwrap();
    assert_eq!(store.purge_changes().await.unwrap(), (0, false));
    for (shard, age) in [(1, 3_600), (2, 601), (3, 500), (4, 0)] {
        database.run(&log_row(postgres, Shard(shard), age)).await;
    }
    assert_eq!(store.purge_changes().await.unwrap(), (2, false));
    assert_eq!(database.number("SELECT CAST(min(shard) AS BIGINT) FROM change_log").await, 3);
    database.run("UPDATE change_log SET at = at - 10000").await;
    // A transaction that runs anywhere on the server holds the last rows back for as long as it lasts.
    while database.number("SELECT count(*) FROM change_log").await > 0 {
        store.purge_changes().await.unwrap();
        tokio::task::yield_now().await;
    }
    store.close().await;
}

/// A portion ends with the transaction that wrote its last row: on PostgreSQL this is one, on SQLite each row stands alone.
async fn a_long_log_is_purged_in_portions(database: &TestDatabase) {
    let postgres = database.is_postgres();
    let store = tenure::store::Store::open(&database.options, std::sync::Arc::new(|_| ())).await.unwrap();
    let many = if postgres {
        "SELECT 1, 1, floor(extract(epoch FROM now()))::bigint - 3600 FROM generate_series(1, 25000)"
    } else {
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000)
        SELECT 1, 1, unixepoch() - 3600 FROM n"
    };
    database.run(&format!("INSERT INTO change_log (tenant_id, shard, at) {many}")).await;
    database.run(&log_row(postgres, Shard(2), 0)).await;
    let mut portions = Vec::new();
    while database.number("SELECT count(*) FROM change_log").await > 1 {
        portions.extend(Some(store.purge_changes().await.unwrap()).filter(|(removed, _)| *removed > 0));
        tokio::task::yield_now().await;
    }
    let expected: &[_] = if postgres { &[(25_000, true)] } else { &[(20_000, true), (5_000, false)] };
    assert_eq!(portions, expected);
    assert_eq!(store.purge_changes().await.unwrap(), (0, false));
    assert_eq!(database.number("SELECT CAST(min(shard) AS BIGINT) FROM change_log").await, 2, "the young one is left");
    store.close().await;
}

/// SQLite: numbers go on after everything was purged, and rows that were removed unread are noticed.
#[tokio::test]
async fn sqlite_notices_rows_that_were_purged_before_it_read_them() {
    let database = TestDatabase::sqlite().await;
    let mut feed = open(&database).await;
    assert!(flushes(&mut feed).await);
    database.run(&log_row(false, Shard(1), 0)).await;
    assert_eq!(next(&mut feed).await, [1]);
    database.run("DELETE FROM change_log").await;
    assert!(next(&mut feed).await.is_empty(), "it had read all that was removed");
    database.run(&log_row(false, Shard(2), 0)).await;
    assert_eq!(next(&mut feed).await, [2], "the number of a removed row is not given again");
    database.run(&log_row(false, Shard(3), 0)).await;
    database.run("DELETE FROM change_log").await;
    assert!(flushes(&mut feed).await);
    database.run(&log_row(false, Shard(4), 0)).await;
    assert_eq!(next(&mut feed).await, [4]);
}

/// SQLite: a file put back from a backup has fewer rows than were read.
#[tokio::test]
async fn sqlite_notices_a_log_that_went_back() {
    let database = TestDatabase::sqlite().await;
    for shard in 1..=5 {
        database.run(&log_row(false, Shard(shard), 0)).await;
    }
    let mut feed = open(&database).await;
    assert!(flushes(&mut feed).await);
    database.run("DELETE FROM change_log WHERE seq > 3").await;
    database.run("UPDATE sqlite_sequence SET seq = 3 WHERE name = 'change_log'").await;
    assert!(flushes(&mut feed).await);
}

/// PostgreSQL: the earlier transaction commits later. A poll by sequence number would miss it.
#[tokio::test]
async fn postgres_reports_what_was_in_flight_when_later_work_was_read() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let mut feed = open(&database).await;
    assert!(flushes(&mut feed).await);
    let early = database.pool.begin().await.unwrap();
    early.execute_unprepared(&log_row(true, Shard(1), 0)).await.unwrap();
    database.run(&log_row(true, Shard(2), 0)).await;
    assert_eq!(next(&mut feed).await, [2]);
    database.run(&log_row(true, Shard(3), 0)).await;
    assert_eq!(next(&mut feed).await, [3], "2 is not read again although the open transaction pins xmin");
    early.commit().await.unwrap();
    assert_eq!(next(&mut feed).await, [1]);
    assert!(next(&mut feed).await.is_empty());
}

/// PostgreSQL: rows written under savepoints carry the transaction's number, not the savepoint's.
#[tokio::test]
async fn postgres_reports_work_under_savepoints() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let mut feed = open(&database).await;
    assert!(flushes(&mut feed).await);
    let outer = database.pool.begin().await.unwrap();
    for shard in 0..80 {
        // More than 64 overflow the server's cache of sub-transactions.
        let inner = outer.begin().await.unwrap();
        inner.execute_unprepared(&log_row(true, Shard(shard), 0)).await.unwrap();
        inner.commit().await.unwrap();
    }
    assert!(next(&mut feed).await.is_empty());
    outer.commit().await.unwrap();
    assert_eq!(next(&mut feed).await, (0..80).collect::<Vec<_>>());
}

#[tokio::test]
async fn postgres_flushes_after_a_lost_connection() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let mut feed = open(&database).await;
    assert!(flushes(&mut feed).await);
    database.cut_feeds().await;
    assert!(feed.poll().await.is_err());
    assert!(flushes(&mut feed).await);
    assert!(next(&mut feed).await.is_empty());
}

#[tokio::test]
async fn a_poll_that_is_dropped_half_way_loses_nothing() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let mut feed = open(&database).await;
    assert!(flushes(&mut feed).await);
    database.run(&log_row(true, Shard(1), 0)).await;
    // The table is locked: the poll waits, and is given up.
    let lock = database.pool.begin().await.unwrap();
    lock.execute_unprepared("LOCK TABLE change_log IN ACCESS EXCLUSIVE MODE").await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(20), feed.poll()).await.is_err());
    lock.rollback().await.unwrap();
    assert!(flushes(&mut feed).await);
}

#[tokio::test]
async fn postgres_tells_its_time() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let before = database.number("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint").await;
    let told = open(&database).await.poll().await.unwrap().store_now.unwrap();
    let after = database.number("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint").await;
    assert!((before..=after).contains(&told));
}

/// SQLite: as long as nobody commits, a glance says so; a commit of any connection ends that, a rollback doesn't matter.
#[tokio::test]
async fn sqlite_shows_at_a_glance_that_nothing_was_committed() {
    let database = TestDatabase::sqlite().await;
    let mut feed = open(&database).await;
    assert!(feed.quiet().is_none(), "not polled yet");
    assert!(flushes(&mut feed).await);
    assert!(next(&mut feed).await.is_empty());
    let quiet = feed.quiet().unwrap();
    assert!(quiet.is_quiet());
    database.number("SELECT count(*) FROM probe").await;
    assert!(quiet.is_quiet(), "a read changes nothing");
    for shard in [5, 6] {
        database.run(&log_row(false, Shard(shard), 0)).await;
        assert!(!quiet.is_quiet());
    }
    assert_eq!(next(&mut feed).await, [5, 6]);
    assert!(!quiet.is_quiet(), "it is good for its own poll only");
    let quiet = feed.quiet().unwrap();
    assert!(quiet.is_quiet());
    database.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
    database.run("INSERT INTO probe VALUES (1, 1)").await;
    assert!(!quiet.is_quiet(), "a log begun anew");
}

/// Who closes a file gives up all locks that his process holds on it: a feed that ends must not take a writer's along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_ends_leaves_its_process_the_locks() {
    let database = TestDatabase::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tenants.toml");
    std::fs::write(&file, crate::harness::tenants::file()).unwrap();
    let apply = || {
        let mut another = std::process::Command::new(env!("CARGO_BIN_EXE_tenure"));
        another.args(["tenants", "apply"]).arg(&file).env_clear();
        another.env("TENURE_DATABASE_URL", &database.options.url);
        another.env("TENURE_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        another.output().unwrap()
    };
    let mut feed = open(&database).await;
    assert!(flushes(&mut feed).await);
    let writer = database.pool.begin().await.unwrap();
    writer.execute_unprepared("INSERT INTO probe VALUES (1, 1)").await.unwrap();
    drop(feed);
    let refused = apply();
    assert!(!refused.status.success(), "somebody else wrote meanwhile: {refused:?}");
    writer.commit().await.unwrap();
    let applied = apply();
    assert!(applied.status.success(), "{applied:?}");
}
