//! The objects of the platform API: the keys of the tenants file as JSON, so that one page of documentation serves both.

use std::borrow::Cow;

use poem_openapi::Object;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::audit::{AuditEntry, AuditId};
use crate::domain::{Client, NEVER, Seconds, User, scope};
use crate::service::keys::ListedKey;
use crate::tenancy::read::Table;

/// Names a JSON object after the keys of a section of the tenants file; what its members are is checked by the same code that
/// checks the file.
macro_rules! described {
    ($(#[$doc:meta])* $name:ident, $about:literal, [$(($member:literal, $kind:literal, $what:literal)),* $(,)?]) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub Table);

        impl Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Reference(stringify!($name).to_owned())
            }

            fn register(registry: &mut Registry) {
                registry.create_schema::<Self, _>(stringify!($name).to_owned(), |_| {
                    let properties = vec![$(($member, member($kind, $what))),*];
                    MetaSchema { description: Some($about), properties, ..MetaSchema::new("object") }
                });
            }

            fn as_raw_value(&self) -> Option<&Self::RawValueType> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
}

fn member(kind: &'static str, what: &'static str) -> MetaSchemaRef {
    let items = (kind == "array").then(|| Box::new(MetaSchemaRef::Inline(Box::new(MetaSchema::ANY))));
    MetaSchemaRef::Inline(Box::new(MetaSchema { description: Some(what), items, ..MetaSchema::new(kind) }))
}

described!(
    /// A tenant.
    TenantObject, "A tenant: the keys of the tenants file. Secrets are taken and never shown; of hashes a prefix is shown, \
        which stands for the hash in a PUT.",
    [
        ("id", "string", "The tenant id: a DNS label. The Tenant-ID header"),
        ("issuer", "string", "The issuer URL; can't be changed"),
        ("aliases", "array", "Further issuer URLs that name the tenant"),
        ("enabled", "boolean", "Whether it is served; default true"),
        ("authz_store", "object", "api_token_sha256, code_lifetime, allow_direct_inspection, revocation_check_bias"),
        ("access_token", "object", "lifetime, encoding, jws_alg, profile, registry"),
        ("keys", "object", "rotate_every_days, jwks (private set of a tenant that migrates; never shown)"),
        ("metadata", "object", "Members added to the discovery document"),
        ("refresh_token", "object", "lifetime, max_idle, rotate, grace"),
        ("management", "object", "service_api_key, service_api_secret_sha256, service_access_token_sha256"),
        ("iam", "object", "expose_values"),
        ("limits", "object", "requests_per_second, failed_logins_per_minute; 0 means no limit"),
        ("registration", "object", "token_sha256"),
        ("password_hook", "object", "url, token (never shown)"),
        ("assertion_issuer", "array", "type, issuer, jwks or certificates, scope"),
        ("client", "array", "Clients to be made or changed; never shown here"),
        ("user", "array", "Users to be made or changed; never shown here"),
    ]
);

described!(
    /// A client.
    TenantClientObject, "A client: the keys of the tenants file. The secret is taken and never shown; an absent one stays.",
    [
        ("client_id", "string", "Unique in the tenant; as in the path"),
        ("number", "integer", "Numeric id of the management API; assigned when left out"),
        ("alias", "string", "Name in the management API's paths; never all digits"),
        ("name", "string", "For humans"),
        ("developer", "string", "Who owns it"),
        ("contacts", "array", "Addresses of people responsible"),
        ("client_secret", "string", "Stored hashed, or sealed for client_secret_jwt; never shown"),
        ("secret_expires_at", "integer", "Seconds since the epoch; 0 means never"),
        ("auth_method", "string", "client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt or none"),
        ("grant_types", "array", "The grant types it may use"),
        ("redirect_uris", "array", "Compared byte for byte"),
        ("scope", "string", "What it may ask for, separated by spaces"),
        ("introspection", "boolean", "Whether it may introspect tokens"),
        ("enabled", "boolean", "Whether it is served; default true"),
        ("origins", "array", "Origins of browsers that may call the token endpoints"),
        ("jwks", "object", "Public keys that it signs with"),
    ]
);

described!(
    /// A user.
    TenantUserObject, "A user: the keys of the tenants file. The password is taken and never shown; an absent one stays.",
    [
        ("username", "string", "What is typed in; as in the path"),
        ("sub", "string", "Subject of the tokens; default the user name"),
        ("id", "string", "Id of the token management API; assigned when left out"),
        ("password", "string", "Stored as an argon2id hash; never shown"),
        ("password_hash", "string", "An argon2id PHC string instead; never shown"),
        ("admin", "boolean", "Whether the user may be granted iam:admin.read and iam:admin.write"),
        ("enabled", "boolean", "Whether the user is served; default true"),
    ]
);

/// A signing key in its life: published, then signing, then only verifying.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct TenantKeyObject {
    /// The id of the key.
    pub kid: String,
    /// The JWS algorithm.
    pub alg: String,
    /// published, signing or verifying.
    pub state: String,
    /// Whether a migrating tenant brought it.
    pub brought: bool,
    /// From when on it is in the key set; seconds since the epoch.
    pub published_at: i64,
    /// From when on it signs.
    pub signs_from: i64,
    /// Until when it signs; absent while no other is to follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signs_until: Option<i64>,
    /// Until when it verifies; absent while it signs without an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifies_until: Option<i64>,
}

