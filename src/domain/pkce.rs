//! Proof key for code exchange (RFC 7636): the shapes. Hashing is the caller's.

/// A code challenge method (RFC 7636 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The challenge is the verifier.
    Plain,
    /// The challenge is BASE64URL(SHA256(verifier)).
    S256,
}

impl Method {
    /// Parses `ccm`; absent means `plain` (RFC 7636 section 4.3).
    pub fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("plain") => Some(Self::Plain),
            Some("S256") => Some(Self::S256),
            Some(_) => None,
        }
    }
}

/// Whether a text has the shape of a verifier or challenge (RFC 7636 sections 4.1 and 4.2).
pub fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

/// Whether a text can be the challenge of a method: a verifier itself, or 43 characters of base64url.
pub fn is_challenge(method: Method, text: &str) -> bool {
    match method {
        Method::Plain => is_verifier(text),
        Method::S256 => text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')),
    }
}
