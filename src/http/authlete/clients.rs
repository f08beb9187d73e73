//! `…/client/get/list` and `…/client/get/{clientId}` at both mounts.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::Authlete;
use super::documented::{Family, ServiceSecret, ServiceToken};
use super::loose::Index;
use super::request::{Codes, stretch};
use super::wire::{ClientObject, Registered};
use crate::domain::Result;
use crate::http::call::Call;
use crate::http::payload::Json;
use crate::http::reply::Reply;

/// The resource at one mount, whose paths may begin with the service's key. The list comes first: its path looks like a
/// client's.
macro_rules! clients {
    ($name:ident, $credential:ty, [$($service:ident)?], list $list_path:literal $list:literal,
     get $get_path:literal $get:literal) => {
        /// The resource.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        #[OpenApi(tag = "Family::Clients")]
        impl $name {
            /// List the clients
            #[oai(path = $list_path, method = "get", operation_id = $list)]
            async fn list(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                /// The unique developer id.
                developer: Query<Option<String>>,
                /// The first index, from 0; 0 by default.
                start: Query<Option<Index>>,
                /// The index after the last; 5 by default.
                end: Query<Option<Index>>,
            ) -> Reply<Json<Registered>, Authlete> {
                $(let Path(_) = $service;)?
                Ok(list(&call, developer.0, start.0, end.0).await?.into())
            }

            /// Show a client
            #[oai(path = $get_path, method = "get", operation_id = $get)]
            async fn get(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                /// The numeric client id, or the alias.
                #[oai(name = "clientId")]
                client_id: Path<String>,
            ) -> Reply<Json<ClientObject>, Authlete> {
                $(let Path(_) = $service;)?
                Ok(Json(call.services.find_managed_client(&call.ctx, &client_id.0).await?.into()).into())
            }
        }
    };
}

clients!(
    ManagedClients, ServiceSecret, [],
    list "/api/client/get/list" "list_managed_clients", get "/api/client/get/:clientId" "get_managed_client"
);
clients!(
    ServiceClients, ServiceToken, [service],
    list "/api/:serviceId/client/get/list" "service_list_managed_clients",
    get "/api/:serviceId/client/get/:clientId" "service_get_managed_client"
);

async fn list(
    call: &Call,
    developer: Option<String>,
    start: Option<Index>,
    end: Option<Index>,
) -> Result<Json<Registered>> {
    let (start, end, stretch) = stretch(start.as_ref(), end.as_ref(), Codes::OTHER)?;
    let (total_count, clients) = call.services.list_managed_clients(&call.ctx, developer.as_deref(), stretch).await?;
    let clients = clients.into_iter().map(Into::into).collect();
    Ok(Json(Registered { start, end, developer, total_count, clients }))
}
