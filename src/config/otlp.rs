//! Where traces go.

use url::Url;

use super::ConfigError;

/// A collector of traces (OTLP over HTTP).
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// Its base URL; spans go to `/v1/traces` under it.
    pub endpoint: String,
    /// The share of requests that are traced unless their caller decides, 0 to 1.
    pub sample: f64,
}

/// Reads the two settings; no endpoint, no traces.
pub(super) fn otlp(endpoint: Option<&str>, sample: f64) -> Result<Option<Otlp>, ConfigError> {
    let Some(endpoint) = endpoint.filter(|text| !text.is_empty()) else { return Ok(None) };
    let url = Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        return Err(ConfigError::new("TENURE_OTLP_ENDPOINT", "expected an http(s) URL such as http://collector:4318"));
    }
    if !(0.0..=1.0).contains(&sample) {
        return Err(ConfigError::new("TENURE_OTLP_SAMPLE", "expected a share from 0 to 1"));
    }
    Ok(Some(Otlp { endpoint: endpoint.to_owned(), sample }))
}
