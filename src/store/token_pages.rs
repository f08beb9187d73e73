//! Pages and counts of live tokens, in order of expiry.
//!
//! What a revocation killed is deleted in the background. Until then it is left out here by the revocations that are still
//! to be purged: those of a subject by a set of numbers that an index yields, the few broader ones each by a condition. So
//! a count and a page are exact at once, and plain once the purge is through.

use entity::{access_token, refresh_token};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::scoped::{TenantStore, placeholders, values};
use super::{access_tokens, chains};
use crate::domain::{AccessToken, Chain, Epoch, Result, Seconds};

/// Which of the two kinds of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Register {
    /// Access tokens; ID tokens share their numbers and are not listed.
    Access,
    /// Refresh tokens: one per chain.
    Refresh,
}

impl Register {
    const fn table(self) -> &'static str {
        match self {
            Self::Access => "access_token",
            Self::Refresh => "refresh_token",
        }
    }

    /// The column that says when a token ends.
    const fn end(self) -> &'static str {
        match self {
            Self::Access => "expires_at",
            Self::Refresh => "deadline",
        }
    }

    /// Whether row `t` has a user that selectors of a subject or an actor match.
    const fn with_user(self) -> &'static str {
        match self {
            Self::Access => " AND t.has_user",
            Self::Refresh => "",
        }
    }

    const fn listed(self) -> &'static str {
        match self {
            Self::Access => " AND t.kind <> 2",
            Self::Refresh => "",
        }
    }

    /// Whether row `t` is, or is of, the one thing that revocation `r` names, if it names one.
    pub(super) const fn of_thing(self) -> &'static str {
        match self {
            Self::Access => {
                "(r.thing IS NULL OR (r.kind = 8 AND t.authorization_id = r.thing)
                OR (r.kind = 10 AND t.grant_id = r.thing) OR (r.kind = 11 AND t.chain_id = r.thing))"
            }
            Self::Refresh => {
                "(r.thing IS NULL OR (r.kind IN (8, 9) AND t.authorization_id = r.thing)
                OR (r.kind = 10 AND t.grant_id = r.thing) OR (r.kind = 11 AND t.id = r.thing))"
            }
        }
    }
}

/// Which tokens to page through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TokenFilter {
    /// Of any of these subjects.
    pub subs: Option<Vec<String>>,
    /// Of this client.
    pub cid: Option<String>,
}

/// The revocations whose rows are still there.
#[derive(Clone, Debug, Default)]
pub struct Unpurged {
    broad: Vec<Broad>,
    narrow: bool,
    suspended: bool,
}

impl Unpurged {
    /// Whether every row lives that has not expired.
    pub fn is_empty(&self) -> bool {
        self.broad.is_empty() && !self.narrow && !self.suspended
    }
}

#[derive(Clone, Debug, FromQueryResult)]
struct Broad {
    what: i32,
    cid: Option<String>,
    act: Option<String>,
    /// The key, of a revocation of what it has signed.
    signed_by: Option<Vec<u8>>,
    epoch: i64,
}

#[derive(FromQueryResult)]
struct Number {
    number: i64,
}

#[derive(FromQueryResult)]
struct Client {
    cid: String,
}

/// Conditions on row `t`, and their values from `$2` on.
struct Where {
    sql: String,
    values: Vec<Value>,
}

impl Where {
    fn bind(&mut self, value: impl Into<Value>) -> usize {
        self.values.push(value.into());
        self.values.len() + 1
    }

    fn of(register: Register, filter: &TokenFilter, now: Seconds, unpurged: &Unpurged) -> Self {
        let mut this = Self { sql: String::new(), values: values![now].into() };
        this.sql = format!("t.tenant_id = $1 AND t.{} > $2{}", register.end(), register.listed());
        if let Some(subs) = &filter.subs {
            let list = placeholders(this.values.len() + 2, subs.len());
            this.values.extend(subs.iter().map(|sub| Value::from(sub.as_str())));
            this.sql += &format!(" AND t.sub IN ({list}){}", register.with_user());
        }
        if let Some(cid) = &filter.cid {
            let n = this.bind(cid.as_str());
            this.sql += &format!(" AND t.cid = ${n}");
        }
        this.leave_out(register, unpurged);
        this
    }

