//! The settings of the process: flags, else environment, else default.

mod flags;
mod key;
mod otlp;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use url::Url;

pub use crate::cache::coherence::Mode as Coherence;
use crate::crypto::secret::Secret;
use crate::domain::Tid;
use crate::tenancy::TokenHash;
pub use flags::Flags;
pub use key::LoadedKey;
pub use otlp::Otlp;

/// The settings of one process, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The public address.
    pub listen: SocketAddr,
    /// The address of metrics and health.
    pub ops_listen: SocketAddr,
    /// `sqlite:…` or `postgres:…`; may hold a password.
    pub database_url: Secret,
    /// The tenants file that is applied at start.
    pub tenants: Option<PathBuf>,
    /// The master key in base64url.
    pub master_key: Option<Secret>,
    /// The file that holds it instead.
    pub master_key_file: Option<PathBuf>,
    /// Hashes of the platform API's bearer tokens, besides those of the tenants file.
    pub platform_token_sha256: Vec<TokenHash>,
    /// Base of `ref` links and of the banner, without a slash at its end.
    pub public_url: Option<String>,
    /// The tenant of requests that name none.
    pub default_tenant: Option<Tid>,
    /// How old what a cache says may be.
    pub coherence: Coherence,
    /// How long readiness is down before the listener closes.
    pub drain_delay: Duration,
    /// Certificate and key of the public listener.
    pub tls: Option<Tls>,
    /// The collector of traces.
    pub otlp: Option<Otlp>,
    /// Filter of the log, as `tracing` has it.
    pub log: String,
    /// Form of the log.
    pub log_format: LogFormat,
}

/// TLS on the public listener: files in PEM form.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate chain.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is wrong with a setting; never its value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {text}")]
pub struct ConfigError {
    setting: &'static str,
    text: String,
}

impl ConfigError {
    fn new(setting: &'static str, text: impl fmt::Display) -> Self {
        Self { setting, text: text.to_string() }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            ops_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)),
            database_url: Secret::new("sqlite://tenure.db?mode=rwc"),
            tenants: None,
            master_key: None,
            master_key_file: None,
            platform_token_sha256: Vec::new(),
            public_url: None,
            default_tenant: None,
            coherence: Coherence::Strict,
            drain_delay: Duration::ZERO,
            tls: None,
            otlp: None,
            log: "info".to_owned(),
            log_format: LogFormat::default(),
        }
    }
}

impl Config {
    /// The base of links to this server: the public URL, else what the listener at `listen` can be reached by.
    pub fn base_url(&self, listen: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{listen}"))
    }

    /// Whether the store is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        is_postgres(self.database_url.expose())
    }
}

impl TryFrom<Flags> for Config {
    type Error = ConfigError;

    fn try_from(flags: Flags) -> Result<Self, ConfigError> {
        let url = flags.database_url;
        if !is_postgres(url.expose()) && !url.expose().starts_with("sqlite:") {
            return Err(ConfigError::new("TENURE_DATABASE_URL", "expected sqlite://… or postgres://…"));
        }
        if flags.master_key.is_some() && flags.master_key_file.is_some() {
            return Err(ConfigError::new("TENURE_MASTER_KEY", "give either it or TENURE_MASTER_KEY_FILE"));
        }
        let tls = match (flags.tls_cert, flags.tls_key) {
            (Some(cert), Some(key)) => Some(Tls { cert, key }),
            (None, None) => None,
            (Some(_), None) => return Err(ConfigError::new("TENURE_TLS_KEY", "is missing beside TENURE_TLS_CERT")),
            (None, Some(_)) => return Err(ConfigError::new("TENURE_TLS_CERT", "is missing beside TENURE_TLS_KEY")),
        };
        Ok(Self {
            listen: flags.listen,
            ops_listen: flags.ops_listen,
            database_url: url,
            tenants: flags.tenants,
            master_key: flags.master_key,
            master_key_file: flags.master_key_file,
            platform_token_sha256: token_hashes(&flags.platform_token_sha256)?,
            public_url: flags.public_url.as_deref().map(public_url).transpose()?,
            default_tenant: flags.default_tenant.as_deref().map(default_tenant).transpose()?,
            coherence: coherence(&flags.coherence)?,
            drain_delay: drain_delay(&flags.drain_delay)?,
            tls,
            otlp: otlp::otlp(flags.otlp_endpoint.as_deref(), flags.otlp_sample)?,
            log: flags.log,
            log_format: flags.log_format,
        })
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn token_hashes(hashes: &[Secret]) -> Result<Vec<TokenHash>, ConfigError> {
    let parse = |hash: &Secret| TokenHash::parse(hash.expose().trim());
    hashes.iter().filter(|hash| !hash.expose().trim().is_empty()).map(parse).collect::<Option<_>>().ok_or_else(|| {
        ConfigError::new("TENURE_PLATFORM_TOKEN_SHA256", "expected the SHA-256 of a token, 64 hexadecimal digits")
    })
}

fn public_url(text: &str) -> Result<String, ConfigError> {
    let fault =
        || ConfigError::new("TENURE_PUBLIC_URL", "expected an http(s) URL without query, fragment and user info");
    let url = Url::parse(text).map_err(|_| fault())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.has_host() && !text.contains(['?', '#', '@']);
    if plain { Ok(text.trim_end_matches('/').to_owned()) } else { Err(fault()) }
}

fn default_tenant(text: &str) -> Result<Tid, ConfigError> {
    Tid::parse(text).ok_or_else(|| ConfigError::new("TENURE_DEFAULT_TENANT", "not a tenant id"))
}

fn coherence(text: &str) -> Result<Coherence, ConfigError> {
    let fault = || ConfigError::new("TENURE_COHERENCE", "expected strict, or bounded:250ms (1ms to 1min)");
    match text.split_once(':') {
        None if text == "strict" => Ok(Coherence::Strict),
        Some(("bounded", bound)) => match humantime::Duration::from_str(bound).map(Into::into) {
            Ok(bound) if (Duration::from_millis(1)..=Duration::from_mins(1)).contains(&bound) => {
                Ok(Coherence::Bounded(bound))
            }
            Ok(_) | Err(_) => Err(fault()),
        },
        None | Some(_) => Err(fault()),
    }
}

fn drain_delay(text: &str) -> Result<Duration, ConfigError> {
    let delay = humantime::parse_duration(text);
    delay.map_err(|error| ConfigError::new("TENURE_DRAIN_DELAY", format!("expected a duration such as 5s: {error}")))
}

#[cfg(test)]
mod tests;
