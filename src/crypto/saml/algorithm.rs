//! The allow-list of signature and digest algorithms (RFC 6931 names; SHA-1 and HMAC are not on it).

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use openssl::{hash::MessageDigest, pkey::Id};

use super::fault::SamlFault;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A digest of SHA-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    /// By the name of a digest method.
    pub(super) fn of(uri: &str) -> Result<Self, SamlFault> {
        match uri {
            "http://www.w3.org/2001/04/xmlenc#sha256" => Ok(Self::Sha256),
            "http://www.w3.org/2001/04/xmldsig-more#sha384" => Ok(Self::Sha384),
            "http://www.w3.org/2001/04/xmlenc#sha512" => Ok(Self::Sha512),
            _ => Err(SamlFault::Algorithm("digest")),
        }
    }

    pub(super) fn hash(self, bytes: &[u8]) -> Result<Vec<u8>, SamlFault> {
        let hash = openssl::hash::hash(self.message_digest(), bytes);
        hash.map(|hash| hash.to_vec()).map_err(|_| SamlFault::Digest)
    }

    pub(super) fn message_digest(self) -> MessageDigest {
        match self {
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }
}

/// A signature method: the kind of key and the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Method {
    /// RSA (PKCS #1 v1.5) or EC.
    pub(super) key: Id,
    /// What is signed is this digest.
    pub(super) digest: Digest,
}

impl Method {
    /// By the name of a signature method.
    pub(super) fn of(uri: &str) -> Result<Self, SamlFault> {
        let name = uri.strip_prefix("http://www.w3.org/2001/04/xmldsig-more#");
        let (key, digest) = match name {
            Some("rsa-sha256") => (Id::RSA, Digest::Sha256),
            Some("rsa-sha384") => (Id::RSA, Digest::Sha384),
            Some("rsa-sha512") => (Id::RSA, Digest::Sha512),
            Some("ecdsa-sha256") => (Id::EC, Digest::Sha256),
            Some("ecdsa-sha384") => (Id::EC, Digest::Sha384),
            Some("ecdsa-sha512") => (Id::EC, Digest::Sha512),
            _ => return Err(SamlFault::Algorithm("signature")),
        };
        Ok(Self { key, digest })
    }
}

/// Canonical base64 with white space between (XML Schema `base64Binary`).
pub(super) fn decode(text: &str) -> Result<Vec<u8>, SamlFault> {
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    BASE64.decode(plain).map_err(|_| SamlFault::SignatureForm("base64"))
}
