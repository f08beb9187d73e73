//! Token management: `/access-tokens` and `/refresh-tokens`, also under `/iam/api`.

pub mod access_tokens;
pub mod auth;
mod error;
pub mod refresh_tokens;
pub mod tokens;
pub mod wire;

pub use error::Iam;

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = (
    access_tokens::AccessTokens,
    refresh_tokens::RefreshTokens,
    access_tokens::IamApiAccessTokens,
    refresh_tokens::IamApiRefreshTokens,
);
