//! How a use case runs: one [`Services`], one `impl` block per file.

pub mod authorizations;
pub mod clients;
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
pub mod users;

use std::sync::Arc;

use crate::crypto::password::Passwords;
use crate::crypto::seal::MasterKey;
use crate::domain::Clock;
use crate::store::Store;

pub use context::Ctx;

/// How many password checks wait for their turn.
const PASSWORD_QUEUE: usize = 32;

/// Everything a use case needs.
pub struct Services {
    pub(crate) store: Store,
    pub(crate) master: Arc<MasterKey>,
    pub(crate) clock: Clock,
    pub(crate) passwords: Passwords,
}

impl Services {
    /// Services over a store.
    pub fn new(store: Store, master: Arc<MasterKey>, clock: Clock) -> Self {
        // One processor is left to everything that is not a password hash.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let passwords = Passwords::new(cores.saturating_sub(1), PASSWORD_QUEUE);
        Self { store, master, clock, passwords }
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
