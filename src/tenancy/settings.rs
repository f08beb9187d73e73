//! A tenant's settings: the keys of `[[tenant]]` in a tenants file, their units and defaults. The same structs read the
//! file, the platform API's JSON and the stored row. What is secret is read and never written: it is stored apart, sealed.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::entry::AssertionIssuerEntry;
use super::hash::TokenHash;
use crate::crypto::secret::Secret;
use crate::domain::{Encoding, Seconds};

/// Everything a tenant decides for itself, but its clients and users, which have rows of their own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantSettings {
    /// `Issuer` header and `iss` of every token, byte for byte.
    pub issuer: String,
    /// Further issuer URLs that name this tenant.
    pub aliases: Vec<String>,
    /// Whether the tenant is served.
    pub enabled: bool,
    /// The authorisation store.
    pub authz_store: AuthzStore,
    /// Access tokens.
    pub access_token: AccessTokens,
    /// Signing and encryption keys.
    pub keys: Keys,
    /// Members added to the discovery document as given.
    pub metadata: Map<String, Value>,
    /// Refresh tokens.
    pub refresh_token: RefreshTokens,
    /// The management API.
    pub management: Management,
    /// The token management API.
    pub iam: Iam,
    /// Rate limits.
    pub limits: Limits,
    /// Dynamic client registration.
    pub registration: Registration,
    /// Who decides the password grant instead of the tenant's users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hook: Option<PasswordHook>,
    /// Third parties whose assertions are accepted.
    pub assertion_issuer: Vec<AssertionIssuerEntry>,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            aliases: Vec::new(),
            enabled: true,
            authz_store: AuthzStore::default(),
            access_token: AccessTokens::default(),
            keys: Keys::default(),
            metadata: Map::new(),
            refresh_token: RefreshTokens::default(),
            management: Management::default(),
            iam: Iam::default(),
            limits: Limits::default(),
            registration: Registration::default(),
            password_hook: None,
            assertion_issuer: Vec::new(),
        }
    }
}

/// `[tenant.authz_store]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthzStore {
    /// Hashes of the API's bearer tokens; none = the API answers 403.
    pub api_token_sha256: Vec<TokenHash>,
    /// Life of an authorisation code in seconds, 1 to 600; default 60.
    pub code_lifetime: Seconds,
    /// Whether an access token may be inspected without the bearer token; default false.
    pub allow_direct_inspection: bool,
    /// Seconds added to a revocation when it is compared with `iat` of a migrated issuer's JWT; default 0.
    pub revocation_check_bias: Seconds,
}

impl Default for AuthzStore {
    fn default() -> Self {
        Self {
            api_token_sha256: Vec::new(),
            code_lifetime: 60,
            allow_direct_inspection: false,
            revocation_check_bias: 0,
        }
    }
}

/// `[tenant.access_token]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessTokens {
    /// Seconds; default 600; the default of `atl`.
    pub lifetime: Seconds,
    /// The default of `ate`.
    pub encoding: Encoding,
    /// What JWTs are signed with; default ES256.
    pub jws_alg: SigningAlg,
    /// Which claims a JWT has; default `rfc9068`.
    pub profile: TokenProfile,
    /// Whether every issued token gets a row, so that it can be listed; default true.
    pub registry: bool,
}

impl Default for AccessTokens {
    fn default() -> Self {
        Self {
            lifetime: 600,
            encoding: Encoding::SelfContained,
            jws_alg: SigningAlg::default(),
            profile: TokenProfile::default(),
            registry: true,
        }
    }
}

/// A signature algorithm that a tenant may choose (RFC 7518 section 3.1, RFC 8037): asymmetric ones only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningAlg {
    /// ECDSA, P-256.
    #[default]
    ES256,
    /// ECDSA, P-384.
    ES384,
    /// RSA PKCS #1 v1.5.
    RS256,
    /// RSA PSS.
    PS256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlg {
    /// The name in a JWS header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// The claims of a JWT access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenProfile {
    /// `client_id` and `scope` (RFC 9068).
    #[default]
    Rfc9068,
    /// `cid` and `scp` (seed 000).
    C2id,
}

/// `[tenant.keys]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Keys {
    /// Days after which a new signing key is made; 0 = on demand only, the default.
    pub rotate_every_days: u32,
    /// The private JWK set of a tenant that migrates, as JSON text; an `oct` key in it is the AES key of `atc`.
    #[serde(skip_serializing, deserialize_with = "json_text")]
    pub jwks: Option<Secret>,
}

/// `[tenant.refresh_token]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct RefreshTokens {
    /// Seconds, 0 = no limit, the default; the default of `rtl`.
    pub lifetime: Seconds,
    /// Seconds since the last use, 0 = no limit, the default; the default of `rtm`.
    pub max_idle: Seconds,
    /// Whether a use makes a successor; default false; the default of `rtr`.
    pub rotate: bool,
    /// Seconds in which a rotated token answers with the same successor; default 10.
    pub grace: Seconds,
}

impl Default for RefreshTokens {
    fn default() -> Self {
        Self { lifetime: 0, max_idle: 0, rotate: false, grace: 10 }
    }
}

/// `[tenant.management]`: the Authlete-style API (seed 001).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Management {
    /// User name of HTTP Basic and `{serviceId}`; unique on the platform, at most 2^53-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_api_key: Option<i64>,
    /// Hash of the service API secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_api_secret_sha256: Option<TokenHash>,
    /// Hashes of the service access tokens.
    pub service_access_token_sha256: Vec<TokenHash>,
}

/// `[tenant.iam]`: the token management API (seed 002).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Iam {
    /// Whether `value` is shown; default true.
    pub expose_values: bool,
}

impl Default for Iam {
    fn default() -> Self {
        Self { expose_values: true }
    }
}

/// `[tenant.limits]`; 0 = no limit, the default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Requests of the tenant per second.
    pub requests_per_second: u32,
    /// Wrong client secrets and passwords per minute, per client and per user.
    pub failed_logins_per_minute: u32,
}

/// `[tenant.registration]` (RFC 7591).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Hashes of the initial access tokens; none = `/clients` answers 403 to a new registration.
    pub token_sha256: Vec<TokenHash>,
}

/// `[tenant.password_hook]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PasswordHook {
    /// https, or loopback.
    pub url: String,
    /// The bearer token that the hook expects.
    #[serde(skip_serializing)]
    pub token: Option<Secret>,
}

fn json_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let value: Option<Map<String, Value>> = Option::deserialize(deserializer)?;
    Ok(value.map(|set| Secret::new(Value::Object(set).to_string())))
}
