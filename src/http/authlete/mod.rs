//! Authorised applications: `/api/client/authorization` and `/api/{serviceId}/client/authorization`.

pub mod auth;
mod error;

pub use error::{Authlete, code};

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = ();
