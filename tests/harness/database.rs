//! A database for one test: a copy of a template in which the schema is made and the tenants are applied.

use std::path::PathBuf;
use std::sync::OnceLock;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use tenure::domain::Clock;

use super::server::Server;
use super::{NOW, postgres};

/// A database that ends with its test.
pub(crate) struct TestDatabase {
    /// What the server is told to use.
    pub(crate) url: String,
    place: Place,
}

/// A time without a database; it ends with this value.
pub(crate) enum Outage {
    Sqlite(Option<DatabaseConnection>),
    Postgres(postgres::Shut),
}

impl Drop for Outage {
    fn drop(&mut self) {
        match self {
            Self::Sqlite(db) => {
                let db = db.take();
                run_apart(async move {
                    if let Some(db) = db {
                        db.execute_unprepared("ROLLBACK").await.unwrap();
                        db.close().await.unwrap();
                    }
                });
            }
            Self::Postgres(shut) => shut.open(),
        }
    }
}

/// Tables that have another name; they get their own back when this is dropped.
pub(crate) struct Hidden {
    url: String,
}

impl Drop for Hidden {
    fn drop(&mut self) {
        run_apart(rename(&self.url, true));
    }
}

async fn rename(url: &str, back: bool) {
    let db = connect(url).await;
    for table in ["access_token", "refresh_token", "authorization_code", "authorization_grant"] {
        let (from, to) = (table.to_owned(), format!("{table}_hidden"));
        let (from, to) = if back { (to, from) } else { (from, to) };
        db.execute_unprepared(&format!("ALTER TABLE {from} RENAME TO {to}")).await.unwrap();
    }
    db.close().await.unwrap();
}

/// A back-up of a database.
pub(crate) enum Backup {
    Sqlite(Vec<u8>),
    Postgres(postgres::Database),
}

/// The name of an SQLite file.
const FILE: &str = "tenure.db";

enum Place {
    Elsewhere,
    Sqlite(tempfile::TempDir),
    Postgres(postgres::Database),
}

impl TestDatabase {
    /// That of a server in another process.
    pub(crate) fn elsewhere() -> Self {
        Self { url: String::new(), place: Place::Elsewhere }
    }

    /// A copy of the SQLite template.
    pub(crate) fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE);
        std::fs::write(&file, sqlite_template()).unwrap();
        Self { url: sqlite_url(&file), place: Place::Sqlite(directory) }
    }

    /// A copy of the PostgreSQL template; `None` without a server.
    pub(crate) async fn postgres() -> Option<Self> {
        let database = postgres::server()?.fresh_database().await;
        Some(Self { url: database.url.clone(), place: Place::Postgres(database) })
    }

    /// One without a table; `None` without a server.
    pub(crate) async fn empty_postgres() -> Option<Self> {
        let database = postgres::server()?.empty_database().await;
        Some(Self { url: database.url.clone(), place: Place::Postgres(database) })
    }

    /// A copy of what is in the database, while no server uses it.
    pub(crate) async fn back_up(&self) -> Backup {
        match &self.place {
            Place::Elsewhere => panic!("it is not ours to back up"),
            Place::Postgres(database) => Backup::Postgres(database.copy().await),
            Place::Sqlite(directory) => {
                empty_log(&self.url).await;
                Backup::Sqlite(std::fs::read(directory.path().join(FILE)).unwrap())
            }
        }
    }

    /// Puts a back-up in the place of the database, while no server uses it.
    pub(crate) async fn restore(&self, backup: Backup) {
        match (&self.place, backup) {
            (Place::Sqlite(directory), Backup::Sqlite(bytes)) => {
                empty_log(&self.url).await;
                std::fs::write(directory.path().join(FILE), bytes).unwrap();
            }
            (Place::Postgres(database), Backup::Postgres(copy)) => database.replace(&copy).await,
            _ => panic!("a back-up of another kind"),
        }
    }

    /// Makes the database refuse to work: on PostgreSQL nobody can connect, on SQLite somebody else writes and doesn't end.
    pub(crate) async fn cut(&self) -> Outage {
        match &self.place {
            Place::Postgres(database) => Outage::Postgres(database.shut().await),
            Place::Sqlite(_) | Place::Elsewhere => {
                let db = connect(&self.url).await;
                db.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
                Outage::Sqlite(Some(db))
            }
        }
    }

    /// Renames the tables of codes and tokens, so that whoever asks them fails.
    pub(crate) async fn hide_tokens(&self) -> Hidden {
        rename(&self.url, false).await;
        Hidden { url: self.url.clone() }
    }

    /// Every row of every table with a tenant, as text, sorted.
    pub(crate) async fn rows(&self) -> Vec<String> {
        let db = connect(&self.url).await;
        let mut rows = Vec::new();
        for (table, columns) in tenant_tables(&db).await {
            let row = match self.place {
                Place::Sqlite(_) => {
                    columns.iter().map(|c| format!("quote(\"{c}\")")).collect::<Vec<_>>().join("||','||")
                }
                Place::Postgres(_) | Place::Elsewhere => format!("\"{table}\"::text"),
            };
            let all = texts(&db, &format!("SELECT {row} FROM \"{table}\"")).await;
            rows.extend(all.into_iter().map(|row| format!("{table}: {row}")));
        }
        db.close().await.unwrap();
        rows.sort();
        rows
    }

    /// Every file of the database, after what is in memory has been written down.
    pub(crate) async fn files(&self) -> Vec<(String, Vec<u8>)> {
        let directory = match &self.place {
            Place::Elsewhere => return Vec::new(),
            Place::Sqlite(directory) => directory.path().to_owned(),
            Place::Postgres(database) => match database.checkpoint().await {
                Some(directory) => directory,
                None => return Vec::new(),
            },
        };
        let mut files = Vec::new();
        if let Place::Postgres(_) = &self.place {
            // Its own tables, and the log that all databases of the server share.
            let own = "SELECT oid::text FROM pg_database WHERE datname = current_database()";
            let own = texts(&connect(&self.url).await, own).await.remove(0);
            read_all(&directory.join("base").join(own), &mut files);
            read_all(&directory.join("pg_wal"), &mut files);
        } else {
            read_all(&directory, &mut files);
        }
        files
    }
}

