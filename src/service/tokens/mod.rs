//! Tokens: minted in one place, read in one place, revoked in one place.

mod claims;
pub mod id_token;
pub mod inspect;
pub mod issue;
pub mod list;
pub mod revoke;

use super::Services;
use crate::domain::Seconds;

/// What a grant is answered with (RFC 6749 section 5.1).
#[derive(Clone)]
pub struct TokenSet {
    /// The access token.
    pub access_token: String,
    /// Its lifetime in seconds.
    pub expires_in: Seconds,
    /// Its scope.
    pub scope: Option<Vec<String>>,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// What remains of its lifetime in seconds, where that is limited.
    pub refresh_token_expires_in: Option<Seconds>,
    /// The ID token.
    pub id_token: Option<String>,
}

impl TokenSet {
    /// The encoding of the access token, as a label.
    fn encoding(&self) -> &'static str {
        if self.access_token.contains('.') { "self_contained" } else { "identifier" }
    }
}

impl Services {
    /// Counts tokens that were handed out.
    pub(crate) fn count_issued(&self, grant: &'static str, tokens: &TokenSet) {
        self.metrics.token_issued(grant, tokens.encoding());
    }
}

impl std::fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenSet(***)")
    }
}
