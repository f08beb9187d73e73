//! The schema of Tenure's store.
//!
//! Steps are frozen DDL: they never follow today's entities. The two dialects differ in three words only, see [`dialect`].

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::*;

mod dialect;
mod m20261122_000001_create_tenants;
mod m20261122_000002_create_authorizations;
mod m20261122_000003_create_tokens;
mod m20261122_000004_create_changes;
mod m20261122_000005_create_client_origins;
mod m20261122_000006_add_upkeep;
mod m20261122_000007_add_signers;

/// Every step, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_create_tenants::Migration),
            Box::new(m20261122_000002_create_authorizations::Migration),
            Box::new(m20261122_000003_create_tokens::Migration),
            Box::new(m20261122_000004_create_changes::Migration),
            Box::new(m20261122_000005_create_client_origins::Migration),
            Box::new(m20261122_000006_add_upkeep::Migration),
            Box::new(m20261122_000007_add_signers::Migration),
        ]
    }
}
