//! Tenants, clients and users as the platform API manages them: one act, one transaction, one entry in the trail.

use super::apply::{client_act, user_act};
use crate::domain::audit::AuditKind;
use crate::domain::{Client, Error, Kind, Result, TenantId, Tid, User};
use crate::service::Services;
use crate::service::audit::{self, By};
use crate::service::clients::{self, Source};
use crate::service::keys::TenantKeys;
use crate::service::users;
use crate::store::directory::{NameKind, Status, StoredTenant};
use crate::tenancy::{ClientEntry, TenantEntry, TenantSettings, UserEntry, view};

/// How often a change that others are faster than is made.
const TRIES: usize = 8;

/// A tenant as the platform API knows it, enabled or not.
#[derive(Clone, Debug)]
pub struct Managed {
    /// Its internal number.
    pub id: TenantId,
    /// Its public id.
    pub tid: Tid,
    /// Its settings, without those secrets that are sealed.
    pub settings: TenantSettings,
}

impl Managed {
    fn of(stored: StoredTenant) -> Result<Self> {
        let mut settings: TenantSettings = serde_json::from_str(&stored.settings).map_err(Error::internal)?;
        settings.enabled = stored.status == Status::Enabled;
        Ok(Self { id: stored.id, tid: stored.tid, settings })
    }
}

impl Services {
    /// The tenant of a public id.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none, or it was deleted.
    pub async fn managed(&self, tid: &str) -> Result<Managed> {
        Managed::of(self.stored(tid).await?)
    }

    pub(super) async fn stored(&self, tid: &str) -> Result<StoredTenant> {
        let found = self.store.find_tenant_by_name(NameKind::Tid, tid).await?;
        found.ok_or(Error::NotFound(Kind::Tenant))
    }

    /// Up to `limit` tenants after a public id, in its order.
    pub async fn list_managed(&self, after: &str, limit: u32) -> Result<Vec<Managed>> {
        self.store.list_tenants(after, limit).await?.into_iter().map(Managed::of).collect()
    }

    /// Makes a tenant; it is served at once, by every replica.
    ///
    /// # Errors
    /// [`Error::Conflict`] when its id, issuer, an alias or its service API key is taken.
    pub async fn add_tenant(&self, entry: TenantEntry, by: &By) -> Result<Managed> {
        // Found out before secrets are hashed and keys are made; what counts is the unique key in the store.
        if self.store.find_tenant_by_name(NameKind::Tid, entry.tid.as_str()).await?.is_some() {
            return Err(Error::Conflict("a tenant with this id exists".into()));
        }
        let tid = entry.tid.clone();
        self.create_tenant(entry, None, by).await?;
        self.managed(tid.as_str()).await
    }

    /// Replaces the settings of a tenant; clients, users and assertion issuers in the entry are upserted.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when the issuer is another one, or a name is taken.
    pub async fn replace_tenant(&self, entry: TenantEntry, by: &By) -> Result<Managed> {
        for _ in 0..TRIES {
            let stored = self.stored(entry.tid.as_str()).await?;
            let old: TenantSettings = serde_json::from_str(&stored.settings).map_err(Error::internal)?;
            let mut entry = entry.clone();
            let tid = entry.tid.clone();
            view::keep_assertion_issuers(&mut entry.settings, &old);
            if self.update_tenant(stored, entry, None, by).await? {
                return self.managed(tid.as_str()).await;
            }
        }
        Err(Error::Unavailable("others are changing the tenant".into()))
    }

    /// Enables or disables a tenant. A disabled one answers 403 from the next request on.
    pub async fn set_tenant_enabled(&self, tid: &str, enabled: bool, by: &By) -> Result<Managed> {
        let found = self.managed(tid).await?;
        let now = self.now();
        let kind = if enabled { AuditKind::TenantEnabled } else { AuditKind::TenantDisabled };
        self.store
            .write(found.id, (enabled, by.did(kind, now, &[])), |rows, (enabled, act)| {
                Box::pin(async move {
                    if !rows.set_enabled(*enabled, act.at).await? {
                        return Err(Error::NotFound(Kind::Tenant));
                    }
                    audit::record(rows, act).await
                })
            })
            .await?;
        self.managed(tid).await
    }

    /// A client of a tenant.
    pub async fn managed_client(&self, tenant: TenantId, client_id: &str) -> Result<Client> {
        self.store.tenant(tenant).find_client(client_id).await?.ok_or(Error::NotFound(Kind::Client))
    }

    /// Writes a client; tells whether it is new. An absent secret stays.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a secret that is needed and absent; [`Error::Conflict`] for a taken number or alias.
    pub async fn put_client(&self, tenant: TenantId, entry: ClientEntry, by: &By) -> Result<bool> {
        let keys = TenantKeys::load(&self.store.tenant(tenant), &self.master).await?;
        let new = self.prepare_client(tenant, &keys, entry, Source::Platform).await?;
        let new = new.ok_or_else(|| Error::internal("a client of the platform API was taken for a file's"))?;
        let turn = clients::client_turn(tenant, new.client_id());
        self.store
            .write(turn, (new, by.clone(), self.now()), |rows, (new, by, now)| {
                Box::pin(async move {
                    rows.require_tenant().await?;
                    let created = clients::upsert_client(rows, new, *now).await?;
                    audit::record(rows, &client_act(by, created, new.client_id(), *now)).await?;
                    Ok(created)
                })
            })
            .await
    }

    /// Deletes a client with all that was issued to it.
    pub async fn remove_client(&self, tenant: TenantId, client_id: &str, by: &By) -> Result<()> {
        let act = by.did(AuditKind::ClientDeleted, self.now(), &[("client_id", client_id)]);
        self.store
            .write(tenant, (client_id.to_owned(), act), |rows, (id, act)| {
                Box::pin(async move {
                    clients::erase_client(rows, id, act.at).await?;
                    audit::record(rows, act).await
                })
            })
            .await
    }

    /// A user of a tenant.
    pub async fn managed_user(&self, tenant: TenantId, username: &str) -> Result<User> {
        self.store.tenant(tenant).find_user(username).await?.ok_or(Error::NotFound(Kind::User))
    }

    /// Writes a user; tells whether it is new. An absent password stays.
    ///
    /// # Errors
    /// [`Error::Conflict`] for a taken subject or id.
    pub async fn put_user(&self, tenant: TenantId, entry: UserEntry, by: &By) -> Result<bool> {
        let new = self.prepare_user(tenant, entry, Source::Platform).await?;
        let new = new.ok_or_else(|| Error::internal("a user of the platform API was taken for a file's"))?;
        let turn = users::user_turn(tenant, new.username());
        self.store
            .write(turn, (new, by.clone(), self.now()), |rows, (new, by, now)| {
                Box::pin(async move {
                    rows.require_tenant().await?;
                    let created = users::upsert_user(rows, new, *now).await?;
                    audit::record(rows, &user_act(by, created, new.username(), *now)).await?;
                    Ok(created)
                })
            })
            .await
    }

    /// Deletes a user with all that was issued for the subject.
    pub async fn remove_user(&self, tenant: TenantId, username: &str, by: &By) -> Result<()> {
        let act = by.did(AuditKind::UserDeleted, self.now(), &[("username", username)]);
        self.store
            .write(tenant, (username.to_owned(), act), |rows, (name, act)| {
                Box::pin(async move {
                    users::erase_user(rows, name, act.at).await?;
                    audit::record(rows, act).await
                })
            })
            .await
    }
}
