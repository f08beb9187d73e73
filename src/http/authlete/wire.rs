//! Requests in their several forms, and the objects that answers are made of. No `null` is ever sent.

use poem_openapi::{ApiRequest, Object};
use serde::{Deserialize, Serialize};

use super::loose::{Index, Scopes};
use crate::domain::{AuthMethod, Client, GrantType, Seconds};
use crate::http::payload::{Form, Json};

/// Whose authorised applications to list, and which stretch of them.
#[derive(Clone, Debug, Default, Deserialize, Object)]
#[oai(rename = "AuthorizedClientListRequest")]
pub struct ListRequest {
    /// The unique user id.
    pub subject: Option<String>,
    /// The unique developer id.
    pub developer: Option<String>,
    /// The first index, from 0; 0 by default.
    pub start: Option<Index>,
    /// The index after the last; 5 by default.
    pub end: Option<Index>,
}

/// Whose access tokens get which scopes.
#[derive(Clone, Debug, Default, Deserialize, Object)]
#[oai(rename = "ClientAuthorizationUpdateRequest")]
pub struct UpdateRequest {
    /// The unique user id.
    pub subject: Option<String>,
    /// The new scopes; absent: unchanged. A string is split at spaces.
    pub scopes: Option<Scopes>,
}

/// Whose authorisation to delete.
#[derive(Clone, Debug, Default, Deserialize, Object)]
#[oai(rename = "ClientAuthorizationDeleteRequest")]
pub struct DeleteRequest {
    /// The unique user id.
    pub subject: Option<String>,
}

macro_rules! json_or_form {
    ($(#[$doc:meta])* $name:ident, $request:ty) => {
        $(#[$doc])*
        #[derive(Debug, ApiRequest)]
        pub enum $name {
            /// JSON.
            Json(Json<$request>),
            /// A form.
            Form(Form<$request>),
        }

        impl From<$name> for $request {
            fn from(body: $name) -> Self {
                match body {
                    $name::Json(Json(request)) | $name::Form(Form(request)) => request,
                }
            }
        }
    };
}

pub(super) use json_or_form;

json_or_form!(
    /// The body of a list request.
    ListBody, ListRequest
);
json_or_form!(
    /// The body of an update.
    UpdateBody, UpdateRequest
);
json_or_form!(
    /// The body of a deletion.
    DeleteBody, DeleteRequest
);

/// A client without any secret.
#[derive(Clone, Debug, Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "Client", rename_all = "camelCase")]
pub struct ClientObject {
    /// The numeric client id.
    client_id: i64,
    /// The alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id_alias: Option<String>,
    /// Whether the alias can be used.
    client_id_alias_enabled: bool,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_name: Option<String>,
    /// The unique developer id.
    #[serde(skip_serializing_if = "Option::is_none")]
    developer: Option<String>,
    /// `CONFIDENTIAL` or `PUBLIC`.
    client_type: String,
    /// How it authenticates at the token endpoint.
    token_auth_method: String,
    /// The grant types it may use, as far as this API has a name for them.
    grant_types: Vec<String>,
    /// Its redirection URIs.
    redirect_uris: Vec<String>,
    /// Addresses of people responsible.
    contacts: Vec<String>,
    /// When it was registered, in milliseconds since 1970.
    created_at: i64,
    /// When it was changed last, in milliseconds since 1970.
    modified_at: i64,
}

impl From<Client> for ClientObject {
    fn from(client: Client) -> Self {
        let client_type = if client.is_public() { "PUBLIC" } else { "CONFIDENTIAL" };
        let registered = client.registration;
        Self {
            client_id: client.number,
            client_id_alias_enabled: client.alias.is_some(),
            client_id_alias: client.alias,
            client_name: registered.name,
            developer: registered.developer,
            client_type: client_type.to_owned(),
            token_auth_method: auth_method(registered.auth_method).to_owned(),
            grant_types: registered.grant_types.into_iter().filter_map(grant_type).map(str::to_owned).collect(),
            redirect_uris: registered.redirect_uris,
            contacts: registered.contacts,
            created_at: milliseconds(client.created_at),
            modified_at: milliseconds(client.updated_at),
        }
    }
}

const fn auth_method(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::ClientSecretBasic => "CLIENT_SECRET_BASIC",
        AuthMethod::ClientSecretPost => "CLIENT_SECRET_POST",
        AuthMethod::ClientSecretJwt => "CLIENT_SECRET_JWT",
        AuthMethod::PrivateKeyJwt => "PRIVATE_KEY_JWT",
        AuthMethod::None => "NONE",
    }
}

/// The API's clients know a closed set of grant types and refuse any other.
const fn grant_type(grant: GrantType) -> Option<&'static str> {
    match grant {
        GrantType::AuthorizationCode => Some("AUTHORIZATION_CODE"),
        GrantType::RefreshToken => Some("REFRESH_TOKEN"),
        GrantType::Password => Some("PASSWORD"),
        GrantType::ClientCredentials => Some("CLIENT_CREDENTIALS"),
        GrantType::JwtBearer => Some("JWT_BEARER"),
        GrantType::Saml2Bearer => None,
    }
}

/// A moment as this API shows it.
pub(super) const fn milliseconds(at: Seconds) -> i64 {
    at.saturating_mul(1000)
}

/// The applications that a user has authorised.
#[derive(Debug, Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "AuthorizedClientList", rename_all = "camelCase")]
pub struct AuthorizedClients {
    /// What this object is.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    pub(super) kind: String,
    /// The first index.
    pub(super) start: i64,
    /// The index after the last.
    pub(super) end: i64,
    /// The developer that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) developer: Option<String>,
    /// The user.
    pub(super) subject: String,
    /// How many clients there are.
    pub(super) total_count: usize,
    /// The clients of the stretch.
    pub(super) clients: Vec<ClientObject>,
}

/// Clients of the service.
#[derive(Debug, Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename = "ClientList", rename_all = "camelCase")]
pub struct Registered {
    /// The first index.
    pub(super) start: i64,
    /// The index after the last.
    pub(super) end: i64,
    /// The developer that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) developer: Option<String>,
    /// How many clients there are.
    pub(super) total_count: usize,
    /// The clients of the stretch.
    pub(super) clients: Vec<ClientObject>,
}
