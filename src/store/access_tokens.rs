//! The register of access tokens, identifier tokens and ID tokens.

use std::collections::HashMap;

use entity::access_token as row;
use sea_orm::{ConnectionTrait, Value};

use super::authorizations::key;
use super::scoped::{KeyType, TenantStore, id16, list, values};
use crate::domain::coherence::{Shard, Topic};
use crate::domain::{
    AccessToken, AuthorizationId, ChainId, Error, GrantId, KeyMark, Result, Seconds, TenantId, TokenKind, TokenNumber,
    scope,
};

/// The shard of a registered token.
pub fn token_shard(tenant: TenantId, number: TokenNumber) -> Shard {
    Shard::of(tenant, Topic::Token, &number.0.to_be_bytes())
}

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// Writes a new token.
    pub async fn insert_access_token(&self, token: &AccessToken) -> Result<()> {
        let snapshot = token.snapshot.as_ref().map(serde_json::to_string).transpose().map_err(Error::internal)?;
        self.insert_later(row::Model {
            tenant_id: self.tenant_id().0,
            number: token.number.0,
            kind: kind_number(token.kind),
            id: token.id.map(|id| id.to_vec()),
            ver: token.ver.into(),
            grant_id: token.grant.0.to_vec(),
            authorization_id: token.authorization.0.to_vec(),
            chain_id: token.chain.map(|c| c.0.to_vec()),
            sub: token.key.sub.clone(),
            cid: token.key.cid.clone(),
            act: token.key.act.clone().unwrap_or_default(),
            has_user: token.user,
            epoch: token.epoch,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            scope: token.scope.as_deref().map(scope::join),
            snapshot,
            sealed: token.sealed.clone(),
            id_token: token.id_token.map(|n| n.0),
            signed_by: token.signed_by.map(|key| key.0.to_vec()),
        })
        .await
    }

    /// A token, dead or alive.
    pub async fn find_access_token(&self, number: TokenNumber) -> Result<Option<AccessToken>> {
        match self.gathers() {
            Some(gathered) => gathered.access_tokens.one(self.tenant_id(), number).await,
            None => Ok(self.access_tokens_by_number(&[number]).await?.remove(&number)),
        }
    }

    /// Tokens by number, dead or alive.
    pub(super) async fn access_tokens_by_number(
        &self,
        numbers: &[TokenNumber],
    ) -> Result<HashMap<TokenNumber, AccessToken>> {
        let numbers = list(numbers.iter().map(|number| Value::from(number.0)).collect());
        let sql = format!("SELECT c.* {}", self.keyed("access_token", ("number", KeyType::Number), numbers.len(), ""));
        let rows: Vec<row::Model> = self.all(&sql, numbers).await?;
        rows.into_iter().map(|row| to_thing(row).map(|token| (token.number, token))).collect()
    }

    /// When the last of the registered JWTs expires that were issued from one moment until before another.
    pub async fn last_jwt_expiry(&self, from: Seconds, to: Seconds) -> Result<Option<Seconds>> {
        let sql = "SELECT expires_at FROM access_token
            WHERE tenant_id = $1 AND kind IN (1, 2) AND issued_at >= $2 AND issued_at < $3 ORDER BY expires_at DESC LIMIT 1";
        self.number(sql, values![from, to]).await
    }

    /// Deletes a token; tells whether this call did it.
    pub async fn delete_access_token(&self, number: TokenNumber) -> Result<bool> {
        let sql = "DELETE FROM access_token WHERE tenant_id = $1 AND number = $2";
        self.touch(token_shard(self.tenant_id(), number));
        Ok(self.execute(sql, values![number.0]).await? == 1)
    }
}

fn kind_number(kind: TokenKind) -> i16 {
    match kind {
        TokenKind::Identifier => 0,
        TokenKind::Jwt => 1,
        TokenKind::IdToken => 2,
    }
}

pub(super) fn to_thing(row: row::Model) -> Result<AccessToken> {
    let kind = match row.kind {
        0 => TokenKind::Identifier,
        1 => TokenKind::Jwt,
        2 => TokenKind::IdToken,
        _ => return Err(Error::internal("an unknown kind of token")),
    };
    Ok(AccessToken {
        number: TokenNumber(row.number),
        kind,
        id: row.id.as_deref().map(id16).transpose()?,
        ver: u8::try_from(row.ver).map_err(Error::internal)?,
        grant: GrantId(id16(&row.grant_id)?),
        authorization: AuthorizationId(id16(&row.authorization_id)?),
        chain: row.chain_id.as_deref().map(id16).transpose()?.map(ChainId),
        key: key(row.sub, row.cid, row.act),
        user: row.has_user,
        epoch: row.epoch,
        issued_at: row.issued_at,
        expires_at: row.expires_at,
        scope: row.scope.as_deref().map(|s| scope::parse(s).unwrap_or_default()),
        snapshot: row.snapshot.as_deref().map(serde_json::from_str).transpose().map_err(Error::internal)?,
        sealed: row.sealed,
        id_token: row.id_token.map(TokenNumber),
        signed_by: row.signed_by.as_deref().map(id16).transpose()?.map(KeyMark),
    })
}
