//! Tokens and pages of them as the API shows them. What is empty is left out.

use poem_openapi::{ApiResponse, Object};
use serde::Serialize;
use time::OffsetDateTime;

use crate::domain::{Kind, Seconds};
use crate::http::call::Call;
use crate::http::payload::Json;
use crate::service::tokens::list::{ListedToken, Page};

/// A page of tokens.
#[derive(Debug, Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "TokenPage", rename_all = "camelCase")]
pub struct PageObject {
    /// How many tokens match.
    total_results: i64,
    /// How many are on this page.
    items_per_page: i64,
    /// The 1-based index of the first one.
    start_index: i64,
    /// The tokens.
    resources: Vec<TokenObject>,
}

/// An access or refresh token.
#[derive(Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "Token", rename_all = "camelCase")]
pub struct TokenObject {
    /// Its number in the tenant.
    id: i64,
    /// Its text, unless the tenant hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// Its scope.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    /// When it ends, such as `2014-05-28T18:02:09+0000`; absent if never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
    /// The client it was issued to.
    client: ClientObject,
    /// The user it was issued for; absent if the client acts for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserObject>,
    /// The ID token that was issued with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<IdTokenObject>,
}

impl std::fmt::Debug for TokenObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenObject").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The client of a token.
#[derive(Debug, Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "TokenClient", rename_all = "camelCase")]
pub struct ClientObject {
    /// Its number; absent if it isn't registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    /// Its client id.
    client_id: String,
    /// Addresses of people responsible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<String>,
    /// Where it would be managed; absent if it isn't registered.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[oai(rename = "ref")]
    link: Option<String>,
}

/// The user of a token.
#[derive(Debug, Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "TokenUser", rename_all = "camelCase")]
pub struct UserObject {
    /// The user's id, or the subject of one who is not kept here.
    id: String,
    /// The user name, or the subject.
    user_name: String,
    /// Where the user would be managed; absent for one who is not kept here.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[oai(rename = "ref")]
    link: Option<String>,
}

/// The ID token that was issued with an access token.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "TokenIdToken")]
pub struct IdTokenObject {
    /// Its number; ID tokens share those of access tokens.
    id: i64,
    /// Where it is.
    #[serde(rename = "ref")]
    #[oai(rename = "ref")]
    link: String,
}

/// There is no such token.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "TokenNotFound")]
pub struct MissingObject {
    /// Names the id.
    error: String,
}

/// One token, or none.
#[derive(ApiResponse, Debug)]
pub enum Found {
    /// The token
    #[oai(status = 200)]
    Token(Json<TokenObject>),
    /// There is no such token
    #[oai(status = 404)]
    Missing(Json<MissingObject>),
}

/// What a deletion is answered with.
#[derive(ApiResponse, Debug)]
pub enum Deleted {
    /// The token is revoked
    #[oai(status = 204)]
    Revoked,
    /// There is no such token
    #[oai(status = 404)]
    Missing(Json<MissingObject>),
}

impl MissingObject {
    /// No token has this id.
    pub(super) fn of(id: &str) -> Json<Self> {
        Json(Self { error: format!("Token with id = {id} not found") })
    }
}

/// Whether an error says that a token is not there.
pub(super) fn is_missing(error: &crate::domain::Error) -> bool {
    matches!(error, crate::domain::Error::NotFound(Kind::AccessToken | Kind::RefreshToken))
}

/// A page as it is shown.
pub(super) fn page(call: &Call, page: Page) -> Json<PageObject> {
    let resources: Vec<TokenObject> = page.tokens.into_iter().map(|found| token(call, found)).collect();
    Json(PageObject {
        total_results: page.total,
        items_per_page: i64::try_from(resources.len()).unwrap_or(i64::MAX),
        start_index: page.start,
        resources,
    })
}

/// A token as it is shown.
pub(super) fn token(call: &Call, found: ListedToken) -> TokenObject {
    let url = |path: String| call.link(&path);
    TokenObject {
        id: found.number,
        value: found.value,
        scopes: found.scope,
        expiration: found.expires_at.and_then(expiration),
        client: ClientObject {
            id: found.client.number,
            client_id: found.client.client_id,
            contacts: found.client.contacts,
            link: found.client.number.map(|number| url(format!("/api/clients/{number}"))),
        },
        user: found.user.map(|user| UserObject {
            link: user.is_known.then(|| url(format!("/scim/Users/{}", user.id))),
            id: user.id,
            user_name: user.name,
        }),
        id_token: found.id_token.map(|id| IdTokenObject { id, link: url(format!("/access-tokens/{id}")) }),
    }
}

/// The seed's form of a moment, in UTC; `None` beyond the year 9999.
fn expiration(at: Seconds) -> Option<String> {
    let t = OffsetDateTime::from_unix_timestamp(at).ok()?;
    let (year, month, day) = (t.year(), u8::from(t.month()), t.day());
    Some(format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}+0000", t.hour(), t.minute(), t.second()))
}

#[cfg(test)]
mod tests {
    use super::expiration;

    /// The seed's example, which it shows four hours west of Greenwich.
    #[test]
    fn a_moment_is_shown_in_utc() {
        assert_eq!(expiration(1_401_314_529).as_deref(), Some("2014-05-28T22:02:09+0000"));
        assert_eq!(expiration(i64::MAX), None);
    }
}
