//! Tenants: `/tenants/rest/v1`.

pub mod auth;
mod error;

pub use error::Platform;

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = ();
