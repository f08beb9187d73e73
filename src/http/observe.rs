//! What is told of each request: its id to the client, its latency to the metrics, and one log line if it failed.
//!
//! Nothing here reads a query, a body or a header: those hold secrets.

use std::sync::Arc;
use std::time::Instant;

use poem::Response;
use poem::http::{HeaderName, HeaderValue, StatusCode};

use crate::domain::Tid;
use crate::http::family::Family;
use crate::http::reply::Rejection;
use crate::telemetry::Metrics;
use crate::telemetry::traces::Told;

/// The header that carries the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The label for what is no operation, so that labels stay bounded.
const OTHER: &str = "_other";

/// What has been found out about a request so far.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its id.
    pub request_id: Arc<str>,
    /// The family that its path belongs to.
    pub family: Family,
    /// The operation id, once known.
    pub operation: Option<&'static str>,
    /// The tenant, once known.
    pub tenant: Option<Tid>,
    started: Instant,
}

impl Seen {
    /// A request that just came in.
    pub fn new(request_id: Arc<str>, family: Family) -> Self {
        Self { request_id, family, operation: None, tenant: None, started: Instant::now() }
    }

    /// Counts the answer, and names the request in it.
    pub fn answered(&self, response: &mut Response, metrics: &Metrics) {
        let outcome = outcome(response.status());
        let labels = [self.operation.unwrap_or(OTHER), outcome];
        metrics.requests.with_label_values(&labels).observe(self.started.elapsed().as_secs_f64());
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
    }

    /// What its span tells of a request.
    pub fn told(&self, status: StatusCode) -> Told<'_> {
        Told {
            operation: self.operation.unwrap_or(OTHER),
            family: self.family.name(),
            tenant: self.tenant.as_ref().map_or("", Tid::as_str),
            request_id: &self.request_id,
            status: status.as_u16(),
        }
    }

    /// Writes the one line about a request that failed, with the cause that its answer doesn't tell.
    pub fn failed(&self, rejection: &Rejection, status: StatusCode) {
        let request_id = &*self.request_id;
        let family = self.family.name();
        let operation = self.operation.unwrap_or(OTHER);
        let tenant = self.tenant.as_ref().map_or("", Tid::as_str);
        let status = status.as_u16();
        if status >= 500 {
            tracing::error!(request_id, tenant, family, operation, status, cause = %rejection, "request failed");
        } else {
            tracing::info!(request_id, tenant, family, operation, status, cause = %rejection, "request refused");
        }
    }
}

fn outcome(status: StatusCode) -> &'static str {
    match status.as_u16() {
        0..400 => "ok",
        429 | 503 => "shed",
        400..500 => "refused",
        _ => "failed",
    }
}
