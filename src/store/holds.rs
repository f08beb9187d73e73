//! What keeps others out until a transaction ends: who writes back what it has read reads it locked. `SQLite` has one writer,
//! which is lock enough.

use entity::tenant;
use sea_orm::{ConnectionTrait, DbBackend};

use super::directory::{self, StoredTenant};
use super::scoped::{TenantStore, values};
use crate::domain::{AuthorizationKey, Error, Kind, Result};

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// What ends a query of rows that are to be changed.
    pub(super) fn for_update(&self) -> &'static str {
        self.on_postgres(" FOR UPDATE")
    }

    fn on_postgres(&self, lock: &'static str) -> &'static str {
        if self.backend() == DbBackend::Postgres { lock } else { "" }
    }

    /// Makes the transactions that hold a name take turns: where there may be no row to lock.
    pub(super) async fn hold(&self, name: String) -> Result<()> {
        if self.backend() == DbBackend::Postgres {
            let sql = "SELECT pg_advisory_xact_lock(hashtextextended($2, tenant_id)) FROM tenant WHERE tenant_id = $1";
            self.execute(sql, values![name]).await?;
        }
        Ok(())
    }

    /// Makes the transactions that change what belongs to a key take turns: who finds no record, or no refresh token to
    /// share, may then make one.
    pub async fn hold_authorization(&self, key: &AuthorizationKey) -> Result<()> {
        let act = key.act.as_deref().unwrap_or_default();
        self.hold(format!("{}:{}{}:{}{act}", key.sub.len(), key.sub, key.cid.len(), key.cid)).await
    }

    /// Fails unless the tenant exists: for writes that would leave something behind in one that was just deleted. Locks its
    /// row, so that it can't be deleted before this transaction ends.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was deleted.
    pub async fn require_tenant(&self) -> Result<()> {
        let lock = self.on_postgres(" FOR SHARE");
        let sql = format!("SELECT tenant_id FROM tenant WHERE tenant_id = $1 AND status < 2{lock}");
        self.number(&sql, values![]).await?.map(|_| ()).ok_or(Error::NotFound(Kind::Tenant))
    }

    /// The tenant, unless it was deleted, locked as a change of it would: whoever changes its signing keys does so first, and
    /// one at a time.
    pub async fn hold_tenant(&self) -> Result<Option<StoredTenant>> {
        let lock = self.on_postgres(" FOR NO KEY UPDATE");
        let sql = format!("SELECT * FROM tenant WHERE tenant_id = $1 AND status < 2{lock}");
        let found: Option<tenant::Model> = self.one(&sql, values![]).await?;
        found.map(directory::to_thing).transpose()
    }
}
