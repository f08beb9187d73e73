//! `…/auth/token/get/list` and `…/auth/token/revoke` at both mounts.

#![expect(clippy::too_many_arguments, reason = "an operation has as many parameters as its API says")]

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::documented::{Family, ServiceSecret, ServiceToken};
use super::issued::{IssuedList, IssuedTokenObject, RevokeBody, RevokeRequest, Revoked};
use super::loose::Index;
use super::request::{Codes, stretch};
use super::{Authlete, code};
use crate::domain::{Client, Result};
use crate::http::call::Call;
use crate::http::payload::Json;
use crate::http::reply::Reply;
use crate::service::management::tokens::RevokedTokens;

/// The resource at one mount, whose paths may begin with the service's key.
macro_rules! tokens {
    ($name:ident, $credential:ty, [$($service:ident)?], list $list_path:literal $list:literal,
     revoke $revoke_path:literal $revoke:literal) => {
        /// The resource.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        #[OpenApi(tag = "Family::Tokens")]
        impl $name {
            /// List issued access tokens
            #[oai(path = $list_path, method = "get", operation_id = $list)]
            async fn list(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                /// The numeric client id, or the alias.
                #[oai(name = "clientIdentifier")]
                client: Query<Option<String>>,
                /// The unique user id.
                subject: Query<Option<String>>,
                /// The first index, from 0; 0 by default.
                start: Query<Option<Index>>,
                /// The index after the last; 5 by default.
                end: Query<Option<Index>>,
            ) -> Reply<Json<IssuedList>, Authlete> {
                $(let Path(_) = $service;)?
                Ok(list(&call, client.0, subject.0, start.0, end.0).await?.into())
            }

            /// Revoke issued tokens
            ///
            /// One access token or one refresh token, or all of a client, of a user, or of both.
            #[oai(path = $revoke_path, method = "post", operation_id = $revoke)]
            async fn revoke(
                &self,
                call: Call,
                _credential: $credential,
                $(/// The service API key.
                #[oai(name = "serviceId")] $service: Path<String>,)?
                body: RevokeBody,
            ) -> Reply<Json<Revoked>, Authlete> {
                $(let Path(_) = $service;)?
                Ok(revoke(&call, body.into()).await?.into())
            }
        }
    };
}

tokens!(
    ManagedTokens, ServiceSecret, [],
    list "/api/auth/token/get/list" "list_managed_tokens", revoke "/api/auth/token/revoke" "revoke_managed_tokens"
);
tokens!(
    ServiceTokens, ServiceToken, [service],
    list "/api/:serviceId/auth/token/get/list" "service_list_managed_tokens",
    revoke "/api/:serviceId/auth/token/revoke" "service_revoke_managed_tokens"
);

async fn list(
    call: &Call,
    client: Option<String>,
    subject: Option<String>,
    start: Option<Index>,
    end: Option<Index>,
) -> Result<Json<IssuedList>> {
    let (start, end, stretch) = stretch(start.as_ref(), end.as_ref(), Codes::OTHER)?;
    let client = named(call, client).await?;
    let services = &call.services;
    let (total_count, issued) =
        services.list_issued_tokens(&call.ctx, client.as_ref(), subject.as_deref(), stretch).await?;
    let access_tokens = issued.into_iter().map(IssuedTokenObject::from).collect();
    Ok(Json(IssuedList { start, end, total_count, client: client.map(Into::into), subject, access_tokens }))
}

async fn named(call: &Call, client: Option<String>) -> Result<Option<Client>> {
    match client {
        Some(name) => call.services.find_managed_client(&call.ctx, &name).await.map(Some),
        None => Ok(None),
    }
}

async fn revoke(call: &Call, asked: RevokeRequest) -> Result<Json<Revoked>> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let what = match (given(asked.access_token_identifier), given(asked.refresh_token_identifier)) {
        (Some(access), _) => RevokedTokens::Access(access),
        (None, Some(refresh)) => RevokedTokens::Refresh(refresh),
        (None, None) => {
            let client = named(call, given(asked.client_identifier)).await?;
            let subject = given(asked.subject);
            if client.is_none() && subject.is_none() {
                return Err(Codes::OTHER.refuse("The request names no token, client or subject."));
            }
            RevokedTokens::Of(subject, client.map(Box::new))
        }
    };
    let count = call.services.revoke_issued_tokens(&call.ctx, what).await?;
    let result_message = code(REVOKED, &format!("Revoked {count} token(s)."));
    Ok(Json(Revoked { result_code: REVOKED.to_owned(), result_message, count }))
}

/// The code of a revocation.
const REVOKED: &str = "A363001";
