//! What a tenants file or the platform API says about one tenant: settings, clients, users, assertion issuers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::settings::TenantSettings;
use crate::crypto::secret::Secret;
use crate::domain::{AuthMethod, GrantType, Seconds, Tid};

/// One `[[tenant]]`, checked.
#[derive(Clone, Debug)]
pub struct TenantEntry {
    /// `id`.
    pub tid: Tid,
    /// Everything that is stored with the tenant.
    pub settings: TenantSettings,
    /// `[[tenant.client]]`.
    pub clients: Vec<ClientEntry>,
    /// `[[tenant.user]]`.
    pub users: Vec<UserEntry>,
    /// The entry as canonical JSON, secrets included: the input of the keyed digest that tells whether it has changed.
    pub text: Secret,
}

/// `[[tenant.client]]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientEntry {
    /// Unique in the tenant (RFC 6749 section 2.2).
    pub client_id: String,
    /// Numeric id of the management API, at most 2^53-1; assigned when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Name in the management API's paths; never all digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// For humans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who owns it; a filter of the management API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub developer: Option<String>,
    /// Addresses of people responsible.
    pub contacts: Vec<String>,
    /// In clear; stored hashed, or sealed where `client_secret_jwt` needs it.
    #[serde(skip_serializing)]
    pub client_secret: Option<Secret>,
    /// Seconds since the epoch at which the secret ends; absent or 0 = never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_expires_at: Option<Seconds>,
    /// Default `client_secret_basic`.
    pub auth_method: AuthMethod,
    /// Default `authorization_code` (RFC 7591 section 2).
    pub grant_types: Vec<GrantType>,
    /// Compared byte for byte.
    pub redirect_uris: Vec<String>,
    /// What it may ask for, separated by spaces; default nothing.
    pub scope: String,
    /// Whether it may call `/token/introspect`; default false.
    pub introspection: bool,
    /// Default true.
    pub enabled: bool,
    /// Origins of browsers that may call `/token*`.
    pub origins: Vec<String>,
    /// Public keys that the client signs with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
}

impl Default for ClientEntry {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            number: None,
            alias: None,
            name: None,
            developer: None,
            contacts: Vec::new(),
            client_secret: None,
            secret_expires_at: None,
            auth_method: AuthMethod::default(),
            grant_types: vec![GrantType::AuthorizationCode],
            redirect_uris: Vec::new(),
            scope: String::new(),
            introspection: false,
            enabled: true,
            origins: Vec::new(),
            jwks: None,
        }
    }
}

/// `[[tenant.user]]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct UserEntry {
    /// What is typed in; unique in the tenant.
    pub username: String,
    /// `sub` of the tokens; unique in the tenant; default the user name.
    pub sub: String,
    /// `id` of the token management API; assigned when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// In clear; stored as an argon2id hash.
    #[serde(skip_serializing)]
    pub password: Option<Secret>,
    /// A PHC string instead of the password.
    #[serde(skip_serializing)]
    pub password_hash: Option<Secret>,
    /// Whether the user may be granted `iam:admin.read` and `iam:admin.write`; default false.
    pub admin: bool,
    /// Default true.
    pub enabled: bool,
}

impl Default for UserEntry {
    fn default() -> Self {
        Self {
            username: String::new(),
            sub: String::new(),
            id: None,
            password: None,
            password_hash: None,
            admin: false,
            enabled: true,
        }
    }
}

/// `[[tenant.assertion_issuer]]`: a third party whose assertions are accepted (RFC 7521 section 3).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct AssertionIssuerEntry {
    /// Which kind of assertion.
    #[serde(rename = "type")]
    pub kind: AssertionKind,
    /// `iss` of a JWT or `Issuer` of a SAML assertion.
    pub issuer: String,
    /// Public keys, for `jwt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
    /// PEM certificates, for `saml2`; only their keys are used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<String>,
    /// The most that its assertions can be granted, separated by spaces.
    pub scope: String,
    /// Default true. One that isn't is as unknown as one that was never trusted.
    pub enabled: bool,
}

impl Default for AssertionIssuerEntry {
    fn default() -> Self {
        Self {
            kind: AssertionKind::default(),
            issuer: String::new(),
            jwks: None,
            certificates: Vec::new(),
            scope: String::new(),
            enabled: true,
        }
    }
}

/// The kind of an assertion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssertionKind {
    /// RFC 7523.
    #[default]
    Jwt,
    /// RFC 7522.
    Saml2,
}

/// A set of public keys (RFC 7517 section 5).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Map<String, Value>>,
}
