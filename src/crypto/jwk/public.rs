//! The public half of a JWK: reading it, writing it, naming it (RFC 7638).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{KeyFault, binary, check_purpose, optional_text, sized};
use crate::crypto::jwt::JwsAlg;
use crate::crypto::secret::{b64url, sha256};

/// The least and the most bits of an RSA modulus.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key of a kind that is used here. Points are uncompressed (SEC 1: 4 ‖ x ‖ y), numbers big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum PublicKey {
    /// On P-256, for ES256.
    P256(Vec<u8>),
    /// On P-384, for ES384.
    P384(Vec<u8>),
    /// For `EdDSA`.
    Ed25519(Vec<u8>),
    /// For RS256 or PS256.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads the public members of a key that may be used for `operation` (`sign` or `verify`).
    pub(in crate::crypto) fn read(jwk: &Map<String, Value>, operation: &str) -> Result<Self, KeyFault> {
        check_purpose(jwk, "sig", &[operation])?;
        let kty = optional_text(jwk, "kty")?.ok_or(KeyFault::Missing("kty"))?;
        match (kty, optional_text(jwk, "crv")?) {
            ("EC", Some("P-256")) => Ok(Self::P256(point(jwk, 32)?)),
            ("EC", Some("P-384")) => Ok(Self::P384(point(jwk, 48)?)),
            ("OKP", Some("Ed25519")) => Ok(Self::Ed25519(sized(jwk, "x", 32)?.to_vec())),
            ("RSA", None) => rsa(jwk),
            _ => Err(KeyFault::Type),
        }
    }

    /// The algorithm: `alg` where present, and only if it fits; else the one the key suggests.
    pub(in crate::crypto) fn alg(&self, jwk: &Map<String, Value>) -> Result<JwsAlg, KeyFault> {
        let fitting: &[JwsAlg] = match self {
            Self::P256(_) => &[JwsAlg::ES256],
            Self::P384(_) => &[JwsAlg::ES384],
            Self::Ed25519(_) => &[JwsAlg::EdDSA],
            Self::Rsa { .. } => &[JwsAlg::RS256, JwsAlg::PS256],
        };
        let named = optional_text(jwk, "alg")?;
        fitting.iter().find(|alg| named.is_none_or(|name| alg.as_str() == name)).copied().ok_or(KeyFault::Algorithm)
    }

    /// The members RFC 7638 section 3.2 requires, which are also all there is to publish.
    pub(in crate::crypto) fn members(&self) -> BTreeMap<&'static str, String> {
        let curve = |name: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            BTreeMap::from([("kty", "EC".to_owned()), ("crv", name.to_owned()), ("x", b64url(x)), ("y", b64url(y))])
        };
        match self {
            Self::P256(point) => curve("P-256", point),
            Self::P384(point) => curve("P-384", point),
            Self::Ed25519(x) => {
                BTreeMap::from([("kty", "OKP".to_owned()), ("crv", "Ed25519".to_owned()), ("x", b64url(x))])
            }
            Self::Rsa { n, e } => BTreeMap::from([("kty", "RSA".to_owned()), ("n", b64url(n)), ("e", b64url(e))]),
        }
    }

    /// The SHA-256 thumbprint in base64url: members in order of name, no white space (RFC 7638 section 3).
    pub(in crate::crypto) fn thumbprint(&self) -> String {
        let members: Vec<_> = self.members().iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
        b64url(&sha256(format!("{{{}}}", members.join(",")).as_bytes()))
    }
}

fn point(jwk: &Map<String, Value>, size: usize) -> Result<Vec<u8>, KeyFault> {
    Ok([&[4], sized(jwk, "x", size)?.as_slice(), sized(jwk, "y", size)?.as_slice()].concat())
}

/// Leading zero bytes, which some writers leave before numbers against RFC 7518 section 2, are dropped.
fn rsa(jwk: &Map<String, Value>) -> Result<PublicKey, KeyFault> {
    let number = |name| binary(jwk, name).map(|bytes| bytes.iter().copied().skip_while(|byte| *byte == 0).collect());
    let (n, e): (Vec<u8>, Vec<u8>) = (number("n")?, number("e")?);
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    if bits < *RSA_BITS.start() {
        return Err(KeyFault::Weak);
    }
    if bits > *RSA_BITS.end() { Err(KeyFault::Invalid) } else { Ok(PublicKey::Rsa { n, e }) }
}
