//! Writing the audit trail: in the transaction of the act where there is one, else in one of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value};

use super::{Ctx, Services};
use crate::crypto::secret::random;
use crate::domain::audit::{AuditEntry, AuditFilter, AuditId, AuditKind};
use crate::domain::{Result, Seconds, TenantId};
use crate::store::{TenantStore, Tx};

/// Who acts, and in which request.
#[derive(Clone, Debug)]
pub struct By {
    /// Who: `platform:1a2b3c4d` (a platform token by the start of its hash), `tenants-file`, `command-line`, `upkeep`, `caller`.
    pub actor: Arc<str>,
    /// The id of the request; empty where there is none.
    pub request_id: Arc<str>,
}

impl By {
    /// The program itself, on a command of its operator or on schedule.
    pub fn program(what: &str) -> Self {
        Self { actor: what.into(), request_id: "".into() }
    }

    /// Whoever sent a request for a tenant.
    pub fn request(ctx: &Ctx) -> Self {
        Self { actor: "caller".into(), request_id: Arc::clone(&ctx.request_id) }
    }

    /// An entry of the trail. `detail` names what was acted on, and never holds a secret.
    pub fn did(&self, kind: AuditKind, now: Seconds, detail: &[(&str, &str)]) -> AuditEntry {
        AuditEntry {
            id: new_id(now),
            at: now,
            kind,
            actor: self.actor.to_string(),
            request_id: self.request_id.to_string(),
            detail: detail.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect::<Map<_, _>>(),
        }
    }
}

fn new_id(now: Seconds) -> AuditId {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&now.max(0).to_be_bytes());
    id[8..12].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    id[12..].copy_from_slice(&random::<4>());
    id
}

/// Writes an entry with the act that it tells of.
pub async fn record(rows: &TenantStore<'_, Tx>, entry: &AuditEntry) -> Result<()> {
    tell(rows.tenant_id(), entry);
    rows.append_audit(entry).await
}

/// The same in the log, for those who gather that; the tenant by its internal number.
pub(crate) fn tell(tenant: TenantId, entry: &AuditEntry) {
    let detail = Value::Object(entry.detail.clone());
    tracing::info!(
        target: "tenure::audit", tenant = tenant.0, kind = entry.kind.as_str(), actor = entry.actor, request_id = entry.request_id, %detail,
        "audit"
    );
}

impl Services {
    /// Writes an entry that belongs to no transaction, without making the caller wait. What can't be written is logged.
    pub fn record_soon(&self, tenant: TenantId, entry: AuditEntry) {
        let store = self.store.clone();
        tokio::spawn(async move {
            let written = store.write(tenant, entry, |rows, entry| Box::pin(record(rows, entry))).await;
            if let Err(cause) = written {
                tracing::error!(%cause, "an audit entry could not be written");
            }
        });
    }

    /// Live secrets are about to be shown.
    pub fn on_secrets_shown(&self, ctx: &Ctx, what: &'static str) {
        let entry = By::request(ctx).did(AuditKind::SecretsShown, ctx.now, &[("what", what)]);
        self.record_soon(ctx.tenant.id, entry);
    }

    /// One live secret, of something that was asked for by name, is about to be shown: callers do that at every turn, and the
    /// line is in the log alone.
    pub fn on_secret_shown(&self, ctx: &Ctx, what: &'static str) {
        tell(ctx.tenant.id, &By::request(ctx).did(AuditKind::SecretsShown, ctx.now, &[("what", what)]));
    }

    /// Something that may be used once was presented again, by a request that was right in all else.
    /// `client_id` is that of whom it was made for.
    pub(crate) fn on_replay(&self, ctx: &Ctx, what: &'static str, client_id: Option<&str>) {
        self.metrics.replay(what);
        let mut detail = vec![("what", what)];
        detail.extend(client_id.map(|id| ("client_id", id)));
        let entry = By::request(ctx).did(AuditKind::ReplayDetected, ctx.now, &detail);
        self.record_soon(ctx.tenant.id, entry);
    }

    /// Sign-ins of a client or user (`kind`) begin to be refused for a while.
    pub fn on_sign_ins_locked(&self, ctx: &Ctx, kind: &'static str, name: &str) {
        let entry = By::request(ctx).did(AuditKind::SignInsLocked, ctx.now, &[("kind", kind), ("name", name)]);
        self.record_soon(ctx.tenant.id, entry);
    }

    /// Up to `limit` entries of a tenant's trail behind one, the oldest first.
    pub async fn list_audit(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        after: &AuditId,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        self.store.tenant(tenant).list_audit(filter, after, limit).await
    }
}
