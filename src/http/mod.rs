//! What the wire looks like: the only place that knows poem.

pub mod authlete;
pub mod authz_store;
pub mod body;
pub mod family;
pub mod iam;
pub mod oauth;
pub mod operations;
pub mod payload;
pub mod platform;
pub mod reply;
mod unrouted;
pub mod words;
