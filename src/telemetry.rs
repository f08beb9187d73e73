//! What is counted and logged: the Prometheus registry, in which every metric is declared, and the tracing subscriber.
//!
//! Labels are bounded: operation ids, outcome classes, names from this program; never a tenant, a client or a path.

pub mod traces;

use std::io::IsTerminal;

use prometheus::{Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use prometheus::{Opts, Registry, TextEncoder, exponential_buckets};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

/// Why metrics can't be declared.
pub use prometheus::Error as MetricsError;

/// What the upkeep does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Deletes what revocations killed.
    Purge,
    /// Deletes what has expired.
    Sweep,
    /// Removes old changes from their log.
    Trim,
    /// Takes the steps of keys that are due, and counts them.
    Keys,
    /// Erases deleted tenants.
    Erase,
}

impl Upkeep {
    /// All of it.
    pub const ALL: [Self; 5] = [Self::Purge, Self::Sweep, Self::Trim, Self::Keys, Self::Erase];

    /// The value of the label `task`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Purge => "purge",
            Self::Sweep => "sweep",
            Self::Trim => "trim",
            Self::Keys => "keys",
            Self::Erase => "erase",
        }
    }
}

/// Every metric of the process.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// Seconds from the first byte of a request's head to the head of its response; by `operation` and `outcome`.
    pub requests: HistogramVec,
    /// Panics that were caught and answered with 500.
    pub panics: IntCounter,
    /// Failures to accept a connection.
    pub accept_errors: IntCounter,
    /// Connections that are open.
    pub connections: IntGauge,
    /// Connections cut off because a peer was too slow.
    pub slow_peers: IntCounter,
    /// Look-ups in caches; by `cache` and `outcome` (`hit`, `miss`, `bypass`).
    pub cache_lookups: IntCounterVec,
    /// Replays that were detected; by `kind` (`code`, `refresh_token`, `assertion`).
    pub replays: IntCounterVec,
    /// Requests turned away before work began; by `queue`.
    pub shed: IntCounterVec,
    /// Access tokens issued; by `grant` and `encoding`.
    pub tokens_issued: IntCounterVec,
    /// Revocations made, however many tokens each of them killed.
    pub revocations: IntCounter,
    /// Seconds since the last complete look at the change log began.
    pub coherence_lag: Gauge,
    /// How many writes were committed together.
    pub writer_batch: Histogram,
    /// Seconds from the begin of a batch's transaction to its commit.
    pub writer_commit: Histogram,
    /// Seconds that the store takes to answer the smallest question.
    pub store_ping: Histogram,
    /// Password hashes in work and waiting; by `state`.
    pub passwords: IntGaugeVec,
    /// Signing keys of all tenants; by `state`. Counted every minute.
    pub signing_keys: IntGaugeVec,
    /// Passes of the upkeep that broke off; by `task` ([`Upkeep`]).
    pub upkeep_failures: IntCounterVec,
    /// Whether the process is ready (1) or not (0).
    pub ready: IntGauge,
}

