//! From settings to services: metrics, master key, store, change feed.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::app::StartError;
use crate::cache::Coherence;
use crate::config::Config;
use crate::domain::{self, Clock, Tid};
use crate::http::call::Call;
use crate::service::Services;
use crate::service::keys::is_sealed;
use crate::service::tenants::Outcome;
use crate::store::{self, Feed, Store};
use crate::telemetry::Metrics;
use crate::tenancy::load::{LoadError, load};
use crate::tenancy::{TenantEntry, TenantsFile};

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
    let given = config.load_master_key()?;
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
    let master = match given {
        Some(given) => given,
        None => config.make_master_key(is_sealed(&store).await?)?,
    };
    if let Some(warning) = &master.warning {
        tracing::warn!("{warning}");
    }
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

/// How many tenants are looked at to find one that is served.
const LOOKS: usize = 8;

/// Applies the tenants file; returns the first of its tenants.
pub(super) async fn apply(services: &Services, entries: Vec<TenantEntry>) -> domain::Result<Vec<Tid>> {
    let first = entries.iter().take(LOOKS).map(|entry| entry.tid.clone()).collect();
    for applied in services.apply_entries(entries, false, false).await? {
        match applied.outcome {
            Outcome::Tombstone => tracing::warn!(
                tenant = %applied.tid,
                "tenants file: skipped, since this tenant was deleted; `tenure tenants apply --recreate` makes it anew"
            ),
            outcome => tracing::info!(tenant = %applied.tid, ?outcome, "tenants file"),
        }
    }
    Ok(first)
}

/// The first of some tenants that is served.
pub(super) async fn served(services: &Services, named: &[Tid]) -> domain::Result<Option<Tid>> {
    for tid in named {
        match services.managed(tid.as_str()).await {
            Ok(found) if found.settings.enabled => return Ok(Some(tid.clone())),
            Ok(_) | Err(domain::Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether a client of the tenant has registered an origin.
pub(super) fn origins<'a>(call: &'a Call, origin: &'a str) -> BoxFuture<'a, domain::Result<bool>> {
    Box::pin(call.services.has_origin(&call.ctx, origin))
}
