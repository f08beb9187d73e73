//! `…/client/authorization/{get/list,update,delete}` at both mounts.

#![expect(clippy::too_many_arguments, reason = "an operation has as many parameters as its API says")]

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::documented::{Family, ServiceSecret, ServiceToken};
use super::loose::Index;
use super::request::{Codes, stretch};
use super::wire::{AuthorizedClients, DeleteBody, ListBody, ListRequest, UpdateBody, UpdateRequest};
use super::{Authlete, ResultObject, code};
use crate::domain::{Client, Result};
use crate::http::call::Call;
use crate::http::payload::Json;
use crate::http::reply::Reply;

/// The resource at one mount, whose paths may begin with the service's key.
macro_rules! authorizations {
    ($name:ident, $credential:ty, [$($service:ident)?],
     [$list_path:literal, $list_of_path:literal, $update_path:literal, $delete_path:literal, $delete_of_path:literal],
     $list:literal, $list_of:literal, $list_posted:literal, $update:literal, $delete:literal, $delete_of:literal,
     $delete_posted:literal) => {
        /// The resource.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        #[OpenApi(tag = "Family::ClientAuthorization")]
        impl $name {
            /// List the applications that a user has authorised
            #[oai(path = $list_path, method = "get", operation_id = $list)]
            async fn list(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                /// The unique user id.
                subject: Query<Option<String>>,
                /// The unique developer id.
                developer: Query<Option<String>>,
                /// The first index, from 0; 0 by default.
                start: Query<Option<Index>>,
                /// The index after the last; 5 by default.
                end: Query<Option<Index>>,
            ) -> Reply<Json<AuthorizedClients>, Authlete> {
                $(let Path(_) = $service;)?
                let asked = ListRequest { subject: subject.0, developer: developer.0, start: start.0, end: end.0 };
                Ok(list(&call, asked, None).await?.into())
            }

            /// List the applications that a user has authorised, the user in the path
            #[oai(path = $list_of_path, method = "get", operation_id = $list_of)]
            async fn list_of(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                /// The unique user id.
                #[oai(name = "subject")]
                path_subject: Path<String>,
                /// The unique user id again; must agree.
                subject: Query<Option<String>>,
                /// The unique developer id.
                developer: Query<Option<String>>,
                /// The first index, from 0; 0 by default.
                start: Query<Option<Index>>,
                /// The index after the last; 5 by default.
                end: Query<Option<Index>>,
            ) -> Reply<Json<AuthorizedClients>, Authlete> {
                $(let Path(_) = $service;)?
                let asked = ListRequest { subject: subject.0, developer: developer.0, start: start.0, end: end.0 };
                Ok(list(&call, asked, Some(path_subject.0)).await?.into())
            }

            /// List the applications that a user has authorised, by form or JSON
            #[oai(path = $list_path, method = "post", operation_id = $list_posted)]
            async fn list_posted(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                /// The unique user id; must agree with that of the body.
                subject: Query<Option<String>>,
                body: ListBody,
            ) -> Reply<Json<AuthorizedClients>, Authlete> {
                $(let Path(_) = $service;)?
                Ok(list(&call, body.into(), subject.0).await?.into())
            }

            /// Replace the scopes of the access tokens that a client has of a user
            ///
            /// Scopes that the client may not have are dropped. Without scopes nothing changes.
            #[oai(path = $update_path, method = "post", operation_id = $update)]
            async fn update(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                /// The numeric client id, or the alias.
                #[oai(name = "clientId")]
                client_id: Path<String>,
                /// The unique user id; must agree with that of the body.
                subject: Query<Option<String>>,
                body: UpdateBody,
            ) -> Reply<Json<ResultObject>, Authlete> {
                $(let Path(_) = $service;)?
                Ok(update(&call, &client_id.0, body.into(), subject.0).await?.into())
            }

            /// Delete the tokens that a client has of a user
            ///
            /// Access and refresh tokens of every kind die, and the authorisations they belong to.
            #[oai(path = $delete_path, method = "delete", operation_id = $delete)]
            async fn delete(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                /// The numeric client id, or the alias.
                #[oai(name = "clientId")]
                client_id: Path<String>,
                /// The unique user id.
                subject: Query<Option<String>>,
            ) -> Reply<Json<ResultObject>, Authlete> {
                $(let Path(_) = $service;)?
                Ok(delete(&call, &client_id.0, [subject.0, None]).await?.into())
            }

            /// Delete the tokens that a client has of a user, the user in the path
            #[oai(path = $delete_of_path, method = "delete", operation_id = $delete_of)]
            async fn delete_of(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                /// The numeric client id, or the alias.
                #[oai(name = "clientId")]
                client_id: Path<String>,
                /// The unique user id.
                #[oai(name = "subject")]
                path_subject: Path<String>,
                /// The unique user id again; must agree.
                subject: Query<Option<String>>,
            ) -> Reply<Json<ResultObject>, Authlete> {
                $(let Path(_) = $service;)?
                Ok(delete(&call, &client_id.0, [subject.0, Some(path_subject.0)]).await?.into())
            }

            /// Delete the tokens that a client has of a user, by form or JSON
            #[oai(path = $delete_path, method = "post", operation_id = $delete_posted)]
            async fn delete_posted(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                /// The numeric client id, or the alias.
                #[oai(name = "clientId")]
                client_id: Path<String>,
                /// The unique user id; must agree with that of the body.
                subject: Query<Option<String>>,
                body: DeleteBody,
            ) -> Reply<Json<ResultObject>, Authlete> {
                $(let Path(_) = $service;)?
                let posted: super::wire::DeleteRequest = body.into();
                Ok(delete(&call, &client_id.0, [subject.0, posted.subject]).await?.into())
            }
        }
    };
}

