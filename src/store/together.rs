//! What the items of a batch share: rows that are inserted together at its end, and what has been read once for all.
//!
//! A row that nobody in the batch asks for need not be written by a statement of its own: one statement writes the rows of
//! all items, at a fraction of the price. Whoever touches a table in between finds its rows there, for they are written
//! before his statement runs.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, EntityName, EntityTrait, IdenStatic, Iterable, Statement, Value,
};

use super::error::from_db;
use crate::domain::{Epoch, Result, TenantId};

/// The rows that one statement inserts at most; others are powers of two, so that few statements are prepared.
const ROWS: usize = 64;

/// The shared part of a batch.
#[derive(Debug, Default)]
pub(super) struct Together(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    tables: Vec<Table>,
    epochs: Vec<(TenantId, Epoch)>,
}

/// Rows of one table that are not written yet.
#[derive(Debug)]
struct Table {
    name: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
}

impl Together {
    /// Leaves a row to be written by the end of the batch.
    pub(super) fn insert<A: ActiveModelTrait>(&self, mut row: A) {
        let name = A::Entity::default().table_name();
        let columns = || <A::Entity as EntityTrait>::Column::iter();
        let values = columns().filter_map(|column| row.take(column).into_value()).collect();
        let mut held = self.held();
        if let Some(table) = held.tables.iter_mut().find(|table| table.name == name) {
            table.rows.push(values);
            return;
        }
        let columns = columns().map(|column| column.as_str()).collect();
        held.tables.push(Table { name, columns, rows: vec![values] });
    }

    /// Writes what is left of the tables that a statement mentions.
    pub(super) async fn settle(&self, conn: &impl ConnectionTrait, sql: &str) -> Result<()> {
        let mentioned = |table: &Table| !table.rows.is_empty() && sql.contains(table.name);
        if self.held().tables.iter().any(mentioned) {
            self.write(conn, mentioned).await?;
        }
        Ok(())
    }

    /// Writes all that is left.
    pub(super) async fn finish(&self, conn: &impl ConnectionTrait) -> Result<()> {
        self.write(conn, |_| true).await
    }

    async fn write(&self, conn: &impl ConnectionTrait, which: impl Fn(&Table) -> bool) -> Result<()> {
        let due = self.held().tables.extract_if(.., |table| which(table)).collect::<Vec<_>>();
        for Table { name, columns, mut rows } in due {
            while !rows.is_empty() {
                let count = 1 << rows.len().min(ROWS).ilog2();
                let values = rows.drain(..count).flatten();
                let backend = conn.get_database_backend();
                let insert = Statement::from_sql_and_values(backend, statement(backend, name, &columns, count), values);
                conn.execute_raw(insert).await.map_err(from_db)?;
            }
        }
        Ok(())
    }

    /// The epoch of a tenant, if somebody has asked for it in this batch. An older one than the store's is safe: what is
    /// made under it is dead where it would have to be.
    pub(super) fn epoch(&self, tenant: TenantId) -> Option<Epoch> {
        self.held().epochs.iter().find(|(known, _)| *known == tenant).map(|(_, epoch)| *epoch)
    }

    /// Keeps the epoch of a tenant for the rest of the batch; `None` forgets it.
    pub(super) fn keep_epoch(&self, tenant: TenantId, epoch: Option<Epoch>) {
        let mut held = self.held();
        held.epochs.retain(|(known, _)| *known != tenant);
        held.epochs.extend(epoch.map(|epoch| (tenant, epoch)));
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `INSERT INTO name (columns) VALUES ($1, …), …` for as many rows.
///
/// On SQLite a failure leaves what was inserted before it, for the batch is undone as a whole: so nothing is copied that it
/// could be undone by alone. Its parameters have no names there, since each is looked for in a list of all.
fn statement(backend: DbBackend, name: &str, columns: &[&str], rows: usize) -> String {
    let is_sqlite = backend == DbBackend::Sqlite;
    let begin = if is_sqlite { "INSERT OR FAIL INTO" } else { "INSERT INTO" };
    let mut sql = format!("{begin} {name} ({}) VALUES ", columns.join(", "));
    sql.reserve(rows * columns.len() * 7);
    for place in 0..rows * columns.len() {
        let is_first = place % columns.len() == 0;
        sql.push_str(match (place, is_first) {
            (0, _) => "(",
            (_, true) => "), (",
            (_, false) => ", ",
        });
        if is_sqlite {
            sql.push('?');
        } else {
            let _ = write!(sql, "${}", place + 1); // a String takes whatever is written
        }
    }
    sql.push(')');
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_place_for_each_value() {
        assert_eq!(
            statement(DbBackend::Postgres, "audit", &["tenant_id", "id"], 2),
            "INSERT INTO audit (tenant_id, id) VALUES ($1, $2), ($3, $4)"
        );
        assert_eq!(
            statement(DbBackend::Sqlite, "audit", &["tenant_id", "id"], 2),
            "INSERT OR FAIL INTO audit (tenant_id, id) VALUES (?, ?), (?, ?)"
        );
    }
}
