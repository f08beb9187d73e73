//! A tenant's keys: root secrets that token texts are derived from, the pairwise key, and signing keys in their life.

mod follow;
mod rewrap;
mod rotate;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::crypto::jwt::{ContentKey, JwsAlg, SigningKey, VerifyingKey};
use crate::crypto::seal::MasterKey;
use crate::crypto::secret::{b64url, hmac, random};
use crate::crypto::token::{TokenKeyRing, TokenKeys};
use crate::domain::{Error, NEVER, Result, Seconds, TenantId};
use crate::store::secrets::{Purpose, StoredKey, StoredSecret};
use crate::store::{Connection, TenantStore};
use crate::tenancy::Tenant;

pub(crate) use follow::{Wish, follow_settings};
pub(crate) use rewrap::{DigestKeys, is_sealed};
pub use rotate::{KeyState, ListedKey, Rotated, Rotation};

/// How long a reader of the JWK set may keep it, in seconds: a new key is published twice this long before it signs.
pub const JWKS_MAX_AGE: Seconds = 300;

/// All keys of one version of a tenant.
#[derive(Debug)]
pub struct TenantKeys {
    /// What makes and reads codes and tokens.
    pub tokens: TokenKeyRing,
    /// The tenant's own key for encrypted access tokens, if it brought one.
    pub content: Option<ContentKey>,
    pairwise: Zeroizing<[u8; 32]>,
    signing: Vec<KeyInLife>,
}

/// A signing key and its times.
#[derive(Debug)]
pub struct KeyInLife {
    /// The key pair.
    pub key: SigningKey,
    /// The key that verifies.
    pub verifier: VerifyingKey,
    /// Whether a migrating tenant brought it.
    pub brought: bool,
    /// From when on it is published.
    pub published_at: Seconds,
    /// From when on it signs.
    pub signs_from: Seconds,
    /// Until when it signs.
    pub signs_until: Seconds,
    /// Until when it verifies and is published.
    pub verifies_until: Seconds,
}

impl KeyInLife {
    fn signs_at(&self, now: Seconds) -> bool {
        self.signs_from <= now && now < self.signs_until
    }

    fn is_published(&self, now: Seconds) -> bool {
        self.published_at <= now && now < self.verifies_until
    }
}

impl TenantKeys {
    /// Reads and opens a tenant's keys.
    ///
    /// # Errors
    /// [`Error::Internal`] when they can't be opened: the master key is another one.
    pub async fn load<C: Connection>(rows: &TenantStore<'_, C>, master: &MasterKey) -> Result<Self> {
        Self::open(rows.tenant_id(), master, &rows.list_secrets().await?, rows.list_keys().await?)
    }

    /// Opens keys that were read or just made.
    ///
    /// # Errors
    /// [`Error::Internal`] when they can't be opened: the master key is another one.
    pub fn open(tenant: TenantId, master: &MasterKey, secrets: &[StoredSecret], keys: Vec<StoredKey>) -> Result<Self> {
        let mut roots = Vec::new();
        let (mut pairwise, mut content) = (None, None);
        for secret in secrets {
            let plain = open(master, tenant, secret)?;
            match secret.purpose {
                Purpose::Root => roots.push(TokenKeys::derive(tenant, secret.version, &key32(&plain)?)),
                Purpose::Pairwise => pairwise = Some(Zeroizing::new(key32(&plain)?)),
                Purpose::Content => content = Some(content_key(&plain)?),
            }
        }
        let tokens = TokenKeyRing::new(roots).ok_or_else(|| Error::internal("a tenant without a root secret"))?;
        let signing = keys.into_iter().map(|k| open_key(&tokens, k)).collect::<Result<_>>()?;
        let pairwise = pairwise.ok_or_else(|| Error::internal("a tenant without a pairwise key"))?;
        Ok(Self { tokens, content, pairwise, signing })
    }

    /// The key that signs now for a tenant whose settings want this algorithm: one of another until the first of this
    /// algorithm has been published for long enough.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is none, which applying a tenant's settings prevents.
    pub fn signer(&self, alg: &str, now: Seconds) -> Result<&SigningKey> {
        self.signing
            .iter()
            .filter(|k| k.signs_at(now))
            .max_by_key(|k| precedence(alg, k.key.alg().as_str(), k.signs_from, k.signs_until))
            .map(|k| &k.key)
            .ok_or_else(|| Error::internal("no key of the tenant signs"))
    }

    /// The algorithms that what is signed now, or will be, has: the wanted one, and that of the key that makes way for it.
    pub fn signing_algs<'a>(&'a self, wanted: &'a str, now: Seconds) -> Vec<&'a str> {
        let signer = self.signer(wanted, now).map_or(wanted, |key| key.alg().as_str());
        if signer == wanted { vec![wanted] } else { vec![wanted, signer] }
    }

    /// The key that verifies what a `kid` names.
    pub fn verifier(&self, kid: &str, now: Seconds) -> Option<&KeyInLife> {
        self.signing.iter().find(|k| k.key.kid() == kid && k.is_published(now))
    }

    /// All signing keys, oldest first.
    pub fn signing(&self) -> &[KeyInLife] {
        &self.signing
    }

    /// The public JWK set (RFC 7517 section 5), newest first.
    pub fn jwks(&self, now: Seconds) -> Vec<Map<String, Value>> {
        self.signing.iter().rev().filter(|k| k.is_published(now)).map(|k| k.key.public_jwk()).collect()
    }

