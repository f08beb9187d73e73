//! Tenants: `/tenants/rest/v1`.

pub mod audit;
pub mod auth;
pub mod clients;
pub mod documented;
mod error;
pub mod keys;
pub mod tenants;
pub mod users;
pub mod wire;

pub use error::Platform;

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = (tenants::Tenants, clients::Clients, users::Users, keys::Keys, audit::Audit);
