//! Settings: defaults, faults, the key file.

use clap::Parser;

use super::*;
use crate::crypto::secret::b64url;

#[derive(Parser)]
struct Given {
    #[command(flatten)]
    flags: Flags,
}

/// Flags as given on a command line. No test sets a variable of the environment: that is shared.
fn config(flags: &[&str]) -> Result<Config, ConfigError> {
    let given = Given::try_parse_from(std::iter::once(&"tenure").chain(flags)).unwrap();
    Config::try_from(given.flags)
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let config = config(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.ops_listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.database_url.expose(), "sqlite://tenure.db?mode=rwc");
    assert_eq!(config.coherence, Coherence::Strict);
    assert_eq!(config.drain_delay, Duration::ZERO);
    assert_eq!(config.log_format, LogFormat::Text);
    assert!(config.tenants.is_none() && config.tls.is_none() && config.platform_token_sha256.is_empty());
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

#[test]
fn every_flag_is_read() {
    let hashes = format!("{},{}", "a1".repeat(32), "B2".repeat(32));
    let config = config(&[
        "--listen",
        "[::1]:1",
        "--ops-listen",
        "0.0.0.0:2",
        "--database-url",
        "postgres://u:pw@db/x",
        "--tenants",
        "t.toml",
        "--master-key-file",
        "k",
        "--platform-token-sha256",
        &hashes,
        "--public-url",
        "https://id.example.com/",
        "--default-tenant",
        "acme",
        "--coherence",
        "bounded:250ms",
        "--drain-delay",
        "1m 5s",
        "--tls-cert",
        "c.pem",
        "--tls-key",
        "k.pem",
        "--log",
        "debug",
        "--log-format",
        "json",
    ])
    .unwrap();
    assert!(config.is_postgres());
    assert_eq!(config.platform_token_sha256.len(), 2);
    assert_eq!(config.public_url.as_deref(), Some("https://id.example.com"));
    assert_eq!(config.default_tenant, Tid::parse("acme"));
    assert_eq!(config.coherence, Coherence::Bounded(Duration::from_millis(250)));
    assert_eq!(config.drain_delay, Duration::from_secs(65));
    assert_eq!(config.log_format, LogFormat::Json);
    assert!(!format!("{config:?}").contains("pw@db"));
}

#[test]
fn a_bad_setting_is_named_and_its_value_not_echoed() {
    for (flags, setting) in [
        (["--database-url", "mysql://secret-value"], "TENURE_DATABASE_URL"),
        (["--platform-token-sha256", "secret-value"], "TENURE_PLATFORM_TOKEN_SHA256"),
        (["--public-url", "ftp://a.example"], "TENURE_PUBLIC_URL"),
        (["--public-url", "https://a.example/?x"], "TENURE_PUBLIC_URL"),
        (["--default-tenant", "Acme"], "TENURE_DEFAULT_TENANT"),
        (["--coherence", "eventual"], "TENURE_COHERENCE"),
        (["--coherence", "bounded:0s"], "TENURE_COHERENCE"),
        (["--coherence", "bounded:soon"], "TENURE_COHERENCE"),
        (["--drain-delay", "5"], "TENURE_DRAIN_DELAY"),
        (["--tls-cert", "c.pem"], "TENURE_TLS_KEY"),
        (["--tls-key", "k.pem"], "TENURE_TLS_CERT"),
    ] {
        let error = config(&flags).unwrap_err().to_string();
        assert!(error.starts_with(setting) && !error.contains("secret-value"), "{error}");
    }
    let both = config(&["--master-key", "a", "--master-key-file", "b"]);
    assert!(both.is_err());
}

#[test]
fn the_base_of_links_is_the_public_url_else_the_address() {
    let mut config = Config::default();
    let listen = config.listen;
    assert_eq!(config.base_url(listen), "http://127.0.0.1:8080");
    config.public_url = Some("https://id.example.com".to_owned());
    assert_eq!(config.base_url(listen), "https://id.example.com");
}

#[cfg(unix)]
#[test]
fn a_key_file_is_made_once_beside_the_sqlite_file_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("tenure.db").display());
    let config = config(&["--database-url", &url]).unwrap();
    assert!(config.load_master_key().unwrap().is_none());
    let refused = config.make_master_key(true).unwrap_err().to_string();
    assert!(refused.contains("tenure.db.key is gone"), "{refused}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let first = config.make_master_key(false).unwrap();
    let file = folder.path().join("tenure.db.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(first.warning.is_some_and(|text| text.contains("back it up")));
    let second = config.load_master_key().unwrap().unwrap();
    assert!(second.warning.is_none());
    assert_eq!(first.key.expose(), second.key.expose());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(config.load_master_key().unwrap().unwrap().warning.is_some_and(|text| text.contains("chmod 600")));
}

#[test]
fn a_key_is_taken_from_its_setting_and_required_without_a_file_to_put_it_beside() {
    let text = b64url(&[7; 32]);
    let given = config(&["--database-url", "postgres://db/x", "--master-key", &text]).unwrap();
    assert_eq!(*given.load_master_key().unwrap().unwrap().key.expose(), text);
    for flags in [
        ["--database-url", "postgres://db/x", "--log", "info"],
        ["--database-url", "sqlite::memory:", "--log", "info"],
        ["--master-key", "short", "--log", "info"],
        ["--master-key-file", "no/such/file", "--log", "info"],
    ] {
        let error = config(&flags).unwrap().load_master_key().unwrap_err().to_string();
        assert!(error.starts_with("TENURE_MASTER_KEY"), "{error}");
    }
}