    /// The subject that an audience sees instead of the local one (`OpenID` Connect Core section 8.1).
    pub fn pairwise_subject(&self, audience: &str, sub: &str) -> String {
        let length = (audience.len() as u64).to_be_bytes();
        b64url(&hmac(&self.pairwise, &[&length, audience.as_bytes(), sub.as_bytes()]))
    }
}

/// What a new tenant gets: a root secret, a pairwise key, a key of its own for `atc` if it brought one.
pub fn new_secrets(
    tenant: TenantId,
    master: &MasterKey,
    content: Option<&ContentKey>,
    now: Seconds,
) -> Vec<StoredSecret> {
    let (root, pairwise) = (Zeroizing::new(random::<32>()), Zeroizing::new(random::<32>()));
    let mut made = vec![
        seal(master, tenant, Purpose::Root, 1, root.as_slice(), now),
        seal(master, tenant, Purpose::Pairwise, 1, pairwise.as_slice(), now),
    ];
    made.extend(content.map(|k| seal(master, tenant, Purpose::Content, 1, k.private_jwk().as_bytes(), now)));
    made
}

/// Seals a secret under the master key, for its place.
pub fn seal(
    master: &MasterKey,
    tenant: TenantId,
    purpose: Purpose,
    version: u8,
    plain: &[u8],
    now: Seconds,
) -> StoredSecret {
    let sealed = master.seal(&place(tenant, purpose, version), plain);
    StoredSecret { purpose, version, sealed, created_at: now }
}

/// Opens a secret of a tenant.
///
/// # Errors
/// [`Error::Internal`] when the master key is another one.
pub fn open(master: &MasterKey, tenant: TenantId, secret: &StoredSecret) -> Result<Zeroizing<Vec<u8>>> {
    master
        .open(&place(tenant, secret.purpose, secret.version), &secret.sealed)
        .ok_or_else(|| Error::internal("a tenant's secret can't be opened: is the master key the right one?"))
}

/// A signing key as it is stored, with its private half sealed.
pub fn stored_key(tokens: &TokenKeys, key: &SigningKey, brought: bool, now: Seconds, signs_from: Seconds) -> StoredKey {
    StoredKey {
        kid: key.kid().to_owned(),
        alg: key.alg().as_str().to_owned(),
        brought,
        public_jwk: Value::Object(key.public_jwk()).to_string(),
        sealed: tokens.seal(&key_place(key.kid()), key.private_jwk().as_bytes()),
        published_at: now,
        signs_from,
        signs_until: NEVER,
        verifies_until: NEVER,
    }
}

/// Makes a key for an algorithm; RSA takes a good part of a second, so it happens off the async threads.
///
/// # Errors
/// [`Error::Internal`] when it can't be made.
pub async fn generate(alg: &str) -> Result<SigningKey> {
    let alg = JwsAlg::parse(alg).ok_or_else(|| Error::internal("an unknown algorithm in the settings"))?;
    tokio::task::spawn_blocking(move || SigningKey::generate(alg)).await.map_err(Error::internal)?
}

/// Which of the keys that may sign does, the greatest: one of the wanted algorithm, the newest; before there is one, the one
/// that makes way for it.
fn precedence(wanted: &str, alg: &str, signs_from: Seconds, signs_until: Seconds) -> (bool, bool, Seconds) {
    let is_wanted = alg == wanted;
    (is_wanted, !is_wanted && signs_until < NEVER, signs_from)
}

/// Which algorithms a tenant's settings want a key for: that of its tokens.
pub fn wanted_alg(tenant: &Tenant) -> &'static str {
    tenant.settings.access_token.jws_alg.as_str()
}

fn place(tenant: TenantId, purpose: Purpose, version: u8) -> Vec<u8> {
    let purpose: &[u8] = match purpose {
        Purpose::Root => b"root",
        Purpose::Pairwise => b"pairwise",
        Purpose::Content => b"content",
    };
    [b"secret", purpose, &tenant.0.to_be_bytes(), &[version]].concat()
}

fn key_place(kid: &str) -> Vec<u8> {
    [b"jwk", kid.as_bytes()].concat()
}

fn key32(plain: &[u8]) -> Result<[u8; 32]> {
    plain.try_into().map_err(|_| Error::internal("a sealed key is not 32 bytes"))
}

fn content_key(plain: &[u8]) -> Result<ContentKey> {
    let jwk: Map<String, Value> = serde_json::from_slice(plain).map_err(Error::internal)?;
    ContentKey::from_oct_jwk(&jwk).map_err(Error::internal)
}

fn open_key(tokens: &TokenKeyRing, stored: StoredKey) -> Result<KeyInLife> {
    let plain = tokens
        .open(&key_place(&stored.kid), &stored.sealed)
        .ok_or_else(|| Error::internal("a signing key can't be opened"))?;
    let jwk: Map<String, Value> = serde_json::from_slice(&Zeroizing::new(plain)).map_err(Error::internal)?;
    let key = SigningKey::from_private_jwk(&jwk).map_err(Error::internal)?;
    let verifier = key.verifying_key()?;
    Ok(KeyInLife {
        key,
        verifier,
        brought: stored.brought,
        published_at: stored.published_at,
        signs_from: stored.signs_from,
        signs_until: stored.signs_until,
        verifies_until: stored.verifies_until,
    })
}
