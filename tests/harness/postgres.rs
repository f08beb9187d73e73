//! One private, throw-away PostgreSQL server for the whole run, and a database on it for each test.
//!
//! `TENURE_TEST_POSTGRES_URL` names a server to use instead (a role that may create databases). Where there is neither that
//! nor the programs of PostgreSQL, the tests that need one pass after one loud line; `TENURE_TEST_POSTGRES=required` makes
//! them fail. The server runs under a shell that waits for the end of this process, however it ends: its standard input
//! closes then, and it stops the server by its process id and removes the directory.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sea_orm::ConnectionTrait as _;

use tenure::domain::Clock;

use super::NOW;
use super::database::{self, run_apart};
use super::server::Server;

/// The server of this run.
pub(crate) struct PostgresServer {
    /// URL of the maintenance database.
    admin: String,
    /// The data directory, of a private server.
    data: Option<PathBuf>,
    /// Ends with this process; held for its standard input.
    _watchdog: Option<Child>,
}

/// A database on [`server`], dropped with this value.
pub(crate) struct Database {
    /// URL of the database.
    pub(crate) url: String,
    name: String,
    server: &'static PostgresServer,
}

/// A database that lets nobody in.
pub(crate) struct Shut {
    server: &'static PostgresServer,
    name: String,
}

impl Shut {
    /// Lets everybody in again.
    pub(crate) fn open(&self) {
        run_apart(self.server.run(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name)));
    }
}

/// The server, started by who asks first; `None` where there is none.
pub(crate) fn server() -> Option<&'static PostgresServer> {
    static SERVER: OnceLock<Option<PostgresServer>> = OnceLock::new();
    SERVER.get_or_init(start_or_say_why_not).as_ref()
}

fn start_or_say_why_not() -> Option<PostgresServer> {
    let started = match std::env::var("TENURE_TEST_POSTGRES_URL") {
        Ok(admin) => Ok(PostgresServer { _watchdog: tidy_up_later(&admin), admin, data: None }),
        Err(_) => private_server(),
    };
    match started {
        Ok(server) => {
            server.make_template();
            Some(server)
        }
        Err(why) => {
            let required = std::env::var("TENURE_TEST_POSTGRES").is_ok_and(|value| value == "required");
            assert!(!required, "TENURE_TEST_POSTGRES=required, but: {why}");
            // Past the capture of test output, which would hide it from who needs to know.
            let _ = writeln!(std::io::stderr(), "\n*** NOT RUN ON POSTGRESQL: {why} ***\n");
            None
        }
    }
}

impl PostgresServer {
    /// A copy of the template for one test.
    pub(crate) async fn fresh_database(&'static self) -> Database {
        self.database(&template()).await
    }

    /// A database without a table.
    pub(crate) async fn empty_database(&'static self) -> Database {
        self.database("template0").await
    }

    async fn database(&'static self, template: &str) -> Database {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tenure_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Database { url: self.url_of(&name), name, server: self }
    }

    /// Ends the connections to a database: one that is still closing would keep it from being copied.
    async fn disconnect(&self, name: &str) {
        let others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = ";
        self.run(&format!("{others}'{name}'")).await;
    }

    fn make_template(&self) {
        let name = template();
        run_apart(self.run(&format!("CREATE DATABASE {name}")));
        let url = self.url_of(&name);
        run_apart(async move { Server::start(&url, Clock::fixed(NOW)).await.stop().await });
        run_apart(self.disconnect(&name));
    }

    async fn run(&self, sql: &str) {
        let db = database::connect(&self.admin).await;
        db.execute_unprepared(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        db.close().await.unwrap();
    }

    fn url_of(&self, database: &str) -> String {
        let mut url = url::Url::parse(&self.admin).unwrap();
        url.set_path(database);
        url.into()
    }
}

impl Database {
    /// A copy as it is now.
    pub(crate) async fn copy(&self) -> Database {
        self.server.disconnect(&self.name).await;
        self.server.database(&self.name).await
    }

    /// Lets nobody in any more, and ends who is in.
    pub(crate) async fn shut(&self) -> Shut {
        self.server.run(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name)).await;
        self.server.disconnect(&self.name).await;
        Shut { server: self.server, name: self.name.clone() }
    }

