//! The management API: authorised applications.

mod caller;
mod credentials;
mod effects;
mod list;
mod seed;

pub(crate) use caller::Authlete;
