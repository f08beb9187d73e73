//! Secrets that were found right a moment ago, so that a slow hash is not computed for every request of a client.
//!
//! An entry is the keyed hash of a secret and of what it was compared with: a secret that was replaced or that a row no
//! longer holds can't be found here. It needs no stamps, since it says nothing about a row, and never turns wrong: it goes
//! when it is not used, so that a busy client doesn't wait for a slow hash again and again.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

type Open = HashMap<[u8; 32], Arc<tokio::sync::Mutex<()>>>;

/// One lane for each secret that is being checked: of many requests that come with one, one computes. Different ones don't
/// wait for each other.
#[derive(Debug, Default)]
pub struct Lanes(Arc<Mutex<Open>>);

/// A lane; closed when the last request has left it.
#[derive(Debug)]
pub struct Lane {
    key: [u8; 32],
    /// Given back before the map is let go of.
    turn: Option<Arc<tokio::sync::Mutex<()>>>,
    open: Arc<Mutex<Open>>,
}

impl Lanes {
    /// The lane of a secret, by its hash.
    pub fn lane(&self, key: [u8; 32]) -> Lane {
        let turn = Arc::clone(lock(&self.0).entry(key).or_default());
        Lane { key, turn: Some(turn), open: Arc::clone(&self.0) }
    }
}

impl Lane {
    /// Waits until nobody else is in it.
    pub async fn lock(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        Some(self.turn.as_ref()?.lock().await)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        self.turn = None;
        if open.get(&self.key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            open.remove(&self.key);
        }
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Lanes;

    #[tokio::test]
    async fn one_secret_has_one_lane_as_long_as_somebody_is_in_it() {
        let lanes = Lanes::default();
        let (one, same, other) = (lanes.lane([1; 32]), lanes.lane([1; 32]), lanes.lane([2; 32]));
        let is_free = |lane: &super::Lane| lane.turn.as_ref().is_some_and(|turn| turn.try_lock().is_ok());
        let held = one.lock().await;
        assert!(!is_free(&same) && is_free(&other));
        drop(held);
        assert!(is_free(&same));
        drop(one);
        assert_eq!(lanes.0.lock().unwrap().len(), 2);
        drop((same, other));
        assert!(lanes.0.lock().unwrap().is_empty());
    }
}
