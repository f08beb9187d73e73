//! Rows as one statement: in the words of each engine.

use std::fmt::Write as _;

use sea_orm::sea_query::ArrayType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbBackend, EntityName, EntityTrait, IdenStatic, Iterable, Statement, Value,
};

use super::super::receipt;
use crate::domain::{Error, Result};

/// Rows of one table that are not written yet.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Value>>,
}

#[derive(Debug)]
struct Column {
    name: &'static str,
    is_nullable: bool,
}

impl Table {
    /// The table of an entity, without rows.
    pub(super) fn of<A: ActiveModelTrait>() -> Self {
        let columns = <A::Entity as EntityTrait>::Column::iter()
            .map(|column| Column { name: column.as_str(), is_nullable: column.def().is_null() })
            .collect();
        Self { name: A::Entity::default().table_name(), columns, rows: Vec::new() }
    }

    /// Adds a row whose columns are all set.
    pub(super) fn push<A: ActiveModelTrait>(&mut self, mut row: A) {
        let columns = <A::Entity as EntityTrait>::Column::iter();
        self.rows.push(columns.filter_map(|column| row.take(column).into_value()).collect());
    }

    fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.name).collect()
    }

    /// One array for each column, and a last one that tells of each row which of its columns are NULL, a bit each: a list of
    /// values that may be NULL has no type of its own here.
    fn arrays(&mut self) -> Result<Vec<Value>> {
        let mut nulls = vec![0_i64; self.rows.len()];
        let mut columns: Vec<Vec<Value>> = self.columns.iter().map(|_| Vec::with_capacity(nulls.len())).collect();
        for (row, nulls) in self.rows.drain(..).zip(&mut nulls) {
            for (place, (value, column)) in row.into_iter().zip(&mut columns).enumerate() {
                let (value, is_null) = some(value);
                *nulls |= i64::from(is_null) << place;
                column.push(value);
            }
        }
        columns.push(nulls.into_iter().map(Value::from).collect());
        columns.into_iter().map(array).collect()
    }

    /// `INSERT INTO … SELECT … FROM unnest(…)`, whose parameters begin behind `before` others.
    fn insert_arrays(&self, arrays: &[Value], before: usize) -> Result<String> {
        let taken = self.columns.iter().enumerate().map(|(place, Column { name, is_nullable })| {
            if *is_nullable {
                format!("CASE WHEN r.nulls & {} = 0 THEN r.{name} END", 1_i64 << place)
            } else {
                format!("r.{name}")
            }
        });
        let taken = taken.collect::<Vec<_>>().join(", ");
        let given =
            arrays.iter().enumerate().map(|(n, array)| Ok(format!("${}::{}", before + n + 1, type_of(array)?.1)));
        let given = given.collect::<Result<Vec<_>>>()?.join(", ");
        let (table, names) = (self.name, self.names().join(", "));
        Ok(format!("INSERT INTO {table} ({names}) SELECT {taken} FROM unnest({given}) AS r({names}, nulls)"))
    }
}

/// A value that is there in place of one that may be NULL.
fn some(value: Value) -> (Value, bool) {
    fn or_default<T: Default>(value: Option<T>) -> (Option<T>, bool) {
        let is_null = value.is_none();
        (Some(value.unwrap_or_default()), is_null)
    }
    macro_rules! each {
        ($($kind:ident),*) => {
            match value {
                $(Value::$kind(value) => { let (value, is_null) = or_default(value); (Value::$kind(value), is_null) })*
                other => (other, false),
            }
        };
    }
    each!(Bool, SmallInt, BigInt, String, Bytes)
}

/// The type of a value, and of a list of such in PostgreSQL's words.
fn type_of(value: &Value) -> Result<(ArrayType, &'static str)> {
    Ok(match value {
        Value::Bool(_) | Value::Array(ArrayType::Bool, _) => (ArrayType::Bool, "boolean[]"),
        Value::SmallInt(_) | Value::Array(ArrayType::SmallInt, _) => (ArrayType::SmallInt, "smallint[]"),
        Value::BigInt(_) | Value::Array(ArrayType::BigInt, _) => (ArrayType::BigInt, "bigint[]"),
        Value::String(_) | Value::Array(ArrayType::String, _) => (ArrayType::String, "text[]"),
        Value::Bytes(_) | Value::Array(ArrayType::Bytes, _) => (ArrayType::Bytes, "bytea[]"),
        other => return Err(Error::internal(format!("no list of such values is known: {other:?}"))),
    })
}

fn array(values: Vec<Value>) -> Result<Value> {
    let first = values.first().ok_or_else(|| Error::internal("a column without values"))?;
    Ok(Value::Array(type_of(first)?.0, Some(Box::new(values))))
}

