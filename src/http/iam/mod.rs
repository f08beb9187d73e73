//! Token management: `/access-tokens` and `/refresh-tokens`, also under `/iam/api`.

pub mod auth;
mod error;

pub use error::Iam;

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = ();
