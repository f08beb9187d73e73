//! From a name to a tenant with its keys, through the caches.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::cache::Freshness;
use crate::cache::coherence::Stamps;
use crate::crypto::secret::Secret;
use crate::domain::coherence::{NO_TENANT, Shard, Topic};
use crate::domain::{Error, Result, TenantId};
use crate::service::keys::TenantKeys;
use crate::service::{Ctx, Services};
use crate::store::directory::{NameKind as StoredKind, Status, StoredTenant};
use crate::store::{Connection, TenantStore};
use crate::tenancy::name::NameKind;
use crate::tenancy::{Tenant, TenantSettings};

/// A tenant and its keys, as one version of both.
#[derive(Debug)]
pub struct Served {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// Its keys.
    pub keys: Arc<TenantKeys>,
    /// From before either was read.
    pub(crate) as_of: Arc<Stamps>,
}

/// Those secrets of the settings that must be read back.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct SealedSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hook_token: Option<String>,
}

/// The place that they are sealed for.
pub(super) const SETTINGS_PLACE: &[u8] = b"settings";

/// The shard of a tenant: its row, settings and keys change together.
pub(crate) fn tenant_shard(id: TenantId) -> Shard {
    Shard::of(id, Topic::Tenant, &[])
}

/// The shard of a name that leads to a tenant.
pub(super) fn name_shard(kind: StoredKind, name: &str) -> Shard {
    Shard::of(NO_TENANT, Topic::TenantName, format!("{kind:?}:{name}").as_bytes())
}

/// The kind of a name, as the store has it.
pub(super) fn stored_kind(kind: NameKind) -> StoredKind {
    match kind {
        NameKind::Tid => StoredKind::Tid,
        NameKind::Issuer => StoredKind::Issuer,
        NameKind::ServiceKey => StoredKind::ServiceKey,
    }
}

impl Services {
    /// What this request may believe of the caches: asked once, when it arrives.
    pub async fn arrive(&self) -> Freshness {
        self.coherence.read_index().await
    }

    /// The tenant, enabled or not, that a name leads to.
    pub async fn find_tenant(&self, freshness: Freshness, kind: NameKind, name: &str) -> Result<Option<Arc<Served>>> {
        let kind = stored_kind(kind);
        let key = (kind, name.to_owned());
        let find = || async { Ok(self.store.find_tenant_by_name(kind, name).await?.map(|t| t.id)) };
        let shards = [name_shard(kind, name)];
        let found = self.caches.names.get_or_find((&self.coherence, freshness), key, &shards, find).await?;
        match found {
            None => Ok(None),
            Some(id) => self.served(freshness, id).await,
        }
    }

    /// A tenant by its internal number.
    pub async fn served(&self, freshness: Freshness, id: TenantId) -> Result<Option<Arc<Served>>> {
        let load = || self.load(id);
        self.caches.tenants.get_or_find((&self.coherence, freshness), id, &[tenant_shard(id)], load).await
    }

    /// The context of a request for a tenant.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store can't be asked.
    pub async fn context(&self, freshness: Freshness, tenant: Arc<Tenant>, request_id: Arc<str>) -> Result<Ctx> {
        let served = self.served(freshness, tenant.id).await?;
        let served = served.ok_or_else(|| Error::invalid("the tenant was deleted"))?;
        Ok(self.context_of(freshness, &served, request_id))
    }

    /// The context of a request for a tenant that was just looked up.
    pub fn context_of(&self, freshness: Freshness, served: &Served, request_id: Arc<str>) -> Ctx {
        let (tenant, keys) = (Arc::clone(&served.tenant), Arc::clone(&served.keys));
        let as_of = Arc::clone(&served.as_of);
        Ctx {
            tenant,
            keys,
            as_of,
            now: self.now(),
            request_id,
            freshness,
            client: Arc::default(),
            epoch: OnceLock::new(),
        }
    }

    async fn load(&self, id: TenantId) -> Result<Option<Arc<Served>>> {
        let rows = self.store.tenant(id);
        let as_of = Arc::new(self.coherence.capture(&[tenant_shard(id)]));
        let Some(mut stored) = existing(&rows).await? else { return Ok(None) };
        for _ in 0..LOOKS {
            let keys = TenantKeys::load(&rows, &self.master).await;
            // Row and keys are read apart: they belong together if the row is the same behind the keys as before them. In
            // particular, the keys of a deleted tenant are gone with it.
            let Some(again) = existing(&rows).await? else { return Ok(None) };
            if again.version == stored.version {
                let keys = keys?;
                let tenant = open(stored, &keys)?;
                return Ok(Some(Arc::new(Served { tenant: Arc::new(tenant), keys: Arc::new(keys), as_of })));
            }
            stored = again;
        }
        Err(Error::Unavailable("a tenant changes faster than it can be read".into()))
    }
}

/// How often a tenant is looked at until nobody has changed it meanwhile.
const LOOKS: usize = 5;

/// The tenant, unless it was deleted.
async fn existing(rows: &TenantStore<'_, impl Connection>) -> Result<Option<StoredTenant>> {
    Ok(rows.find_tenant().await?.filter(|stored| stored.status != Status::Deleted))
}

/// A stored tenant with its sealed settings put back.
fn open(stored: StoredTenant, keys: &TenantKeys) -> Result<Tenant> {
    let mut settings: TenantSettings = serde_json::from_str(&stored.settings).map_err(Error::internal)?;
    settings.enabled = stored.status == Status::Enabled;
    if let (Some(sealed), Some(hook)) = (&stored.sealed, &mut settings.password_hook) {
        let plain = keys.tokens.open(SETTINGS_PLACE, sealed).map(Zeroizing::new);
        let plain = plain.ok_or_else(|| Error::internal("sealed settings can't be opened"))?;
        let opened: SealedSettings = serde_json::from_slice(&plain).map_err(Error::internal)?;
        hook.token = opened.hook_token.map(Secret::new);
    }
    Ok(Tenant {
        id: stored.id,
        tid: stored.tid,
        settings,
        version: stored.version,
        has_imports: stored.has_imports,
        longest_token: stored.longest_token,
    })
}
