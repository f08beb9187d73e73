//! The composition root: what is wired to what, how a server starts and how it stops.

mod assemble;
mod commands;
mod watch;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError};
use crate::domain::{self, Clock};
use crate::http;
use crate::http::call::Shared;
use crate::http::ops::Readiness;
use crate::http::server::{Listen, Serving};
use crate::http::transport::Limits;
use crate::service::Services;
use crate::store::Store;
use crate::telemetry::MetricsError;
use crate::telemetry::traces::{Traces, TracesError};
use crate::tenancy::load::LoadError;

pub use commands::{Tenure, finalize_restore};

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tenants file can't be read or has faults.
    #[error(transparent)]
    Tenants(#[from] LoadError),
    /// The store can't be opened, or a tenant can't be applied.
    #[error(transparent)]
    Service(#[from] domain::Error),
    /// A port can't be listened on, or a certificate can't be read.
    #[error("can't listen: {0}")]
    Listen(#[from] io::Error),
    /// The collector of traces can't be used.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// The metrics can't be declared.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// A server that runs.
pub struct Running {
    /// Where the public port is.
    pub public_addr: SocketAddr,
    /// Where the operators' port is.
    pub ops_addr: SocketAddr,
    /// The clock that it was given.
    pub clock: Clock,
    serving: Serving,
    store: Store,
    services: Arc<Services>,
    traces: Traces,
    watching: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    tending: JoinHandle<()>,
    banner: String,
}

/// Starts a server: opens the store, brings its schema up to date, applies the tenants file and listens.
///
/// # Errors
/// See [`StartError`]; nothing is left running.
pub async fn start(config: Config, clock: Clock) -> Result<Running, StartError> {
    let parts = assemble::parts(&config, clock.clone()).await?;
    let file = config.tenants.as_deref().map(assemble::read_tenants).transpose()?;
    let mut tokens = config.platform_token_sha256.clone();
    let mut named: Vec<_> = config.default_tenant.iter().cloned().collect();
    if let Some(file) = file {
        tokens.extend(file.platform.api_token_sha256);
        named.extend(assemble::apply(&parts.services, file.tenants).await?);
    }
    let to_try = assemble::served(&parts.services, &named).await?;
    if to_try.as_ref() != config.default_tenant.as_ref()
        && let Some(tenant) = &config.default_tenant
    {
        tracing::warn!(%tenant, "TENURE_DEFAULT_TENANT names no tenant that is served now");
    }
    let traces = match &config.otlp {
        Some(collector) => Traces::start(&collector.endpoint, collector.sample)?,
        None => Traces::default(),
    };
    let shared = Shared {
        services: Arc::clone(&parts.services),
        platform_tokens: tokens.into(),
        public_url: config.public_url.as_deref().map(Into::into),
        default_tenant: config.default_tenant.clone(),
        origins: assemble::origins,
        traces: traces.clone(),
    };
    let readiness = Arc::new(Readiness::default());
    let eyes = watch::Eyes::new(&parts, &readiness);
    eyes.look().await;
    let front = http::routes(shared, Arc::clone(&parts.metrics));
    let serving = Serving::start(&listen(&config), front, readiness, &parts.metrics)?;
    let (public_addr, ops_addr) = (serving.public_addr, serving.ops_addr);
    let banner = banner(&config, public_addr, ops_addr, to_try.as_ref());
    let watching = tokio::spawn(eyes.keep_looking());
    let services = parts.services;
    let upkeep = tokio::spawn(Arc::clone(&services).keep_tidy());
    let tending = tokio::spawn(Arc::clone(&services).keep_tenants());
    let store = parts.store;
    Ok(Running { public_addr, ops_addr, clock, serving, store, services, traces, watching, upkeep, tending, banner })
}

impl Running {
    /// What listens where, and a command to try.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// Does at once what the upkeep does from time to time: deletes what revocations killed and what has expired, and trims the
    /// log of changes.
    ///
    /// # Errors
    /// When the store is lost.
    pub async fn tidy(&self) -> domain::Result<()> {
        self.services.tidy().await
    }

    /// Does at once what is done for tenants from time to time: steps of keys that are due, the erasing of deleted tenants.
    ///
    /// # Errors
    /// When the store is lost.
    pub async fn look_after_tenants(&self) -> domain::Result<()> {
        self.services.look_after_tenants().await
    }

    /// Stops gracefully: not ready, wait the drain delay, accept no more, end what is in flight, close the store.
    ///
    /// # Errors
    /// When the public listener had failed.
    pub async fn shutdown(self) -> io::Result<()> {
        let stopped = self.serving.stop().await;
        self.watching.abort();
        self.upkeep.abort();
        self.tending.abort();
        self.store.close().await;
        let _ = tokio::task::spawn_blocking(move || self.traces.stop()).await;
        stopped
    }
}

fn listen(config: &Config) -> Listen {
    Listen {
        public: config.listen,
        ops: config.ops_listen,
        tls: config.tls.as_ref().map(|tls| (tls.cert.clone(), tls.key.clone())),
        limits: Limits::default(),
        drain_delay: config.drain_delay,
    }
}

fn banner(config: &Config, public: SocketAddr, ops: SocketAddr, tenant: Option<&domain::Tid>) -> String {
    let base = config.base_url(public);
    let try_it = tenant.map(|tid| format!("\n  try        curl -s {base}/t/{tid}/.well-known/openid-configuration"));
    format!(
        "Tenure {} serves {base}\n  documents  {base}/docs\n  health     http://{ops}/health/ready\n  metrics    http://{ops}/metrics{}",
        env!("CARGO_PKG_VERSION"),
        try_it.unwrap_or_default()
    )
}
