//! The authorisation store: `/authz-store/rest/v3`.

pub mod auth;
pub mod authorizations;
pub mod documented;
mod error;
pub mod inspection;
pub mod listings;
pub mod revocation;
mod stream;
pub mod wire;

pub use error::AuthzStore;

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = (authorizations::Authorizations, inspection::Inspection, revocation::Revocation, listings::Listings);

/// Examples for the family's document: those of its specification.
pub const EXAMPLES: &str = include_str!("examples.json");
