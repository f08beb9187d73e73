//! The directory of the platform: which tenants there are and what names them. The one part of the store that is not a
//! tenant's own.

use entity::tenant as row;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};

use super::Store;
use super::error::from_db;
use super::scoped::{TenantStore, values};
use crate::domain::coherence::{Shard, Topic};
use crate::domain::{Error, NEVER, Result, Seconds, TenantId, Tid};

/// What kind of name leads to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// The public tenant id.
    Tid,
    /// An issuer or alias, in normal form.
    Issuer,
    /// A service API key of the management API.
    ServiceKey,
}

impl NameKind {
    fn number(self) -> i16 {
        match self {
            Self::Tid => 0,
            Self::Issuer => 1,
            Self::ServiceKey => 2,
        }
    }
}

/// Whether a tenant serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It serves.
    Enabled,
    /// It answers 403.
    Disabled,
    /// A tombstone: nothing leads to it, and its data is on the way out.
    Deleted,
}

/// A tenant as the store keeps it.
#[derive(Clone, Debug)]
pub struct StoredTenant {
    /// Its internal number.
    pub id: TenantId,
    /// Its public id.
    pub tid: Tid,
    /// Whether it serves.
    pub status: Status,
    /// Its settings as JSON, without secrets.
    pub settings: String,
    /// Those secrets of its settings that must be read back, sealed.
    pub sealed: Option<Vec<u8>>,
    /// The keyed digest of the file entry that was applied last.
    pub digest: Option<Vec<u8>>,
    /// Grows with each change.
    pub version: i64,
    /// Whether a refresh token was ever imported.
    pub has_imports: bool,
    /// When it was made.
    pub created_at: Seconds,
    /// When it was changed last.
    pub updated_at: Seconds,
    /// The longest life, in seconds, that an access or ID token of it may have had.
    pub longest_token: Seconds,
    /// Until when it issued tokens that are not registered; [`crate::domain::NEVER`] while it does.
    pub unregistered_until: Seconds,
    /// When its signing keys are to be looked at next.
    pub keys_due_at: Seconds,
}

impl Store {
    /// The tenant that a name leads to.
    pub async fn find_tenant_by_name(&self, kind: NameKind, name: &str) -> Result<Option<StoredTenant>> {
        let sql = "SELECT t.* FROM tenant_name n JOIN tenant t ON t.tenant_id = n.tenant_id
            WHERE n.kind = $1 AND n.name = $2";
        let rows = self.platform_rows(sql, values![kind.number(), name]).await?;
        Ok(rows.into_iter().next())
    }

    /// The newest tenant under a public id, a tombstone included.
    pub async fn find_tenant_ever(&self, tid: &Tid) -> Result<Option<StoredTenant>> {
        let sql = "SELECT * FROM tenant WHERE tid = $1 ORDER BY created_at DESC, status LIMIT 1";
        Ok(self.platform_rows(sql, values![tid.as_str()]).await?.into_iter().next())
    }

    /// Up to `limit` tenants after a public id, in its order; tombstones are left out.
    pub async fn list_tenants(&self, after: &str, limit: u32) -> Result<Vec<StoredTenant>> {
        let sql = format!("SELECT * FROM tenant WHERE tid > $1 AND status < 2 ORDER BY tid LIMIT {limit}");
        self.platform_rows(&sql, values![after]).await
    }

    /// Up to `limit` deleted tenants of which something may be left.
    pub async fn list_buried_tenants(&self, limit: u32) -> Result<Vec<StoredTenant>> {
        let sql = format!("SELECT * FROM tenant WHERE status = 2 ORDER BY tenant_id LIMIT {limit}");
        self.platform_rows(&sql, values![]).await
    }

    /// Up to `limit` tenants whose signing keys are due.
    pub async fn list_tenants_with_due_keys(&self, now: Seconds, limit: u32) -> Result<Vec<StoredTenant>> {
        let sql = format!(
            "SELECT * FROM tenant WHERE keys_due_at <= $1 AND keys_due_at < {NEVER} AND status < 2
            ORDER BY keys_due_at LIMIT {limit}"
        );
        self.platform_rows(&sql, values![now]).await
    }

