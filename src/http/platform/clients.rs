//! `/tenants/rest/v1/{tid}/clients/{client_id}`.

use poem_openapi::param::Path;
use poem_openapi::{ApiResponse, OpenApi};

use super::Platform;
use super::documented::{Family, PlatformToken};
use super::tenants::{agree, refused};
use super::wire::TenantClientObject;
use crate::http::call::PlatformCall;
use crate::http::payload::Json;
use crate::http::reply::{NoContent, Reply};
use crate::tenancy::check;

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clients;

/// What a client that was put is answered with.
#[derive(ApiResponse, Debug)]
pub enum PutClient {
    /// The client was changed
    #[oai(status = 200)]
    Changed(Json<TenantClientObject>),
    /// The client was made
    #[oai(status = 201)]
    Made(Json<TenantClientObject>),
}

#[OpenApi(prefix_path = "/tenants/rest/v1", tag = "Family::Clients")]
impl Clients {
    /// Get a client
    #[oai(path = "/:tid/clients/:client_id", method = "get", operation_id = "get_tenant_client")]
    async fn get(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
        /// The id of the client.
        client_id: Path<String>,
    ) -> Reply<Json<TenantClientObject>, Platform> {
        let tenant = call.services.managed(&tid.0).await?;
        Ok(Json(call.services.managed_client(tenant.id, &client_id.0).await?.into()).into())
    }

    /// Make a client, or replace its settings
    ///
    /// Settings that are absent take their defaults; an absent secret or number stays. `"enabled": false` disables the client: what was issued to it is dead on
    /// every replica until it is enabled again.
    #[oai(path = "/:tid/clients/:client_id", method = "put", operation_id = "put_tenant_client")]
    async fn put(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
        /// The id of the client.
        client_id: Path<String>,
        body: Json<TenantClientObject>,
    ) -> Reply<PutClient, Platform> {
        let tenant = call.services.managed(&tid.0).await?;
        let mut body = body.0.0;
        agree(&mut body, "client_id", &client_id.0)?;
        let entry = check::client(body).map_err(refused)?;
        let made = call.services.put_client(tenant.id, entry, &call.by).await?;
        let shown = Json(call.services.managed_client(tenant.id, &client_id.0).await?.into());
        Ok(if made { PutClient::Made(shown) } else { PutClient::Changed(shown) }.into())
    }

    /// Delete a client, with all that was issued to it
    #[oai(path = "/:tid/clients/:client_id", method = "delete", operation_id = "delete_tenant_client")]
    async fn delete(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
        /// The id of the client.
        client_id: Path<String>,
    ) -> Reply<NoContent, Platform> {
        let tenant = call.services.managed(&tid.0).await?;
        call.services.remove_client(tenant.id, &client_id.0, &call.by).await?;
        Ok(NoContent.into())
    }
}
