//! The hash of a bearer token that an operator made: all that is ever configured or stored of it.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::crypto::secret::{same, sha256};

/// SHA-256 of a token of at least 32 random characters; 64 hexadecimal digits in files and rows.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Parses 64 hexadecimal digits of either case.
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = [*pair.first()?, *pair.last()?].map(|digit| char::from(digit).to_digit(16));
            *byte = u8::try_from(high? * 16 + low?).ok()?;
        }
        Some(Self(hash))
    }

    /// Whether this is the hash of `token`; constant time.
    pub fn matches(&self, token: &str) -> bool {
        same(&self.0, &sha256(token.as_bytes()))
    }

    /// Whether one of `hashes` is that of `token`; looks at all of them whichever fits.
    pub fn any(hashes: &[Self], token: &str) -> bool {
        hashes.iter().fold(false, |found, hash| hash.matches(token) | found)
    }

    /// The 64 digits, in lower case.
    pub fn hex(&self) -> String {
        self.0.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
    }

    /// What an API may show of it: enough to tell two tokens apart, and of no use for finding one.
    pub fn prefix(&self) -> String {
        let mut text = self.hex();
        text.truncate(8);
        text + "…"
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.prefix())
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hex = String::deserialize(deserializer)?;
        Self::parse(&hex).ok_or_else(|| D::Error::custom("not a hash, expected 64 hexadecimal digits (SHA-256)"))
    }
}

#[cfg(test)]
mod tests {
    use super::TokenHash;

    #[test]
    fn a_token_matches_its_hash_alone() {
        // The vector of FIPS 180-2, appendix B.1.
        let hash = TokenHash::parse("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD").unwrap();
        assert!(hash.matches("abc"));
        assert!(!hash.matches("abd"));
        assert!(hash.hex().starts_with("ba7816bf8f01cfea"));
        assert_eq!(hash.prefix(), "ba7816bf…");
        assert!(!TokenHash::any(&[], "abc"));
    }

    #[test]
    fn anything_but_64_digits_is_refused() {
        for bad in [String::new(), "a".repeat(63), "a".repeat(65), "g".repeat(64), "é".repeat(32), "+a".repeat(32)] {
            assert!(TokenHash::parse(&bad).is_none(), "{bad}");
        }
    }
}
