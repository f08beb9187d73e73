//! Tenants: found, loaded with their keys, and applied from a file.

mod apply;
mod load;

pub use apply::{Applied, Outcome, Report};
pub use load::Served;
pub(crate) use load::tenant_shard;
