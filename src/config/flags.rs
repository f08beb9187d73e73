//! The settings as clap reads them: each has a flag and a variable of the same name.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::LogFormat;
use crate::crypto::secret::Secret;

/// The settings, not yet checked.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Settings")]
pub struct Flags {
    /// Public address: the APIs and their documents
    #[arg(long, env = "TENURE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS", global = true)]
    pub listen: SocketAddr,
    /// Address of metrics and health
    #[arg(long, env = "TENURE_OPS_LISTEN", default_value = "127.0.0.1:9090", value_name = "ADDRESS", global = true)]
    pub ops_listen: SocketAddr,
    /// SQLite file or PostgreSQL database
    #[arg(
        long,
        env = "TENURE_DATABASE_URL",
        default_value = "sqlite://tenure.db?mode=rwc",
        value_name = "URL",
        value_parser = secret,
        hide_env_values = true,
        global = true
    )]
    pub database_url: Secret,
    /// Tenants file to apply at start
    #[arg(long, env = "TENURE_TENANTS", value_name = "FILE", global = true)]
    pub tenants: Option<PathBuf>,
    /// Master key: 32 bytes in base64url
    #[arg(
        long,
        env = "TENURE_MASTER_KEY",
        value_name = "KEY",
        value_parser = secret,
        hide_env_values = true,
        global = true
    )]
    pub master_key: Option<Secret>,
    /// File with the master key; with SQLite one is made beside the database if there is none
    #[arg(long, env = "TENURE_MASTER_KEY_FILE", value_name = "FILE", global = true)]
    pub master_key_file: Option<PathBuf>,
    /// SHA-256 (hex) of bearer tokens of the platform API, separated by commas
    #[arg(
        long,
        env = "TENURE_PLATFORM_TOKEN_SHA256",
        value_name = "HASHES",
        value_delimiter = ',',
        value_parser = secret,
        hide_env_values = true,
        global = true
    )]
    pub platform_token_sha256: Vec<Secret>,
    /// Base URL of links that the server shows
    #[arg(long, env = "TENURE_PUBLIC_URL", value_name = "URL", global = true)]
    pub public_url: Option<String>,
    /// Tenant of requests that name none
    #[arg(long, env = "TENURE_DEFAULT_TENANT", value_name = "TID", global = true)]
    pub default_tenant: Option<String>,
    /// When a replica sees what another changed: `strict`, or `bounded:250ms`
    #[arg(long, env = "TENURE_COHERENCE", default_value = "strict", value_name = "MODE", global = true)]
    pub coherence: String,
    /// How long to report not ready before the listener closes
    #[arg(long, env = "TENURE_DRAIN_DELAY", default_value = "0s", value_name = "DURATION", global = true)]
    pub drain_delay: String,
    /// Certificate chain (PEM) of the public listener
    #[arg(long, env = "TENURE_TLS_CERT", value_name = "FILE", global = true)]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) of the public listener
    #[arg(long, env = "TENURE_TLS_KEY", value_name = "FILE", global = true)]
    pub tls_key: Option<PathBuf>,
    /// Base URL of an OpenTelemetry collector (OTLP over HTTP) that traces go to
    #[arg(long, env = "TENURE_OTLP_ENDPOINT", value_name = "URL", global = true)]
    pub otlp_endpoint: Option<String>,
    /// Share of requests that are traced unless their caller decides, 0 to 1
    #[arg(long, env = "TENURE_OTLP_SAMPLE", default_value_t = 1.0, value_name = "SHARE", global = true)]
    pub otlp_sample: f64,
    /// Filter of the log, such as `info` or `tenure=debug,info`
    #[arg(long, env = "TENURE_LOG", default_value = "info", value_name = "FILTER", global = true)]
    pub log: String,
    /// Form of the log
    #[arg(long, env = "TENURE_LOG_FORMAT", value_enum, default_value_t, value_name = "FORMAT", global = true)]
    pub log_format: LogFormat,
}

/// Never fails, so that clap has no error message to put the value into.
#[expect(clippy::unnecessary_wraps, reason = "the form of a value parser")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}
