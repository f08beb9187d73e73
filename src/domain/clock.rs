//! Time is passed in: nothing reaches for the machine's clock but the one implementation that the composition root picks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Seconds since the Unix epoch (RFC 7519's NumericDate, whole).
pub type Seconds = i64;

/// The moment that never comes: the expiry of what does not expire. It sorts after every other.
pub const NEVER: Seconds = i64::MAX;

/// A clock: the store's time, as this process knows it.
#[derive(Clone, Debug)]
pub struct Clock {
    offset: Arc<AtomicI64>,
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock, corrected by the store's offset once that is known ([`Clock::set_store_time`]).
    pub fn system() -> Self {
        Self { offset: Arc::default(), fixed: None }
    }

    /// A clock that stands still until [`Clock::advance`] moves it: for tests.
    pub fn fixed(at: Seconds) -> Self {
        Self { offset: Arc::default(), fixed: Some(Arc::new(AtomicI64::new(at))) }
    }

    /// The time now.
    pub fn now(&self) -> Seconds {
        match &self.fixed {
            Some(at) => at.load(Ordering::Relaxed),
            None => machine_seconds() + self.offset.load(Ordering::Relaxed),
        }
    }

    /// Moves a fixed clock; without effect on the system's.
    pub fn advance(&self, by: Seconds) {
        if let Some(at) = &self.fixed {
            at.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Tells the clock what time it is in the store, whose time decides every expiry.
    pub fn set_store_time(&self, store_now: Seconds) {
        self.offset.store(store_now - machine_seconds(), Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn machine_seconds() -> Seconds {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(NEVER))
}
