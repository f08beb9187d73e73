//! The management API: authorised applications.

pub(crate) mod caller;
mod credentials;
mod effects;
mod list;
mod peers;
mod seed;
mod tokens;

pub(crate) use caller::Authlete;
