//! Secrets that were found right a moment ago, so that a slow hash is not computed for every request of a client.
//!
//! An entry is the keyed hash of a secret and of what it was compared with: a secret that was replaced or that a row no
//! longer holds can't be found here. It needs no stamps, since it says nothing about a row, and never turns wrong: it goes
//! when it is not used, so that a busy client doesn't wait for a slow hash again and again.

use std::fmt;

use super::VERIFIED_SECRETS;

/// Hashes of secrets that were right.
pub struct VerifiedSecrets(moka::sync::Cache<[u8; 32], ()>);

impl VerifiedSecrets {
    /// An empty set.
    pub fn new() -> Self {
        let spec = VERIFIED_SECRETS;
        Self(moka::sync::Cache::builder().max_capacity(spec.capacity).time_to_idle(spec.lifetime).build())
    }

    /// Whether this one was right a moment ago.
    pub fn contains(&self, hash: &[u8; 32]) -> bool {
        self.0.get(hash).is_some()
    }

    /// Remembers one that was right.
    pub fn insert(&self, hash: [u8; 32]) {
        self.0.insert(hash, ());
    }
}

impl Default for VerifiedSecrets {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for VerifiedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedSecrets")
    }
}
