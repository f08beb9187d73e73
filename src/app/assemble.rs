//! From settings to services: metrics, master key, store, change feed.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::app::StartError;
use crate::cache::Coherence;
use crate::config::Config;
use crate::domain::{self, Clock};
use crate::http::call::Call;
use crate::service::Services;
use crate::store::{self, Feed, Store};
use crate::telemetry::Metrics;
use crate::tenancy::TenantsFile;
use crate::tenancy::load::{LoadError, load};

/// What a process is made of.
pub(super) struct Parts {
    pub(super) services: Arc<Services>,
    pub(super) store: Store,
    pub(super) coherence: Arc<Coherence>,
    /// Whether the database has a change feed at all; without one, caches are bypassed and that is fine.
    pub(super) has_feed: bool,
    pub(super) metrics: Arc<Metrics>,
}

/// Opens everything below HTTP.
pub(super) async fn parts(config: &Config, clock: Clock) -> Result<Parts, StartError> {
    let metrics = Arc::new(Metrics::new()?);
    let master = config.load_master_key()?;
    if let Some(warning) = &master.warning {
        tracing::warn!("{warning}");
    }
    let options =
        store::Options { metrics: Some(Arc::clone(&metrics)), ..store::Options::new(config.database_url.expose()) };
    store::migrate(&options).await?;
    let feed = Feed::open(&options).await?;
    let has_feed = feed.is_some();
    let coherence = match feed {
        Some(feed) => Coherence::start(feed, config.coherence, clock.clone()),
        None => Coherence::without_feed(clock.clone()),
    };
    let changed = Arc::clone(&coherence);
    let store = Store::open(&options, Arc::new(move |shards| changed.bump(shards))).await?;
    let services =
        Services::new(store.clone(), Arc::new(master.key), clock, Arc::clone(&coherence), Arc::clone(&metrics));
    services.check_master_key().await?;
    Ok(Parts { services: Arc::new(services), store, coherence, has_feed, metrics })
}

/// The store alone, for commands that read.
pub(super) async fn store(config: &Config) -> domain::Result<Store> {
    Store::open(&store::Options::new(config.database_url.expose()), Arc::new(|_| {})).await
}

/// Reads the tenants file.
pub(super) fn read_tenants(path: &Path) -> Result<TenantsFile, LoadError> {
    let loaded = load(path)?;
    if let Some(warning) = loaded.warning {
        tracing::warn!("{warning}");
    }
    Ok(loaded.file)
}

/// Whether a client of the tenant has registered an origin.
pub(super) fn origins<'a>(call: &'a Call, origin: &'a str) -> BoxFuture<'a, domain::Result<bool>> {
    Box::pin(call.services.has_origin(&call.ctx, origin))
}
