//! Tenants, their names, secrets, keys, clients and users.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &[&str] = &[
    "CREATE TABLE platform_state (
        name {text} NOT NULL PRIMARY KEY,
        value {bytes} NOT NULL
    ) {clustered}",
    "CREATE TABLE tenant (
        tenant_id BIGINT NOT NULL PRIMARY KEY,
        tid {text} NOT NULL,
        status SMALLINT NOT NULL,
        settings {text} NOT NULL,
        sealed {bytes},
        digest {bytes},
        version BIGINT NOT NULL,
        has_imports BOOLEAN NOT NULL DEFAULT FALSE,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )",
    "CREATE INDEX tenant_by_tid ON tenant (tid)",
    "CREATE TABLE tenant_name (
        kind SMALLINT NOT NULL,
        name {text} NOT NULL,
        tenant_id BIGINT NOT NULL,
        PRIMARY KEY (kind, name)
    ) {clustered}",
    "CREATE INDEX tenant_name_by_tenant ON tenant_name (tenant_id)",
    "CREATE TABLE tenant_secret (
        tenant_id BIGINT NOT NULL,
        purpose SMALLINT NOT NULL,
        version SMALLINT NOT NULL,
        sealed {bytes} NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, purpose, version)
    ) {clustered}",
    "CREATE TABLE signing_key (
        tenant_id BIGINT NOT NULL,
        kid {text} NOT NULL,
        alg {text} NOT NULL,
        brought BOOLEAN NOT NULL,
        public_jwk {text} NOT NULL,
        sealed {bytes} NOT NULL,
        published_at BIGINT NOT NULL,
        signs_from BIGINT NOT NULL,
        signs_until BIGINT NOT NULL,
        verifies_until BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, kid)
    )",
    "CREATE TABLE client (
        tenant_id BIGINT NOT NULL,
        client_id {text} NOT NULL,
        number BIGINT NOT NULL,
        alias {text},
        enabled BOOLEAN NOT NULL,
        by_operator BOOLEAN NOT NULL,
        registration {text} NOT NULL,
        secret {bytes},
        old_secret {bytes},
        old_secret_until BIGINT,
        registration_token {bytes},
        digest {bytes},
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, client_id)
    )",
    "CREATE UNIQUE INDEX client_by_number ON client (tenant_id, number)",
    "CREATE UNIQUE INDEX client_by_alias ON client (tenant_id, alias)",
    "CREATE TABLE end_user (
        tenant_id BIGINT NOT NULL,
        username {text} NOT NULL,
        sub {text} NOT NULL,
        uuid {text} NOT NULL,
        password_hash {text},
        enabled BOOLEAN NOT NULL,
        admin BOOLEAN NOT NULL,
        digest {bytes},
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, username)
    )",
    "CREATE UNIQUE INDEX end_user_by_sub ON end_user (tenant_id, sub)",
    "CREATE UNIQUE INDEX end_user_by_uuid ON end_user (tenant_id, uuid)",
    "CREATE TABLE tenant_epoch (
        tenant_id BIGINT NOT NULL PRIMARY KEY,
        epoch BIGINT NOT NULL
    )",
    "CREATE TABLE audit (
        tenant_id BIGINT NOT NULL,
        id {bytes} NOT NULL,
        at BIGINT NOT NULL,
        kind {text} NOT NULL,
        actor {text} NOT NULL,
        request_id {text} NOT NULL,
        detail {text} NOT NULL,
        PRIMARY KEY (tenant_id, id)
    ) {clustered}",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, UP).await
    }
}
