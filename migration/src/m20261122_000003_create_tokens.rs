//! Refresh token chains, the register of access tokens, what was used once, and revocations.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &[&str] = &[
    "CREATE TABLE refresh_token (
        tenant_id BIGINT NOT NULL,
        id {bytes} NOT NULL,
        number BIGINT NOT NULL,
        grant_id {bytes} NOT NULL,
        authorization_id {bytes} NOT NULL,
        stored BOOLEAN NOT NULL,
        sub {text} NOT NULL,
        cid {text} NOT NULL,
        act {text} NOT NULL,
        epoch BIGINT NOT NULL,
        ver SMALLINT NOT NULL,
        generation BIGINT NOT NULL,
        rotated_at BIGINT,
        current_used BOOLEAN NOT NULL,
        issued_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        max_idle BIGINT NOT NULL,
        used_at BIGINT NOT NULL,
        deadline BIGINT NOT NULL,
        scope {text} NOT NULL,
        foreign_digest {bytes},
        foreign_sealed {bytes},
        PRIMARY KEY (tenant_id, id)
    )",
    "CREATE UNIQUE INDEX refresh_token_by_number ON refresh_token (tenant_id, number)",
    "CREATE UNIQUE INDEX refresh_token_by_foreign ON refresh_token (tenant_id, foreign_digest)
        WHERE foreign_digest IS NOT NULL",
    "CREATE INDEX refresh_token_by_authorization ON refresh_token (tenant_id, authorization_id, issued_at)",
    "CREATE INDEX refresh_token_by_deadline ON refresh_token (tenant_id, deadline, number)",
    "CREATE INDEX refresh_token_by_key ON refresh_token (tenant_id, sub, cid)",
    "CREATE INDEX refresh_token_by_client ON refresh_token (tenant_id, cid, deadline, number)",
    "CREATE TABLE access_token (
        tenant_id BIGINT NOT NULL,
        number BIGINT NOT NULL,
        kind SMALLINT NOT NULL,
        id {bytes},
        ver SMALLINT NOT NULL,
        grant_id {bytes} NOT NULL,
        authorization_id {bytes} NOT NULL,
        chain_id {bytes},
        sub {text} NOT NULL,
        cid {text} NOT NULL,
        act {text} NOT NULL,
        has_user BOOLEAN NOT NULL,
        epoch BIGINT NOT NULL,
        issued_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        scope {text},
        snapshot {text},
        sealed {bytes},
        id_token BIGINT,
        PRIMARY KEY (tenant_id, number)
    )",
    // With the kind, so that pages are counted and skipped in the index alone.
    "CREATE INDEX access_token_by_expiry ON access_token (tenant_id, expires_at, number, kind)",
    "CREATE INDEX access_token_by_key ON access_token (tenant_id, sub, cid)",
    "CREATE INDEX access_token_by_client ON access_token (tenant_id, cid, expires_at, number, kind)",
    "CREATE TABLE used_once (
        tenant_id BIGINT NOT NULL,
        digest {bytes} NOT NULL,
        expires_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, digest)
    ) {clustered}",
    "CREATE INDEX used_once_by_expiry ON used_once (tenant_id, expires_at)",
    "CREATE TABLE revocation (
        tenant_id BIGINT NOT NULL,
        selector {bytes} NOT NULL,
        epoch BIGINT NOT NULL,
        revoked_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        sub {text},
        cid {text},
        act {text},
        kind SMALLINT NOT NULL DEFAULT 0,
        thing {bytes},
        purged BOOLEAN NOT NULL,
        PRIMARY KEY (tenant_id, selector)
    ) {clustered}",
    "CREATE INDEX revocation_by_epoch ON revocation (tenant_id, epoch)",
    "CREATE INDEX revocation_by_expiry ON revocation (tenant_id, expires_at)",
    "CREATE INDEX revocation_unpurged ON revocation (tenant_id, revoked_at) WHERE NOT purged",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, UP).await
    }
}
