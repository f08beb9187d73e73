//! The signature algorithms of RFC 7518 section 3 and RFC 8037 that are used here. `none` is not one of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A JWS algorithm; text and serde form are the registered name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JwsAlg {
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// ECDSA with P-384 and SHA-384.
    ES384,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// Ed25519.
    EdDSA,
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
}

impl JwsAlg {
    /// Those that have a public key: what tokens of ours are signed with, and `private_key_jwt`.
    pub const ASYMMETRIC: [Self; 5] = [Self::ES256, Self::ES384, Self::RS256, Self::PS256, Self::EdDSA];
    /// Those that share a secret: `client_secret_jwt` alone.
    pub const SYMMETRIC: [Self; 3] = [Self::HS256, Self::HS384, Self::HS512];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::EdDSA => "EdDSA",
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// The algorithm of that registered name (case matters, RFC 7515 section 4.1.1).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ASYMMETRIC.into_iter().chain(Self::SYMMETRIC).find(|alg| alg.as_str() == name)
    }
}

impl fmt::Display for JwsAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