    /// Becomes what a copy was.
    pub(crate) async fn replace(&self, copy: &Database) {
        self.server.run(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
        self.server.run(&format!("CREATE DATABASE {} TEMPLATE {}", self.name, copy.name)).await;
    }

    /// Makes the server write down what it holds in memory; the data directory, where it is ours to read.
    pub(crate) async fn checkpoint(&self) -> Option<PathBuf> {
        let directory = self.server.data.clone()?;
        self.server.run("CHECKPOINT").await;
        Some(directory)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (name, server) = (self.name.clone(), self.server);
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        // Not twice a panic: a database that stays goes with its server.
        let _ = std::thread::spawn(move || run_apart(server.run(&drop))).join();
    }
}

fn template() -> String {
    format!("tenure_test_{}_template", std::process::id())
}

/// Drops the template from a server that is not ours once this process has ended, where `psql` is there to do it.
fn tidy_up_later(admin: &str) -> Option<Child> {
    let script = format!("cat >/dev/null; psql \"$0\" -qc 'DROP DATABASE IF EXISTS {}'", template());
    let mut command = Command::new("sh");
    command.args(["-c", &script, admin]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().ok()
}

/// Makes a cluster in a directory of its own and starts it, reachable by a socket in there and by nothing else.
fn private_server() -> Result<PostgresServer, String> {
    let programs = programs().ok_or("no initdb and postgres in PATH or /usr/lib/postgresql/*/bin")?;
    let directory = tempfile::Builder::new().prefix("tenure-postgres-").tempdir().map_err(|e| e.to_string())?;
    // PostgreSQL refuses to run as root.
    let root = std::fs::metadata(directory.path()).map_err(|e| e.to_string())?.uid() == 0;
    if root {
        run(Command::new("chown").arg("postgres").arg(directory.path()))?;
    }
    let data = directory.path().join("data");
    let initdb = format!(
        "{} -D {} -U postgres -A trust -E UTF8 --no-locale --no-sync",
        show(&programs, "initdb"),
        data.display()
    );
    run(&mut as_postgres(root, &initdb))?;
    let settings = "-c listen_addresses= -c max_connections=500 -c shared_buffers=64MB -c max_wal_size=2GB";
    let socket = directory.path().display();
    let postgres = format!("exec {} -D {} -k {socket} {settings}", show(&programs, "postgres"), data.display());
    let watchdog = watch(root, &postgres, directory.path())?;
    let admin = format!("postgres://postgres@localhost/postgres?host={socket}");
    let _keep = directory.keep();
    wait_for(&data)?;
    Ok(PostgresServer { admin, data: Some(data), _watchdog: Some(watchdog) })
}

/// Runs the server until standard input closes, which it does with this process.
fn watch(root: bool, postgres: &str, directory: &Path) -> Result<Child, String> {
    let script = format!(
        "trap '' INT TERM HUP; ({postgres}) </dev/null & cat >/dev/null; \
         kill -QUIT $(head -n 1 {0}/data/postmaster.pid); wait; rm -rf {0}",
        directory.display()
    );
    let log = std::fs::File::create(directory.join("log")).map_err(|e| e.to_string())?;
    let errors = log.try_clone().map_err(|e| e.to_string())?;
    let mut command = as_postgres(root, &script);
    command.stdin(Stdio::piped()).stdout(log).stderr(errors).spawn().map_err(|e| e.to_string())
}

fn wait_for(data: &Path) -> Result<(), String> {
    for _ in 0..600 {
        let pid_file = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        if pid_file.lines().nth(7).is_some_and(|state| state.trim() == "ready") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(std::fs::read_to_string(data.with_file_name("log")).unwrap_or_default())
}

/// The directory that holds the server's programs.
pub(crate) fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    places.extend(versions.map(|version| version.path().join("bin")));
    places.into_iter().find(|place| place.join("initdb").is_file() && place.join("postgres").is_file())
}

fn show(programs: &Path, name: &str) -> String {
    programs.join(name).display().to_string()
}

fn as_postgres(root: bool, script: &str) -> Command {
    let mut command = if root {
        let mut command = Command::new("su");
        command.args(["postgres", "-s", "/bin/sh", "-c"]);
        command
    } else {
        let mut command = Command::new("sh");
        command.arg("-c");
        command
    };
    command.arg(script).current_dir("/");
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{command:?}: {e}"))?;
    let failed = || format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(failed()) }
}
