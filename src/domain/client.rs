//! Clients (RFC 6749 section 2): what they have registered and what they prove themselves with.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AuthMethod, GrantType, Seconds};

/// How long a secret that was replaced goes on living, in seconds.
pub const SECRET_OVERLAP: Seconds = 30 * 60;

/// Whether a scope value is one that only an administrator's token may carry.
pub fn is_admin_scope(value: &str) -> bool {
    value.starts_with("iam:admin")
}

/// What a client has registered (RFC 7591 section 2), by whichever way it came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// For humans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub developer: Option<String>,
    /// Addresses of people responsible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// When the secret ends; `None`: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_expires_at: Option<Seconds>,
    /// How it authenticates.
    pub auth_method: AuthMethod,
    /// The grant types it may use.
    pub grant_types: Vec<GrantType>,
    /// Compared byte for byte.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// The most it may ask for.
    pub scope: Vec<String>,
    /// Whether it may introspect tokens.
    pub introspection: bool,
    /// Origins of browsers that may call `/token*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// The public keys it signs with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jwks: Vec<Map<String, Value>>,
}

/// A client's secret as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientSecret {
    /// Chosen by people: an Argon2id PHC string.
    Phc(String),
    /// Made by the server: a keyed hash, and the version of the key.
    Digest {
        /// The version of the tenant's root secret.
        version: u8,
        /// The hash.
        digest: [u8; 32],
    },
    /// Needed in clear (`client_secret_jwt`): sealed.
    Sealed(Vec<u8>),
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A secret that was replaced and has a while to live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSecret {
    /// The secret.
    pub secret: ClientSecret,
    /// Until when it is taken.
    pub until: Seconds,
}

/// A client of a tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its identifier, unique in the tenant.
    pub client_id: String,
    /// Its number in the management API, at most 2^53 - 1.
    pub number: i64,
    /// Its name in the management API's paths.
    pub alias: Option<String>,
    /// Whether it is served.
    pub enabled: bool,
    /// Whether an operator gave it what it may do, in the tenants file or through the platform API.
    pub by_operator: bool,
    /// What it has registered.
    pub registration: Registration,
    /// Its secret.
    pub secret: Option<ClientSecret>,
    /// The secret before, while it still lives.
    pub old_secret: Option<OldSecret>,
    /// The keyed hash of its registration access token (RFC 7592), with the version of the key before it.
    pub registration_token: Option<Vec<u8>>,
    /// The digest of the file entry that was applied last.
    pub digest: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Seconds,
    /// When it was changed last.
    pub updated_at: Seconds,
}

impl Client {
    /// Whether it is public: named, and not authenticated (RFC 6749 section 2.1).
    pub fn is_public(&self) -> bool {
        self.registration.auth_method == AuthMethod::None
    }

    /// Whether it has registered a grant type.
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.registration.grant_types.contains(&grant)
    }

    /// Makes another secret the current one; the one before lives [`SECRET_OVERLAP`] more.
    pub fn replace_secret(&mut self, secret: ClientSecret, now: Seconds) {
        self.old_secret =
            self.secret.replace(secret).map(|secret| OldSecret { secret, until: now.saturating_add(SECRET_OVERLAP) });
    }

    /// The secrets that are taken at a moment, the current one first.
    pub fn secrets_at(&self, now: Seconds) -> impl Iterator<Item = &ClientSecret> {
        let expired = self.registration.secret_expires_at.is_some_and(|end| end <= now);
        let old = self.old_secret.iter().filter(move |old| now < old.until).map(|old| &old.secret);
        self.secret.iter().chain(old).filter(move |_| !expired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client {
            client_id: "c".into(),
            number: 1,
            alias: None,
            enabled: true,
            by_operator: true,
            registration: Registration::default(),
            secret: Some(ClientSecret::Phc("old".into())),
            old_secret: None,
            registration_token: None,
            digest: None,
            created_at: 0,
            updated_at: 0,
        }
    }

    #[test]
    fn a_replaced_secret_lives_half_an_hour_more() {
        let mut client = client();
        client.replace_secret(ClientSecret::Phc("new".into()), 1_000);
        assert_eq!(client.secrets_at(1_000 + 1_799).count(), 2);
        assert_eq!(client.secrets_at(1_000 + 1_800).collect::<Vec<_>>(), [&ClientSecret::Phc("new".into())]);
    }

    #[test]
    fn nothing_is_taken_once_the_secret_has_expired() {
        let mut client = client();
        client.registration.secret_expires_at = Some(50);
        assert_eq!(client.secrets_at(49).count(), 1);
        assert_eq!(client.secrets_at(50).count(), 0);
    }
}
