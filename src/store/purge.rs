//! Deleting what a revocation killed, a bounded batch at a time.

use entity::revocation as row;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};

use super::Store;
use super::error::from_db;
use super::revocations::SelectorHash;
use super::scoped::{TenantStore, id16, placeholders, values};
use super::token_pages::Register;
use crate::domain::{Epoch, Result, Seconds, TenantId};

/// How many rows one batch looks at or deletes at most.
pub const BATCH: u32 = 500;

/// How long a grant is kept at most once its refresh tokens are gone: JWTs of it may be out.
pub const GRANT_REST: Seconds = 400 * 86_400;

/// How long a revocation of one thing is kept once all of it is gone: what was under way when it was made has ended.
const KEPT: Seconds = 86_400;

/// A revocation whose rows are still there.
#[derive(Clone, Debug)]
pub struct Doomed {
    /// The hash of its selector.
    pub selector: SelectorHash,
    /// Its epoch: rows of a lower one die.
    pub epoch: Epoch,
    at: Seconds,
    sub: Option<String>,
    cid: Option<String>,
    act: Option<String>,
    kind: i16,
    thing: Option<Vec<u8>>,
}

impl Doomed {
    /// Whether an index leads to its rows; else all of the tenant's are walked through.
    fn is_indexed(&self) -> bool {
        self.sub.is_some() || self.cid.is_some()
    }

    /// Whether grants die with the chains.
    fn takes_grants(&self) -> bool {
        !matches!(self.kind, 9 | 11 | 15)
    }

    /// Conditions on row `t`, with values from `$2` on.
    fn conditions(&self, register: Option<Register>) -> (String, Vec<Value>) {
        let mut values = values![self.epoch].to_vec();
        let mut sql = "t.tenant_id = $1 AND t.epoch < $2".to_owned();
        for (column, value) in [("sub", &self.sub), ("cid", &self.cid), ("act", &self.act)] {
            if let Some(value) = value {
                values.push(value.as_str().into());
                sql += &format!(" AND t.{column} = ${}", values.len() + 1);
            }
        }
        if register == Some(Register::Access) && (self.sub.is_some() || self.act.is_some()) {
            sql += " AND t.has_user";
        }
        if let Some(thing) = &self.thing {
            values.push(thing.clone().into());
            sql += &format!(" AND {}", self.thing_column(register, values.len() + 1));
        }
        (sql, values)
    }

    fn thing_column(&self, register: Option<Register>, n: usize) -> String {
        let column = match (self.kind, register) {
            (8, Some(_)) | (9, Some(Register::Refresh)) => "authorization_id",
            (10, Some(_)) => "grant_id",
            (11, Some(Register::Access)) => "chain_id",
            (15, Some(Register::Access)) => "signed_by",
            (8, None) | (11, Some(Register::Refresh)) => "id",
            // The end of refresh tokens is not the end of anything else, nor that of a key of anything but its JWTs.
            _ => return format!("${n} IS NULL"),
        };
        format!("t.{column} = ${n}")
    }
}

#[derive(FromQueryResult)]
struct Victim {
    number: i64,
    grant_id: Vec<u8>,
}

impl Store {
    /// Up to `limit` tenants, after one, with revocations from before a time whose rows are still there.
    pub async fn list_tenants_to_purge(&self, after: TenantId, before: Seconds, limit: u32) -> Result<Vec<TenantId>> {
        let sql = format!(
            "SELECT DISTINCT tenant_id FROM revocation
            WHERE tenant_id > $1 AND NOT purged AND revoked_at <= $2 ORDER BY tenant_id LIMIT {limit}"
        );
        self.tenant_ids(&sql, values![after.0, before]).await
    }

    /// Tenant ids of a query over the rows of all: for the upkeep that no request waits for.
    pub(super) async fn tenant_ids(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Vec<TenantId>> {
        let statement = Statement::from_sql_and_values(self.backend, sql, values);
        let rows = self.pool().query_all_raw(statement).await.map_err(from_db)?;
        rows.iter().map(|r| r.try_get_by_index(0).map(TenantId)).collect::<Result<_, _>>().map_err(from_db)
    }
}

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// Up to `limit` revocations from before a time whose rows are still there, the oldest first.
    pub async fn list_doomed(&self, before: Seconds, limit: u32) -> Result<Vec<Doomed>> {
        let sql = format!(
            "SELECT * FROM revocation WHERE tenant_id = $1 AND NOT purged AND revoked_at <= $2
            ORDER BY revoked_at, epoch LIMIT {limit}"
        );
        let rows: Vec<row::Model> = self.all(&sql, values![before]).await?;
        rows.into_iter().map(to_thing).collect()
    }

