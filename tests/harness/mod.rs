//! The harness: a whole server in this process, with a database and a clock of its own for each test, spoken to over HTTP.
//!
//! A test is a function of a [`TestApp`]; [`both!`] makes two tests of it, one on each database. Time moves only by
//! [`TestApp::advance`]; nothing sleeps and nothing is shared between tests but the PostgreSQL server they all have a
//! database on (see [`postgres`]).

pub(crate) mod answer;
pub(crate) mod callers;
pub(crate) mod database;
pub(crate) mod hook;
pub(crate) mod jwt;
pub(crate) mod peers;
pub(crate) mod postgres;
pub(crate) mod raw;
pub(crate) mod request;
pub(crate) mod saml;
pub(crate) mod server;
pub(crate) mod tenants;

use tenure::app::StartError;
use tenure::config::Config;
use tenure::domain::Clock;

pub(crate) use answer::Answer;
pub(crate) use callers::{AuthzStore, Platform};
use database::TestDatabase;
use request::Request;
use server::Server;

/// When every test begins: 2027-01-15T08:00:00Z.
pub(crate) const NOW: i64 = 1_800_000_000;

/// One server under test.
pub(crate) struct TestApp {
    server: Server,
    clock: Clock,
    http: reqwest::Client,
    database: std::sync::Arc<TestDatabase>,
}

impl TestApp {
    /// A server on an SQLite file of its own.
    pub(crate) async fn sqlite() -> Self {
        Self::on(TestDatabase::sqlite(), Clock::fixed(NOW)).await
    }

    /// A server on a PostgreSQL database of its own; `None`, loudly, where there is no PostgreSQL to use.
    pub(crate) async fn postgres() -> Option<Self> {
        let database = TestDatabase::postgres().await?;
        Some(Self::on(database, Clock::fixed(NOW)).await)
    }

    async fn on(database: TestDatabase, clock: Clock) -> Self {
        let server = Server::start(&database.url, clock.clone()).await;
        Self { server, clock, http: client(), database: std::sync::Arc::new(database) }
    }

    /// A server in a process of its own, at two addresses; it has no clock or database to reach for.
    pub(crate) fn remote(public: &str, ops: &str) -> Self {
        let server = Server::remote(public.parse().unwrap(), ops.parse().unwrap());
        Self {
            server,
            clock: Clock::system(),
            http: client(),
            database: std::sync::Arc::new(TestDatabase::elsewhere()),
        }
    }

    /// A second server on the same database and clock: another replica.
    pub(crate) async fn replica(&self) -> Self {
        let server = Server::start(&self.database.url, self.clock.clone()).await;
        Self { server, clock: self.clock.clone(), http: self.http.clone(), database: self.database.clone() }
    }

    /// As [`TestApp::replica`], with settings of its own.
    pub(crate) async fn replica_with(&self, change: impl FnOnce(&mut Config)) -> Result<Self, StartError> {
        let mut settings = self.config();
        change(&mut settings);
        let server = Server::start_as(settings, self.clock.clone()).await?;
        Ok(Self { server, clock: self.clock.clone(), http: client(), database: self.database.clone() })
    }

    /// Replicas that start at the same moment on an empty PostgreSQL database; `None` where there is no PostgreSQL to use.
    pub(crate) async fn on_empty_postgres(count: usize) -> Option<Vec<Result<Self, StartError>>> {
        let database = std::sync::Arc::new(TestDatabase::empty_postgres().await?);
        let clock = Clock::fixed(NOW);
        let start = || async {
            let server = Server::start_as(server::config(&database.url), clock.clone()).await?;
            Ok(Self { server, clock: clock.clone(), http: client(), database: database.clone() })
        };
        Some(futures_util::future::join_all((0..count).map(|_| start())).await)
    }

