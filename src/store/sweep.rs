//! Deleting what has expired, a bounded batch at a time, one sweeper at a time. Nothing depends on it: expiry is judged on
//! every read.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Value};

use super::Store;
use super::purge::{BATCH, GRANT_REST};
use super::scoped::{TenantStore, list, placeholders, values};
use crate::domain::{Result, Seconds, TenantId};

/// A table whose rows expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiring {
    /// Access tokens, identifier tokens, ID tokens.
    AccessTokens,
    /// Refresh token chains.
    RefreshTokens,
    /// Codes. A consumed one stays while its grant does, so that a replay is noticed.
    Codes,
    /// Grants. One stays while its refresh token lives.
    Grants,
    /// What was used once.
    UsedOnce,
    /// Revocations that nothing obeys any more.
    Revocations,
}

impl Expiring {
    /// All, in an order in which one makes room for the next.
    pub const ALL: [Self; 6] =
        [Self::AccessTokens, Self::RefreshTokens, Self::Grants, Self::Codes, Self::UsedOnce, Self::Revocations];

    const fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::AccessTokens => ("access_token", "expires_at"),
            Self::RefreshTokens => ("refresh_token", "deadline"),
            Self::Codes => ("authorization_code", "expires_at"),
            Self::Grants => ("authorization_grant", "expires_at"),
            Self::UsedOnce => ("used_once", "expires_at"),
            Self::Revocations => ("revocation", "expires_at"),
        }
    }
}

/// The advisory lock of the one upkeep (PostgreSQL).
const LOCK: i64 = 0x7465_6e75_7265;

/// How often the grant of a consumed code is looked at again.
const LOOK_AGAIN: Seconds = 86_400;

#[derive(FromQueryResult)]
struct Expired {
    id: Vec<u8>,
}

#[derive(FromQueryResult)]
struct Ended {
    number: i64,
    grant_id: Vec<u8>,
}