/// What a connection that closes late has left in the log of an SQLite file belongs into the file that is copied.
async fn empty_log(url: &str) {
    let db = connect(url).await;
    db.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    db.close().await.unwrap();
}

/// Connects once, without a log.
pub(crate) async fn connect(url: &str) -> DatabaseConnection {
    pool(url, 1).await
}

/// Connects up to so many times, without a log, and without the task that looks after idle connections: it can take a
/// thread for ever (sqlx's issue 3645), and with it the test.
pub(crate) async fn pool(url: &str, connections: u32) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(connections).idle_timeout(None).max_lifetime(None).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

/// The first column of a query.
async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn tenant_tables(db: &DatabaseConnection) -> Vec<(String, Vec<String>)> {
    let sqlite = db.get_database_backend() == DbBackend::Sqlite;
    let tables = texts(
        db,
        if sqlite {
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        } else {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()"
        },
    );
    let mut found = Vec::new();
    for table in tables.await {
        let columns = if sqlite {
            format!("SELECT name FROM pragma_table_info('{table}')")
        } else {
            format!("SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'")
        };
        let columns = texts(db, &columns).await;
        // The trail tells of requests that changed nothing too.
        if table != "audit" && columns.iter().any(|column| column == "tenant_id") {
            found.push((table, columns));
        }
    }
    assert!(!found.is_empty(), "no table has a tenant_id");
    found
}

fn sqlite_url(file: &std::path::Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

fn sqlite_template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("template.db");
        let url = sqlite_url(&file);
        run_apart(async move {
            Server::start(&url, Clock::fixed(NOW)).await.stop().await;
            empty_log(&url).await;
        });
        std::fs::read(file).unwrap()
    })
}

/// Runs a task to its end on a thread and a runtime of its own, also from within another runtime.
pub(super) fn run_apart(task: impl Future<Output = ()> + Send) {
    let run = || tokio::runtime::Runtime::new().unwrap().block_on(task);
    std::thread::scope(|scope| scope.spawn(run).join().unwrap());
}

fn read_all(directory: &PathBuf, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_all(&path, files);
        } else if let Ok(bytes) = std::fs::read(&path) {
            // What is no regular file, or is removed meanwhile, holds nothing.
            files.push((path.display().to_string(), bytes));
        }
    }
}