/// PostgreSQL: one statement for the rows of all tables, however many they are; it gives the receipt if that is wanted. Every
/// statement is a journey, so that their number is what a batch takes its time for.
pub(super) fn with_arrays(tables: Vec<Table>, receipt: bool) -> Result<Statement> {
    let (mut sql, mut values) = (String::new(), Vec::new());
    for mut table in tables {
        let arrays = table.arrays()?;
        let insert = table.insert_arrays(&arrays, values.len())?;
        let begin = if sql.is_empty() { "WITH" } else { "," };
        let _ = write!(sql, "{begin} into_{} AS ({insert})", table.name); // a String takes whatever is written
        values.extend(arrays);
    }
    sql.push(' ');
    sql.push_str(if receipt { receipt::TAKE } else { "SELECT 1" });
    Ok(Statement::from_sql_and_values(DbBackend::Postgres, sql, values))
}

/// The rows that one statement of [`with_values`] inserts at most: each number of them is a statement to prepare.
const ROWS: usize = 32;

/// SQLite: the next rows of a table, `INSERT INTO name (columns) VALUES (?, …), …`; `None` if there are no more.
///
/// A failure leaves what was inserted before it, for the batch is undone as a whole: so nothing is copied that it could be
/// undone by alone. Parameters have no names, since each would be looked for in a list of all.
pub(super) fn with_values(table: &mut Table) -> Option<Statement> {
    let count = table.rows.len().min(ROWS);
    let one = format!("({})", vec!["?"; table.columns.len()].join(", "));
    let all = vec![one.as_str(); count].join(", ");
    let sql = format!("INSERT OR FAIL INTO {} ({}) VALUES {all}", table.name, table.names().join(", "));
    let values = table.rows.drain(..count).flatten();
    (count > 0).then(|| Statement::from_sql_and_values(DbBackend::Sqlite, sql, values))
}

#[cfg(test)]
mod tests {
    use entity::{audit, used_once};
    use sea_orm::IntoActiveModel as _;

    use super::*;

    fn entry(id: u8) -> audit::ActiveModel {
        let [kind, actor, request_id, detail] = ["kind", "actor", "request", "{}"].map(str::to_owned);
        audit::Model { tenant_id: 7, id: vec![id], at: 9, kind, actor, request_id, detail }.into_active_model()
    }

    fn entries(count: u8) -> Table {
        let mut table = Table::of::<audit::ActiveModel>();
        (0..count).for_each(|id| table.push(entry(id).reset_all()));
        table
    }

    #[test]
    fn a_list_for_each_column_whatever_the_number_of_rows() {
        let mut used = Table::of::<used_once::ActiveModel>();
        used.push(used_once::Model { tenant_id: 7, digest: vec![1], expires_at: 8 }.into_active_model().reset_all());
        let statement = with_arrays(vec![entries(3), used], false).unwrap();
        assert_eq!(
            statement.sql,
            "WITH into_audit AS (INSERT INTO audit (tenant_id, id, at, kind, actor, request_id, detail) \
                SELECT r.tenant_id, r.id, r.at, r.kind, r.actor, r.request_id, r.detail \
                FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], \
                $8::bigint[]) AS r(tenant_id, id, at, kind, actor, request_id, detail, nulls)), \
            into_used_once AS (INSERT INTO used_once (tenant_id, digest, expires_at) \
                SELECT r.tenant_id, r.digest, r.expires_at \
                FROM unnest($9::bigint[], $10::bytea[], $11::bigint[], $12::bigint[]) \
                AS r(tenant_id, digest, expires_at, nulls)) SELECT 1"
        );
        let values = statement.values.unwrap().0;
        assert_eq!(values.len(), 12);
        assert_eq!(values[0], Value::from(vec![7_i64, 7, 7]));
    }

    #[test]
    fn what_is_null_has_its_bit() {
        let mut table = Table {
            name: "t",
            columns: [("a", false), ("b", true), ("c", true)]
                .map(|(name, is_nullable)| Column { name, is_nullable })
                .into(),
            rows: vec![
                vec![1_i64.into(), Value::String(None), Vec::<u8>::new().into()],
                vec![2_i64.into(), "".into(), Value::Bytes(None)],
            ],
        };
        let arrays = table.arrays().unwrap();
        assert_eq!(arrays[0], Value::from(vec![1_i64, 2]));
        assert_eq!(arrays[1], Value::from(vec![String::new(), String::new()]));
        assert_eq!(arrays[3], Value::from(vec![2_i64, 4]));
        let sql = table.insert_arrays(&arrays, 1).unwrap();
        let taken = "SELECT r.a, CASE WHEN r.nulls & 2 = 0 THEN r.b END, CASE WHEN r.nulls & 4 = 0 THEN r.c END FROM \
            unnest($2::bigint[], $3::text[], $4::bytea[], $5::bigint[])";
        assert!(sql.contains(taken), "{sql}");
    }

    #[test]
    fn sqlite_has_a_place_for_each_value() {
        let mut table = entries(33);
        let first = with_values(&mut table).unwrap();
        assert_eq!(first.values.unwrap().0.len(), 32 * 7);
        let last = with_values(&mut table).unwrap();
        let columns = "tenant_id, id, at, kind, actor, request_id, detail";
        assert_eq!(last.sql, format!("INSERT OR FAIL INTO audit ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"));
        assert!(with_values(&mut table).is_none());
    }
}
