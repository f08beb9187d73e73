//! The seam to the product: how a server is started in this process.

use std::net::{Ipv4Addr, SocketAddr};

use tenure::app::{self, Running, StartError};
use tenure::config::Config;
use tenure::crypto::secret::Secret;
use tenure::domain::Clock;

use super::tenants;

/// The master key of every test: what is sealed in a template opens in its copies.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// A server under test.
pub(crate) struct Server {
    /// Where it serves the APIs.
    pub(crate) public: SocketAddr,
    /// Where it serves metrics and health.
    pub(crate) ops: SocketAddr,
    /// Nothing, where it runs in another process.
    running: Option<Running>,
}

impl Server {
    /// Starts a server on the database with the tenants of [`tenants::file`], on ports of the system's choice.
    pub(crate) async fn start(database_url: &str, clock: Clock) -> Self {
        Self::start_with(database_url, clock, MASTER_KEY).await
    }

    /// As [`Server::start`], with a master key.
    pub(crate) async fn start_with(database_url: &str, clock: Clock, master_key: &str) -> Self {
        let settings = Config { master_key: Some(Secret::new(master_key)), ..config(database_url) };
        Self::start_as(settings, clock).await.unwrap()
    }

    /// Starts a server with settings of its own, and the tenants of [`tenants::file`].
    pub(crate) async fn start_as(settings: Config, clock: Clock) -> Result<Self, StartError> {
        let tenants_file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(tenants_file.path(), tenants::file()).unwrap();
        let config = Config { tenants: Some(tenants_file.path().to_owned()), ..settings };
        let running = app::start(config, clock).await?;
        Ok(Self { public: running.public_addr, ops: running.ops_addr, running: Some(running) })
    }

    /// Does at once what the server does for tenants from time to time.
    pub(crate) async fn look_after_tenants(&self) {
        self.running.as_ref().expect("it runs in this process").look_after_tenants().await.unwrap();
    }

    /// One that runs in another process.
    pub(crate) fn remote(public: SocketAddr, ops: SocketAddr) -> Self {
        Self { public, ops, running: None }
    }

    /// Deletes what revocations killed and what has expired.
    pub(crate) async fn tidy(&self) {
        if let Some(running) = &self.running {
            running.tidy().await.unwrap();
        }
    }

    /// Stops it in an orderly way.
    pub(crate) async fn stop(self) {
        if let Some(running) = self.running {
            running.shutdown().await.unwrap();
        }
    }
}

/// The settings of a server or a command on a database.
pub(crate) fn config(database_url: &str) -> Config {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Config {
        listen: any_port,
        ops_listen: any_port,
        database_url: Secret::new(database_url),
        master_key: Some(Secret::new(MASTER_KEY)),
        ..Config::default()
    }
}
