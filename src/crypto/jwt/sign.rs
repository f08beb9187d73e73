//! A key that signs our tokens. Signing is the hot path: key pair and encoded headers are made once and kept.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{JwsAlg, VerifyingKey};
use crate::crypto::jwk::{KeyFault, KeyPair, PRIVATE_MEMBERS, PublicKey, generate, key_id};
use crate::crypto::secret::b64url;
use crate::domain::{Error, Result};

/// The `typ` values whose headers are encoded beforehand: ID tokens and access tokens (RFC 9068).
const USUAL_TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// A private signing key of a tenant. Not `Clone`: share it in an `Arc`.
pub struct SigningKey {
    alg: JwsAlg,
    kid: String,
    pair: KeyPair,
    public: PublicKey,
    private: Zeroizing<String>,
    headers: [String; USUAL_TYPES.len()],
}

impl SigningKey {
    /// A new key; its `kid` is the thumbprint (RFC 7638). RSA keys have 2048 bits and take a good part of a second to find:
    /// call this inside `spawn_blocking` for RS256 and PS256.
    ///
    /// # Errors
    /// [`Error::Internal`] where the key can't be made, or `alg` is symmetric.
    pub fn generate(alg: JwsAlg) -> Result<Self> {
        Self::from_private_jwk(&generate(alg)?).map_err(Error::internal)
    }

    /// Reads a private JWK. `kid` is kept where there is one, else it is the thumbprint; without `alg` an RSA key is for RS256.
    ///
    /// # Errors
    /// A [`KeyFault`] for a key that is not for signatures, RSA below 2048 bits or without its primes, a private part that
    /// doesn't fit the public one, and an unknown `kty`.
    pub fn from_private_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyFault> {
        let public = PublicKey::read(jwk, "sign")?;
        let alg = public.alg(jwk)?;
        let kid = key_id(jwk)?.unwrap_or_else(|| public.thumbprint());
        let pair = KeyPair::read(jwk, &public, alg)?;
        let mut private = published(&public, alg, &kid);
        private.extend(PRIVATE_MEMBERS.iter().filter_map(|name| Some(((*name).to_owned(), jwk.get(*name)?.clone()))));
        let private = Zeroizing::new(Value::Object(private).to_string());
        let headers = USUAL_TYPES.map(|typ| header(typ, alg, &kid));
        Ok(Self { alg, kid, pair, public, private, headers })
    }

    /// The key as a private JWK in JSON, for sealing and for nothing else.
    pub fn private_jwk(&self) -> Zeroizing<String> {
        self.private.clone()
    }

    /// The public half for the tenant's JWK set: the key's own members, `use`, `alg` and `kid`.
    pub fn public_jwk(&self) -> Map<String, Value> {
        published(&self.public, self.alg, &self.kid)
    }

    /// The key that checks what this one signs.
    ///
    /// # Errors
    /// [`Error::Internal`], which a key that was read can't cause.
    pub fn verifying_key(&self) -> Result<VerifyingKey> {
        VerifyingKey::new(&self.public, self.alg, Some(self.kid.clone())).map_err(Error::internal)
    }

    /// The key's name in headers and JWK sets.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it signs with.
    pub fn alg(&self) -> JwsAlg {
        self.alg
    }

    /// Signs a JSON payload as it stands: a compact JWS whose header holds `typ`, `alg` and `kid`.
    ///
    /// # Errors
    /// [`Error::Internal`] where the signature can't be made.
    pub fn sign(&self, typ: &str, payload_json: &[u8]) -> Result<String> {
        let mut token = String::with_capacity(512 + payload_json.len() * 2);
        match USUAL_TYPES.iter().zip(&self.headers).find(|(usual, _)| **usual == typ) {
            Some((_, encoded)) => token.push_str(encoded),
            None => token.push_str(&header(typ, self.alg, &self.kid)),
        }
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload_json, &mut token);
        let signature = self.pair.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The encoded protected header.
fn header(typ: &str, alg: JwsAlg, kid: &str) -> String {
    b64url(json!({ "typ": typ, "alg": alg, "kid": kid }).to_string().as_bytes())
}

/// The public members, with what the key is for.
fn published(public: &PublicKey, alg: JwsAlg, kid: &str) -> Map<String, Value> {
    let mut jwk: Map<_, _> =
        public.members().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    for (name, value) in [("use", "sig"), ("alg", alg.as_str()), ("kid", kid)] {
        jwk.insert(name.to_owned(), value.into());
    }
    jwk
}
