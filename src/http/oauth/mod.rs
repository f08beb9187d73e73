//! What OAuth clients call: `/token`, `/token/*`, `/clients`, `/.well-known/*`, `/jwks.json`.

pub mod answer;
pub mod auth;
pub mod client_auth;
pub mod clients;
mod discovery;
mod error;
mod token;
pub mod wire;

pub use error::OAuth;

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = (token::Token, discovery::Discovery, clients::Clients);
