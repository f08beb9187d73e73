//! Looking after readiness: does the store answer, do changes arrive.

use std::sync::Arc;
use std::time::Duration;

use crate::app::assemble::Parts;
use crate::cache::{Coherence, FeedState};
use crate::http::ops::Readiness;
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
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
}

impl Eyes {
    pub(super) fn new(parts: &Parts, readiness: &Arc<Readiness>) -> Self {
        Self {
            store: parts.store.clone(),
            coherence: Arc::clone(&parts.coherence),
            has_feed: parts.has_feed,
            metrics: Arc::clone(&parts.metrics),
            readiness: Arc::clone(readiness),
        }
    }

    /// Looks once.
    pub(super) async fn look(&self) {
        let answer = tokio::time::timeout(PATIENCE, self.store.ping()).await;
        self.readiness.set_store(matches!(answer, Ok(Ok(()))));
        // Makes the feed poll; what it says of one request doesn't matter here.
        let _ = self.coherence.read_index().await;
        let arrives = matches!(self.coherence.feed_state(), FeedState::Good(_));
        self.readiness.set_feed(arrives || !self.has_feed);
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
