//! What the upkeep of tenants needs to know: when a key is due, how long tokens may live, who is on the way out.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

// 9223372036854775807 is "never".
const UP: &[&str] = &[
    "ALTER TABLE tenant ADD COLUMN longest_token BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE tenant ADD COLUMN unregistered_until BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE tenant ADD COLUMN keys_due_at BIGINT NOT NULL DEFAULT 9223372036854775807",
    "CREATE INDEX tenant_by_keys_due ON tenant (keys_due_at) WHERE keys_due_at < 9223372036854775807",
    "CREATE INDEX tenant_deleted ON tenant (tenant_id) WHERE status = 2",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, UP).await
    }
}