authorizations!(
    Authorizations,
    ServiceSecret,
    [],
    [
        "/api/client/authorization/get/list",
        "/api/client/authorization/get/list/:subject",
        "/api/client/authorization/update/:clientId",
        "/api/client/authorization/delete/:clientId",
        "/api/client/authorization/delete/:clientId/:subject"
    ],
    "list_authorized_clients",
    "list_authorized_clients_of",
    "list_authorized_clients_posted",
    "update_authorization",
    "delete_authorization",
    "delete_authorization_of",
    "delete_authorization_posted"
);
authorizations!(
    ServiceAuthorizations,
    ServiceToken,
    [service],
    [
        "/api/:serviceId/client/authorization/get/list",
        "/api/:serviceId/client/authorization/get/list/:subject",
        "/api/:serviceId/client/authorization/update/:clientId",
        "/api/:serviceId/client/authorization/delete/:clientId",
        "/api/:serviceId/client/authorization/delete/:clientId/:subject"
    ],
    "service_list_authorized_clients",
    "service_list_authorized_clients_of",
    "service_list_authorized_clients_posted",
    "service_update_authorization",
    "service_delete_authorization",
    "service_delete_authorization_of",
    "service_delete_authorization_posted"
);

async fn list(call: &Call, asked: ListRequest, elsewhere: Option<String>) -> Result<Json<AuthorizedClients>> {
    let (start, end, stretch) = stretch(asked.start.as_ref(), asked.end.as_ref(), Codes::LIST)?;
    let subject = Codes::LIST.subject([elsewhere, asked.subject])?;
    let developer = asked.developer.filter(|developer| !developer.is_empty());
    let services = &call.services;
    let (total_count, clients) =
        services.list_authorized_clients(&call.ctx, &subject, developer.as_deref(), stretch).await?;
    Ok(Json(AuthorizedClients {
        kind: "authorizedClientListResponse".to_owned(),
        start,
        end,
        developer,
        subject,
        total_count,
        clients: clients.into_iter().map(Into::into).collect(),
    }))
}

async fn update(
    call: &Call,
    client: &str,
    asked: UpdateRequest,
    elsewhere: Option<String>,
) -> Result<Json<ResultObject>> {
    let subject = Codes::UPDATE.subject([elsewhere, asked.subject])?;
    let unreadable = || crate::domain::Error::InvalidRequest(code(Codes::UPDATE.unreadable, "scopes can't be read."));
    let scopes = asked.scopes.map(|scopes| scopes.values().ok_or_else(unreadable)).transpose()?;
    let client = call.services.find_managed_client(&call.ctx, client).await?;
    let count = call.services.update_scopes(&call.ctx, &client, &subject, scopes).await?;
    Ok(done(call, "A138001", &format!("Updated {count}"), &client))
}

async fn delete(call: &Call, client: &str, subjects: [Option<String>; 2]) -> Result<Json<ResultObject>> {
    let subject = Codes::DELETE.subject(subjects)?;
    let client = call.services.find_managed_client(&call.ctx, client).await?;
    let count = call.services.delete_authorizations(&call.ctx, &client, &subject).await?;
    Ok(done(call, "A137001", &format!("Deleted {count}"), &client))
}

/// The seed's sentence.
fn done(call: &Call, result_code: &str, what: &str, client: &Client) -> Json<ResultObject> {
    let key = call.ctx.tenant.settings.management.service_api_key.unwrap_or_default();
    let text = format!(
        "{what} access token(s) issued to the client (ID = {}) of the service (API Key = {key}).",
        client.number
    );
    Json(ResultObject { result_code: result_code.to_owned(), result_message: code(result_code, &text) })
}
