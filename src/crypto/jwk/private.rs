//! The private half of a JWK, and making new keys.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use josekit::jwk::Jwk;
use josekit::jwk::alg::{ec::EcCurve, ed::EdCurve};
use serde_json::{Map, Value};

use super::{KeyFault, PublicKey, binary, sized};
use crate::crypto::jwt::JwsAlg;
use crate::domain::{Error, Result};

/// The size of a new RSA key.
const RSA_BITS: u32 = 2048;

/// A key pair ready to sign.
pub(in crate::crypto) enum KeyPair {
    /// ECDSA, signatures as r‖s.
    Ec(Box<EcdsaKeyPair>),
    /// Ed25519.
    Ed(Box<Ed25519KeyPair>),
    /// RSA with its padding.
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
}

impl KeyPair {
    /// Reads the private members; a pair whose halves don't fit each other is refused.
    pub(in crate::crypto) fn read(jwk: &Map<String, Value>, public: &PublicKey, alg: JwsAlg) -> Result<Self, KeyFault> {
        let pair = match public {
            PublicKey::P256(point) => {
                let scheme = &ECDSA_P256_SHA256_FIXED_SIGNING;
                EcdsaKeyPair::from_private_key_and_public_key(scheme, &sized(jwk, "d", 32)?, point)
                    .map(|pair| Self::Ec(Box::new(pair)))
            }
            PublicKey::P384(point) => {
                let scheme = &ECDSA_P384_SHA384_FIXED_SIGNING;
                EcdsaKeyPair::from_private_key_and_public_key(scheme, &sized(jwk, "d", 48)?, point)
                    .map(|pair| Self::Ec(Box::new(pair)))
            }
            PublicKey::Ed25519(point) => Ed25519KeyPair::from_seed_and_public_key(&sized(jwk, "d", 32)?, point)
                .map(|pair| Self::Ed(Box::new(pair))),
            PublicKey::Rsa { n, e } => {
                let components = KeyPairComponents {
                    public_key: PublicKeyComponents { n: n.as_slice(), e: e.as_slice() },
                    d: &*binary(jwk, "d")?,
                    p: &*binary(jwk, "p")?,
                    q: &*binary(jwk, "q")?,
                    dP: &*binary(jwk, "dp")?,
                    dQ: &*binary(jwk, "dq")?,
                    qInv: &*binary(jwk, "qi")?,
                };
                let padding = if alg == JwsAlg::PS256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                RsaKeyPair::from_components(&components).map(|pair| Self::Rsa(Box::new(pair), padding))
            }
        };
        pair.map_err(|_| KeyFault::Invalid)
    }

    /// Signs, in the form JOSE wants (RFC 7518 section 3; RFC 8037 section 3.1).
    pub(in crate::crypto) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| Error::internal("signing failed");
        match self {
            Self::Ec(pair) => Ok(pair.sign(&SystemRandom::new(), message).map_err(failed)?.as_ref().to_vec()),
            Self::Ed(pair) => Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec()),
            Self::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

/// A new private JWK for `alg`, without a `kid`.
pub(in crate::crypto) fn generate(alg: JwsAlg) -> Result<Map<String, Value>> {
    let jwk = match alg {
        JwsAlg::ES256 => Jwk::generate_ec_key(EcCurve::P256),
        JwsAlg::ES384 => Jwk::generate_ec_key(EcCurve::P384),
        JwsAlg::EdDSA => Jwk::generate_ed_key(EdCurve::Ed25519),
        JwsAlg::RS256 | JwsAlg::PS256 => Jwk::generate_rsa_key(RSA_BITS),
        JwsAlg::HS256 | JwsAlg::HS384 | JwsAlg::HS512 => {
            return Err(Error::internal("a symmetric algorithm has no signing key"));
        }
    };
    let mut jwk: Map<String, Value> = jwk.map_err(Error::internal)?.into();
    jwk.insert("alg".to_owned(), alg.as_str().into());
    Ok(jwk)
}
