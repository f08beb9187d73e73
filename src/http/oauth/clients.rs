//! `/clients`: dynamic client registration (RFC 7591) and its management (RFC 7592).

#![expect(clippy::unused_async, reason = "the framework takes async handlers only")]

use std::collections::BTreeMap;

use poem::{Request, RequestBody};
use poem_openapi::param::Path;
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object, OpenApi};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::OAuth;
use super::answer::Private;
use super::wire::Family;
use crate::domain::{AuthMethod, GrantType, Seconds, scope};
use crate::http::call::{Call, Caller};
use crate::http::payload::Json;
use crate::http::reply::{NoContent, Reply};
use crate::service::registration::{Metadata, Registered, SelfManaged};

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clients;

/// Client metadata (RFC 7591 section 2). Unknown members are ignored.
#[derive(Deserialize, Object)]
pub struct ClientMetadata {
    /// Of an update: the client.
    client_id: Option<String>,
    /// Of an update: the secret in force. Left out, it is replaced by a new one, and lives half an hour more.
    client_secret: Option<String>,
    /// For humans.
    client_name: Option<String>,
    /// Addresses of people responsible.
    contacts: Option<Vec<String>>,
    /// `client_secret_basic` (the default), `client_secret_post`, `client_secret_jwt`, `private_key_jwt` or `none`.
    token_endpoint_auth_method: Option<String>,
    /// Default `authorization_code`.
    grant_types: Option<Vec<String>>,
    /// `code`, with the grant type `authorization_code`.
    response_types: Option<Vec<String>>,
    /// Needed for `authorization_code`.
    redirect_uris: Option<Vec<String>>,
    /// What the client may ask for, separated by spaces.
    scope: Option<String>,
    /// The public keys that the client signs with.
    jwks: Option<BTreeMap<String, Value>>,
    /// Refused: the server fetches nothing.
    jwks_uri: Option<Value>,
    /// Refused: only operators may allow it.
    introspection: Option<bool>,
}

impl std::fmt::Debug for ClientMetadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientMetadata(***)")
    }
}

impl From<ClientMetadata> for Metadata {
    fn from(given: ClientMetadata) -> Self {
        Self {
            client_id: given.client_id,
            client_secret: given.client_secret.map(Into::into),
            client_name: given.client_name,
            contacts: given.contacts,
            auth_method: given.token_endpoint_auth_method,
            grant_types: given.grant_types,
            response_types: given.response_types,
            redirect_uris: given.redirect_uris,
            scope: given.scope,
            jwks: given.jwks.map(|set| set.into_iter().collect()),
            has_jwks_uri: given.jwks_uri.is_some(),
            introspection: given.introspection == Some(true),
        }
    }
}

/// A registered client (RFC 7591 section 3.2.1).
#[derive(Object, Serialize)]
pub struct ClientInformation {
    /// The client identifier.
    client_id: String,
    /// When it was issued.
    client_id_issued_at: Seconds,
    /// The secret, told only when it has just been made.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// When the secret ends; 0 for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<Seconds>,
    /// The token that manages this registration.
    registration_access_token: String,
    /// Where this registration is managed.
    registration_client_uri: String,
    /// For humans.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_name: Option<String>,
    /// Addresses of people responsible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<String>,
    /// How it authenticates.
    token_endpoint_auth_method: String,
    /// The grant types it may use.
    grant_types: Vec<String>,
    /// The response types it may use.
    response_types: Vec<String>,
    /// Its redirection URIs.
    redirect_uris: Vec<String>,
    /// What it may ask for.
    scope: String,
    /// Its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks: Option<Value>,
}

impl std::fmt::Debug for ClientInformation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientInformation(***)")
    }
}