    /// Stops this server in an orderly way; its replicas go on.
    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }

    /// Where the database is.
    pub(crate) fn database_url(&self) -> &str {
        &self.database.url
    }

    /// The same server after a stop and a start.
    pub(crate) async fn restarted(self) -> Self {
        let Self { server, clock, http, database } = self;
        server.stop().await;
        let server = Server::start(&database.url, clock.clone()).await;
        Self { server, clock, http, database }
    }

    /// The same server after a stop and a start with other settings.
    pub(crate) async fn restarted_as(self, change: impl FnOnce(&mut tenure::config::Config)) -> Self {
        let Self { server, clock, http, database } = self;
        server.stop().await;
        let mut settings = server::config(&database.url);
        change(&mut settings);
        let server = Server::start_as(settings, clock.clone()).await.unwrap();
        Self { server, clock, http, database }
    }

    /// Whether the database is PostgreSQL, which more than one server may share.
    pub(crate) fn is_postgres(&self) -> bool {
        self.database.url.starts_with("postgres")
    }

    /// Moves the clock forward, in seconds.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
    }

    /// The time of the test, in seconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Host and port of the public listener.
    pub(crate) fn authority(&self) -> String {
        self.server.public.to_string()
    }

    /// A request to the listener for operators.
    pub(crate) fn ops_request(&self, method: &str, target: &str) -> Request {
        Request::new(self.http.clone(), method, &self.server.ops.to_string(), target)
    }

    /// A bare request to the public listener: no tenant, no credential.
    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.http.clone(), method, &self.authority(), target)
    }

    /// The authorisation store API, as acme with acme's token.
    pub(crate) fn authz_store(&self) -> AuthzStore<'_> {
        AuthzStore::new(self, "acme")
    }

    /// Deletes what revocations killed and what has expired, as the upkeep does from time to time.
    pub(crate) async fn tidy(&self) {
        self.server.tidy().await;
    }

    /// The platform API, with its token.
    pub(crate) fn platform(&self) -> Platform<'_> {
        Platform::new(self)
    }

    /// Does at once what the server does for tenants from time to time.
    pub(crate) async fn look_after_tenants(&self) {
        self.server.look_after_tenants().await;
    }

    /// The settings of a command on the same database, for while the server is stopped too.
    pub(crate) fn config(&self) -> Config {
        server::config(&self.database.url)
    }

    /// The same server after a stop, something done meanwhile, and a start.
    pub(crate) async fn restarted_after<F: Future<Output = ()>>(self, meanwhile: impl FnOnce(String) -> F) -> Self {
        let Self { server, clock, http, database } = self;
        server.stop().await;
        meanwhile(database.url.clone()).await;
        let server = Server::start(&database.url, clock.clone()).await;
        Self { server, clock, http, database }
    }

    /// As [`TestApp::restarted_after`], started with another master key.
    pub(crate) async fn restarted_with_key<F: Future<Output = ()>>(
        self,
        master_key: &str,
        meanwhile: impl FnOnce(String) -> F,
    ) -> Self {
        let Self { server, clock, http, database } = self;
        server.stop().await;
        meanwhile(database.url.clone()).await;
        let server = Server::start_with(&database.url, clock.clone(), master_key).await;
        Self { server, clock, http, database }
    }

    /// Takes the store away from the server, until what is returned is dropped.
    pub(crate) async fn cut_store(&self) -> database::Outage {
        self.database.cut().await
    }

    /// Takes the tables of codes and tokens away from the server, until what is returned is dropped.
    pub(crate) async fn hide_tokens(&self) -> database::Hidden {
        self.database.hide_tokens().await
    }

    /// Waits until the server says that it is ready.
    pub(crate) async fn until_ready(&self) {
        for _ in 0..400 {
            if self.ops_request("GET", "/health/ready").send().await.code() == 200 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("never ready again");
    }

    /// The same server after a stop, a back-up and a start.
    pub(crate) async fn backed_up(self) -> (Self, database::Backup) {
        let Self { server, clock, http, database } = self;
        server.stop().await;
        let backup = database.back_up().await;
        let server = Server::start(&database.url, clock.clone()).await;
        (Self { server, clock, http, database }, backup)
    }

    /// The same server after a stop, the restore of a back-up with all that belongs to it, and a start.
    pub(crate) async fn restored(self, backup: database::Backup) -> Self {
        let (config, database, clock) = (self.config(), self.database.clone(), self.clock.clone());
        self.restarted_after(|_| async move {
            database.restore(backup).await;
            tenure::app::finalize_restore(&config, clock).await.unwrap();
        })
        .await
    }

    /// Every row of every table that belongs to tenants, to prove that a request changed nothing.
    pub(crate) async fn db_rows(&self) -> Vec<String> {
        self.database.rows().await
    }

    /// How many rows a table has that hold a text.
    pub(crate) async fn rows_with(&self, table: &str, text: &str) -> usize {
        let prefix = format!("{table}: ");
        self.db_rows().await.iter().filter(|row| row.starts_with(&prefix) && row.contains(text)).count()
    }

    /// Every byte that the database keeps in files.
    pub(crate) async fn db_files(&self) -> Vec<(String, Vec<u8>)> {
        self.database.files().await
    }
}

/// How long a test may take, and an answer: far longer than any does on a slow machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(10);

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.pool_max_idle_per_host(64).timeout(PATIENCE / 2).build().unwrap()
}

/// Runs a test to its end on a runtime of its own. One that hangs fails, and so does one that leaves a thread behind that
/// doesn't end: the others are to be heard of too.
pub(crate) fn in_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let run = || runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await });
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    let begun = std::time::Instant::now();
    runtime.shutdown_timeout(PATIENCE / 2);
    match outcome {
        Err(panic) => std::panic::resume_unwind(panic),
        Ok(outcome) => assert!(outcome.is_ok(), "it hangs"),
    }
    assert!(begun.elapsed() < PATIENCE / 2, "a thread of the runtime doesn't end");
}

/// Turns functions of a `&TestApp` into a test on SQLite and a test on PostgreSQL each.
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                crate::harness::in_time(async { super::$name(&crate::harness::TestApp::sqlite().await).await });
            })*
        }
        mod postgres {
            $(#[test]
            fn $name() {
                crate::harness::in_time(async {
                    if let Some(app) = crate::harness::TestApp::postgres().await {
                        super::$name(&app).await;
                    }
                });
            })*
        }
    };
}
pub(crate) use both;

/// As [`both!`], for functions that take the [`TestApp`] by value, since they stop and start it.
macro_rules! both_restarting {
    ($($name:ident),* $(,)?) => {
        mod sqlite_restarting {
            $(#[test]
            fn $name() {
                crate::harness::in_time(async { super::$name(crate::harness::TestApp::sqlite().await).await });
            })*
        }
        mod postgres_restarting {
            $(#[test]
            fn $name() {
                crate::harness::in_time(async {
                    if let Some(app) = crate::harness::TestApp::postgres().await {
                        super::$name(app).await;
                    }
                });
            })*
        }
    };
}
pub(crate) use both_restarting;
