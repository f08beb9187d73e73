//! The one error of the program: what went wrong, free of any transport.
//!
//! A variant exists where some *program* must tell two cases apart. Text in a variant is public: it may reach a client, so
//! it never holds a secret or a value that was sent. Causes travel in [`Error::Unavailable`] and [`Error::Internal`] and go
//! to the log only. Every API family turns this enum into its own envelope in its `error.rs`, without a wildcard arm.

use std::time::Duration;

/// The result of everything that can fail in [`crate::domain::Error`]'s ways.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is malformed; the text says what is wrong with it and never echoes a value.
    #[error("{0}")]
    InvalidRequest(String),
    /// Client authentication failed (RFC 6749 section 5.2). One public text for every fault.
    #[error("client authentication failed: {0:?}")]
    InvalidClient(ClientFault),
    /// A grant, a token presented as one, or an assertion is not good (RFC 6749 section 5.2).
    #[error("invalid grant: {0:?}")]
    InvalidGrant(GrantFault),
    /// The scope asked for is malformed or more than may be had.
    #[error("{0}")]
    InvalidScope(String),
    /// No, with a code and words of its own: those of RFC 7591 section 3.2.2, of a password hook, or about one grant type.
    #[error("denied: {error} {fault:?}")]
    Denied {
        /// `error`, of the characters that the RFC allows.
        error: String,
        /// `error_description`, likewise.
        description: Option<String>,
        /// The cause, for the log line.
        fault: Option<GrantFault>,
    },
    /// The client may not use this grant type or endpoint.
    #[error("the client is not registered for this")]
    UnauthorizedClient,
    /// No such grant type here.
    #[error("unsupported grant type")]
    UnsupportedGrantType,
    /// The thing looked up does not exist for this tenant.
    #[error("{0:?} not found")]
    NotFound(Kind),
    /// The credential of a web API is missing.
    #[error("missing credential")]
    MissingToken,
    /// The credential of a web API is not good.
    #[error("invalid credential")]
    InvalidToken,
    /// The caller is known and may not do this.
    #[error("forbidden: {0:?}")]
    Forbidden(Forbidden),
    /// A unique name is taken; the text names which, not by whom.
    #[error("{0}")]
    Conflict(String),
    /// A limit of the tenant or of the server was reached: try again later.
    #[error("too many requests")]
    TooManyRequests {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The store, or a queue before it, can't serve now; nothing was changed.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A fault of ours. The text is for the log.
    #[error("internal: {0}")]
    Internal(String),
}

/// What kind of thing was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A stored authorisation.
    Authorization,
    /// An authorisation code.
    Code,
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
    /// A client.
    Client,
    /// A user.
    User,
    /// A tenant.
    Tenant,
    /// A signing key.
    Key,
}

/// Why client authentication failed; for the log line and tests, never for the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFault {
    /// No `client_id` or no credential.
    Missing,
    /// Credentials that can't be read, or two methods at once.
    Malformed,
    /// No such client.
    Unknown,
    /// The client is disabled.
    Disabled,
    /// Another method than the registered one.
    WrongMethod,
    /// The secret is wrong.
    WrongSecret,
    /// The secret has expired.
    ExpiredSecret,
    /// The assertion is not good.
    BadAssertion,
    /// The assertion was used before.
    ReplayedAssertion,
}

/// Why a grant was refused; for the log line and tests, never for the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantFault {
    /// Never existed, or not in a form we make.
    Unknown,
    /// Lifetime or idle time is over.
    Expired,
    /// Used before, and this is a replay of it.
    Replayed,
    /// Its authorisation was revoked.
    Revoked,
    /// Issued to another client.
    WrongClient,
    /// `redirect_uri` is not the one of the authorisation.
    WrongRedirectUri,
    /// PKCE verification failed (RFC 7636 section 4.6).
    WrongVerifier,
    /// PKCE is missing where it is mandatory.
    MissingChallenge,
    /// User name or password is wrong, or the user is disabled.
    WrongCredentials,
    /// The assertion is not good.
    BadAssertion,
}

/// Why a known caller may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// This web API is not configured for the tenant.
    ApiDisabled,
    /// The tenant is disabled.
    TenantDisabled,
    /// The caller lacks the role or scope.
    AccessDenied,
}

impl Error {
    /// An [`Error::InvalidRequest`].
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::InvalidRequest(text.into())
    }

    /// An [`Error::Internal`] from any cause.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }
}
