//! What the command line's commands do.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::app::{StartError, assemble, start};
use crate::cli::Commands;
use crate::config::{Config, LogFormat};
use crate::crypto::seal::MasterKey;
use crate::domain::{Clock, Error, Result, Tid};
use crate::http;
use crate::service::audit::By;
use crate::service::keys::Rotation;
use crate::service::tenants as service;
use crate::store;
use crate::store::directory::{Status, StoredTenant};
use crate::telemetry;
use crate::tenancy::applied::Outcome;
use crate::tenancy::{Applied, ApplyOptions, TenantSettings, TenantsFile};

/// The program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tenure;

/// Where the committed documents are, seen from the root of the sources.
const DOCUMENTS: &str = "openapi";

impl Commands for Tenure {
    async fn serve(&self, config: Config) -> Result<()> {
        log(&config)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
        let running = start(config, Clock::system()).await.map_err(unstarted)?;
        // Whoever reads it may have left after the first line.
        let _ = writeln!(std::io::stdout(), "{}", running.banner());
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("stopping");
        running.shutdown().await.map_err(Error::internal)
    }

    async fn migrate(&self, config: Config) -> Result<()> {
        store::migrate(&store::Options::new(config.database_url.expose())).await
    }

    fn openapi(&self, check: bool) -> Result<()> {
        http::specs().iter().try_for_each(|document| {
            let path = Path::new(DOCUMENTS).join(format!("{}.json", document.name));
            if check { same(&path, &document.json) } else { write(&path, &document.json) }
        })
    }

    async fn apply(&self, config: Config, file: TenantsFile, options: ApplyOptions) -> Result<Vec<Applied>> {
        let parts = assemble::parts(&config, Clock::system()).await.map_err(unstarted)?;
        let report = parts.services.apply_entries(file.tenants, options.recreate, options.dry_run).await;
        parts.store.close().await;
        Ok(report?.into_iter().map(|one| Applied { tid: one.tid, outcome: told(one.outcome) }).collect())
    }

    async fn list_tenants(&self, config: Config) -> Result<Vec<String>> {
        let store = assemble::store(&config).await?;
        let mut lines = Vec::new();
        let mut after = String::new();
        loop {
            let page = store.list_tenants(&after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.tid.to_string();
            lines.extend(page.iter().map(line));
        }
        store.close().await;
        Ok(lines)
    }

    async fn rotate_keys(&self, config: Config, tid: Tid) -> Result<String> {
        let parts = assemble::parts(&config, Clock::system()).await.map_err(unstarted)?;
        let tenant = parts.services.managed(tid.as_str()).await?;
        let by = By::program("command-line");
        let rotated = parts.services.rotate_key(tenant.id, Rotation::Orderly, &by).await;
        parts.store.close().await;
        rotated.map(|rotated| rotated.kid)
    }

    async fn list_keys(&self, config: Config, tid: Tid) -> Result<Vec<String>> {
        let parts = assemble::parts(&config, Clock::system()).await.map_err(unstarted)?;
        let tenant = parts.services.managed(tid.as_str()).await?;
        let keys = parts.services.list_keys(tenant.id).await;
        parts.store.close().await;
        Ok(keys?.iter().map(|one| format!("{}\t{}\t{}", one.key.kid, one.key.alg, one.state.as_str())).collect())
    }

    async fn rewrap_keys(&self, config: Config, new_key_file: PathBuf) -> Result<u64> {
        let text = std::fs::read_to_string(&new_key_file)
            .map(Zeroizing::new)
            .map_err(|fault| Error::invalid(format!("{}: {fault}", new_key_file.display())))?;
        let new = MasterKey::parse(&text)
            .ok_or_else(|| Error::invalid(format!("{}: expected 32 bytes in base64url", new_key_file.display())))?;
        let parts = assemble::parts(&config, Clock::system()).await.map_err(unstarted)?;
        let done = parts.services.rewrap(new).await;
        parts.store.close().await;
        done
    }

    async fn finalize_restore(&self, config: Config) -> Result<String> {
        let done = finalize_restore(&config, Clock::system()).await?;
        Ok(format!("revoked every code, token and stored authorisation of {done} tenant(s)"))
    }
}

/// Ends a restore by a clock; returns the number of tenants.
pub async fn finalize_restore(config: &Config, clock: Clock) -> Result<u64> {
    let parts = assemble::parts(config, clock).await.map_err(unstarted)?;
    let done = parts.services.finalize_restore().await;
    parts.store.close().await;
    done
}

/// Tenants that are read at a time.
const PAGE: u32 = 1000;

fn line(tenant: &StoredTenant) -> String {
    let issuer = serde_json::from_str::<TenantSettings>(&tenant.settings).map(|s| s.issuer).unwrap_or_default();
    let state = match tenant.status {
        Status::Enabled => "enabled",
        Status::Disabled => "disabled",
        Status::Deleted => "deleted",
    };
    format!("{}\t{issuer}\t{state}", tenant.tid)
}

/// What keeps a command from starting is mostly what its operator has written.
fn unstarted(error: StartError) -> Error {
    match error {
        StartError::Service(error) => error,
        StartError::Metrics(fault) => Error::internal(fault),
        StartError::Config(_) | StartError::Tenants(_) | StartError::Listen(_) | StartError::Traces(_) => {
            Error::invalid(error.to_string())
        }
    }
}

fn told(outcome: service::Outcome) -> Outcome {
    match outcome {
        service::Outcome::Created => Outcome::Created,
        service::Outcome::Updated => Outcome::Updated,
        service::Outcome::Unchanged => Outcome::Unchanged,
        service::Outcome::Tombstone => Outcome::Deleted,
    }
}

fn log(config: &Config) -> Result<()> {
    let format = match config.log_format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    };
    telemetry::init(&config.log, format).map_err(|fault| Error::invalid(format!("TENURE_LOG: {fault}")))
}

fn same(path: &Path, json: &str) -> Result<()> {
    match std::fs::read_to_string(path) {
        Ok(text) if text == json => Ok(()),
        Ok(_) => Err(Error::invalid(format!("{} differs from the code: run `tenure openapi`", path.display()))),
        Err(fault) => Err(Error::invalid(format!("{}: {fault}", path.display()))),
    }
}

fn write(path: &Path, json: &str) -> Result<()> {
    let written = std::fs::create_dir_all(DOCUMENTS).and_then(|()| std::fs::write(path, json));
    written.map_err(|fault| Error::invalid(format!("{}: {fault}", path.display())))
}
