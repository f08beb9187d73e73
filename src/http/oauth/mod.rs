//! What OAuth clients call: `/token`, `/token/*`, `/clients`, `/.well-known/*`, `/jwks.json`.

mod error;

pub use error::OAuth;
