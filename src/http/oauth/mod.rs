//! What OAuth clients call: `/token`, `/token/*`, `/clients`, `/.well-known/*`, `/jwks.json`.

mod error;

pub use error::OAuth;

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = ();
