//! JSON Web Keys (RFC 7517; RFC 7518 section 6; RFC 8037), read strictly: only what is named here, canonical base64url,
//! nothing weak, no private part where a public key belongs.

mod private;
mod public;
mod set;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::secret::unb64url;

pub use super::jwt::{ContentKey, SigningKey, VerifyingKey};
pub use set::{PrivateKeys, private_set, public_set};

pub(super) use private::{KeyPair, generate};
pub(super) use public::PublicKey;

/// The members that make a key private or symmetric (RFC 7518 sections 6.2.2, 6.3.2 and 6.4).
pub(super) const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "r"];

/// The longest `kid` that is taken, in bytes: it is in every header.
const MAX_KID: usize = 256;

/// Why a JWK was refused. The text is public and holds nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not a JWK, or a set that isn't one.
    #[error("not a JSON Web Key")]
    Json,
    /// `kty` or `crv` is missing, unknown, or not one that fits here.
    #[error("the key type is not supported here")]
    Type,
    /// The named member is missing.
    #[error("the member {0} is missing")]
    Missing(&'static str),
    /// The named member is not of its type, or not canonical base64url of the right length.
    #[error("the member {0} is malformed")]
    Malformed(&'static str),
    /// `alg` is unknown or doesn't fit the key.
    #[error("the algorithm does not fit the key")]
    Algorithm,
    /// `use` or `key_ops` is for something else.
    #[error("the key is for another use")]
    Use,
    /// A private or symmetric key where a public one belongs.
    #[error("a private key is not accepted here")]
    Private,
    /// Too short: RSA below 2048 bits, or a secret below the size of the hash.
    #[error("the key is too weak")]
    Weak,
    /// A number that is no key: a point off the curve, or a private part that doesn't fit the public one.
    #[error("the key is not valid")]
    Invalid,
    /// The set names two keys alike, or holds too many.
    #[error("the key set has too many keys or two of the same kid")]
    Set,
}

/// Refuses a key with a private part.
pub(super) fn require_public(jwk: &Map<String, Value>) -> Result<(), KeyFault> {
    if PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name)) { Err(KeyFault::Private) } else { Ok(()) }
}

/// Checks `use` and `key_ops`, where present (RFC 7517 sections 4.2 and 4.3): all of `operations` must be allowed.
pub(super) fn check_purpose(jwk: &Map<String, Value>, purpose: &str, operations: &[&str]) -> Result<(), KeyFault> {
    if optional_text(jwk, "use")?.is_some_and(|actual| actual != purpose) {
        return Err(KeyFault::Use);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(allowed)) if operations.iter().all(|op| allowed.iter().any(|one| one == op)) => Ok(()),
        Some(Value::Array(_)) => Err(KeyFault::Use),
        Some(_) => Err(KeyFault::Malformed("key_ops")),
    }
}

/// A member that is a text, where present.
pub(super) fn optional_text<'a>(jwk: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, KeyFault> {
    match jwk.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(KeyFault::Malformed(name)),
    }
}

/// `kid`, where present.
pub(super) fn key_id(jwk: &Map<String, Value>) -> Result<Option<String>, KeyFault> {
    match optional_text(jwk, "kid")? {
        Some(kid) if kid.is_empty() || kid.len() > MAX_KID => Err(KeyFault::Malformed("kid")),
        kid => Ok(kid.map(str::to_owned)),
    }
}

/// A member that is canonical base64url.
pub(super) fn binary(jwk: &Map<String, Value>, name: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
    let encoded = optional_text(jwk, name)?.ok_or(KeyFault::Missing(name))?;
    unb64url(encoded).map(Zeroizing::new).ok_or(KeyFault::Malformed(name))
}

/// Like [`binary`], of exactly that many bytes.
pub(super) fn sized(jwk: &Map<String, Value>, name: &'static str, size: usize) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
    binary(jwk, name).and_then(|bytes| if bytes.len() == size { Ok(bytes) } else { Err(KeyFault::Malformed(name)) })
}

#[cfg(test)]
mod tests;
