//! What the items of a batch share: rows that are inserted together at its end, and what has been read once for all.
//!
//! A row that nobody in the batch asks for need not be written by a statement of its own: one statement writes the rows of
//! all items, at a fraction of the price. Whoever touches a table in between finds its rows there, for they are written
//! before his statement runs.

mod insert;

use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbBackend, EntityName as _};

use self::insert::{Table, with_arrays, with_values};
use super::error::from_db;
use super::receipt::Receipt;
use crate::domain::{Epoch, Result, TenantId};

/// The shared part of a batch.
#[derive(Debug, Default)]
pub(super) struct Together(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    tables: Vec<Table>,
    epochs: Vec<(TenantId, Epoch)>,
}

impl Together {
    /// Leaves a row to be written by the end of the batch.
    pub(super) fn insert<A: ActiveModelTrait>(&self, row: A) {
        let name = A::Entity::default().table_name();
        let mut held = self.held();
        if let Some(table) = held.tables.iter_mut().find(|table| table.name == name) {
            return table.push(row);
        }
        let mut table = Table::of::<A>();
        table.push(row);
        held.tables.push(table);
    }

    /// Writes what is left of the tables that a statement mentions.
    pub(super) async fn settle(&self, conn: &impl ConnectionTrait, sql: &str) -> Result<()> {
        self.write(conn, |table| sql.contains(table.name), false).await.map(|_| ())
    }

    /// Writes all that is left; takes the transaction's receipt with it where they are given and anything was left.
    pub(super) async fn finish(&self, conn: &impl ConnectionTrait, receipts: bool) -> Result<Option<Receipt>> {
        self.write(conn, |_| true, receipts).await
    }

    async fn write(
        &self,
        conn: &impl ConnectionTrait,
        which: impl Fn(&Table) -> bool,
        receipt: bool,
    ) -> Result<Option<Receipt>> {
        let due = self.held().tables.extract_if(.., |table| which(table)).collect::<Vec<_>>();
        if due.is_empty() {
            return Ok(None);
        }
        if conn.get_database_backend() == DbBackend::Postgres {
            let row = conn.query_one_raw(with_arrays(due, receipt)?).await.map_err(from_db)?;
            return row.filter(|_| receipt).map(|row| Receipt::read(&row)).transpose();
        }
        for mut table in due {
            while let Some(insert) = with_values(&mut table) {
                conn.execute_raw(insert).await.map_err(from_db)?;
            }
        }
        Ok(None)
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
