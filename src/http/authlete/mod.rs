//! Authorised applications: `/api/client/authorization` and `/api/{serviceId}/client/authorization`.

mod error;

pub use error::{Authlete, code};
