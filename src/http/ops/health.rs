//! `GET /health/live` and `GET /health/ready`.

use std::sync::atomic::{AtomicBool, Ordering};

use poem::Response;
use poem::http::{StatusCode, header};
use serde::Serialize;

/// Whether the process should get requests. Whoever knows sets it: the store's poll, the change feed, the shutdown.
#[derive(Debug, Default)]
pub struct Readiness {
    store: AtomicBool,
    feed: AtomicBool,
    draining: AtomicBool,
}

#[derive(Serialize)]
struct State {
    ready: bool,
    store: bool,
    feed: bool,
    draining: bool,
}

impl Readiness {
    /// Whether the store answers.
    pub fn set_store(&self, ok: bool) {
        self.store.store(ok, Ordering::Release);
    }

    /// Whether changes of other replicas arrive.
    pub fn set_feed(&self, ok: bool) {
        self.feed.store(ok, Ordering::Release);
    }

    /// From now on, no more requests are wanted.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether no more requests are wanted.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether all is well.
    pub fn is_ready(&self) -> bool {
        self.state().ready
    }

    fn state(&self) -> State {
        let store = self.store.load(Ordering::Acquire);
        let feed = self.feed.load(Ordering::Acquire);
        let draining = self.is_draining();
        State { ready: store && feed && !draining, store, feed, draining }
    }
}

pub(super) fn live() -> Response {
    answer(StatusCode::OK, &serde_json::json!({ "live": true }))
}

pub(super) fn ready(readiness: &Readiness) -> Response {
    let state = readiness.state();
    let status = if state.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, &state)
}

fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    let builder = Response::builder().status(status).header(header::CACHE_CONTROL, "no-store");
    // A flat struct of booleans, which serde_json can't fail on.
    builder.content_type("application/json").body(serde_json::to_vec(body).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Readiness;

    #[test]
    fn ready_means_store_and_feed_and_not_draining() {
        let readiness = Readiness::default();
        assert!(!readiness.is_ready());
        readiness.set_store(true);
        assert!(!readiness.is_ready());
        readiness.set_feed(true);
        assert!(readiness.is_ready());
        readiness.drain();
        assert!(!readiness.is_ready());
    }
}
