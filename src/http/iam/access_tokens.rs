//! `/access-tokens` and `/iam/api/access-tokens`.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::Iam;
use super::tokens::{AdminToken, Family, delete, show};
use super::wire::{Deleted, Found, PageObject, page};
use crate::domain::Result;
use crate::http::call::Call;
use crate::http::payload::Json;
use crate::http::reply::Reply;
use crate::service::tokens::list::PageRequest;

/// The resource at one mount.
macro_rules! access_tokens {
    ($name:ident, $prefix:literal, $list:literal, $get:literal, $delete:literal) => {
        /// The resource.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        #[OpenApi(prefix_path = $prefix, tag = "Family::AccessTokens")]
        impl $name {
            /// List the active access tokens
            ///
            /// A page of at most 20, by expiration and id. ID tokens are not listed.
            #[oai(path = "/access-tokens", method = "get", operation_id = $list)]
            async fn list(
                &self,
                call: Call,
                _token: AdminToken,
                /// How many per page; 20 by default and at most, 0 or less only counts.
                count: Query<Option<i64>>,
                /// The 1-based index of the first token of the page.
                #[oai(name = "startIndex")]
                start_index: Query<Option<i64>>,
                /// Only tokens of the user with this name, id or subject.
                #[oai(name = "userId")]
                user_id: Query<Option<String>>,
                /// Only tokens of the client with this client id.
                #[oai(name = "clientId")]
                client_id: Query<Option<String>>,
            ) -> Reply<Json<PageObject>, Iam> {
                let asked = PageRequest { user: user_id.0, client: client_id.0, start: start_index.0, count: count.0 };
                Ok(list(&call, &asked).await?.into())
            }

            /// Show the access token of an id
            ///
            /// The id of an ID token answers too.
            #[oai(path = "/access-tokens/:id", method = "get", operation_id = $get)]
            async fn get(
                &self,
                call: Call,
                _token: AdminToken,
                /// The id of the token.
                id: Path<String>,
            ) -> Reply<Found, Iam> {
                call.services.on_secrets_shown(&call.ctx, "access_token");
                let found = show(&call, &id.0, |number| call.services.find_access_token(&call.ctx, number)).await?;
                Ok(found.into())
            }

            /// Revoke the access token of an id
            ///
            /// Deletes it alone: whatever it was issued with or from lives on.
            #[oai(path = "/access-tokens/:id", method = "delete", operation_id = $delete)]
            async fn delete(
                &self,
                call: Call,
                _token: AdminToken,
                /// The id of the token.
                id: Path<String>,
            ) -> Reply<Deleted, Iam> {
                Ok(delete(&id.0, |number| call.services.delete_access_token(&call.ctx, number)).await?.into())
            }
        }
    };
}

access_tokens!(AccessTokens, "", "list_access_tokens", "get_access_token", "delete_access_token");
access_tokens!(
    IamApiAccessTokens,
    "/iam/api",
    "list_access_tokens_under_iam",
    "get_access_token_under_iam",
    "delete_access_token_under_iam"
);

async fn list(call: &Call, asked: &PageRequest) -> Result<Json<PageObject>> {
    call.services.on_secrets_shown(&call.ctx, "access_tokens");
    Ok(page(call, call.services.list_access_tokens(&call.ctx, asked).await?))
}
