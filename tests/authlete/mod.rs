//! The management API: authorised applications.

mod caller;
mod credentials;
mod effects;
mod list;
mod peers;
mod seed;
mod tokens;

pub(crate) use caller::Authlete;
