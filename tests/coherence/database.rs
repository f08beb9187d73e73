//! An empty, migrated database for one test, with a table to read values from.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tenure::domain::coherence::Shard;
use tenure::store::{Options, migrate};

use crate::harness::database::pool;
use crate::harness::postgres::{Database, server};

/// A database and a pool on it for the test's own statements.
pub(super) struct TestDatabase {
    pub(super) options: Options,
    pub(super) pool: DatabaseConnection,
    _kept: Kept,
}

/// What is removed with the value.
#[expect(dead_code, reason = "held to be dropped")]
enum Kept {
    Folder(tempfile::TempDir),
    Database(Database),
}

impl TestDatabase {
    pub(super) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("tenure.db").display());
        Self::open(url, Kept::Folder(directory)).await
    }

    /// A database on the run's server; `None` where there is none.
    pub(super) async fn postgres() -> Option<Self> {
        let database = server()?.fresh_database().await;
        Some(Self::open(database.url.clone(), Kept::Database(database)).await)
    }

    async fn open(url: String, kept: Kept) -> Self {
        let options = Options::new(url);
        migrate(&options).await.unwrap();
        let pool = pool(&options.url, 24).await;
        let this = Self { options, pool, _kept: kept };
        this.run("CREATE TABLE probe (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)").await;
        this.run("DELETE FROM change_log").await;
        this
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.pool.get_database_backend() == DbBackend::Postgres
    }

    pub(super) async fn run(&self, sql: &str) {
        self.pool.execute_unprepared(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    pub(super) async fn number(&self, sql: &str) -> i64 {
        number(&self.pool, sql).await
    }

    /// Ends the connection of every feed on this database, as a restart of the server would.
    pub(super) async fn cut_feeds(&self) {
        let feeds = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
            WHERE application_name = 'tenure-feed' AND datname = current_database()";
        assert!(self.number(feeds).await > 0);
    }
}

/// The first column of the only row of a query.
pub(super) async fn number(conn: &impl sea_orm::ConnectionTrait, sql: &str) -> i64 {
    let statement = Statement::from_string(conn.get_database_backend(), sql);
    conn.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// The statement of a writer that changed something in `shard`, `age` seconds ago.
pub(super) fn log_row(postgres: bool, shard: Shard, age: i64) -> String {
    let now = if postgres { "floor(extract(epoch FROM clock_timestamp()))::bigint" } else { "unixepoch()" };
    format!("INSERT INTO change_log (tenant_id, shard, at) VALUES (1, {shard}, {now} - {age})")
}
