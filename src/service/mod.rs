//! How a use case runs: one [`Services`], one `impl` block per file.

pub mod admins;
mod assertions;
pub mod attempts;
pub mod audit;
pub mod authorizations;
pub mod client_auth;
pub mod clients;
pub mod codes;
mod context;
pub mod discovery;
pub mod grants;
pub mod introspection;
pub mod keys;
pub mod listings;
pub mod liveness;
pub mod management;
pub mod password_hook;
pub mod registration;
pub mod request;
pub mod restore;
pub mod sign_in;
pub mod tenants;
pub mod tokens;
pub mod upkeep;
pub mod users;

use std::sync::Arc;

use crate::cache::verified::{Lanes, VerifiedSecrets};
use crate::cache::{self, Coherence, CoherentCache, Outcome, Spec};
use crate::crypto::password::Passwords;
use crate::crypto::seal::MasterKey;
use crate::crypto::secret::random;
use crate::domain::{Clock, Epoch, Seconds, TenantId};
use crate::store::Store;
use crate::store::directory::NameKind;
use crate::telemetry::Metrics;
use tokens::inspect::TokenFacts;

pub use crate::cache::Freshness;
pub use context::Ctx;

/// How many password checks wait for their turn.
const PASSWORD_QUEUE: usize = 32;

/// Everything a use case needs.
pub struct Services {
    pub(crate) store: Store,
    pub(crate) master: Arc<MasterKey>,
    pub(crate) clock: Clock,
    pub(crate) passwords: Passwords,
    pub(crate) coherence: Arc<Coherence>,
    pub(crate) caches: Caches,
    pub(crate) metrics: Arc<Metrics>,
    /// Secrets of clients that were right a moment ago.
    pub(crate) verified: VerifiedSecrets,
    /// Where secrets of clients wait to be checked.
    pub(crate) verifying: Lanes,
    /// Failed sign-ins, counted.
    pub(crate) attempts: attempts::Attempts,
    /// Asks the web hooks of tenants.
    pub(crate) hook: password_hook::Hook,
    /// A key of this process, for what only lives in its memory.
    pub(crate) process_key: [u8; 32],
    pub(crate) totals: tokens::list::Totals,
    /// The keys of the digests of tenants files, once read.
    pub(crate) digest_keys: tokio::sync::OnceCell<keys::DigestKeys>,
}

/// What is held in memory beyond one request.
pub(crate) struct Caches {
    /// Tenants with their keys, by internal number.
    pub(crate) tenants: CoherentCache<TenantId, Arc<tenants::Served>>,
    /// Internal numbers of tenants, by name.
    pub(crate) names: CoherentCache<(NameKind, String), TenantId>,
    /// Clients, by id.
    pub(crate) clients: CoherentCache<(TenantId, String), Arc<client_auth::KnownClient>>,
    /// What good access tokens stand for, by tenant and hash of the text.
    pub(crate) tokens: CoherentCache<(TenantId, [u8; 32]), Arc<TokenFacts>>,
    /// Epochs of tenants.
    pub(crate) epochs: CoherentCache<TenantId, Epoch>,
}

impl Caches {
    fn new(metrics: &Arc<Metrics>) -> Self {
        Self {
            tenants: CoherentCache::new(cache::TENANTS, tally(metrics, cache::TENANTS)),
            names: CoherentCache::new(cache::TENANT_NAMES, tally(metrics, cache::TENANT_NAMES)),
            clients: CoherentCache::new(cache::CLIENTS, tally(metrics, cache::CLIENTS)),
            tokens: CoherentCache::new(cache::TOKENS, tally(metrics, cache::TOKENS)),
            epochs: CoherentCache::new(cache::EPOCHS, tally(metrics, cache::EPOCHS)),
        }
    }
}

/// Counts the outcomes of one cache.
fn tally(metrics: &Arc<Metrics>, spec: Spec) -> cache::Tally {
    let counter = |outcome: Outcome| metrics.cache_counter(spec.name, outcome.as_str());
    let [hits, misses, bypasses] = [Outcome::Hit, Outcome::Miss, Outcome::Bypass].map(counter);
    Box::new(move |outcome| match outcome {
        Outcome::Hit => hits.inc(),
        Outcome::Miss => misses.inc(),
        Outcome::Bypass => bypasses.inc(),
    })
}

impl Services {
    /// Services over a store whose changes `coherence` follows.
    pub fn new(
        store: Store,
        master: Arc<MasterKey>,
        clock: Clock,
        coherence: Arc<Coherence>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let caches = Caches::new(&metrics);
        // One processor is left to everything that is not a password hash.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let counted = Arc::clone(&metrics);
        let on_shed = Box::new(move || counted.shed("passwords"));
        let passwords = Passwords::new(cores.saturating_sub(1), PASSWORD_QUEUE, on_shed);
        Self {
            store,
            master,
            clock,
            passwords,
            coherence,
            caches,
            metrics,
            verified: VerifiedSecrets::new(),
            verifying: Lanes::default(),
            attempts: attempts::Attempts::default(),
            hook: password_hook::Hook::default(),
            process_key: random(),
            digest_keys: tokio::sync::OnceCell::new(),
            totals: tokens::list::Totals::default(),
        }
    }

    /// How many password hashes are in work, and how many wait for their turn.
    pub fn password_load(&self) -> (i64, i64) {
        let (working, waiting) = self.passwords.load();
        (i64::try_from(working).unwrap_or(i64::MAX), i64::try_from(waiting).unwrap_or(i64::MAX))
    }

    /// The store's time.
    pub fn now(&self) -> Seconds {
        self.clock.now()
    }
}
