//! `/authz-store/rest/v3/inspection`.

use poem_openapi::param::Query;
use poem_openapi::{Object, OpenApi, Union};
use serde::{Deserialize, Serialize};

use super::AuthzStore;
use super::auth::Access;
use super::documented::{BearerToken, Family};
use super::wire::{AccessTokenObject, AuthorizationObject};
use crate::domain::{Error, Result};
use crate::http::call::{Call, Caller};
use crate::http::payload::{self, Form, Written};
use crate::http::reply::Reply;
use crate::service::tokens::inspect::TokenFacts;

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inspection;

/// What is to be inspected: exactly one of the three.
#[derive(Deserialize, Object)]
pub struct InspectionForm {
    /// The authorisation code to inspect.
    code: Option<String>,
    /// The access token to inspect.
    access_token: Option<String>,
    /// The refresh token to inspect.
    refresh_token: Option<String>,
}

impl std::fmt::Debug for InspectionForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InspectionForm(***)")
    }
}

/// What a code or token stands for.
#[derive(Debug, Serialize, Union)]
#[serde(untagged)]
#[oai(rename = "InspectionResult")]
pub enum Inspected {
    /// A code's or refresh token's authorisation.
    Authorization(AuthorizationObject),
    /// What an access token carries.
    AccessToken(AccessTokenObject),
}

#[OpenApi(prefix_path = "/authz-store/rest/v3", tag = "Family::Inspection")]
impl Inspection {
    /// Inspect an authorisation code, access token or refresh token
    ///
    /// Exactly one form parameter is given. Answers 404 if the code or token is invalid, expired or revoked.
    #[oai(path = "/inspection", method = "post", operation_id = "post_inspection")]
    async fn post(
        &self,
        call: Call,
        access: Caller<Access>,
        _token: BearerToken,
        /// Deletes an identifier-based access token in the same step, for single use. No effect on anything else.
        revoke: Query<Option<bool>>,
        form: Form<InspectionForm>,
    ) -> Reply<Written<Inspected>, AuthzStore> {
        Ok(inspect(&call, access.0, revoke.0 == Some(true), form.0).await?.into())
    }
}

async fn inspect(call: &Call, access: Access, revoke: bool, form: InspectionForm) -> Result<Written<Inspected>> {
    let (services, ctx) = (&call.services, &call.ctx);
    if access == Access::Direct && (revoke || form.access_token.is_none()) {
        return Err(Error::MissingToken);
    }
    match (form.code, form.access_token, form.refresh_token) {
        (Some(code), None, None) => {
            Written::of(&Inspected::Authorization(services.inspect_code(ctx, &code).await?.into()))
        }
        (None, Some(token), None) => {
            let facts = if revoke {
                services.consume_access_token(ctx, &token).await?
            } else {
                services.inspect_access_token(ctx, &token).await?
            };
            shown(&facts)
        }
        (None, None, Some(token)) => {
            Written::of(&Inspected::Authorization(services.inspect_refresh_token(ctx, &token).await?.into()))
        }
        (None, None, None) => Err(Error::invalid("Missing parameter: code, access_token or refresh_token")),
        _ => Err(Error::invalid("code, access_token and refresh_token exclude each other")),
    }
}

/// What a token carries, written once for as long as its facts are remembered.
fn shown(facts: &TokenFacts) -> Result<Written<Inspected>> {
    let write = || payload::write(&Inspected::AccessToken(facts.into()));
    facts.written.get_or_write(write).map(Written::new)
}
