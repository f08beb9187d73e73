//! `/tenants/rest/v1` and `/tenants/rest/v1/{tid}`.

use poem_openapi::param::{Path, Query};
use poem_openapi::{ApiResponse, OpenApi};
use serde_json::Value;

use super::Platform;
use super::documented::{Family, PlatformToken};
use super::wire::TenantObject;
use crate::domain::{Error, Result};
use crate::http::call::PlatformCall;
use crate::http::payload::Json;
use crate::http::reply::{NoContent, Reply};
use crate::service::tenants::Managed;
use crate::tenancy::check::{self, Origin};
use crate::tenancy::read::Table;
use crate::tenancy::{Fault, view};

/// How many tenants a page holds at most, and unless it is told.
const PAGE: (u32, u32) = (1000, 100);

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tenants;

/// What a new tenant is answered with.
#[derive(ApiResponse, Debug)]
pub enum CreatedTenant {
    /// The tenant was made
    #[oai(status = 201)]
    Created(
        Json<TenantObject>,
        /// Where it is
        #[oai(header = "Location")]
        String,
    ),
}

#[OpenApi(prefix_path = "/tenants/rest/v1", tag = "Family::Tenants")]
impl Tenants {
    /// Make a tenant
    ///
    /// It is served at once by every replica. Signing keys are made unless they are brought. 409 where the id, the issuer, an
    /// alias or the service API key exists already, or differs from an existing one in case or a trailing slash only.
    #[oai(path = "/", method = "post", operation_id = "post_tenant")]
    async fn post(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        body: Json<TenantObject>,
    ) -> Reply<CreatedTenant, Platform> {
        let entry = check::entry(body.0.0, Origin::Api).map_err(refused)?;
        let made = call.services.add_tenant(entry, &call.by).await?;
        let location = format!("/tenants/rest/v1/{}", made.tid);
        Ok(CreatedTenant::Created(Json(shown(&made)), location).into())
    }

    /// List the tenants, in the order of their ids
    #[oai(path = "/", method = "get", operation_id = "get_tenants")]
    async fn list(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// How many at most: 1 to 1000; default 100.
        limit: Query<Option<u32>>,
        /// The last id seen: those behind it are listed.
        after: Query<Option<String>>,
    ) -> Reply<Json<Vec<TenantObject>>, Platform> {
        let limit = page_limit(limit.0, PAGE)?;
        let tenants = call.services.list_managed(after.0.as_deref().unwrap_or_default(), limit).await?;
        Ok(Json(tenants.iter().map(shown).collect()).into())
    }

    /// Get a tenant
    #[oai(path = "/:tid", method = "get", operation_id = "get_tenant")]
    async fn get(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
    ) -> Reply<Json<TenantObject>, Platform> {
        Ok(Json(shown(&call.services.managed(&tid.0).await?)).into())
    }

    /// Replace the settings of a tenant
    ///
    /// Settings that are absent take their defaults; absent credentials and secrets stay. Clients, users and assertion issuers
    /// in the body are made or changed, others are left alone. The issuer can't be changed.
    #[oai(path = "/:tid", method = "put", operation_id = "put_tenant")]
    async fn put(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
        body: Json<TenantObject>,
    ) -> Reply<Json<TenantObject>, Platform> {
        let old = call.services.managed(&tid.0).await?;
        let mut body = body.0.0;
        agree(&mut body, "id", &tid.0)?;
        view::keep_credentials(&mut body, &old.settings);
        let entry = check::entry(body, Origin::Api).map_err(refused)?;
        Ok(Json(shown(&call.services.replace_tenant(entry, &call.by).await?)).into())
    }

    /// Delete a tenant
    ///
    /// Its root secret is destroyed first. From the answer on it is unknown on every replica; its rows are erased in the
    /// background. A tenant that is made under the same id later shares nothing with it.
    #[oai(path = "/:tid", method = "delete", operation_id = "delete_tenant")]
    async fn delete(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
    ) -> Reply<NoContent, Platform> {
        call.services.delete_tenant(&tid.0, &call.by).await?;
        Ok(NoContent.into())
    }

    /// Disable a tenant
    ///
    /// From the answer on every request for it is answered 403, on every replica.
    #[oai(path = "/:tid/disable", method = "post", operation_id = "disable_tenant")]
    async fn disable(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
    ) -> Reply<Json<TenantObject>, Platform> {
        Ok(Json(shown(&call.services.set_tenant_enabled(&tid.0, false, &call.by).await?)).into())
    }

    /// Enable a tenant
    #[oai(path = "/:tid/enable", method = "post", operation_id = "enable_tenant")]
    async fn enable(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
    ) -> Reply<Json<TenantObject>, Platform> {
        Ok(Json(shown(&call.services.set_tenant_enabled(&tid.0, true, &call.by).await?)).into())
    }
}

fn shown(tenant: &Managed) -> TenantObject {
    TenantObject(view::shown(&tenant.tid, &tenant.settings))
}

/// All faults of a body as one refusal.
pub(super) fn refused(faults: Vec<Fault>) -> Error {
    let texts: Vec<String> = faults.into_iter().map(|fault| Fault { tenant: None, ..fault }.to_string()).collect();
    Error::InvalidRequest(texts.join("; "))
}

/// The limit of a page that was asked for; `(most, default)`.
pub(super) fn page_limit(asked: Option<u32>, (most, default): (u32, u32)) -> Result<u32> {
    let limit = asked.unwrap_or(default);
    if (1..=most).contains(&limit) { Ok(limit) } else { Err(Error::invalid(format!("limit: expected 1 to {most}"))) }
}

/// Puts into a body the name that the path gives, with which a name in the body must agree.
pub(super) fn agree(body: &mut Table, member: &str, path: &str) -> Result<()> {
    match body.get(member) {
        None | Some(Value::Null) => {
            body.insert(member.to_owned(), path.into());
            Ok(())
        }
        Some(Value::String(given)) if given == path => Ok(()),
        Some(_) => Err(Error::invalid(format!("{member}: is not the one in the path"))),
    }
}
