//! Secret text, randomness, hashing and key derivation: HMAC-SHA256 (RFC 2104), HKDF-SHA256 (RFC 5869), base64url (RFC 4648).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rand::rand_core::UnwrapErr;
use rand::{Rng, rngs::SysRng};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The largest integer that JSON numbers of every reader hold exactly, 2^53 − 1.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
/// The block of SHA-256 in bytes, to which HMAC pads its key.
const BLOCK: usize = 64;

/// Text that must never be shown: wiped on drop, compared in constant time, `***` in `Debug`, and neither `Display` nor
/// `Serialize`.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// A new secret of 256 random bits, base64url (43 characters).
    pub fn generate() -> Self {
        Self::new(b64url(Zeroizing::new(random::<32>()).as_slice()))
    }

    /// The text itself; a reader of the code sees here that it leaves its cover.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        same(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// A keyed HMAC-SHA256, its key schedule done once: for the hot path of token authenticators.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// A key of 32 bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(keyed(key))
    }

    /// HMAC-SHA256 over the parts one after the other. Parts of varying length need a length or a separator of their own.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        finish(self.0.clone(), parts)
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `N` random bytes from the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    UnwrapErr(SysRng).fill_bytes(&mut bytes);
    bytes
}

/// `N` random bytes for a name that is no secret, without a call of the operating system: each request needs one.
pub fn random_name<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A random number for an identifier, in 1 ..= 2^53 − 1: exact in every JSON reader, and telling nothing about volume.
pub fn random_number() -> i64 {
    loop {
        let candidate = u64::from_be_bytes(random()) & MAX_SAFE_INTEGER;
        match i64::try_from(candidate) {
            Ok(number) if number > 0 => return number,
            Ok(_) | Err(_) => {}
        }
    }
}

/// SHA-256.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// SHA-256 as 64 lower-case hexadecimal digits.
pub fn sha256_hex(data: &[u8]) -> String {
    hex(&sha256(data))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// HMAC-SHA256 over the parts one after the other. Parts of varying length need a length or a separator of their own.
pub fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    finish(keyed(key), parts)
}

/// HKDF-SHA256 without a salt, 32 bytes of output (RFC 5869): a key of its own for each purpose that `info` names.
pub fn hkdf(key: &[u8; 32], info: &[u8]) -> [u8; 32] {
    derive(&[], key, info)
}

/// Whether two byte strings are the same, in a time that depends on their lengths alone.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// Unpadded base64url (RFC 4648 section 5).
pub fn b64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads unpadded base64url strictly: no padding, no stray bits, no other alphabet, no white space. So each byte string has
/// one spelling.
pub fn unb64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// HKDF for the first 32 bytes of output, which is its first block T(1) (RFC 5869 sections 2.2 and 2.3).
fn derive(salt: &[u8], ikm: &[u8], info: &[u8]) -> [u8; 32] {
    let pseudorandom = Zeroizing::new(finish(keyed(salt), &[ikm]));
    finish(keyed(pseudorandom.as_slice()), &[info, &[1]])
}

/// An HMAC under a key of any length: hashed first if it is longer than a block (RFC 2104 section 2).
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; BLOCK]);
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&sha256(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    <Hmac<Sha256> as KeyInit>::new((&*block).into())
}

fn finish(mut mac: Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