    /// How many signing keys of all tenants are published, sign, and only verify.
    pub async fn count_keys(&self, now: Seconds) -> Result<[i64; 3]> {
        let sql = "SELECT COALESCE(SUM(CASE WHEN signs_from > $1 THEN 1 ELSE 0 END), 0),
                COALESCE(SUM(CASE WHEN signs_from <= $1 AND signs_until > $1 THEN 1 ELSE 0 END), 0),
                COALESCE(SUM(CASE WHEN signs_until <= $1 AND verifies_until > $1 THEN 1 ELSE 0 END), 0)
            FROM signing_key";
        let statement = Statement::from_sql_and_values(self.backend, sql, values![now]);
        let row = self.pool().query_one_raw(statement).await.map_err(from_db)?;
        let Some(row) = row else { return Ok([0; 3]) };
        let count = |index| row.try_get_by_index(index).map_err(from_db);
        Ok([count(0)?, count(1)?, count(2)?])
    }

    /// A fact about the installation.
    pub async fn platform_state(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT value FROM platform_state WHERE name = $1";
        let statement = Statement::from_sql_and_values(self.backend, sql, values![name]);
        let row = self.pool().query_one_raw(statement).await.map_err(from_db)?;
        row.map(|r| r.try_get_by_index(0)).transpose().map_err(from_db)
    }

    /// Records a fact about the installation, unless it is known; returns what holds.
    pub async fn settle_platform_state(&self, name: &str, value: Vec<u8>) -> Result<Vec<u8>> {
        let sql = "INSERT INTO platform_state (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let statement = Statement::from_sql_and_values(self.backend, sql, values![name, value]);
        self.pool().execute_raw(statement).await.map_err(from_db)?;
        self.platform_state(name).await?.ok_or_else(|| Error::internal("a platform fact vanished"))
    }

    /// Records a fact about the installation, in place of what held.
    pub async fn set_platform_state(&self, name: &str, value: Vec<u8>) -> Result<()> {
        let sql = "INSERT INTO platform_state (name, value) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        let statement = Statement::from_sql_and_values(self.backend, sql, values![name, value]);
        self.pool().execute_raw(statement).await.map_err(from_db).map(|_| ())
    }

    async fn platform_rows(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Vec<StoredTenant>> {
        let statement = Statement::from_sql_and_values(self.backend, sql, values);
        let rows = self.pool().query_all_raw(statement).await.map_err(from_db)?;
        rows.iter().map(|r| to_thing(row::Model::from_query_result(r, "").map_err(from_db)?)).collect()
    }
}

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// The tenant itself.
    pub async fn find_tenant(&self) -> Result<Option<StoredTenant>> {
        let found: Option<row::Model> = self.one("SELECT * FROM tenant WHERE tenant_id = $1", values![]).await?;
        found.map(to_thing).transpose()
    }

    /// Writes a new tenant.
    pub async fn insert_tenant(&self, tenant: &StoredTenant) -> Result<()> {
        self.insert(row::Model {
            tenant_id: self.tenant_id().0,
            tid: tenant.tid.to_string(),
            status: status_number(tenant.status),
            settings: tenant.settings.clone(),
            sealed: tenant.sealed.clone(),
            digest: tenant.digest.clone(),
            version: tenant.version,
            has_imports: tenant.has_imports,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
            longest_token: tenant.longest_token,
            unregistered_until: tenant.unregistered_until,
            keys_due_at: tenant.keys_due_at,
        })
        .await
    }

    /// Writes the settings, status and digest of a tenant, unless it is deleted; tells whether it did.
    pub async fn update_tenant(&self, tenant: &StoredTenant) -> Result<bool> {
        let sql = "UPDATE tenant SET status = $2, settings = $3, sealed = $4, digest = $5, updated_at = $6,
                longest_token = CASE WHEN longest_token < $7 THEN $7 ELSE longest_token END,
                unregistered_until = $8, keys_due_at = CASE WHEN keys_due_at > $9 THEN $9 ELSE keys_due_at END,
                version = version + 1 WHERE tenant_id = $1 AND status < 2";
        let values = values![
            status_number(tenant.status),
            tenant.settings.clone(),
            tenant.sealed.clone(),
            tenant.digest.clone(),
            tenant.updated_at,
            tenant.longest_token,
            tenant.unregistered_until,
            tenant.keys_due_at
        ];
        Ok(self.execute(sql, values).await? == 1)
    }

    /// Enables or disables the tenant; tells whether there is one to be.
    pub async fn set_enabled(&self, enabled: bool, now: Seconds) -> Result<bool> {
        let sql = "UPDATE tenant SET status = $2, updated_at = $3, version = version + 1
            WHERE tenant_id = $1 AND status < 2";
        let status = if enabled { Status::Enabled } else { Status::Disabled };
        let done = self.execute(sql, values![status_number(status), now]).await? == 1;
        self.touch_tenant();
        Ok(done)
    }

