//! The only door to rows: every statement that goes through it has the tenant as its first parameter.

use std::sync::Mutex;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, IdenStatic, Insert, IntoActiveModel,
    Iterable, ModelTrait, QueryTrait, Statement, Value,
};

use super::error::from_db;
use super::gather::Gathered;
use super::together::Together;
use crate::domain::coherence::Shard;
use crate::domain::{Error, Result, TenantId};

/// The rows of one tenant, over a connection or a transaction.
pub struct TenantStore<'c, C> {
    conn: &'c C,
    tenant: TenantId,
    done: Mutex<Done>,
    together: Option<&'c Together>,
    gathered: Option<&'c Gathered>,
    won: Option<bool>,
}

/// What a transaction did that others have to know.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// What caches hold no more.
    pub(super) changed: Vec<Shard>,
    /// How many revocations were made.
    pub(super) revocations: u64,
    /// Whether it has changed anything, or a statement failed: it can't be taken for one that never ran.
    pub(super) left_traces: bool,
}

impl<'c, C: ConnectionTrait> TenantStore<'c, C> {
    pub(super) fn new(conn: &'c C, tenant: TenantId) -> Self {
        Self { conn, tenant, done: Mutex::default(), together: None, gathered: None, won: None }
    }

    /// The rows of one tenant, whose reads by key are gathered with those of others.
    pub(super) fn gathered(conn: &'c C, tenant: TenantId, gathered: &'c Gathered) -> Self {
        Self { gathered: Some(gathered), ..Self::new(conn, tenant) }
    }

    /// Where reads by key are gathered, if they are.
    pub(super) fn gathers(&self) -> Option<&Gathered> {
        self.gathered
    }

    /// The rows of one tenant, in a batch with others; `won` tells whether the batch has taken what this write claims.
    pub(super) fn together(conn: &'c C, tenant: TenantId, together: &'c Together, won: Option<bool>) -> Self {
        Self { together: Some(together), won, ..Self::new(conn, tenant) }
    }

    /// Whether the batch has taken what this write claims ([`super::claims`]); `None`: nobody has tried.
    pub(super) fn is_won(&self) -> Option<bool> {
        if self.won == Some(true) {
            self.leave_traces();
        }
        self.won
    }

    /// What this batch shares.
    pub(super) fn shared(&self) -> Option<&Together> {
        self.together
    }

    /// Prepares for a statement: what it may read is written, and what it may change is noted.
    async fn before(&self, sql: &str) -> Result<()> {
        if !sql.starts_with("SELECT") {
            self.leave_traces();
        }
        match self.together {
            Some(together) => together.settle(self.conn, sql).await.inspect_err(|_| self.leave_traces()),
            None => Ok(()),
        }
    }

    /// A failure of a statement, which may have cost the transaction.
    fn failed(&self, error: sea_orm::DbErr) -> Error {
        self.leave_traces();
        from_db(error)
    }

    /// Notes that this transaction can't be taken for one that never ran.
    pub(super) fn leave_traces(&self) {
        if let Ok(mut done) = self.done.lock() {
            done.left_traces = true;
        }
    }

    /// Whose rows these are.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// Marks a shard of the caches as changed by this transaction: written to the change log with it, and told to this
    /// process's caches once it is durable.
    pub fn touch(&self, shard: Shard) {
        if let Ok(mut done) = self.done.lock() {
            done.changed.push(shard);
        }
    }

    /// Counts a revocation, once it is durable.
    pub(super) fn count_revocation(&self) {
        if let Ok(mut done) = self.done.lock() {
            done.revocations += 1;
        }
    }

    pub(super) fn backend(&self) -> sea_orm::DbBackend {
        self.conn.get_database_backend()
    }

    pub(super) fn take_done(&self) -> Done {
        self.done.lock().map(|mut done| std::mem::take(&mut *done)).unwrap_or_default()
    }

