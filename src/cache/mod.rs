//! Where hot values live: typed caches whose entries are used only while the [`coherence`] core vouches for them.
//!
//! Cached are things that are read far more often than written: tenants and their names, clients, users, keys, verified
//! secrets, tokens' facts and revocations. Never cached: codes, `jti` and SAML ids, counters of limits, refresh chains —
//! whatever is consumed at most once is decided by one conditional UPDATE in the store.
//!
//! A request asks [`Coherence::read_index`] once, when it arrives, and passes the answer to every cache it uses. Keys begin
//! with the [`TenantId`](crate::domain::TenantId) of whose value it is. Expiry is judged by whoever reads a value: a
//! cache's lifetime bounds memory, nothing else.

pub mod coherence;
pub mod verified;

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use self::coherence::Stamps;
pub use self::coherence::{Coherence, FeedState, Freshness, Generation, Mode};
use crate::domain::Result;
use crate::domain::coherence::Shard;

/// One row of the table of caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The name in metrics.
    pub name: &'static str,
    /// How many entries at most.
    pub capacity: u64,
    /// How long an entry is kept at most.
    pub lifetime: Duration,
}

const fn spec(name: &'static str, capacity: u64, seconds: u64) -> Spec {
    Spec { name, capacity, lifetime: Duration::from_secs(seconds) }
}

/// Tenants by id: settings and opened keys.
pub const TENANTS: Spec = spec("tenants", 10_000, 3600);
/// Ids of tenants by name: tenant id, issuer, service key.
pub const TENANT_NAMES: Spec = spec("tenant_names", 50_000, 3600);
/// Clients by id.
pub const CLIENTS: Spec = spec("clients", 50_000, 600);
/// Secrets that were found right, by a keyed hash of the secret and of what it was compared with; kept while they are used.
pub const VERIFIED_SECRETS: Spec = spec("verified_secrets", 50_000, 60);
/// Registered tokens and their grants.
pub const TOKENS: Spec = spec("tokens", 200_000, 300);
/// Epochs of tenants.
pub const EPOCHS: Spec = spec("epochs", 50_000, 3600);

/// How a look-up went, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Served from memory.
    Hit,
    /// Absent or stale: loaded, and kept.
    Miss,
    /// The change feed is lost: loaded, not kept.
    Bypass,
}

impl Outcome {
    /// The label in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}

/// Counts outcomes; telemetry makes one for each cache.
pub type Tally = Box<dyn Fn(Outcome) + Send + Sync>;

/// A cache whose hits are as fresh as [`Mode`] promises. `V` is cloned out: make it cheap (`Arc`).
pub struct CoherentCache<K, V> {
    spec: Spec,
    entries: moka::sync::Cache<K, (V, Arc<Stamps>)>,
    tally: Tally,
}

impl<K, V> CoherentCache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// An empty cache.
    pub fn new(spec: Spec, tally: Tally) -> Self {
        let entries = moka::sync::Cache::builder().max_capacity(spec.capacity).time_to_live(spec.lifetime).build();
        Self { spec, entries, tally }
    }

    /// The value of `key`, from memory or from `load`. `shards` name all that the value is made of; a writer that changes
    /// any of it records one of them. To keep negative results as well, let `V` be an `Option`.
    pub async fn get_or_load<G, F, L>(
        &self,
        (coherence, freshness): (&Coherence<G>, Freshness),
        key: K,
        shards: &[Shard],
        load: L,
    ) -> Result<V>
    where
        G: Generation,
        L: FnOnce() -> F,
        F: Future<Output = Result<V>>,
    {
        if let Some(hit) = self.hit(coherence, freshness, &key) {
            return Ok(hit);
        }
        let stamps = coherence.capture(shards);
        let value = load().await?;
        self.keep(freshness, key, &value, stamps);
        Ok(value)
    }

    /// Like [`Self::get_or_load`] for what may be absent; absence isn't kept.
    pub async fn get_or_find<G, F, L>(
        &self,
        (coherence, freshness): (&Coherence<G>, Freshness),
        key: K,
        shards: &[Shard],
        find: L,
    ) -> Result<Option<V>>
    where
        G: Generation,
        L: FnOnce() -> F,
        F: Future<Output = Result<Option<V>>>,
    {
        if let Some(hit) = self.hit(coherence, freshness, &key) {
            return Ok(Some(hit));
        }
        let stamps = coherence.capture(shards);
        let found = find().await?;
        if let Some(value) = &found {
            self.keep(freshness, key, value, stamps);
        }
        Ok(found)
    }

    /// The value of `key` in memory, if it may be used. With [`Self::keep`], for values whose shards are known only once
    /// they have been read.
    pub fn hit<G: Generation>(&self, coherence: &Coherence<G>, freshness: Freshness, key: &K) -> Option<V> {
        let (outcome, value) = match freshness {
            Freshness::Untrusted => (Outcome::Bypass, None),
            Freshness::Current => match self.entries.get(key) {
                Some((value, stamps)) if coherence.is_current(&stamps) => (Outcome::Hit, Some(value)),
                Some(_) | None => (Outcome::Miss, None),
            },
        };
        (self.tally)(outcome);
        value
    }

    /// Keeps a value under stamps that were captured before it was read.
    pub fn keep(&self, freshness: Freshness, key: K, value: &V, stamps: Stamps) {
        match freshness {
            Freshness::Current => self.entries.insert(key, (value.clone(), Arc::new(stamps))),
            Freshness::Untrusted => {}
        }
    }
}

impl<K, V> fmt::Debug for CoherentCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoherentCache").field("name", &self.spec.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
