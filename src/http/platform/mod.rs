//! Tenants: `/tenants/rest/v1`.

mod error;

pub use error::Platform;