/// An entry of the audit trail.
#[derive(Clone, Debug, Object, Serialize)]
pub struct AuditObject {
    /// Its id: what `after` takes.
    pub id: String,
    /// When; seconds since the epoch.
    pub at: i64,
    /// What happened.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// In which request: the X-Request-Id of its answer.
    pub request_id: String,
    /// To whom or what.
    pub detail: Value,
}

impl From<AuditEntry> for AuditObject {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: format!("{:032x}", u128::from_be_bytes(entry.id)),
            at: entry.at,
            kind: entry.kind.as_str().to_owned(),
            actor: entry.actor,
            request_id: entry.request_id,
            detail: Value::Object(entry.detail),
        }
    }
}

/// The id that an entry of the trail is named by in `after`.
pub fn audit_id(text: &str) -> Option<AuditId> {
    let plain = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    plain.then(|| u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)).flatten()
}

impl From<ListedKey> for TenantKeyObject {
    fn from(ListedKey { key, state }: ListedKey) -> Self {
        let end = |at: Seconds| (at != NEVER).then_some(at);
        Self {
            kid: key.kid,
            alg: key.alg,
            state: state.as_str().to_owned(),
            brought: key.brought,
            published_at: key.published_at,
            signs_from: key.signs_from,
            signs_until: end(key.signs_until),
            verifies_until: end(key.verifies_until),
        }
    }
}

impl From<Client> for TenantClientObject {
    fn from(client: Client) -> Self {
        let registration = client.registration;
        let jwks = (!registration.jwks.is_empty()).then(|| json!({"keys": registration.jwks}));
        Self(present(json!({
            "client_id": client.client_id,
            "number": client.number,
            "alias": client.alias,
            "name": registration.name,
            "developer": registration.developer,
            "contacts": registration.contacts,
            "secret_expires_at": registration.secret_expires_at,
            "auth_method": registration.auth_method,
            "grant_types": registration.grant_types,
            "redirect_uris": registration.redirect_uris,
            "scope": scope::join(&registration.scope),
            "introspection": registration.introspection,
            "enabled": client.enabled,
            "origins": registration.origins,
            "jwks": jwks,
        })))
    }
}

impl From<User> for TenantUserObject {
    fn from(user: User) -> Self {
        Self(present(json!({
            "username": user.username,
            "sub": user.sub,
            "id": user.uuid,
            "admin": user.admin,
            "enabled": user.enabled,
        })))
    }
}

/// The members of an object that aren't null.
fn present(object: Value) -> Table {
    match object {
        Value::Object(mut members) => {
            members.retain(|_, value| !value.is_null());
            members
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Table::new(),
    }
}