impl Metrics {
    /// Declares every metric.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new_custom(Some("tenure".into()), None)?;
        let buckets = vec![0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
        let requests = HistogramOpts::new("http_request_seconds", "Time to answer a request").buckets(buckets.clone());
        let histogram = |name, help, buckets| Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets));
        let gauges = |name, help, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        let counters = |name, help, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let metrics = Self {
            requests: HistogramVec::new(requests, &["operation", "outcome"])?,
            panics: IntCounter::new("panics_total", "Panics caught and answered with 500")?,
            accept_errors: IntCounter::new("accept_errors_total", "Failures to accept a connection")?,
            connections: IntGauge::new("connections", "Open connections")?,
            slow_peers: IntCounter::new("slow_peers_total", "Connections cut off because the peer was too slow")?,
            cache_lookups: counters("cache_lookups_total", "Look-ups in caches", &["cache", "outcome"])?,
            replays: counters("replays_total", "Replays detected", &["kind"])?,
            shed: counters("shed_total", "Requests turned away before work began", &["queue"])?,
            tokens_issued: counters("tokens_issued_total", "Access tokens issued", &["grant", "encoding"])?,
            revocations: IntCounter::new("revocations_total", "Revocations made")?,
            coherence_lag: Gauge::new("coherence_lag_seconds", "Since the last look at the change log began")?,
            writer_batch: histogram(
                "writer_batch_items",
                "Writes committed together",
                exponential_buckets(1.0, 2.0, 10)?,
            )?,
            writer_commit: histogram("writer_commit_seconds", "Time to commit a batch of writes", buckets.clone())?,
            store_ping: histogram("store_ping_seconds", "Time of the store to answer the smallest question", buckets)?,
            passwords: gauges("passwords", "Password hashes in work and waiting", &["state"])?,
            signing_keys: gauges("signing_keys", "Signing keys of all tenants", &["state"])?,
            upkeep_failures: counters("upkeep_failures_total", "Passes of the upkeep that broke off", &["task"])?,
            ready: IntGauge::new("ready", "1 if the process is ready")?,
            registry,
        };
        for task in Upkeep::ALL {
            // So that the first one is an increase.
            metrics.upkeep_failures.with_label_values(&[task.label()]);
        }
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> prometheus::Result<()> {
        let registry = &self.registry;
        registry.register(Box::new(self.requests.clone()))?;
        registry.register(Box::new(self.panics.clone()))?;
        registry.register(Box::new(self.accept_errors.clone()))?;
        registry.register(Box::new(self.connections.clone()))?;
        registry.register(Box::new(self.slow_peers.clone()))?;
        registry.register(Box::new(self.cache_lookups.clone()))?;
        registry.register(Box::new(self.replays.clone()))?;
        registry.register(Box::new(self.shed.clone()))?;
        registry.register(Box::new(self.tokens_issued.clone()))?;
        registry.register(Box::new(self.revocations.clone()))?;
        registry.register(Box::new(self.coherence_lag.clone()))?;
        registry.register(Box::new(self.writer_batch.clone()))?;
        registry.register(Box::new(self.writer_commit.clone()))?;
        registry.register(Box::new(self.store_ping.clone()))?;
        registry.register(Box::new(self.passwords.clone()))?;
        registry.register(Box::new(self.signing_keys.clone()))?;
        registry.register(Box::new(self.upkeep_failures.clone()))?;
        registry.register(Box::new(self.ready.clone()))
    }

    /// The counter of one outcome of one cache.
    pub fn cache_counter(&self, cache: &'static str, outcome: &'static str) -> IntCounter {
        self.cache_lookups.with_label_values(&[cache, outcome])
    }

    /// Counts a detected replay.
    pub fn replay(&self, kind: &'static str) {
        self.replays.with_label_values(&[kind]).inc();
    }

    /// Counts a request that a full queue turned away.
    pub fn shed(&self, queue: &'static str) {
        self.shed.with_label_values(&[queue]).inc();
    }

    /// Counts an issued access token.
    pub fn token_issued(&self, grant: &'static str, encoding: &'static str) {
        self.tokens_issued.with_label_values(&[grant, encoding]).inc();
    }

    /// Counts a pass of the upkeep that broke off.
    pub fn upkeep_failed(&self, task: Upkeep) {
        self.upkeep_failures.with_label_values(&[task.label()]).inc();
    }

    /// All metrics as Prometheus text.
    pub fn render(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter can't be read.
    #[error("log filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// There is a subscriber already.
    #[error(transparent)]
    Twice(#[from] TryInitError),
}

/// Sets the subscriber of the process: `filter` as in `TENURE_LOG`.
pub fn init(filter: &str, format: LogFormat) -> Result<(), InitError> {
    let filter = EnvFilter::try_new(filter)?;
    let lines = match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            fmt::layer().with_ansi(colours).with_writer(std::io::stderr).boxed()
        }
        LogFormat::Json => fmt::layer().json().with_writer(std::io::stderr).boxed(),
    };
    std::panic::set_hook(Box::new(|panic| {
        // The text of a panic may hold what a request held: only the place is told.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
    tracing_subscriber::registry().with(filter).with(lines.with_filter(filter_fn(is_ours_or_important))).try_init()?;
    Ok(())
}

/// Libraries write headers, frames and statements at DEBUG and TRACE, and with them secrets; their lines end at INFO.
fn is_ours_or_important(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(env!("CARGO_CRATE_NAME")) || *metadata.level() <= Level::INFO
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn every_metric_is_registered_once() {
        let metrics = Metrics::new().unwrap();
        metrics.panics.inc();
        metrics.requests.with_label_values(&["_other", "ok"]).observe(0.001);
        let text = metrics.render().unwrap();
        assert!(text.contains("tenure_panics_total 1"), "{text}");
        assert!(text.contains("tenure_http_request_seconds_count{operation=\"_other\",outcome=\"ok\"} 1"), "{text}");
    }
}