impl ClientInformation {
    fn new(call: &Call, registered: Registered) -> Self {
        let client = &registered.client;
        let registration = &client.registration;
        let method = registration.auth_method;
        let has_code = client.may_use(GrantType::AuthorizationCode);
        Self {
            client_id: client.client_id.clone(),
            client_id_issued_at: client.created_at,
            client_secret: registered.secret.map(|secret| secret.expose().to_owned()),
            client_secret_expires_at: method.has_secret().then(|| registration.secret_expires_at.unwrap_or(0)),
            registration_access_token: registered.token.expose().to_owned(),
            registration_client_uri: call.ctx.tenant.url(&format!("/clients/{}", client.client_id)),
            client_name: registration.name.clone(),
            contacts: registration.contacts.clone(),
            token_endpoint_auth_method: AuthMethod::as_str(method).to_owned(),
            grant_types: registration.grant_types.iter().map(|grant| grant.as_str().to_owned()).collect(),
            response_types: has_code.then(|| "code".to_owned()).into_iter().collect(),
            redirect_uris: registration.redirect_uris.clone(),
            scope: scope::join(&registration.scope),
            jwks: (!registration.jwks.is_empty()).then(|| json!({ "keys": registration.jwks })),
        }
    }
}

/// The registration token, or the client's own. The family's gate has judged it before a handler runs; here it is documented.
#[derive(Clone, Copy, Debug)]
pub struct RegistrationToken;

impl<'a> ApiExtractor<'a> for RegistrationToken {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "RegistrationToken",
            MetaSecurityScheme {
                ty: "http",
                description: Some("A registration token of the tenant, or the client's registration_access_token"),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: None,
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["RegistrationToken"]
    }

    async fn from_request(
        _: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        Ok(Self)
    }
}

#[OpenApi(prefix_path = "/clients", tag = "Family::Registration")]
impl Clients {
    /// Register a client
    ///
    /// The answer holds the client's secret, if its method needs one, and its registration access token: both are told here
    /// and not again.
    #[oai(path = "/", method = "post", operation_id = "register_client")]
    async fn register(
        &self,
        call: Call,
        _token: RegistrationToken,
        metadata: Json<ClientMetadata>,
    ) -> Reply<Private<ClientInformation, 201>, OAuth> {
        let registered = call.services.register_client(&call.ctx, &metadata.0.into()).await?;
        Ok(Private(ClientInformation::new(&call, registered)).into())
    }

    /// Read a client's registration
    #[oai(path = "/:client_id", method = "get", operation_id = "read_client")]
    async fn read(
        &self,
        call: Call,
        _token: RegistrationToken,
        own: Caller<SelfManaged>,
        /// The client identifier.
        #[oai(name = "client_id")]
        _id: Path<String>,
    ) -> Reply<Private<ClientInformation>, OAuth> {
        let SelfManaged { client, token } = own.0;
        Ok(Private(ClientInformation::new(&call, Registered { client, secret: None, token })).into())
    }

    /// Replace a client's registration
    ///
    /// Neither scope nor grant types can grow. Without `client_secret` a new secret is made and told.
    #[oai(path = "/:client_id", method = "put", operation_id = "update_client")]
    async fn update(
        &self,
        call: Call,
        _token: RegistrationToken,
        own: Caller<SelfManaged>,
        /// The client identifier.
        #[oai(name = "client_id")]
        _id: Path<String>,
        metadata: Json<ClientMetadata>,
    ) -> Reply<Private<ClientInformation>, OAuth> {
        let registered = call.services.update_client(&call.ctx, own.0, &metadata.0.into()).await?;
        Ok(Private(ClientInformation::new(&call, registered)).into())
    }

    /// Delete a client
    ///
    /// All of its authorisations and tokens are revoked with it.
    #[oai(path = "/:client_id", method = "delete", operation_id = "delete_client")]
    async fn delete(
        &self,
        call: Call,
        _token: RegistrationToken,
        own: Caller<SelfManaged>,
        /// The client identifier.
        #[oai(name = "client_id")]
        _id: Path<String>,
    ) -> Reply<NoContent, OAuth> {
        call.services.delete_client(&call.ctx, own.0).await?;
        Ok(NoContent.into())
    }
}
