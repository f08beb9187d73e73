//! The end of a tenant: its secrets are destroyed and nothing leads to it any more, at once; its rows go in the background.

use std::sync::Arc;

use super::apply::names;
use super::load::name_shard;
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::coherence::NO_TENANT;
use crate::domain::{Error, Kind, NEVER, Result, Seconds, Selector, TenantId};
use crate::service::Services;
use crate::service::audit::{self, By};
use crate::service::tokens::revoke;
use crate::store::directory::NameKind;
use crate::store::{TenantStore, Tx};
use crate::telemetry::Upkeep;
use crate::tenancy::TenantSettings;

/// How long after a deletion requests that began before it may still write, in seconds.
const STRAGGLERS: Seconds = 120;

/// How many deleted tenants one round looks after.
const ROUND: u32 = 100;

impl Services {
    /// Deletes a tenant. Its root secret goes first, so that neither the live database nor a later back-up opens what is
    /// left; from the acknowledgement on its names lead nowhere. What it had is erased in the background.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn delete_tenant(self: &Arc<Self>, tid: &str, by: &By) -> Result<()> {
        let found = self.stored(tid).await?;
        let settings: TenantSettings = serde_json::from_str(&found.settings).map_err(Error::internal)?;
        let names = names(&found.tid, &settings);
        let act = by.did(AuditKind::TenantDeleted, self.now(), &[("id", tid), ("issuer", &settings.issuer)]);
        self.store.write(found.id, (names, act), |rows, (names, act)| Box::pin(bury(rows, names, act))).await?;
        let services = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(cause) = services.erase(found.id).await {
                tracing::warn!(%cause, "a deleted tenant could not be erased yet");
            }
        });
        Ok(())
    }

    /// Erases what is left of deleted tenants: what a stopped process didn't get to, and what requests wrote that had begun
    /// before the deletion. Housekeeping, to be called every minute.
    pub async fn erase_deleted_tenants(&self) -> Result<()> {
        for tenant in self.store.list_buried_tenants(ROUND).await? {
            if let Err(error) = self.erase(tenant.id).await {
                self.leave(Upkeep::Erase, &tenant.tid, error).await?;
                continue;
            }
            if tenant.updated_at.saturating_add(STRAGGLERS) <= self.now() {
                self.store.write(tenant.id, (), |rows, ()| Box::pin(rows.seal_tombstone())).await?;
            }
        }
        Ok(())
    }

    async fn erase(&self, tenant: TenantId) -> Result<()> {
        while self.store.write(tenant, (), |rows, ()| Box::pin(rows.erase_batch())).await? {
            // Others' writes go between two batches.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

async fn bury(rows: &TenantStore<'_, Tx>, names: &[(NameKind, String)], act: &AuditEntry) -> Result<()> {
    rows.shred_secrets().await?;
    if !rows.bury_tenant(act.at).await? {
        return Err(Error::NotFound(Kind::Tenant));
    }
    rows.replace_names(&[]).await?;
    for (kind, name) in names {
        rows.touch(name_shard(*kind, name));
    }
    revoke::mark(rows, &Selector::Tenant, act.at, NEVER).await?;
    audit::tell(rows.tenant_id(), act);
    rows.append_audit_of(NO_TENANT, act).await
}
