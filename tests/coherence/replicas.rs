//! Two replicas on one database: no answer is older than what was acknowledged before its request.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, DbBackend, SqliteTransactionMode, TransactionOptions, TransactionTrait as _};
use tenure::cache::{Coherence, CoherentCache, FeedState, Freshness, Mode, Outcome, TOKENS};
use tenure::domain::coherence::{Shard, Topic};
use tenure::domain::{Clock, TenantId};
use tenure::store::{Feed, Store};

use super::database::{TestDatabase, log_row, number};

const KEYS: i64 = 8;
const WRITES: usize = 60;
const READS: usize = 400;

fn shard(key: i64) -> Shard {
    Shard::of(TenantId(1), Topic::Token, &key.to_be_bytes())
}

/// One process: its own generations, its own cache.
struct Replica {
    coherence: Arc<Coherence>,
    cache: CoherentCache<i64, i64>,
    hits: Arc<AtomicI64>,
}

impl Replica {
    async fn start(database: &TestDatabase) -> Self {
        let feed = Feed::open(&database.options).await.unwrap().unwrap();
        let hits: Arc<AtomicI64> = Arc::default();
        let counted = Arc::clone(&hits);
        let tally = move |outcome| {
            if outcome == Outcome::Hit {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        };
        let coherence = Coherence::start(feed, Mode::Strict, Clock::system());
        Self { coherence, cache: CoherentCache::new(TOKENS, Box::new(tally)), hits }
    }

    async fn read(&self, database: &TestDatabase, key: i64) -> i64 {
        let freshness = self.coherence.read_index().await;
        self.read_with(database, key, freshness).await
    }

    async fn read_with(&self, database: &TestDatabase, key: i64, freshness: Freshness) -> i64 {
        let load = || async { Ok(database.number(&format!("SELECT value FROM probe WHERE id = {key}")).await) };
        self.cache.get_or_load((&self.coherence, freshness), key, &[shard(key)], load).await.unwrap()
    }
}

/// Adds one to a key, as a writer on another replica would; what it returns is acknowledged.
async fn write(database: &TestDatabase, key: i64) -> i64 {
    let sqlite = database.pool.get_database_backend() == DbBackend::Sqlite;
    let sqlite_transaction_mode = sqlite.then_some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
    let tx = database.pool.begin_with_options(options).await.unwrap();
    tx.execute_unprepared(&log_row(!sqlite, shard(key), 0)).await.unwrap();
    let value = number(&tx, &format!("UPDATE probe SET value = value + 1 WHERE id = {key} RETURNING value")).await;
    tx.commit().await.unwrap();
    value
}

async fn prepare(database: &TestDatabase) {
    for key in 0..KEYS {
        database.run(&format!("INSERT INTO probe VALUES ({key}, 0)")).await;
    }
}

async fn no_answer_is_stale(database: &TestDatabase) {
    prepare(database).await;
    let replicas = [Replica::start(database).await, Replica::start(database).await];
    let acknowledged: Vec<AtomicI64> = (0..KEYS).map(|_| AtomicI64::new(0)).collect();
    let writers = (0..KEYS).map(|key| {
        let acknowledged = &acknowledged;
        async move {
            for _ in 0..WRITES {
                let value = write(database, key).await;
                acknowledged[usize::try_from(key).unwrap()].fetch_max(value, Ordering::SeqCst);
            }
        }
    });
    let readers = replicas.iter().flat_map(|replica| (0..KEYS).map(move |key| (replica, key))).map(|(replica, key)| {
        let acknowledged = &acknowledged;
        async move {
            for _ in 0..READS {
                let before = acknowledged[usize::try_from(key).unwrap()].load(Ordering::SeqCst);
                let answer = replica.read(database, key).await;
                assert!(answer >= before, "stale: {answer} after {before} was acknowledged");
            }
        }
    });
    tokio::join!(join_all(writers), join_all(readers));
    for replica in &replicas {
        for key in 0..KEYS {
            assert_eq!(replica.read(database, key).await, i64::try_from(WRITES).unwrap());
        }
        assert!(replica.hits.load(Ordering::Relaxed) > 0, "the cache was used");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_stale_on_sqlite() {
    no_answer_is_stale(&TestDatabase::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_stale_on_postgres() {
    if let Some(database) = TestDatabase::postgres().await {
        no_answer_is_stale(&database).await;
    }
}

/// A lost feed: bypassed, never stale; and used again once it is back.
#[tokio::test]
async fn a_replica_that_lost_its_feed_asks_the_store() {
    let Some(database) = TestDatabase::postgres().await else { return };
    prepare(&database).await;
    let replica = Replica::start(&database).await;
    assert_eq!(replica.read(&database, 0).await, 0);
    write(&database, 0).await;
    database.cut_feeds().await;
    let freshness = replica.coherence.read_index().await;
    assert_eq!(replica.read_with(&database, 0, freshness).await, 1);
    while !matches!(replica.coherence.feed_state(), FeedState::Good(_)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(replica.coherence.read_index().await, Freshness::Current);
    write(&database, 0).await;
    assert_eq!(replica.read(&database, 0).await, 2);
}

/// The store's writer records what it touched, and tells this process before it answers.
#[tokio::test]
async fn a_write_through_the_store_reaches_both_replicas() {
    let mut databases = vec![TestDatabase::sqlite().await];
    databases.extend(TestDatabase::postgres().await);
    for database in &databases {
        let (local, remote) = (Replica::start(database).await, Replica::start(database).await);
        let told = Arc::clone(&local.coherence);
        let store = Store::open(&database.options, Arc::new(move |shards| told.bump(shards))).await.unwrap();
        let _ = (local.coherence.read_index().await, remote.coherence.read_index().await);
        let stamps = (local.coherence.capture(&[shard(3)]), remote.coherence.capture(&[shard(3)]));
        let touch = store.write(TenantId(1), shard(3), |rows, shard| {
            Box::pin(async move {
                rows.touch(*shard);
                rows.touch(*shard);
                Ok(())
            })
        });
        touch.await.unwrap();
        assert!(!local.coherence.is_current(&stamps.0), "without a poll");
        assert_eq!(remote.coherence.read_index().await, Freshness::Current);
        assert!(!remote.coherence.is_current(&stamps.1));
        assert_eq!(database.number("SELECT count(*) FROM change_log").await, 1, "once per shard");
        store.close().await;
    }
}
