//! Stored authorisations: rows and their keyset reads.

use entity::authorization_record as row;
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::scoped::{TenantStore, id16, placeholders, values};
use crate::domain::{Authorization, AuthorizationId, AuthorizationKey, ChainId, Epoch, Error, Result, Terms};

/// Which authorisations to read. `None` leaves a part open; an actor of `Some(None)` means "has no actor".
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The subject.
    pub sub: Option<String>,
    /// The client.
    pub cid: Option<String>,
    /// The actor, or that there is none.
    pub act: Option<Option<String>>,
}

/// The order of a keyset read; each is one index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By subject, client, actor.
    Subject,
    /// By client, subject, actor.
    Client,
    /// By actor, subject, client; those without an actor first.
    Actor,
}

impl Order {
    fn columns(self) -> [&'static str; 3] {
        match self {
            Self::Subject => ["sub", "cid", "act"],
            Self::Client => ["cid", "sub", "act"],
            Self::Actor => ["act", "sub", "cid"],
        }
    }

    fn place(self, key: &AuthorizationKey) -> [Value; 3] {
        let (sub, cid) = (Value::from(key.sub.clone()), Value::from(key.cid.clone()));
        let act = Value::from(key.act.clone().unwrap_or_default());
        match self {
            Self::Subject => [sub, cid, act],
            Self::Client => [cid, sub, act],
            Self::Actor => [act, sub, cid],
        }
    }
}

impl Filter {
    /// The order that reads this filter from one index.
    pub fn order(&self) -> Order {
        match (&self.sub, &self.cid, &self.act) {
            (None, Some(_), _) => Order::Client,
            (None, None, Some(Some(_))) => Order::Actor,
            (Some(_), _, _) | (None, None, _) => Order::Subject,
        }
    }
}

/// What identifies an authorisation and tells whether it lives.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its key.
    pub key: AuthorizationKey,
    /// Its identity.
    pub id: AuthorizationId,
    /// The epoch it was written under.
    pub epoch: Epoch,
}

#[derive(FromQueryResult)]
struct EntryRow {
    sub: String,
    cid: String,
    act: String,
    id: Vec<u8>,
    epoch: i64,
}

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// The record of a key, dead or alive.
    pub async fn find_authorization(&self, key: &AuthorizationKey) -> Result<Option<Authorization>> {
        let sql = "SELECT * FROM authorization_record WHERE tenant_id = $1 AND sub = $2 AND cid = $3 AND act = $4";
        let found: Option<row::Model> = self.one(sql, key_values(key)).await?;
        found.map(to_thing).transpose()
    }

    /// Writes a record, in place of one with the same key.
    pub async fn upsert_authorization(&self, thing: &Authorization) -> Result<()> {
        let sql = "INSERT INTO authorization_record
                (tenant_id, sub, cid, act, id, epoch, newest_chain, iss, iat, uat, terms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (tenant_id, sub, cid, act) DO UPDATE SET id = excluded.id, epoch = excluded.epoch,
                newest_chain = excluded.newest_chain, iss = excluded.iss, iat = excluded.iat, uat = excluded.uat,
                terms = excluded.terms";
        let [sub, cid, act] = key_values(&thing.key);
        let terms = serde_json::to_string(&thing.terms).map_err(Error::internal)?;
        let rest = values![
            thing.id.0.to_vec(),
            thing.epoch,
            thing.newest_chain.map(|c| c.0.to_vec()),
            thing.iss.clone(),
            thing.iat,
            thing.uat,
            terms
        ];
        self.execute(sql, [sub, cid, act].into_iter().chain(rest)).await.map(|_| ())
    }

    /// Names the newest refresh token chain of a record.
    pub async fn set_newest_chain(&self, key: &AuthorizationKey, chain: ChainId) -> Result<()> {
        let sql = "UPDATE authorization_record SET newest_chain = $5
            WHERE tenant_id = $1 AND sub = $2 AND cid = $3 AND act = $4";
        let [sub, cid, act] = key_values(key);
        self.execute(sql, [sub, cid, act, Value::from(chain.0.to_vec())]).await.map(|_| ())
    }

    /// Deletes a record.
    pub async fn delete_authorization(&self, key: &AuthorizationKey) -> Result<bool> {
        let sql = "DELETE FROM authorization_record WHERE tenant_id = $1 AND sub = $2 AND cid = $3 AND act = $4";
        Ok(self.execute(sql, key_values(key)).await? == 1)
    }

    /// Up to `limit` records after a key, dead ones included.
    pub async fn list_authorizations(
        &self,
        filter: &Filter,
        after: Option<&AuthorizationKey>,
        limit: u32,
    ) -> Result<Vec<Authorization>> {
        let (sql, values) = page("*", filter, filter.order(), after, limit);
        let rows: Vec<row::Model> = self.all(&sql, values).await?;
        rows.into_iter().map(to_thing).collect()
    }

    /// Up to `limit` keys after a key, of dead records too.
    pub async fn list_authorization_entries(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&AuthorizationKey>,
        limit: u32,
    ) -> Result<Vec<Entry>> {
        let (sql, values) = page("sub, cid, act, id, epoch", filter, order, after, limit);
        let rows: Vec<EntryRow> = self.all(&sql, values).await?;
        rows.into_iter()
            .map(|r| Ok(Entry { key: key(r.sub, r.cid, r.act), id: AuthorizationId(id16(&r.id)?), epoch: r.epoch }))
            .collect()
    }
}

