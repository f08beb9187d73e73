//! Rows that a test holds, so that writes meet at them in an order of its choice: who waits first goes first.
//!
//! What waits gives up after three seconds (`lock_timeout`): nothing slow may happen before the release.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, Statement, TransactionTrait as _};
use serde_json::json;

use super::replicas;
use crate::harness::database::pool;
use crate::harness::{Answer, TestApp};

/// How long those who are to wait may take to do so.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rows that a connection of the test's own keeps locked until they are released, or this is dropped.
pub(super) struct Held {
    hold: DatabaseTransaction,
    db: DatabaseConnection,
}

impl Held {
    /// Locks the rows of a table that a condition is true of; there must be some.
    pub(super) async fn rows(app: &TestApp, table: &str, condition: &str) -> Self {
        let db = pool(app.database_url(), 2).await;
        let hold = db.begin().await.unwrap();
        let sql = format!("SELECT 1 FROM {table} WHERE {condition} FOR UPDATE");
        let found = hold.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
        assert!(!found.is_empty(), "no {table} where {condition}");
        Self { hold, db }
    }

    /// Waits until as many connections, or more, wait for a lock: for these rows, or for who waits for them.
    pub(super) async fn waiters(&self, count: i64) {
        let begun = Instant::now();
        loop {
            let waiting = self.count_waiters().await;
            if waiting >= count {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{waiting} wait, not {count}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Lets the rows go.
    pub(super) async fn release(self) {
        self.hold.rollback().await.unwrap();
        self.db.close().await.unwrap();
    }

    /// Has two requests wait, one after the other, and lets the rows go: what each was answered.
    pub(super) async fn race(
        self,
        first: impl Future<Output = Answer>,
        second: impl Future<Output = Answer>,
    ) -> (Answer, Answer) {
        let in_turn = async {
            let mut second = std::pin::pin!(second);
            self.waiters(1).await;
            let answer = tokio::select! {
                answer = &mut second => Some(answer),
                () = self.waiters(2) => None,
            };
            self.release().await;
            match answer {
                Some(early) => early,
                None => second.await,
            }
        };
        tokio::join!(first, in_turn)
    }

    async fn count_waiters(&self) -> i64 {
        let sql =
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let found = self.db.query_one_raw(Statement::from_string(self.db.get_database_backend(), sql)).await;
        found.unwrap().unwrap().try_get_by_index(0).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_first_goes_first() {
    let Some(apps) = replicas(2).await else { return };
    for n in 0..4 {
        let code = apps[0].authz_store().new_code(&json!({"sub": "alice", "cid": "c1"})).await;
        let fields = [("code", code.as_str()), ("client_id", "c1")];
        let stores = [apps[n % 2].authz_store(), apps[1 - n % 2].authz_store()];
        let held = Held::rows(&apps[0], "authorization_code", "cid = 'c1' AND state = 0").await;
        let (first, second) = held.race(stores[0].exchange(&fields), stores[1].exchange(&fields)).await;
        first.status(200);
        second.error(404, "invalid_code");
    }
}
