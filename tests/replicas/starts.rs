//! Replicas that start at the same moment on an empty database: one makes the schema and the tenants, all get ready (F-15).

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tenure::store::{Options, migrate};

use super::scale;
use crate::harness::TestApp;
use crate::harness::database::{TestDatabase, connect};

const REPLICAS: usize = 4;
/// The key of the lock that a replica migrates under: `tenure` in ASCII.
const MIGRATION_LOCK: i64 = 0x7465_6e75_7265;

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Tables, columns and indexes.
async fn schema(url: &str) -> Vec<String> {
    let db = connect(url).await;
    let columns = "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) \
        FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1";
    let indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1";
    let applied = "SELECT version FROM seaql_migrations ORDER BY 1";
    let mut all = Vec::new();
    for sql in [columns, indexes, applied] {
        all.extend(texts(&db, sql).await);
    }
    db.close().await.unwrap();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_agree() {
    let Some(alone) = TestApp::postgres().await else { return };
    let expected = schema(alone.database_url()).await;
    let rounds = if scale() == 1 { 2 } else { 10 };
    for round in 0..rounds {
        let started = TestApp::on_empty_postgres(REPLICAS).await.unwrap();
        let apps: Vec<_> =
            started.into_iter().map(|app| app.unwrap_or_else(|e| panic!("round {round}: {e}"))).collect();
        assert_eq!(schema(apps[0].database_url()).await, expected);
        let db = connect(apps[0].database_url()).await;
        let locks = "SELECT locktype FROM pg_locks WHERE locktype = 'advisory' \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(texts(&db, locks).await, [""; 0], "no lock is left behind");
        let twice = "SELECT tid FROM tenant GROUP BY tid HAVING count(*) > 1";
        assert_eq!(texts(&db, twice).await, [""; 0]);
        db.close().await.unwrap();
        let token = apps[round % REPLICAS].authz_store().stored("alice", "c1").await;
        for app in &apps {
            app.ops_request("GET", "/health/ready").send().await.status(200);
            app.authz_store().assert_live("access_token", token["access_token"].as_str().unwrap(), true).await;
            let keys = app.platform().call("GET", "/acme/keys").await.status(200).json();
            assert_eq!(keys.as_array().unwrap().len(), 1, "{keys}");
        }
    }
    println!(
        "{REPLICAS} replicas started together on an empty database {rounds} times: all ready, one schema, no locks left"
    );
}

/// A replica waits for another that takes long over a migration: longer than any statement may take otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_migration_is_waited_for() {
    let Some(database) = TestDatabase::empty_postgres().await else { return };
    let holder = connect(&database.url).await;
    holder.execute_unprepared(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).await.unwrap();
    let options = Options::new(&database.url);
    let release = async {
        tokio::time::sleep(Duration::from_secs(if scale() == 1 { 4 } else { 6 })).await;
        holder.execute_unprepared(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})")).await.unwrap();
    };
    let (migrated, ()) = tokio::join!(migrate(&options), release);
    migrated.unwrap();
    holder.close().await.unwrap();
    assert!(!schema(&database.url).await.is_empty());
}

/// The lock is held for as long as the migration lasts, also past the time that a transaction may be idle. Only in the long
/// form, since that is eleven seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lock_outlives_a_long_step() {
    if scale() == 1 {
        return;
    }
    let Some(database) = TestDatabase::empty_postgres().await else { return };
    // The migrator's first step waits for this transaction, as it would work for as long on a large table.
    let holder = connect(&database.url).await;
    holder.execute_unprepared("BEGIN; CREATE TABLE seaql_migrations (x int)").await.unwrap();
    let options = Options::new(&database.url);
    let look = async {
        tokio::time::sleep(Duration::from_secs(11)).await;
        let held = "SELECT locktype FROM pg_locks WHERE locktype = 'advisory' AND granted \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let held = texts(&holder, held).await;
        holder.execute_unprepared("ROLLBACK").await.unwrap();
        held
    };
    let (migrated, held) = tokio::join!(migrate(&options), look);
    assert_eq!(held, ["advisory"]);
    migrated.unwrap();
    holder.close().await.unwrap();
}