fn page(
    columns: &str,
    filter: &Filter,
    order: Order,
    after: Option<&AuthorizationKey>,
    limit: u32,
) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = Vec::new();
    let mut sql = format!("SELECT {columns} FROM authorization_record WHERE tenant_id = $1");
    let act = filter.act.as_ref().map(|a| a.clone().unwrap_or_default());
    // What is the same in all rows takes no part in the order: an index that begins with it has the rest in order.
    let mut free: Vec<&str> = order.columns().to_vec();
    for (column, value) in [("sub", &filter.sub), ("cid", &filter.cid), ("act", &act)] {
        if let Some(value) = value {
            values.push(value.clone().into());
            sql += &format!(" AND {column} = ${}", values.len() + 1);
            free.retain(|other| *other != column);
        }
    }
    if let Some(after) = after {
        let first = values.len() + 2;
        let place = order.columns().into_iter().zip(order.place(after));
        values.extend(place.filter(|(column, _)| free.contains(column)).map(|(_, value)| value));
        sql += &match free.len() {
            // One key has one record at most.
            0 => " AND 1 = 0".to_owned(),
            count => format!(" AND ({}) > ({})", free.join(", "), placeholders(first, count)),
        };
    }
    if !free.is_empty() {
        sql += &format!(" ORDER BY {}", free.join(", "));
    }
    sql += &format!(" LIMIT {limit}");
    (sql, values)
}

pub(super) fn key(sub: String, cid: String, act: String) -> AuthorizationKey {
    AuthorizationKey { sub, act: (!act.is_empty()).then_some(act), cid }
}

pub(super) fn key_values(key: &AuthorizationKey) -> [Value; 3] {
    values![key.sub.clone(), key.cid.clone(), key.act.clone().unwrap_or_default()]
}

fn to_thing(row: row::Model) -> Result<Authorization> {
    let terms: Terms = serde_json::from_str(&row.terms).map_err(Error::internal)?;
    Ok(Authorization {
        id: AuthorizationId(id16(&row.id)?),
        key: key(row.sub, row.cid, row.act),
        epoch: row.epoch,
        newest_chain: row.newest_chain.as_deref().map(id16).transpose()?.map(ChainId),
        iss: row.iss,
        iat: row.iat,
        uat: row.uat,
        terms,
    })
}
