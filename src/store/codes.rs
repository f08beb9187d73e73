//! Authorisation codes.

use std::collections::HashMap;

use entity::authorization_code as row;
use sea_orm::{ConnectionTrait, Value};

use super::authorizations::key;
use super::revocations::SelectorHash;
use super::scoped::{KeyType, TenantStore, id_range, id16, list, placeholders, values};
use crate::domain::{AuthorizationId, Code, CodeId, CodeState, Error, GrantId, Result, Seconds};

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// Writes a new code.
    pub async fn insert_code(&self, code: &Code) -> Result<()> {
        self.insert_later(row::Model {
            tenant_id: self.tenant_id().0,
            id: code.id.0.to_vec(),
            ver: code.ver.into(),
            grant_id: code.grant.0.to_vec(),
            authorization_id: code.authorization.0.to_vec(),
            stored: code.stored,
            sub: code.key.sub.clone(),
            cid: code.key.cid.clone(),
            act: code.key.act.clone().unwrap_or_default(),
            epoch: code.epoch,
            expires_at: code.expires_at,
            state: state_number(code.state),
            used_at: None,
            sealed: code.sealed.clone(),
        })
        .await
    }

    /// A code, whatever its state.
    pub async fn find_code(&self, id: CodeId) -> Result<Option<Code>> {
        if let Some(gathered) = self.gathers() {
            return gathered.codes.one(self.tenant_id(), id).await;
        }
        let sql = "SELECT * FROM authorization_code WHERE tenant_id = $1 AND id = $2";
        let found: Option<row::Model> = self.one(sql, values![id.0.to_vec()]).await?;
        found.map(to_thing).transpose()
    }

    /// Codes by id, whatever their state.
    pub(super) async fn find_codes(&self, ids: &[CodeId]) -> Result<HashMap<CodeId, Code>> {
        let ids = list(ids.iter().map(|id| Value::from(id.0.to_vec())).collect());
        let sql = format!("SELECT c.* {}", self.keyed("authorization_code", ("id", KeyType::Bytes), ids.len(), ""));
        let rows: Vec<row::Model> = self.all(&sql, ids).await?;
        rows.into_iter().map(|row| to_thing(row).map(|code| (code.id, code))).collect()
    }

    /// Takes a pending code into its final state; tells whether this call did it.
    pub async fn consume_code(&self, id: CodeId, to: CodeState, now: Seconds) -> Result<bool> {
        let sql = "UPDATE authorization_code SET state = $3, used_at = $4
            WHERE tenant_id = $1 AND id = $2 AND state = 0 AND expires_at > $4";
        Ok(self.execute(sql, values![id.0.to_vec(), state_number(to), now]).await? == 1)
    }

    /// Up to `limit` pending codes of a version of the root secret whose ids begin with a byte, after an id.
    pub async fn list_codes_of(
        &self,
        (version, first): (u8, u8),
        after: Option<CodeId>,
        now: Seconds,
        limit: u32,
    ) -> Result<Vec<Code>> {
        let sql = format!(
            "SELECT * FROM authorization_code
            WHERE tenant_id = $1 AND id > $2 AND id <= $3 AND ver = $4 AND state = 0 AND expires_at > $5
            ORDER BY id LIMIT {limit}"
        );
        let (begin, end) = id_range(first, after.map(|id| id.0));
        let rows: Vec<row::Model> = self.all(&sql, values![begin, end, i16::from(version), now]).await?;
        rows.into_iter().map(to_thing).collect()
    }

    /// Takes a pending code whose snapshot is still the one that was read, and that none of the selectors has killed, into its
    /// final state; tells whether this call did it.
    pub async fn redeem_code(&self, code: &Code, killers: &[SelectorHash], now: Seconds) -> Result<bool> {
        if let Some(won) = self.is_won() {
            return Ok(won);
        }
        let sql = format!(
            "UPDATE authorization_code SET state = $3, used_at = $4
            WHERE tenant_id = $1 AND id = $2 AND state = 0 AND expires_at > $4 AND sealed = $5 AND NOT EXISTS
                (SELECT 1 FROM revocation WHERE tenant_id = $1 AND epoch > $6 AND selector IN ({}))",
            placeholders(7, killers.len())
        );
        let consumed = state_number(CodeState::Consumed);
        let values = values![code.id.0.to_vec(), consumed, now, code.sealed.clone(), code.epoch];
        let values = values.into_iter().chain(killers.iter().map(|killer| Value::from(killer.to_vec())));
        Ok(self.execute(&sql, values).await? == 1)
    }

    /// Up to `limit` pending codes after an id.
    pub async fn list_codes(&self, after: Option<CodeId>, now: Seconds, limit: u32) -> Result<Vec<Code>> {
        let sql = format!(
            "SELECT * FROM authorization_code
            WHERE tenant_id = $1 AND id > $2 AND state = 0 AND expires_at > $3 ORDER BY id LIMIT {limit}"
        );
        let after = after.map(|id| id.0.to_vec()).unwrap_or_default();
        let rows: Vec<row::Model> = self.all(&sql, values![after, now]).await?;
        rows.into_iter().map(to_thing).collect()
    }
}

fn state_number(state: CodeState) -> i16 {
    match state {
        CodeState::Pending => 0,
        CodeState::Consumed => 1,
        CodeState::Burnt => 2,
    }
}

pub(super) fn to_thing(row: row::Model) -> Result<Code> {
    let state = match row.state {
        0 => CodeState::Pending,
        1 => CodeState::Consumed,
        2 => CodeState::Burnt,
        _ => return Err(Error::internal("an unknown state of a code")),
    };
    Ok(Code {
        id: CodeId(id16(&row.id)?),
        ver: u8::try_from(row.ver).map_err(Error::internal)?,
        grant: GrantId(id16(&row.grant_id)?),
        authorization: AuthorizationId(id16(&row.authorization_id)?),
        stored: row.stored,
        key: key(row.sub, row.cid, row.act),
        epoch: row.epoch,
        expires_at: row.expires_at,
        state,
        sealed: row.sealed,
    })
}