    /// Deletes a batch of dead tokens; returns the number to go on after, if there may be more.
    pub async fn purge_tokens(&self, register: Register, doomed: &Doomed, after: i64) -> Result<Option<i64>> {
        let (conditions, mut values) = doomed.conditions(Some(register));
        let table = match register {
            Register::Access => "access_token",
            Register::Refresh => "refresh_token",
        };
        let mut place = String::new();
        let mut upper = None;
        if !doomed.is_indexed() {
            upper = self.walk(table, after).await?;
            values.extend(values![after, upper.unwrap_or(i64::MAX)]);
            place = format!(" AND t.number > ${} AND t.number <= ${}", values.len(), values.len() + 1);
        }
        let sql = format!(
            "SELECT t.number, t.grant_id FROM {table} t WHERE {conditions}{place} ORDER BY t.number LIMIT {BATCH}"
        );
        let victims: Vec<Victim> = self.all(&sql, values).await?;
        self.delete_victims(table, register, doomed, &victims).await?;
        let full = victims.len() == BATCH as usize;
        Ok(if doomed.is_indexed() { full.then_some(after) } else { upper })
    }

    /// The number that ends the next stretch of a walk over all rows; `None` at the end.
    async fn walk(&self, table: &str, after: i64) -> Result<Option<i64>> {
        let sql = format!(
            "SELECT number FROM {table} WHERE tenant_id = $1 AND number > $2 ORDER BY number LIMIT 1 OFFSET {}",
            BATCH - 1
        );
        self.number(&sql, values![after]).await
    }

    async fn delete_victims(&self, table: &str, register: Register, doomed: &Doomed, victims: &[Victim]) -> Result<()> {
        if victims.is_empty() {
            return Ok(());
        }
        // One that was taken past the revocation meanwhile lives on.
        let list = placeholders(3, victims.len());
        let sql = format!("DELETE FROM {table} WHERE tenant_id = $1 AND +epoch < $2 AND number IN ({list})");
        let numbers = victims.iter().map(|v| Value::from(v.number));
        self.execute(&sql, values![doomed.epoch].into_iter().chain(numbers)).await?;
        if register == Register::Refresh {
            let grants: Vec<Vec<u8>> = victims.iter().map(|v| v.grant_id.clone()).collect();
            if doomed.takes_grants() {
                self.delete_grants(&grants, doomed.epoch).await?;
            } else {
                self.shorten_grants(&grants, doomed.at.saturating_add(GRANT_REST)).await?;
            }
        }
        Ok(())
    }

    async fn delete_grants(&self, ids: &[Vec<u8>], epoch: Epoch) -> Result<()> {
        let list = placeholders(3, ids.len());
        let sql = format!("DELETE FROM authorization_grant WHERE tenant_id = $1 AND epoch < $2 AND id IN ({list})");
        let values = std::iter::once(Value::from(epoch)).chain(ids.iter().map(|id| Value::from(id.clone())));
        self.execute(&sql, values).await.map(|_| ())
    }

    /// Lets grants end no later than a moment.
    pub(super) async fn shorten_grants(&self, ids: &[Vec<u8>], until: Seconds) -> Result<()> {
        let list = placeholders(3, ids.len());
        let sql = format!(
            "UPDATE authorization_grant SET expires_at = $2 WHERE tenant_id = $1 AND expires_at > $2 AND id IN ({list})"
        );
        let values = std::iter::once(Value::from(until)).chain(ids.iter().map(|id| Value::from(id.clone())));
        self.execute(&sql, values).await.map(|_| ())
    }

    /// Deletes a batch of dead records; tells whether there may be more.
    pub async fn purge_records(&self, doomed: &Doomed) -> Result<bool> {
        let (conditions, values) = doomed.conditions(None);
        Ok(self.delete_first("authorization_record", &["sub", "cid", "act"], &conditions, values, BATCH).await? > 0)
    }

    /// Records that nothing is left of what a revocation killed, unless it was made anew meanwhile.
    pub async fn finish_purge(&self, doomed: &Doomed) -> Result<()> {
        if let (8 | 10, Some(thing)) = (doomed.kind, &doomed.thing) {
            // The grant itself, also where it had no refresh token; a transient authorisation is its grant.
            self.delete_grants(std::slice::from_ref(thing), doomed.epoch).await?;
        }
        let sql =
            "UPDATE revocation SET purged = TRUE, expires_at = CASE WHEN kind IN (9, 10, 15) THEN $4 ELSE expires_at END
            WHERE tenant_id = $1 AND selector = $2 AND epoch = $3";
        let until = doomed.at.saturating_add(KEPT);
        self.execute(sql, values![doomed.selector.to_vec(), doomed.epoch, until]).await.map(|_| ())
    }
}

fn to_thing(row: row::Model) -> Result<Doomed> {
    Ok(Doomed {
        selector: id16(&row.selector)?,
        epoch: row.epoch,
        at: row.revoked_at,
        sub: row.sub,
        cid: row.cid,
        act: row.act,
        kind: row.kind,
        thing: row.thing,
    })
}
