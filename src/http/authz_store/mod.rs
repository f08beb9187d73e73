//! The authorisation store: `/authz-store/rest/v3`.

pub mod auth;
mod authorizations;
mod documented;
mod error;
mod inspection;
mod listings;
mod revocation;
mod stream;
mod wire;

pub use error::AuthzStore;

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = (authorizations::Authorizations, inspection::Inspection, revocation::Revocation, listings::Listings);
