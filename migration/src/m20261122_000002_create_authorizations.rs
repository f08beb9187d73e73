//! Stored authorisations, grants (one per sign-in) and codes.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

// No actor is stored as '': a unique key admits any number of NULLs on both databases.
const UP: &[&str] = &[
    "CREATE TABLE authorization_record (
        tenant_id BIGINT NOT NULL,
        sub {text} NOT NULL,
        cid {text} NOT NULL,
        act {text} NOT NULL,
        id {bytes} NOT NULL,
        epoch BIGINT NOT NULL,
        newest_chain {bytes},
        iss {text} NOT NULL,
        iat BIGINT NOT NULL,
        uat BIGINT,
        terms {text} NOT NULL,
        PRIMARY KEY (tenant_id, sub, cid, act)
    )",
    "CREATE INDEX authorization_record_by_client ON authorization_record (tenant_id, cid, sub, act)",
    "CREATE INDEX authorization_record_by_actor ON authorization_record (tenant_id, act, sub, cid)",
    "CREATE TABLE authorization_grant (
        tenant_id BIGINT NOT NULL,
        id {bytes} NOT NULL,
        authorization_id {bytes} NOT NULL,
        sub {text} NOT NULL,
        cid {text} NOT NULL,
        act {text} NOT NULL,
        epoch BIGINT NOT NULL,
        chain_id {bytes},
        transient {text},
        iss {text} NOT NULL,
        iat BIGINT NOT NULL,
        authentication {text},
        expires_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id)
    )",
    "CREATE INDEX authorization_grant_by_expiry ON authorization_grant (tenant_id, expires_at)",
    "CREATE TABLE authorization_code (
        tenant_id BIGINT NOT NULL,
        id {bytes} NOT NULL,
        ver SMALLINT NOT NULL,
        grant_id {bytes} NOT NULL,
        authorization_id {bytes} NOT NULL,
        stored BOOLEAN NOT NULL,
        sub {text} NOT NULL,
        cid {text} NOT NULL,
        act {text} NOT NULL,
        epoch BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        state SMALLINT NOT NULL,
        used_at BIGINT,
        sealed {bytes} NOT NULL,
        PRIMARY KEY (tenant_id, id)
    )",
    "CREATE INDEX authorization_code_by_expiry ON authorization_code (tenant_id, expires_at)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, UP).await
    }
}
