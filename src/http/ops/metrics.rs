//! `GET /metrics`: Prometheus text.

use poem::Response;
use poem::http::{StatusCode, header};

use crate::telemetry::Metrics;

pub(super) fn scrape(metrics: &Metrics) -> Response {
    match metrics.render() {
        Ok(text) => Response::builder().header(header::CONTENT_TYPE, "text/plain; version=0.0.4").body(text),
        Err(fault) => {
            tracing::error!(%fault, "can't render metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into()
        }
    }
}
