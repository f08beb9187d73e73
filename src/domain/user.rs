//! Users of a tenant: those who sign in with a password here, and who is an administrator.

use super::Seconds;

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// What is typed in; unique in the tenant.
    pub username: String,
    /// `sub` of tokens; unique in the tenant.
    pub sub: String,
    /// `id` of the token management API; unique in the tenant.
    pub uuid: String,
    /// The Argon2id hash of the password, as a PHC string; `None`: no password fits.
    pub password_hash: Option<String>,
    /// Whether the user is served.
    pub enabled: bool,
    /// Whether the user may be granted the scope of the token management API.
    pub admin: bool,
    /// The digest of the file entry that was applied last.
    pub digest: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Seconds,
    /// When it was changed last.
    pub updated_at: Seconds,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("username", &self.username).field("sub", &self.sub).finish_non_exhaustive()
    }
}
