//! The hash of a selector: its fixed-size key in the store.

use super::secret::sha256;
use crate::domain::{KeyMark, Selector};

/// The first 128 bits of SHA-256 over the selector's unambiguous byte form.
pub fn hash(selector: &Selector<'_>) -> [u8; 16] {
    let full = sha256(&selector.to_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
}

/// The short name of a signing key.
pub fn key_mark(kid: &str) -> KeyMark {
    let full = sha256(kid.as_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    KeyMark(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_with_shifted_parts_differ() {
        let one = hash(&Selector::SubjectClient("ab", "c"));
        let two = hash(&Selector::SubjectClient("a", "bc"));
        assert_ne!(one, two);
        assert_ne!(hash(&Selector::Subject("a")), hash(&Selector::Client("a")));
    }
}
