//! `/tenants/rest/v1/{tid}/keys`.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::Platform;
use super::documented::{Family, PlatformToken};
use super::wire::TenantKeyObject;
use crate::domain::{Error, Result, TenantId};
use crate::http::call::PlatformCall;
use crate::http::payload::Json;
use crate::http::reply::Reply;
use crate::service::keys::Rotation;

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys;

#[OpenApi(prefix_path = "/tenants/rest/v1", tag = "Family::Keys")]
impl Keys {
    /// List the signing keys of a tenant, and where each is in its life
    ///
    /// Only what is public of them.
    #[oai(path = "/:tid/keys", method = "get", operation_id = "get_tenant_keys")]
    async fn get(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
    ) -> Reply<Json<Vec<TenantKeyObject>>, Platform> {
        let tenant = call.services.managed(&tid.0).await?;
        Ok(Json(listed(&call, tenant.id).await?).into())
    }

    /// Rotate the signing key of a tenant
    ///
    /// A new key is published, signs once every reader of the key set may know it (twice 300 s later), and the old one
    /// verifies until the last token signed with it has expired. While a published key does not sign yet, no other is made.
    /// In an emergency the new key signs at once, and the old one (or the one that `kid` names) is taken out with every JWT
    /// that was signed with it.
    #[oai(path = "/:tid/keys/rotate", method = "post", operation_id = "rotate_tenant_keys")]
    async fn rotate(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
        /// Whether the old key is known to others.
        emergency: Query<Option<bool>>,
        /// In an emergency, the key to be taken out; default: all that sign or are about to.
        kid: Query<Option<String>>,
    ) -> Reply<Json<Vec<TenantKeyObject>>, Platform> {
        let tenant = call.services.managed(&tid.0).await?;
        let rotation = match (emergency.0.unwrap_or(false), kid.0) {
            (true, kid) => Rotation::Emergency(kid),
            (false, None) => Rotation::Orderly,
            (false, Some(_)) => return Err(Error::invalid("kid: only with emergency=true").into()),
        };
        call.services.rotate_key(tenant.id, rotation, &call.by).await?;
        Ok(Json(listed(&call, tenant.id).await?).into())
    }
}

async fn listed(call: &PlatformCall, tenant: TenantId) -> Result<Vec<TenantKeyObject>> {
    Ok(call.services.list_keys(tenant).await?.into_iter().map(TenantKeyObject::from).collect())
}