    /// A statement whose `$1` is the tenant; `values` are `$2` and on.
    fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        debug_assert!(sql.contains("tenant_id = $1") || sql.contains("(tenant_id"), "not bound to a tenant: {sql}");
        let values = std::iter::once(Value::from(self.tenant.0)).chain(values);
        Statement::from_sql_and_values(self.conn.get_database_backend(), sql, values)
    }

    /// The first row of a query, if any.
    pub(super) async fn one<M: FromQueryResult>(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Option<M>> {
        self.before(sql).await?;
        let row = self.conn.query_one_raw(self.statement(sql, values)).await.map_err(|error| self.failed(error))?;
        row.map(|r| M::from_query_result(&r, "")).transpose().map_err(from_db)
    }

    /// All rows of a query.
    pub(super) async fn all<M: FromQueryResult>(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<M>> {
        self.before(sql).await?;
        let rows = self.conn.query_all_raw(self.statement(sql, values)).await.map_err(|error| self.failed(error))?;
        rows.iter().map(|r| M::from_query_result(r, "")).collect::<Result<_, _>>().map_err(from_db)
    }

    /// One number of a query, if it has a row.
    pub(super) async fn number(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Option<i64>> {
        self.before(sql).await?;
        let row = self.conn.query_one_raw(self.statement(sql, values)).await.map_err(|error| self.failed(error))?;
        row.map(|r| r.try_get_by_index(0)).transpose().map_err(from_db)
    }

    /// One number of a query that may be NULL.
    pub(super) async fn number_or_null(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Option<i64>> {
        self.before(sql).await?;
        let row = self.conn.query_one_raw(self.statement(sql, values)).await.map_err(|error| self.failed(error))?;
        row.map_or(Ok(None), |r| r.try_get_by_index(0)).map_err(from_db)
    }

    /// Runs a statement and tells how many rows it changed.
    pub(super) async fn execute(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<u64> {
        self.before(sql).await?;
        let done = self.conn.execute_raw(self.statement(sql, values)).await.map_err(|error| self.failed(error))?;
        Ok(done.rows_affected())
    }

    /// Inserts a row, which names its tenant itself.
    pub(super) async fn insert<M>(&self, row: M) -> Result<()>
    where
        M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
        <M::Entity as EntityTrait>::ActiveModel: ActiveModelTrait<Entity = M::Entity>,
    {
        // Every column is set: `into_active_model` alone would leave them all unchanged.
        let active = row.into_active_model().reset_all();
        self.leave_traces();
        let statement = Insert::one(active).build(self.conn.get_database_backend());
        self.conn.execute_raw(statement).await.map_err(|error| self.failed(error)).map(|_| ())
    }

    /// Inserts a row by the end of the batch: one that can't be in anybody's way, as its key is random.
    pub(super) async fn insert_later<M>(&self, row: M) -> Result<()>
    where
        M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
        <M::Entity as EntityTrait>::ActiveModel: ActiveModelTrait<Entity = M::Entity>,
    {
        let Some(together) = self.together else { return self.insert(row).await };
        self.leave_traces();
        together.insert(row.into_active_model().reset_all());
        Ok(())
    }
}

/// A value list: `values![a, b]` is what `[a.into(), b.into()]` would be.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$(sea_orm::Value::from($value)),*] };
}
pub(super) use values;

/// Placeholders `$first, $first+1, …` for a list of `count` values.
pub(super) fn placeholders(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// What the key of a table is.
#[derive(Clone, Copy)]
pub(super) enum KeyType {
    Bytes,
    Number,
}

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// `FROM` and on, of the rows `c` of a table whose `key`s are among the values from `$2` on.
    ///
    /// PostgreSQL looks for each key by itself: given a list, it would rather read all rows of a tenant where it takes them
    /// for few, and it does so without statistics, or if the tenant is a large one among many small. `lock` is for
    /// PostgreSQL alone, in the order of the values.
    pub(super) fn keyed(&self, table: &str, (key, kind): (&str, KeyType), count: usize, lock: &str) -> String {
        if self.backend() != DbBackend::Postgres {
            return format!("FROM {table} c WHERE c.tenant_id = $1 AND c.{key} IN ({})", placeholders(2, count));
        }
        if count == 1 {
            return format!("FROM {table} c WHERE c.tenant_id = $1 AND c.{key} = $2{lock}");
        }
        let looked_up = format!("SELECT * FROM {table} WHERE tenant_id = $1 AND {key} = keys.k LIMIT 1{lock}");
        format!("FROM {} CROSS JOIN LATERAL ({looked_up}) AS c", keys(kind, count))
    }
}

/// The values from `$2` on as the column `k` of `keys`.
pub(super) fn keys(kind: KeyType, count: usize) -> String {
    let kind = match kind {
        KeyType::Bytes => "BYTEA",
        KeyType::Number => "BIGINT",
    };
    let values = placeholders(2, count).replace(", ", "), (");
    let values = values.replacen("$2", &format!("CAST($2 AS {kind})"), 1);
    format!("(VALUES ({values})) AS keys(k)")
}

/// A condition on row `t` of a table: that it is no later, in the order of a key, than the last of the tenant's first `count`
/// rows that a condition on them, as row `t` too, is true of.
///
/// A change that takes rows in portions goes up to there. The place is looked up once, whatever the planner takes the table
/// for. Given the rows of a portion as a subquery with `IN`, PostgreSQL runs that again for every row that there is, if it
/// believes them to be few.
fn up_to(table: &str, key: &[&str], condition: &str, count: u32) -> String {
    let list = |before: &str, after: &str| {
        key.iter().map(|column| format!("{before}{column}{after}")).collect::<Vec<_>>().join(", ")
    };
    let (columns, plain, backwards) = (list("t.", ""), list("", ""), list("", " DESC"));
    let portion = format!(
        "SELECT {columns} FROM {table} AS t WHERE t.tenant_id = $1 AND {condition} ORDER BY {columns} LIMIT {count}"
    );
    format!("({columns}) <= (SELECT {plain} FROM ({portion}) AS portion ORDER BY {backwards} LIMIT 1)")
}

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// Deletes the tenant's first rows of a table, in the order of a key, that a condition on row `t` is true of; returns how
    /// many. One that is being changed is waited for, and judged by what it is then (PostgreSQL).
    pub(super) async fn delete_first(
        &self,
        table: &str,
        key: &[&str],
        condition: &str,
        values: impl IntoIterator<Item = Value>,
        count: u32,
    ) -> Result<u64> {
        let first = up_to(table, key, condition, count);
        let sql = format!("DELETE FROM {table} AS t WHERE t.tenant_id = $1 AND {condition} AND {first}");
        self.execute(&sql, values).await
    }
}

/// A list of keys, the last repeated: its length is a power of two, so that few statements are prepared.
pub(super) fn list(mut values: Vec<Value>) -> Vec<Value> {
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

/// The columns of a table under names that begin with a prefix, so that one query reads rows of two tables.
pub(super) fn prefixed<E: EntityTrait>(table: &str, prefix: &str) -> String {
    let columns = <E as EntityTrait>::Column::iter().map(|column| {
        let name = column.as_str();
        format!("{table}.{name} AS {prefix}{name}")
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// The sixteen bytes of an identity column.
pub(super) fn id16(bytes: &[u8]) -> Result<[u8; 16]> {
    bytes.try_into().map_err(|_| Error::internal("an identity column is not 16 bytes"))
}

/// Where ids that begin with a byte lie, behind one of them: after the first value, up to the second.
pub(super) fn id_range(first: u8, after: Option<[u8; 16]>) -> (Vec<u8>, Vec<u8>) {
    let mut last = [u8::MAX; 16];
    last[0] = first;
    // What is longer comes later: a single byte lies before every id that begins with it.
    (after.map_or_else(|| vec![first], |id| id.to_vec()), last.to_vec())
}
