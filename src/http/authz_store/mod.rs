//! The authorisation store: `/authz-store/rest/v3`.

mod error;

pub use error::AuthzStore;