    fn leave_out(&mut self, register: Register, unpurged: &Unpurged) {
        for broad in &unpurged.broad {
            if broad.signed_by.is_some() && register == Register::Refresh {
                continue;
            }
            let n = self.bind(broad.epoch);
            self.sql += &format!(" AND NOT (t.epoch < ${n}");
            if let Some(cid) = &broad.cid {
                let n = self.bind(cid.as_str());
                self.sql += &format!(" AND t.cid = ${n}");
            }
            if let Some(act) = &broad.act {
                let n = self.bind(act.as_str());
                self.sql += &format!(" AND t.act = ${n}{}", register.with_user());
            }
            if let Some(key) = &broad.signed_by {
                let n = self.bind(key.clone());
                self.sql += &format!(" AND t.signed_by IS NOT NULL AND t.signed_by = ${n}");
            }
            self.sql += ")";
        }
        if unpurged.narrow {
            // CROSS JOIN: SQLite keeps the order of the tables, and so begins with the few revocations.
            self.sql += &format!(
                " AND t.number NOT IN (SELECT t.number FROM revocation r CROSS JOIN {table} t
                WHERE r.tenant_id = $1 AND NOT r.purged AND r.sub IS NOT NULL AND t.tenant_id = $1 AND t.sub = r.sub
                AND t.epoch < r.epoch AND (r.cid IS NULL OR t.cid = r.cid) AND (r.act IS NULL OR t.act = r.act){user}
                AND {thing})",
                table = register.table(),
                user = register.with_user(),
                thing = register.of_thing(),
            );
        }
        if unpurged.suspended {
            self.sql += " AND t.cid NOT IN (SELECT client_id FROM client WHERE tenant_id = $1 AND NOT enabled)";
            self.sql += &format!(
                " AND NOT (t.sub IN (SELECT sub FROM end_user WHERE tenant_id = $1 AND NOT enabled){})",
                register.with_user()
            );
        }
    }
}

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// The revocations whose rows are still there, and whether any client or user is disabled.
    pub async fn unpurged(&self) -> Result<Unpurged> {
        let sql = "SELECT 0 AS what, cid, act, thing AS signed_by, epoch FROM revocation
                WHERE tenant_id = $1 AND NOT purged AND sub IS NULL
            UNION ALL SELECT * FROM (SELECT 1, CAST(NULL AS TEXT), CAST(NULL AS TEXT), thing, epoch FROM revocation
                WHERE tenant_id = $1 AND NOT purged AND sub IS NOT NULL LIMIT 1) AS narrow
            UNION ALL SELECT * FROM (SELECT 2, CAST(NULL AS TEXT), CAST(NULL AS TEXT), thing, epoch FROM revocation
                WHERE tenant_id = $1 AND epoch = $2 LIMIT 1) AS suspended";
        let rows: Vec<Broad> = self.all(sql, values![Epoch::MAX]).await?;
        Ok(Unpurged {
            narrow: rows.iter().any(|row| row.what == 1),
            suspended: rows.iter().any(|row| row.what == 2),
            broad: rows.into_iter().filter(|row| row.what == 0).collect(),
        })
    }

    /// How many live tokens there are.
    pub async fn count_tokens(
        &self,
        register: Register,
        filter: &TokenFilter,
        now: Seconds,
        unpurged: &Unpurged,
    ) -> Result<i64> {
        let conditions = Where::of(register, filter, now, unpurged);
        let sql = format!("SELECT COUNT(*) FROM {} t WHERE {}", register.table(), conditions.sql);
        Ok(self.number(&sql, conditions.values).await?.unwrap_or(0))
    }

    /// The numbers of up to `limit` live tokens after the first `offset`, by expiry and number.
    pub async fn list_token_numbers(
        &self,
        register: Register,
        filter: &TokenFilter,
        now: Seconds,
        unpurged: &Unpurged,
        (offset, limit): (i64, u32),
    ) -> Result<Vec<i64>> {
        let conditions = Where::of(register, filter, now, unpurged);
        let sql = format!(
            "SELECT t.number FROM {} t WHERE {} ORDER BY t.{}, t.number LIMIT {limit} OFFSET {offset}",
            register.table(),
            conditions.sql,
            register.end()
        );
        let rows: Vec<Number> = self.all(&sql, conditions.values).await?;
        Ok(rows.into_iter().map(|row| row.number).collect())
    }

    /// The clients that a subject has live tokens of.
    pub async fn list_clients_with_tokens(
        &self,
        register: Register,
        sub: &str,
        now: Seconds,
        unpurged: &Unpurged,
    ) -> Result<Vec<String>> {
        let filter = TokenFilter { subs: Some(vec![sub.to_owned()]), cid: None };
        let conditions = Where::of(register, &filter, now, unpurged);
        let sql = format!("SELECT DISTINCT t.cid FROM {} t WHERE {}", register.table(), conditions.sql);
        let rows: Vec<Client> = self.all(&sql, conditions.values).await?;
        Ok(rows.into_iter().map(|row| row.cid).collect())
    }

    /// Access tokens by number, dead or alive, by expiry and number.
    pub async fn find_access_tokens(&self, numbers: &[i64]) -> Result<Vec<AccessToken>> {
        let mut found = Vec::with_capacity(numbers.len());
        for numbers in numbers.chunks(400) {
            let sql = format!(
                "SELECT * FROM access_token WHERE tenant_id = $1 AND number IN ({})",
                placeholders(2, numbers.len())
            );
            let rows: Vec<access_token::Model> = self.all(&sql, numbers.iter().map(|n| Value::from(*n))).await?;
            found.extend(rows.into_iter().map(access_tokens::to_thing).collect::<Result<Vec<_>>>()?);
        }
        found.sort_by_key(|token| (token.expires_at, token.number));
        Ok(found)
    }

    /// Chains by number, dead or alive, by the end of their time and number.
    pub async fn find_chains_by_number(&self, numbers: &[i64]) -> Result<Vec<Chain>> {
        let mut found = Vec::with_capacity(numbers.len());
        for numbers in numbers.chunks(400) {
            let sql = format!(
                "SELECT * FROM refresh_token WHERE tenant_id = $1 AND number IN ({})",
                placeholders(2, numbers.len())
            );
            let rows: Vec<refresh_token::Model> = self.all(&sql, numbers.iter().map(|n| Value::from(*n))).await?;
            found.extend(rows.into_iter().map(chains::to_thing).collect::<Result<Vec<_>>>()?);
        }
        found.sort_by_key(|chain| (chain.deadline(), chain.number));
        Ok(found)
    }
}
