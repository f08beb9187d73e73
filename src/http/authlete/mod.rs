//! Authorised applications: `/api/client/authorization` and `/api/{serviceId}/client/authorization`.

pub mod auth;
pub mod authorizations;
pub mod clients;
pub mod documented;
mod error;
pub mod issued;
pub mod loose;
pub mod request;
pub mod tokens;
pub mod wire;

pub use error::{Authlete, ResultObject, code};

/// The family's operations: a tuple of its resources, each `Default`.
pub type Api = (
    authorizations::Authorizations,
    authorizations::ServiceAuthorizations,
    clients::ManagedClients,
    clients::ServiceClients,
    tokens::ManagedTokens,
    tokens::ServiceTokens,
);