    /// Turns the tenant into a tombstone that keeps nothing but its public id; tells whether this call did it.
    pub async fn bury_tenant(&self, now: Seconds) -> Result<bool> {
        let sql = "UPDATE tenant SET status = 2, settings = '{}', sealed = NULL, digest = NULL, updated_at = $2,
                keys_due_at = $3, version = version + 1 WHERE tenant_id = $1 AND status < 2";
        let done = self.execute(sql, values![now, NEVER]).await? == 1;
        self.touch_tenant();
        Ok(done)
    }

    /// Records that nothing is left of a deleted tenant but its tombstone.
    pub async fn seal_tombstone(&self) -> Result<()> {
        self.execute("UPDATE tenant SET status = 3 WHERE tenant_id = $1 AND status = 2", values![]).await.map(|_| ())
    }

    /// Notes that tokens of this life may be issued: keys that still sign verify as long from their end on.
    pub async fn raise_longest_token(&self, life: Seconds, now: Seconds) -> Result<()> {
        let sql = "UPDATE tenant SET longest_token = $2, version = version + 1
            WHERE tenant_id = $1 AND longest_token < $2";
        if self.execute(sql, values![life]).await? > 0 {
            self.stretch_keys(life, now).await?;
            self.touch_tenant();
        }
        Ok(())
    }

    /// Lets keys that are to stop signing verify for as long as a token of this life, signed last, needs.
    pub async fn stretch_keys(&self, life: Seconds, now: Seconds) -> Result<()> {
        let sql = format!(
            "UPDATE signing_key SET verifies_until = signs_until + $2
            WHERE tenant_id = $1 AND signs_until > $3 AND signs_until < {NEVER} AND verifies_until - signs_until < $2"
        );
        self.execute(&sql, values![life, now]).await.map(|_| ())
    }

    /// Says when the signing keys, which were changed or looked at, are to be looked at next.
    pub async fn set_keys_due(&self, at: Seconds) -> Result<()> {
        let sql = "UPDATE tenant SET keys_due_at = $2, version = version + 1 WHERE tenant_id = $1";
        self.execute(sql, values![at]).await.map(|_| ())
    }

    fn touch_tenant(&self) {
        self.touch(Shard::of(self.tenant_id(), Topic::Tenant, &[]));
    }

    /// Remembers that the tenant has imported refresh tokens.
    pub async fn mark_imports(&self) -> Result<()> {
        let sql = "UPDATE tenant SET has_imports = TRUE, version = version + 1
            WHERE tenant_id = $1 AND has_imports = FALSE";
        if self.execute(sql, values![]).await? > 0 {
            self.touch_tenant();
        }
        Ok(())
    }

    /// Makes exactly these names lead to the tenant.
    ///
    /// # Errors
    /// [`Error::Conflict`] when one of them leads to another.
    pub async fn replace_names(&self, names: &[(NameKind, String)]) -> Result<()> {
        self.execute("DELETE FROM tenant_name WHERE tenant_id = $1", values![]).await?;
        for (kind, name) in names {
            let sql = "INSERT INTO tenant_name (tenant_id, kind, name) VALUES ($1, $2, $3)";
            self.execute(sql, values![kind.number(), name.clone()]).await.map_err(|e| match e {
                Error::Conflict(_) => Error::Conflict(taken(*kind).into()),
                other => other,
            })?;
        }
        Ok(())
    }
}

fn taken(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Tid => "a tenant with this id exists",
        NameKind::Issuer => "the issuer or an alias, or a near twin of it, belongs to another tenant",
        NameKind::ServiceKey => "the service API key belongs to another tenant",
    }
}

fn status_number(status: Status) -> i16 {
    match status {
        Status::Enabled => 0,
        Status::Disabled => 1,
        Status::Deleted => 2,
    }
}

pub(super) fn to_thing(row: row::Model) -> Result<StoredTenant> {
    let status = match row.status {
        0 => Status::Enabled,
        1 => Status::Disabled,
        2 | 3 => Status::Deleted,
        _ => return Err(Error::internal("an unknown status of a tenant")),
    };
    Ok(StoredTenant {
        id: TenantId(row.tenant_id),
        tid: Tid::parse(&row.tid).ok_or_else(|| Error::internal("a stored tenant id is not a DNS label"))?,
        status,
        settings: row.settings,
        sealed: row.sealed,
        digest: row.digest,
        version: row.version,
        has_imports: row.has_imports,
        created_at: row.created_at,
        updated_at: row.updated_at,
        longest_token: row.longest_token,
        unregistered_until: row.unregistered_until,
        keys_due_at: row.keys_due_at,
    })
}
