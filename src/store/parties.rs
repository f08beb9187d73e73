//! Clients and users of a page of tokens, read together.

use entity::{client, end_user};
use sea_orm::{ConnectionTrait, Value};

use super::scoped::{TenantStore, placeholders};
use super::{clients, users};
use crate::domain::{Client, Result, User};

/// How many one query names.
const CHUNK: usize = 400;

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// The clients of these ids that exist.
    pub async fn find_clients(&self, ids: &[&str]) -> Result<Vec<Client>> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(CHUNK) {
            let sql =
                format!("SELECT * FROM client WHERE tenant_id = $1 AND client_id IN ({})", placeholders(2, ids.len()));
            let rows: Vec<client::Model> = self.all(&sql, ids.iter().map(|id| Value::from(*id))).await?;
            found.extend(rows.into_iter().map(clients::to_thing).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// Up to `limit` clients after a number, in its order.
    pub async fn list_clients_by_number(&self, after: i64, limit: u32) -> Result<Vec<Client>> {
        let sql = format!("SELECT * FROM client WHERE tenant_id = $1 AND number > $2 ORDER BY number LIMIT {limit}");
        let rows: Vec<client::Model> = self.all(&sql, [Value::from(after)]).await?;
        rows.into_iter().map(clients::to_thing).collect()
    }

    /// The users of these subjects that exist.
    pub async fn find_users_by_sub(&self, subs: &[&str]) -> Result<Vec<User>> {
        let mut found = Vec::with_capacity(subs.len());
        for subs in subs.chunks(CHUNK) {
            let sql =
                format!("SELECT * FROM end_user WHERE tenant_id = $1 AND sub IN ({})", placeholders(2, subs.len()));
            let rows: Vec<end_user::Model> = self.all(&sql, subs.iter().map(|sub| Value::from(*sub))).await?;
            found.extend(rows.into_iter().map(users::to_thing));
        }
        Ok(found)
    }
}
