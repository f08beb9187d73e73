//! The origins that clients have registered for browsers, so that a request's origin is one look-up.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &[&str] = &[
    "CREATE TABLE client_origin (
        tenant_id BIGINT NOT NULL,
        origin {text} NOT NULL,
        client_id {text} NOT NULL,
        PRIMARY KEY (tenant_id, origin, client_id)
    ) {clustered}",
    "CREATE INDEX client_origin_by_client ON client_origin (tenant_id, client_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, UP).await
    }
}
