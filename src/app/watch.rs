//! Looking after readiness: does the store answer, do changes arrive.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::assemble::Parts;
use crate::cache::{Coherence, FeedState};
use crate::http::ops::Readiness;
use crate::service::Services;
use crate::store::Store;
use crate::telemetry::Metrics;

const EVERY: Duration = Duration::from_millis(500);

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// What looks.
pub(super) struct Eyes {
    store: Store,
    coherence: Arc<Coherence>,
    has_feed: bool,
    services: Arc<Services>,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
}

impl Eyes {
    pub(super) fn new(parts: &Parts, readiness: &Arc<Readiness>) -> Self {
        Self {
            store: parts.store.clone(),
            coherence: Arc::clone(&parts.coherence),
            has_feed: parts.has_feed,
            services: Arc::clone(&parts.services),
            metrics: Arc::clone(&parts.metrics),
            readiness: Arc::clone(readiness),
        }
    }

    /// Looks once.
    pub(super) async fn look(&self) {
        let asked = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, self.store.ping()).await;
        self.metrics.store_ping.observe(asked.elapsed().as_secs_f64());
        self.readiness.set_store(matches!(answer, Ok(Ok(()))));
        // Makes the feed poll; what it says of one request doesn't matter here.
        let _ = self.coherence.read_index().await;
        let arrives = match self.coherence.feed_state() {
            FeedState::Good(at) => {
                self.metrics.coherence_lag.set(at.elapsed().as_secs_f64());
                true
            }
            FeedState::Starting | FeedState::Lost => {
                self.metrics.coherence_lag.add(EVERY.as_secs_f64());
                false
            }
        };
        self.readiness.set_feed(arrives || !self.has_feed);
        let (working, waiting) = self.services.password_load();
        self.metrics.passwords.with_label_values(&["working"]).set(working);
        self.metrics.passwords.with_label_values(&["waiting"]).set(waiting);
        self.metrics.ready.set(i64::from(self.readiness.is_ready()));
    }

    /// Looks until the task is ended.
    pub(super) async fn keep_looking(self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.look().await;
        }
    }
}
