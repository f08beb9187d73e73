//! A key that checks signatures, tied to one algorithm for good. It is parsed once and kept.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
};
use serde_json::{Map, Value};

use super::JwsAlg;
use crate::crypto::jwk::{KeyFault, PublicKey, key_id, require_public};

/// A key that checks signatures: a client's or an assertion issuer's public key, or the secret of a client. Cheap to clone.
#[derive(Clone)]
pub struct VerifyingKey {
    alg: JwsAlg,
    kid: Option<String>,
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Public(Arc<ParsedPublicKey>),
    Shared(Arc<hmac::Key>),
}

impl VerifyingKey {
    /// Reads a public JWK (RFC 7517). Without `alg` an RSA key is for RS256; of all others the curve says it.
    ///
    /// # Errors
    /// A [`KeyFault`] for a private or symmetric key, one that is not for signatures, RSA below 2048 bits, a curve that is
    /// not the algorithm's, a point that is not on it, and an unknown `kty`.
    pub fn from_public_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyFault> {
        require_public(jwk)?;
        let public = PublicKey::read(jwk, "verify")?;
        Self::new(&public, public.alg(jwk)?, key_id(jwk)?)
    }

    /// Like [`VerifyingKey::from_public_jwk`], for exactly the registered algorithm: how an RSA key without `alg` becomes
    /// one for PS256.
    ///
    /// # Errors
    /// [`KeyFault::Algorithm`] where the key is not for it, else as above.
    pub fn from_public_jwk_for(jwk: &Map<String, Value>, alg: JwsAlg) -> Result<Self, KeyFault> {
        let mut jwk = jwk.clone();
        jwk.entry("alg").or_insert_with(|| alg.as_str().into());
        let key = Self::from_public_jwk(&jwk)?;
        if key.alg == alg { Ok(key) } else { Err(KeyFault::Algorithm) }
    }

    /// A client's secret, for `client_secret_jwt`.
    ///
    /// # Errors
    /// [`KeyFault::Algorithm`] where `alg` isn't symmetric, [`KeyFault::Weak`] where the secret is shorter than the hash (RFC
    /// 7518 section 3.2).
    pub fn from_secret(alg: JwsAlg, secret: &[u8]) -> Result<Self, KeyFault> {
        let hash = match alg {
            JwsAlg::HS256 => hmac::HMAC_SHA256,
            JwsAlg::HS384 => hmac::HMAC_SHA384,
            JwsAlg::HS512 => hmac::HMAC_SHA512,
            JwsAlg::ES256 | JwsAlg::ES384 | JwsAlg::RS256 | JwsAlg::PS256 | JwsAlg::EdDSA => {
                return Err(KeyFault::Algorithm);
            }
        };
        if secret.len() < hash.tag_len() {
            return Err(KeyFault::Weak);
        }
        let backend = Backend::Shared(Arc::new(hmac::Key::new(hash, secret)));
        Ok(Self { alg, kid: None, backend })
    }

    /// The one algorithm this key is for.
    pub fn alg(&self) -> JwsAlg {
        self.alg
    }

    /// `kid` of the JWK, if it had one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(in crate::crypto) fn new(public: &PublicKey, alg: JwsAlg, kid: Option<String>) -> Result<Self, KeyFault> {
        let parsed = match (public, alg) {
            (PublicKey::P256(point), JwsAlg::ES256) => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point),
            (PublicKey::P384(point), JwsAlg::ES384) => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point),
            (PublicKey::Ed25519(point), JwsAlg::EdDSA) => ParsedPublicKey::new(&ED25519, point),
            (PublicKey::Rsa { n, e }, JwsAlg::RS256 | JwsAlg::PS256) => {
                let scheme: &'static RsaParameters =
                    if alg == JwsAlg::RS256 { &RSA_PKCS1_2048_8192_SHA256 } else { &RSA_PSS_2048_8192_SHA256 };
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(scheme)
            }
            (PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::Ed25519(_) | PublicKey::Rsa { .. }, _) => {
                return Err(KeyFault::Algorithm);
            }
        };
        let backend = Backend::Public(Arc::new(parsed.map_err(|_| KeyFault::Invalid)?));
        Ok(Self { alg, kid, backend })
    }

    /// Whether `signature` is this key's over `message`: r‖s for ECDSA (RFC 7518 section 3.4).
    pub(super) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.backend {
            Backend::Public(key) => key.verify_sig(message, signature).is_ok(),
            Backend::Shared(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}
