//! What the two databases spell differently.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Runs statements written with `{text}` (bytewise ordered text), `{bytes}` and `{clustered}` (a table kept
/// in the order of its primary key, where the engine knows such).
pub(crate) async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let postgres = manager.get_database_backend() == DbBackend::Postgres;
    for statement in statements {
        let sql = statement
            .replace("{text}", if postgres { "TEXT COLLATE \"C\"" } else { "TEXT" })
            .replace("{bytes}", if postgres { "BYTEA" } else { "BLOB" })
            .replace("{clustered}", if postgres { "" } else { "WITHOUT ROWID" });
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}