impl Store {
    /// Up to `limit` tenants, after one, that have expired rows in a table: one probe of its index per tenant.
    pub async fn list_tenants_to_sweep(
        &self,
        what: Expiring,
        after: TenantId,
        now: Seconds,
        limit: u32,
    ) -> Result<Vec<TenantId>> {
        let (table, column) = what.table();
        let sql = format!(
            "WITH RECURSIVE t (id) AS (
                SELECT MIN(tenant_id) FROM {table} WHERE tenant_id > $1
                UNION ALL
                SELECT (SELECT MIN(n.tenant_id) FROM {table} n WHERE n.tenant_id > t.id) FROM t WHERE t.id IS NOT NULL)
            SELECT id FROM t WHERE id IS NOT NULL
            AND EXISTS (SELECT 1 FROM {table} e WHERE e.tenant_id = t.id AND e.{column} <= $2) LIMIT {limit}"
        );
        self.tenant_ids(&sql, values![after.0, now]).await
    }
}

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// Deletes a batch of expired rows. `None` when another process is sweeping; else whether there may be more.
    pub async fn sweep(&self, what: Expiring, now: Seconds) -> Result<Option<bool>> {
        if !self.take_upkeep_lock().await? {
            return Ok(None);
        }
        let done = match what {
            Expiring::AccessTokens => self.delete_expired(what, "number", "", now).await?,
            Expiring::RefreshTokens => self.sweep_chains(now).await?,
            Expiring::Grants => self.sweep_grants(now).await?,
            Expiring::Codes => self.sweep_codes(now).await?,
            Expiring::UsedOnce => self.delete_expired(what, "digest", "", now).await?,
            Expiring::Revocations => self.delete_expired(what, "selector", " AND t.purged", now).await?,
        };
        Ok(Some(done >= u64::from(BATCH)))
    }

    /// Takes the lock of the one upkeep, for the rest of the transaction; tells whether it was free.
    pub async fn take_upkeep_lock(&self) -> Result<bool> {
        if self.backend() != DbBackend::Postgres {
            // One writer per file, and whoever has it deletes.
            return Ok(true);
        }
        let sql = "SELECT CASE WHEN pg_try_advisory_xact_lock($2) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END
            FROM (SELECT $1::bigint AS tenant_id) AS t WHERE tenant_id = $1";
        Ok(self.number(sql, values![LOCK]).await? == Some(1))
    }

    async fn delete_expired(&self, what: Expiring, key: &str, more: &str, now: Seconds) -> Result<u64> {
        let (table, column) = what.table();
        let condition = format!("t.{column} <= $2{more}");
        self.delete_first(table, &[column, key], &condition, values![now], BATCH).await
    }

    /// A chain that is being changed is waited for, and may live on (PostgreSQL): its time is asked of what is deleted too.
    /// `+` keeps the planner from looking for it by that.
    async fn sweep_chains(&self, now: Seconds) -> Result<u64> {
        let sql = format!(
            "SELECT number, grant_id FROM refresh_token WHERE tenant_id = $1 AND deadline <= $2
            ORDER BY deadline LIMIT {BATCH}"
        );
        let ended: Vec<Ended> = self.all(&sql, values![now]).await?;
        if ended.is_empty() {
            return Ok(0);
        }
        let grants: Vec<Vec<u8>> = ended.iter().map(|row| row.grant_id.clone()).collect();
        self.shorten_grants(&grants, now.saturating_add(GRANT_REST)).await?;
        let list = placeholders(3, ended.len());
        let sql = format!("DELETE FROM refresh_token WHERE tenant_id = $1 AND +deadline <= $2 AND number IN ({list})");
        let numbers = ended.iter().map(|row| Value::from(row.number));
        self.execute(&sql, values![now].into_iter().chain(numbers)).await
    }

    /// A batch of expired rows, as a condition on row `t` and its values from `$2`, the time, on; `None`: there are none. Many
    /// may have expired in the same second, so that they are named, in no other order.
    async fn expired_batch(&self, table: &str, now: Seconds) -> Result<Option<(String, Vec<Value>)>> {
        let sql = format!(
            "SELECT id FROM {table} WHERE tenant_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT {BATCH}"
        );
        let found: Vec<Expired> = self.all(&sql, values![now]).await?;
        let ids = list(found.into_iter().map(|row| row.id.into()).collect());
        let condition = format!("+t.expires_at <= $2 AND t.id IN ({})", placeholders(3, ids.len()));
        Ok((!ids.is_empty()).then(|| (condition, values![now].into_iter().chain(ids).collect())))
    }

    /// A chain may have been given a longer life than its grant was made for: the grant gets it too.
    async fn sweep_grants(&self, now: Seconds) -> Result<u64> {
        let Some((expired, values)) = self.expired_batch("authorization_grant", now).await? else { return Ok(0) };
        let of_live_chain = of_row("refresh_token", "o.id = t.chain_id", "o.grant_id = t.id AND o.deadline > $2");
        let longer = "SELECT r.expires_at FROM refresh_token r WHERE r.tenant_id = $1 AND r.id = t.chain_id";
        let sql = format!(
            "UPDATE authorization_grant AS t SET expires_at = ({longer})
            WHERE t.tenant_id = $1 AND {expired} AND {of_live_chain}"
        );
        let kept = self.execute(&sql, values.clone()).await?;
        let sql = format!(
            "DELETE FROM authorization_grant AS t WHERE t.tenant_id = $1 AND {expired} AND NOT {of_live_chain}"
        );
        Ok(kept + self.execute(&sql, values).await?)
    }

    /// A code that is consumed while it is waited for (PostgreSQL) is one that was not: its grant is not seen here.
    async fn sweep_codes(&self, now: Seconds) -> Result<u64> {
        let Some((expired, values)) = self.expired_batch("authorization_code", now).await? else { return Ok(0) };
        let has_grant = of_row("authorization_grant", "o.id = t.grant_id", "TRUE");
        let sql = format!(
            "UPDATE authorization_code AS t SET expires_at = $2 + {LOOK_AGAIN}
            WHERE t.tenant_id = $1 AND {expired} AND t.state = 1 AND {has_grant}"
        );
        let mut done = self.execute(&sql, values.clone()).await?;
        for needless in ["t.state <> 1", &format!("t.state = 1 AND NOT {has_grant}")] {
            let sql =
                format!("DELETE FROM authorization_code AS t WHERE t.tenant_id = $1 AND {expired} AND {needless}");
            done += self.execute(&sql, values.clone()).await?;
        }
        Ok(done)
    }
}

/// Whether a condition is true of row `o` of a table, which `key` leads to from row `t`: looked up for one row at a time, by
/// the key alone.
fn of_row(table: &str, key: &str, condition: &str) -> String {
    let found =
        format!("SELECT CASE WHEN {condition} THEN 1 ELSE 0 END FROM {table} AS o WHERE o.tenant_id = $1 AND {key}");
    format!("COALESCE(({found} LIMIT 1), 0) = 1")
}
