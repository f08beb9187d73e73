//! Grants: one row per sign-in.

use std::collections::HashMap;

use entity::authorization_grant as row;
use sea_orm::{ConnectionTrait, Value};

use super::authorizations::key;
use super::scoped::{KeyType, TenantStore, id16, list, values};
use crate::domain::{AuthorizationId, ChainId, Error, Grant, GrantId, Result, Seconds};

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// Writes a new grant.
    pub async fn insert_grant(&self, grant: &Grant) -> Result<()> {
        let transient = grant.transient.as_ref().map(serde_json::to_string).transpose().map_err(Error::internal)?;
        let authentication =
            grant.authentication.as_ref().map(serde_json::to_string).transpose().map_err(Error::internal)?;
        self.insert_later(row::Model {
            tenant_id: self.tenant_id().0,
            id: grant.id.0.to_vec(),
            authorization_id: grant.authorization.0.to_vec(),
            sub: grant.key.sub.clone(),
            cid: grant.key.cid.clone(),
            act: grant.key.act.clone().unwrap_or_default(),
            epoch: grant.epoch,
            chain_id: grant.chain.map(|c| c.0.to_vec()),
            transient,
            iss: grant.iss.clone(),
            iat: grant.iat,
            authentication,
            expires_at: grant.expires_at,
        })
        .await
    }

    /// A grant, dead or alive.
    pub async fn find_grant(&self, id: GrantId) -> Result<Option<Grant>> {
        match self.gathers() {
            Some(gathered) => gathered.grants.one(self.tenant_id(), id).await,
            None => Ok(self.find_grants(&[id]).await?.remove(&id)),
        }
    }

    /// Grants by id, dead or alive.
    pub(super) async fn find_grants(&self, ids: &[GrantId]) -> Result<HashMap<GrantId, Grant>> {
        let ids = list(ids.iter().map(|id| Value::from(id.0.to_vec())).collect());
        let sql = format!("SELECT c.* {}", self.keyed("authorization_grant", ("id", KeyType::Bytes), ids.len(), ""));
        let rows: Vec<row::Model> = self.all(&sql, ids).await?;
        rows.into_iter().map(|row| to_thing(row).map(|grant| (grant.id, grant))).collect()
    }

    /// Keeps a grant for as long as its last token may live.
    pub async fn extend_grant(&self, id: GrantId, until: Seconds) -> Result<()> {
        let sql = "UPDATE authorization_grant SET expires_at = $3 WHERE tenant_id = $1 AND id = $2 AND expires_at < $3";
        self.execute(sql, values![id.0.to_vec(), until]).await.map(|_| ())
    }
}

pub(super) fn to_thing(row: row::Model) -> Result<Grant> {
    Ok(Grant {
        id: GrantId(id16(&row.id)?),
        authorization: AuthorizationId(id16(&row.authorization_id)?),
        key: key(row.sub, row.cid, row.act),
        epoch: row.epoch,
        chain: row.chain_id.as_deref().map(id16).transpose()?.map(ChainId),
        transient: row.transient.as_deref().map(serde_json::from_str).transpose().map_err(Error::internal)?,
        iss: row.iss,
        iat: row.iat,
        authentication: row.authentication.as_deref().map(serde_json::from_str).transpose().map_err(Error::internal)?,
        expires_at: row.expires_at,
    })
}
