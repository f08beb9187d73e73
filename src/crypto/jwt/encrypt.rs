//! Encrypted access tokens: a JWE around the JWS, `dir` with `A128GCM` or `A256GCM` (RFC 7516; RFC 7518 sections 4.5 and
//! 5.3). Nothing else is made or read: no key wrapping, no PBES2, no compression, no extension.

use std::fmt;

use josekit::jwe::alg::direct::{DirectJweAlgorithm, DirectJweDecrypter, DirectJweEncrypter};
use josekit::jwe::{JweContext, JweHeader};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::json::object;
use super::parse::{JwtFault, MAX_TOKEN, text};
use crate::crypto::jwk::{KeyFault, binary, check_purpose, key_id, optional_text};
use crate::crypto::secret::{b64url, unb64url};
use crate::domain::{Error, Result};

/// The members a header of ours may have.
const HEADER: [&str; 5] = ["alg", "enc", "cty", "kid", "typ"];
/// The sizes AES-GCM has in JOSE. Of the tag a shorter one would be easier to guess, and OpenSSL takes it.
const IV: usize = 12;
const TAG: usize = 16;

/// A tenant's symmetric key for `atc`: encrypts access tokens to whoever shares it. IVs are random, so change the key
/// before 2^32 tokens (RFC 7518 section 5.3 and NIST SP 800-38D).
pub struct ContentKey {
    enc: &'static str,
    kid: Option<String>,
    key: Zeroizing<Vec<u8>>,
    header: JweHeader,
    context: JweContext,
    encrypter: DirectJweEncrypter,
    decrypter: DirectJweDecrypter,
}

impl ContentKey {
    /// Reads a JWK of `kty` `oct` with 16 or 32 bytes.
    ///
    /// # Errors
    /// A [`KeyFault`] for any other size or type, a `use` other than `enc`, and an `alg` that is neither `dir` nor the
    /// encryption of that size.
    pub fn from_oct_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyFault> {
        if optional_text(jwk, "kty")? != Some("oct") {
            return Err(KeyFault::Type);
        }
        check_purpose(jwk, "enc", &["encrypt", "decrypt"])?;
        let key = binary(jwk, "k")?;
        let enc = match key.len() {
            16 => "A128GCM",
            32 => "A256GCM",
            _ => return Err(KeyFault::Weak),
        };
        if optional_text(jwk, "alg")?.is_some_and(|alg| alg != "dir" && alg != enc) {
            return Err(KeyFault::Algorithm);
        }
        Self::new(enc, key, key_id(jwk)?)
    }

    fn new(enc: &'static str, key: Zeroizing<Vec<u8>>, kid: Option<String>) -> Result<Self, KeyFault> {
        let mut context = JweContext::new();
        context.remove_compression("DEF");
        let mut header = JweHeader::new();
        header.set_content_encryption(enc);
        header.set_content_type("JWT");
        if let Some(kid) = &kid {
            header.set_key_id(kid);
        }
        let dir = DirectJweAlgorithm::Dir;
        let encrypter = dir.encrypter_from_bytes(&*key).map_err(|_| KeyFault::Invalid)?;
        let decrypter = dir.decrypter_from_bytes(&*key).map_err(|_| KeyFault::Invalid)?;
        Ok(Self { enc, kid, key, header, context, encrypter, decrypter })
    }

    /// The key's name, where it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `A128GCM` or `A256GCM`.
    pub fn enc(&self) -> &'static str {
        self.enc
    }

    /// The key as an `oct` JWK in JSON, for sealing and for nothing else.
    pub fn private_jwk(&self) -> Zeroizing<String> {
        let mut jwk = Map::new();
        for (name, value) in [("kty", "oct"), ("use", "enc"), ("alg", self.enc), ("k", &b64url(&self.key))] {
            jwk.insert(name.to_owned(), value.into());
        }
        if let Some(kid) = &self.kid {
            jwk.insert("kid".to_owned(), kid.as_str().into());
        }
        Zeroizing::new(Value::Object(jwk).to_string())
    }

    /// Encrypts a compact JWS (RFC 7519 section 5.2: `cty` is `JWT`).
    ///
    /// # Errors
    /// [`Error::Internal`] where OpenSSL fails.
    pub fn encrypt(&self, jws: &str) -> Result<String> {
        self.context.serialize_compact(jws.as_bytes(), &self.header, &self.encrypter).map_err(Error::internal)
    }

    /// Decrypts what [`ContentKey::encrypt`] made: gives the compact JWS, whose signature is still to be checked.
    ///
    /// # Errors
    /// A [`JwtFault`]; [`JwtFault::Signature`] where the authentication tag is wrong.
    pub fn decrypt(&self, jwe: &str) -> Result<String, JwtFault> {
        self.check_form(jwe)?;
        let (plain, _) = self.context.deserialize_compact(jwe, &self.decrypter).map_err(|_| JwtFault::Signature)?;
        String::from_utf8(plain).map_err(|_| JwtFault::Malformed)
    }

    /// Refuses all that isn't of our own form before anything is decrypted.
    fn check_form(&self, jwe: &str) -> Result<(), JwtFault> {
        // Base64url a second time: a third more, and a header.
        if jwe.len() > MAX_TOKEN + MAX_TOKEN / 2 {
            return Err(JwtFault::TooLong);
        }
        let parts: Vec<_> = jwe.splitn(6, '.').map(unb64url).collect::<Option<_>>().ok_or(JwtFault::Malformed)?;
        let [header, wrapped, iv, _, tag] = parts.as_slice() else { return Err(JwtFault::Malformed) };
        if !wrapped.is_empty() || iv.len() != IV || tag.len() != TAG {
            return Err(JwtFault::Malformed);
        }
        let header = object(header)?;
        if header.contains_key("zip") {
            return Err(JwtFault::Compressed);
        }
        if header.keys().any(|name| !HEADER.contains(&name.as_str())) {
            return Err(JwtFault::Critical);
        }
        if text(&header, "alg")? != Some("dir") || text(&header, "enc")? != Some(self.enc) {
            return Err(JwtFault::Algorithm);
        }
        match text(&header, "cty")? {
            Some(cty) if cty.eq_ignore_ascii_case("JWT") => Ok(()),
            Some(_) | None => Err(JwtFault::Claim("cty")),
        }
    }
}

/// Whether a token has the five parts of a JWE rather than the three of a JWS.
pub fn is_encrypted(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 4
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKey").field("enc", &self.enc).field("kid", &self.kid).finish_non_exhaustive()
    }
}
