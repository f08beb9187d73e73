//! The log that replicas read to keep their caches true.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const POSTGRES: &[&str] = &[
    "CREATE TABLE change_log (
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        tenant_id BIGINT NOT NULL,
        shard INTEGER NOT NULL,
        at BIGINT NOT NULL
    )",
    "CREATE INDEX change_log_by_xid ON change_log (xid)",
];

// AUTOINCREMENT: a plain rowid is given out again after a purge, and a change would be missed.
const SQLITE: &[&str] = &["CREATE TABLE change_log (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant_id BIGINT NOT NULL,
        shard INTEGER NOT NULL,
        at BIGINT NOT NULL
    )"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = if manager.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE };
        crate::dialect::run(manager, statements).await
    }
}
