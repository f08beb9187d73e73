//! Traces over OTLP (OpenTelemetry protocol, HTTP with protobuf): one server span for each request, under the caller's own
//! trace where `traceparent` names one (W3C Trace Context). Off unless an operator names a collector.
//!
//! A span tells what a log line may tell: the operation, the tenant, the status, the request's id. Never a path, a query or
//! a header: those hold secrets. Spans leave in batches from a thread of their own; a collector that is gone costs spans
//! and nothing else.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};

/// The headers that say which trace a request belongs to.
const CARRIERS: [&str; 2] = ["traceparent", "tracestate"];

/// Where spans go; [`Traces::default`] is nowhere.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Exporting>);

#[derive(Clone, Debug)]
struct Exporting {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// A collector can't be used.
#[derive(Debug, thiserror::Error)]
#[error("traces: {0}")]
pub struct TracesError(#[from] opentelemetry_otlp::ExporterBuildError);

/// What a span tells of its request.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The operation id.
    pub operation: &'a str,
    /// The API family.
    pub family: &'a str,
    /// The tenant id, once known.
    pub tenant: &'a str,
    /// The request's id.
    pub request_id: &'a str,
    /// The status of the answer.
    pub status: u16,
}

impl Traces {
    /// Sends spans to `{endpoint}/v1/traces`: of the requests that bring no decision of their own, the share `sample`.
    ///
    /// # Errors
    /// When the exporter can't be built.
    pub fn start(endpoint: &str, sample: f64) -> Result<Self, TracesError> {
        let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build()?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(sample))))
            .with_resource(Resource::builder().with_service_name("tenure").with_attribute(version).build())
            .with_batch_exporter(exporter)
            .build();
        let tracer = provider.tracer("tenure");
        Ok(Self(Some(Exporting { provider, tracer })))
    }

    /// Begins the span of a request with these headers.
    pub fn begin<'a>(&self, header: impl Fn(&'static str) -> Option<&'a str>) -> Option<RequestSpan> {
        let Exporting { tracer, .. } = self.0.as_ref()?;
        let named = CARRIERS.iter().filter_map(|name| Some(((*name).to_owned(), header(name)?.to_owned())));
        let carried: HashMap<String, String> = named.collect();
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &carried);
        let span = tracer.span_builder("request").with_kind(SpanKind::Server);
        Some(RequestSpan(span.start_with_context(tracer, &parent)))
    }

    /// Sends what is left. Blocks until it is sent or given up.
    pub fn stop(&self) {
        if let Some(Exporting { provider, .. }) = &self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces are lost");
        }
    }
}

/// The span of a request that is in work.
#[derive(Debug)]
pub struct RequestSpan(Span);

impl RequestSpan {
    /// Ends it.
    pub fn end(mut self, told: &Told<'_>) {
        if !self.0.is_recording() {
            return;
        }
        self.0.update_name(told.operation.to_owned());
        self.0.set_attribute(KeyValue::new("http.response.status_code", i64::from(told.status)));
        let texts = [("tenure.family", told.family), ("tenure.tenant", told.tenant), ("request.id", told.request_id)];
        for (name, value) in texts {
            self.0.set_attribute(KeyValue::new(name, value.to_owned()));
        }
        if told.status >= 500 {
            self.0.set_status(Status::error(""));
        }
        self.0.end();
    }
}
