//! The operators' listener: metrics and health, on a port of its own, never under a tenant.

mod health;
mod metrics;

use std::sync::Arc;

use poem::endpoint::{BoxEndpoint, make_sync};
use poem::{EndpointExt, Response, Route, get};

use crate::telemetry::Metrics;

pub use health::Readiness;

/// The endpoint of the operators' port.
pub fn routes(readiness: Arc<Readiness>, metrics: Arc<Metrics>) -> BoxEndpoint<'static, Response> {
    Route::new()
        .at("/health/live", get(make_sync(|_| health::live())))
        .at("/health/ready", get(make_sync(move |_| health::ready(&readiness))))
        .at("/metrics", get(make_sync(move |_| metrics::scrape(&metrics))))
        .map_to_response()
        .boxed()
}
