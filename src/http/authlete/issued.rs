//! Issued tokens as the API shows and names them.

use poem_openapi::{ApiRequest, Object};
use serde::{Deserialize, Serialize};

use super::wire::{ClientObject, json_or_form, milliseconds};
use crate::domain::NEVER;
use crate::http::payload::{Form, Json};
use crate::service::management::tokens::IssuedToken;

/// Issued access tokens.
#[derive(Debug, Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "IssuedTokenList", rename_all = "camelCase")]
pub struct IssuedList {
    /// The first index.
    pub(super) start: i64,
    /// The index after the last.
    pub(super) end: i64,
    /// How many tokens there are.
    pub(super) total_count: i64,
    /// The client that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<ClientObject>,
    /// The user that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    /// The tokens of the stretch.
    pub(super) access_tokens: Vec<IssuedTokenObject>,
}

/// An issued access token, by hashes. Moments are in milliseconds since 1970.
#[derive(Debug, Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "IssuedToken", rename_all = "camelCase")]
pub struct IssuedTokenObject {
    /// The SHA-256 hash of the access token, base64url.
    access_token_hash: String,
    /// When the access token ends.
    access_token_expires_at: i64,
    /// The SHA-256 hash of the refresh token, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_hash: Option<String>,
    /// When the refresh token ends; absent if never.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_at: Option<i64>,
    /// When the access token was issued.
    created_at: i64,
    /// When the refresh token was last used.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_refreshed_at: Option<i64>,
    /// The numeric client id; absent for a client that isn't registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<i64>,
    /// The user; absent if the client acts for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The scopes.
    scopes: Vec<String>,
}

impl From<IssuedToken> for IssuedTokenObject {
    fn from(issued: IssuedToken) -> Self {
        let (token, refresh) = (issued.token, issued.refresh);
        let ends = refresh.as_ref().map(|refresh| refresh.expires_at).filter(|at| *at != NEVER);
        let used_at = refresh.as_ref().and_then(|refresh| refresh.used_at);
        Self {
            access_token_hash: issued.hash,
            access_token_expires_at: milliseconds(token.expires_at),
            refresh_token_hash: refresh.map(|refresh| refresh.hash),
            refresh_token_expires_at: ends.map(milliseconds),
            created_at: milliseconds(token.issued_at),
            last_refreshed_at: used_at.map(milliseconds),
            client_id: issued.client,
            subject: token.user.then_some(token.key.sub),
            scopes: token.scope.unwrap_or_default(),
        }
    }
}

/// What to revoke: the first that is named counts, a client and a user together.
#[derive(Clone, Default, Deserialize, Object)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "TokenRevokeRequest", rename_all = "camelCase")]
pub struct RevokeRequest {
    /// An access token, or its hash.
    pub access_token_identifier: Option<String>,
    /// A refresh token, or its hash.
    pub refresh_token_identifier: Option<String>,
    /// The numeric client id, or the alias.
    pub client_identifier: Option<String>,
    /// The unique user id.
    pub subject: Option<String>,
}

impl std::fmt::Debug for RevokeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RevokeRequest(***)")
    }
}

json_or_form!(
    /// The body of a revocation.
    RevokeBody, RevokeRequest
);

/// What a revocation is answered with.
#[derive(Debug, Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "TokenRevokeResult", rename_all = "camelCase")]
pub struct Revoked {
    /// The code of the result.
    pub(super) result_code: String,
    /// A message that starts with the code in brackets.
    pub(super) result_message: String,
    /// How many tokens died.
    pub(super) count: i64,
}
