//! How a use case runs: one [`Services`], one `impl` block per file.

pub mod authorizations;
pub mod codes;
mod context;
pub mod grants;
pub mod keys;
pub mod listings;
pub mod liveness;
pub mod request;
pub mod sign_in;
pub mod tenants;
pub mod tokens;

use std::sync::Arc;

use crate::crypto::seal::MasterKey;
use crate::domain::Clock;
use crate::store::Store;

pub use context::Ctx;

/// Everything a use case needs.
pub struct Services {
    pub(crate) store: Store,
    pub(crate) master: Arc<MasterKey>,
    pub(crate) clock: Clock,
}

impl Services {
    /// Services over a store.
    pub fn new(store: Store, master: Arc<MasterKey>, clock: Clock) -> Self {
        Self { store, master, clock }
    }

    /// The store's time.
    pub fn now(&self) -> crate::domain::Seconds {
        self.clock.now()
    }

    /// Something that may be used once was presented again, by a request that was right in all else.
    pub(crate) fn on_replay(&self, what: &'static str) {
        tracing::warn!(what, "replay detected: what came from it was revoked");
    }
}
