//! Commits whose answer was lost: PostgreSQL remembers what became of a transaction, and is asked on another connection.
//!
//! A connection that breaks between COMMIT and its answer leaves open whether the transaction stands. Its number was taken
//! down beforehand ([`Receipt`]), and `pg_xact_status` tells (PostgreSQL 13 and later). The number means something on the
//! very server that gave it only: after a fail-over or a restart of the server nothing is concluded from it.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use super::scoped::values;
use crate::domain::Result;
use crate::store::error::from_db;

/// The number of a transaction, and which server gave it.
#[derive(Clone, Debug)]
pub(super) struct Receipt {
    /// `None` for one that has written nothing.
    xid: Option<String>,
    server: String,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stands.
    Committed,
    /// It left nothing.
    Aborted,
    /// Nobody can tell, or not yet.
    Unknown,
}

/// Of a transaction that writes with this very statement, if it has not before.
pub(super) const TAKE: &str = "SELECT pg_current_xact_id()::text, pg_postmaster_start_time()::text";
/// Of one that may have written nothing.
const TAKE_IF_WRITTEN: &str = "SELECT pg_current_xact_id_if_assigned()::text, pg_postmaster_start_time()::text";
const ASK: &str = "SELECT CASE WHEN pg_postmaster_start_time()::text = $2 THEN pg_xact_status($1::text::xid8) END";

/// How long is waited before each question, in milliseconds: other connections may be lost too, and a server takes a
/// moment to notice that a client is gone.
const PAUSES: [u64; 6] = [0, 20, 50, 100, 200, 400];

/// Whether the database gives receipts.
pub(super) async fn are_given(conn: &impl ConnectionTrait) -> bool {
    let probe = "SELECT pg_xact_status(pg_current_xact_id()), pg_current_xact_id_if_assigned()::text, pg_postmaster_start_time()::text";
    let backend = conn.get_database_backend();
    backend == DbBackend::Postgres && conn.query_one_raw(Statement::from_string(backend, probe)).await.is_ok()
}

impl Receipt {
    /// That of the transaction.
    pub(super) async fn take(tx: &impl ConnectionTrait) -> Result<Option<Self>> {
        let statement = Statement::from_string(DbBackend::Postgres, TAKE_IF_WRITTEN);
        tx.query_one_raw(statement).await.map_err(from_db)?.map(|row| Self::read(&row)).transpose()
    }

    /// What the statement that takes it gave.
    pub(super) fn read(row: &QueryResult) -> Result<Self> {
        let xid = row.try_get_by_index(0).map_err(from_db)?;
        Ok(Self { xid, server: row.try_get_by_index(1).map_err(from_db)? })
    }

    /// What became of it.
    pub(super) async fn fate(&self, conn: &impl ConnectionTrait) -> Fate {
        let Some(xid) = &self.xid else { return Fate::Aborted };
        for pause in PAUSES {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let values = values![xid.clone(), self.server.clone()];
            let ask = Statement::from_sql_and_values(DbBackend::Postgres, ASK, values);
            let Ok(Some(row)) = conn.query_one_raw(ask).await else { continue };
            match row.try_get_by_index::<Option<String>>(0).ok().flatten().as_deref() {
                Some("committed") => return Fate::Committed,
                Some("aborted") => return Fate::Aborted,
                Some(_) => {}
                None => return Fate::Unknown,
            }
        }
        Fate::Unknown
    }
}
