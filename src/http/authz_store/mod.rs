//! The authorisation store: `/authz-store/rest/v3`.

pub mod auth;
mod error;

pub use error::AuthzStore;

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = ();
