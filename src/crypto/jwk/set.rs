//! JWK sets (RFC 7517 section 5), as clients register them and tenants bring them. One bad key refuses the whole set: who
//! registers it shall learn of it at once.

use serde_json::{Map, Value};

use super::{ContentKey, KeyFault, SigningKey, VerifyingKey, optional_text};
use crate::crypto::jwt::object;

/// How many keys a set may have.
const MAX_KEYS: usize = 32;

/// What a tenant brought: keys that sign, and keys that encrypt access tokens.
#[derive(Debug, Default)]
pub struct PrivateKeys {
    /// In the order of the set.
    pub signing: Vec<SigningKey>,
    /// In the order of the set.
    pub content: Vec<ContentKey>,
}

/// Reads the public keys of a client or an assertion issuer.
///
/// # Errors
/// The [`KeyFault`] of the first bad key; see [`VerifyingKey::from_public_jwk`].
pub fn public_set(set: &Map<String, Value>) -> Result<Vec<VerifyingKey>, KeyFault> {
    keys(set)?.into_iter().map(VerifyingKey::from_public_jwk).collect()
}

/// Reads a private JWK set from its JSON: `oct` keys encrypt, all others sign.
///
/// # Errors
/// The [`KeyFault`] of the first bad key; see [`SigningKey::from_private_jwk`] and [`ContentKey::from_oct_jwk`].
pub fn private_set(json: &str) -> Result<PrivateKeys, KeyFault> {
    let set = object(json.as_bytes()).map_err(|_| KeyFault::Json)?;
    let mut found = PrivateKeys::default();
    for jwk in keys(&set)? {
        if optional_text(jwk, "kty")? == Some("oct") {
            found.content.push(ContentKey::from_oct_jwk(jwk)?);
        } else {
            found.signing.push(SigningKey::from_private_jwk(jwk)?);
        }
    }
    Ok(found)
}

/// The keys of a set: one at least, and no two of the same `kid`.
fn keys(set: &Map<String, Value>) -> Result<Vec<&Map<String, Value>>, KeyFault> {
    let items = set.get("keys").and_then(Value::as_array).ok_or(KeyFault::Missing("keys"))?;
    let keys: Vec<_> = items.iter().map(Value::as_object).collect::<Option<_>>().ok_or(KeyFault::Json)?;
    let mut kids: Vec<_> = keys.iter().filter_map(|jwk| jwk.get("kid").and_then(Value::as_str)).collect();
    let named = kids.len();
    kids.sort_unstable();
    kids.dedup();
    if keys.is_empty() || keys.len() > MAX_KEYS || kids.len() != named { Err(KeyFault::Set) } else { Ok(keys) }
}
