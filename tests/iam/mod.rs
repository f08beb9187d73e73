//! The token management API: `/access-tokens` and `/refresh-tokens`.

mod access;
mod caller;
mod deletion;
mod keys;
mod pages;
mod seed;
mod upkeep;

pub(crate) use caller::Iam;
