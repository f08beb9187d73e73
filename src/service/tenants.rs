//! Tenants: found, loaded with their keys, applied from a file, managed through the platform API, deleted.

mod apply;
mod delete;
mod load;
mod manage;
mod plan;
mod upkeep;

pub use apply::{Applied, Outcome, Report};
pub use load::Served;
pub(crate) use load::tenant_shard;
pub use manage::Managed;
