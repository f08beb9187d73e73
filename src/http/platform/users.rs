//! `/tenants/rest/v1/{tid}/users/{username}`.

use poem_openapi::param::Path;
use poem_openapi::{ApiResponse, OpenApi};

use super::Platform;
use super::documented::{Family, PlatformToken};
use super::tenants::{agree, refused};
use super::wire::TenantUserObject;
use crate::http::call::PlatformCall;
use crate::http::payload::Json;
use crate::http::reply::{NoContent, Reply};
use crate::tenancy::check;

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Users;

/// What a user that was put is answered with.
#[derive(ApiResponse, Debug)]
pub enum PutUser {
    /// The user was changed
    #[oai(status = 200)]
    Changed(Json<TenantUserObject>),
    /// The user was made
    #[oai(status = 201)]
    Made(Json<TenantUserObject>),
}

#[OpenApi(prefix_path = "/tenants/rest/v1", tag = "Family::Users")]
impl Users {
    /// Get a user
    #[oai(path = "/:tid/users/:username", method = "get", operation_id = "get_tenant_user")]
    async fn get(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
        /// The name of the user.
        username: Path<String>,
    ) -> Reply<Json<TenantUserObject>, Platform> {
        let tenant = call.services.managed(&tid.0).await?;
        Ok(Json(call.services.managed_user(tenant.id, &username.0).await?.into()).into())
    }

    /// Make a user, or replace its settings
    ///
    /// Settings that are absent take their defaults; an absent password or id stays. `"enabled": false` disables the user: what was issued for the subject is dead on
    /// every replica until it is enabled again.
    #[oai(path = "/:tid/users/:username", method = "put", operation_id = "put_tenant_user")]
    async fn put(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
        /// The name of the user.
        username: Path<String>,
        body: Json<TenantUserObject>,
    ) -> Reply<PutUser, Platform> {
        let tenant = call.services.managed(&tid.0).await?;
        let mut body = body.0.0;
        agree(&mut body, "username", &username.0)?;
        let entry = check::user(body).map_err(refused)?;
        let made = call.services.put_user(tenant.id, entry, &call.by).await?;
        let shown = Json(call.services.managed_user(tenant.id, &username.0).await?.into());
        Ok(if made { PutUser::Made(shown) } else { PutUser::Changed(shown) }.into())
    }

    /// Delete a user, with all that was issued for the subject
    #[oai(path = "/:tid/users/:username", method = "delete", operation_id = "delete_tenant_user")]
    async fn delete(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
        /// The name of the user.
        username: Path<String>,
    ) -> Reply<NoContent, Platform> {
        let tenant = call.services.managed(&tid.0).await?;
        call.services.remove_user(tenant.id, &username.0, &call.by).await?;
        Ok(NoContent.into())
    }
}
