//! Refresh token chains.

use std::collections::HashMap;
use std::sync::LazyLock;

use entity::{authorization_grant, refresh_token as row};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, QueryResult, Value};

use super::authorizations::{key, key_values};
use super::grants;
use super::purge::GRANT_REST;
use super::scoped::{KeyType, TenantStore, id_range, id16, keys, list, placeholders, prefixed, values};
use crate::domain::{AuthorizationId, AuthorizationKey, Chain, ChainId, Error, Grant, GrantId, Result, Seconds};

/// What the columns of a chain and of its grant begin with where both are read.
const CHAIN: &str = "c_";
const GRANT: &str = "g_";

/// A row of a chain and of its grant.
struct Pair(row::Model, Option<authorization_grant::Model>);

impl FromQueryResult for Pair {
    fn from_query_result(found: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let chain = row::Model::from_query_result(found, CHAIN)?;
        Ok(Self(chain, authorization_grant::Model::from_query_result_optional(found, GRANT)?))
    }
}

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// Writes a new chain; `digest` is the keyed hash of an imported token's text.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another chain has the same imported text.
    pub async fn insert_chain(&self, chain: &Chain, digest: Option<[u8; 32]>) -> Result<()> {
        let row = row::Model {
            tenant_id: self.tenant_id().0,
            id: chain.id.0.to_vec(),
            number: chain.number,
            grant_id: chain.grant.0.to_vec(),
            authorization_id: chain.authorization.0.to_vec(),
            stored: chain.stored,
            sub: chain.key.sub.clone(),
            cid: chain.key.cid.clone(),
            act: chain.key.act.clone().unwrap_or_default(),
            epoch: chain.epoch,
            ver: chain.ver.into(),
            generation: chain.generation,
            rotated_at: chain.rotated_at,
            current_used: chain.current_used,
            issued_at: chain.issued_at,
            expires_at: chain.expires_at,
            max_idle: chain.max_idle,
            used_at: chain.used_at,
            deadline: chain.deadline(),
            scope: chain.scope.clone(),
            foreign_digest: digest.map(|d| d.to_vec()),
            foreign_sealed: chain.foreign.clone(),
        };
        // An imported text may be another's, which must be known at once.
        if digest.is_some() { self.insert(row).await } else { self.insert_later(row).await }
    }

    /// A chain, dead or alive.
    pub async fn find_chain(&self, id: ChainId) -> Result<Option<Chain>> {
        let sql = "SELECT * FROM refresh_token WHERE tenant_id = $1 AND id = $2";
        self.chain(sql, values![id.0.to_vec()]).await
    }

    /// A chain, dead or alive, with its grant.
    pub async fn find_chain_and_grant(&self, id: ChainId) -> Result<Option<(Chain, Option<Grant>)>> {
        match self.gathers() {
            Some(gathered) => gathered.chains.one(self.tenant_id(), id).await,
            None => Ok(self.find_chains_and_grants(&[id]).await?.remove(&id)),
        }
    }

    /// Chains by id, dead or alive, each with its grant.
    pub(super) async fn find_chains_and_grants(
        &self,
        ids: &[ChainId],
    ) -> Result<HashMap<ChainId, (Chain, Option<Grant>)>> {
        static COLUMNS: LazyLock<String> = LazyLock::new(|| {
            let grant = prefixed::<authorization_grant::Entity>("g", GRANT);
            format!("{}, {grant}", prefixed::<row::Entity>("c", CHAIN))
        });
        let ids = list(ids.iter().map(|id| Value::from(id.0.to_vec())).collect());
        let from = match self.backend() {
            // As in `keyed`.
            DbBackend::Postgres => format!(
                "FROM {} CROSS JOIN LATERAL
                    (SELECT * FROM refresh_token WHERE tenant_id = $1 AND id = keys.k LIMIT 1) AS c
                LEFT JOIN LATERAL
                    (SELECT * FROM authorization_grant WHERE tenant_id = $1 AND id = c.grant_id LIMIT 1) AS g ON TRUE",
                keys(KeyType::Bytes, ids.len())
            ),
            _ => format!(
                "FROM refresh_token c
                LEFT JOIN authorization_grant g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id
                WHERE c.tenant_id = $1 AND c.id IN ({})",
                placeholders(2, ids.len())
            ),
        };
        let sql = format!("SELECT {} {from}", *COLUMNS);
        let rows: Vec<Pair> = self.all(&sql, ids).await?;
        let pair = |Pair(chain, grant)| {
            let chain = to_thing(chain)?;
            Ok((chain.id, (chain, grant.map(grants::to_thing).transpose()?)))
        };
        rows.into_iter().map(pair).collect()
    }

    /// The chain of an imported token.
    pub async fn find_chain_by_foreign(&self, digest: &[u8; 32]) -> Result<Option<Chain>> {
        let sql = "SELECT * FROM refresh_token WHERE tenant_id = $1 AND foreign_digest = $2";
        self.chain(sql, values![digest.to_vec()]).await
    }

    /// The chains of an authorisation whose time is not over, newest first.
    pub async fn list_chains_of(&self, id: AuthorizationId, now: Seconds) -> Result<Vec<Chain>> {
        let sql = "SELECT * FROM refresh_token WHERE tenant_id = $1 AND authorization_id = $2 AND deadline > $3
            ORDER BY issued_at DESC, id";
        self.chains(sql, values![id.0.to_vec(), now]).await
    }

    /// Chains by identity.
    pub async fn find_chains(&self, ids: &[ChainId]) -> Result<Vec<Chain>> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(400) {
            let sql =
                format!("SELECT * FROM refresh_token WHERE tenant_id = $1 AND id IN ({})", placeholders(2, ids.len()));
            found.extend(self.chains(&sql, ids.iter().map(|id| Value::from(id.0.to_vec()))).await?);
        }
        Ok(found)
    }

    /// Up to `limit` chains of stored authorisations after a place, in order of key and id.
    pub async fn list_stored_chains(
        &self,
        after: Option<(&AuthorizationKey, ChainId)>,
        now: Seconds,
        limit: u32,
    ) -> Result<Vec<Chain>> {
        let (place, values) = match after {
            None => ("", vec![Value::from(now)]),
            Some((key, id)) => {
                let [sub, cid, _] = key_values(key);
                (" AND (sub, cid, id) > ($3, $4, $5)", vec![now.into(), sub, cid, id.0.to_vec().into()])
            }
        };
        let sql = format!(
            "SELECT * FROM refresh_token WHERE tenant_id = $1 AND stored AND deadline > $2{place}
            ORDER BY sub, cid, id LIMIT {limit}"
        );
        self.chains(&sql, values).await
    }

    /// Up to `limit` chains of stored authorisations whose texts are made under a version of the root secret and whose ids
    /// begin with a byte, after an id.
    pub async fn list_stored_chains_of(
        &self,
        (version, first): (u8, u8),
        after: Option<ChainId>,
        now: Seconds,
        limit: u32,
    ) -> Result<Vec<Chain>> {
        let sql = format!(
            "SELECT * FROM refresh_token
            WHERE tenant_id = $1 AND id > $2 AND id <= $3 AND ver = $4 AND stored AND deadline > $5
            AND (foreign_sealed IS NULL OR generation > 0) ORDER BY id LIMIT {limit}"
        );
        let (begin, end) = id_range(first, after.map(|id| id.0));
        self.chains(&sql, values![begin, end, i16::from(version), now]).await
    }

    /// Up to `limit` chains of stored authorisations whose current token was imported, after an id.
    pub async fn list_foreign_chains(&self, after: Option<ChainId>, now: Seconds, limit: u32) -> Result<Vec<Chain>> {
        let sql = format!(
            "SELECT * FROM refresh_token WHERE tenant_id = $1 AND id > $2 AND stored AND deadline > $3
            AND foreign_sealed IS NOT NULL AND generation = 0 ORDER BY id LIMIT {limit}"
        );
        let after = after.map(|id| id.0.to_vec()).unwrap_or_default();
        self.chains(&sql, values![after, now]).await
    }

    /// Rotates: the token of `generation` is retired and the next one is current. Tells whether this call did it; not if
    /// the scope was replaced meanwhile.
    pub async fn rotate_chain(&self, chain: &Chain, now: Seconds) -> Result<bool> {
        if let Some(won) = self.is_won() {
            return Ok(won);
        }
        let sql = format!(
            "UPDATE refresh_token SET generation = generation + 1, rotated_at = $4, current_used = FALSE,
                used_at = $4, deadline = {}
            WHERE tenant_id = $1 AND id = $2 AND generation = $3 AND scope = $5",
            deadline("expires_at", "max_idle", "$4")
        );
        let values = values![chain.id.0.to_vec(), chain.generation, now, chain.scope.clone()];
        Ok(self.execute(&sql, values).await? == 1)
    }

    /// Keeps a chain from changing before this transaction ends. Tells whether it still stands as it was read: on its
    /// generation, with its scope.
    pub async fn hold_chain(&self, chain: &Chain) -> Result<bool> {
        if let Some(won) = self.is_won() {
            return Ok(won);
        }
        let lock = if self.backend() == DbBackend::Postgres { " FOR SHARE" } else { "" };
        let sql = format!(
            "SELECT generation FROM refresh_token
            WHERE tenant_id = $1 AND id = $2 AND generation = $3 AND scope = $4{lock}"
        );
        let values = values![chain.id.0.to_vec(), chain.generation, chain.scope.clone()];
        Ok(self.number(&sql, values).await?.is_some())
    }

    /// Marks a use of the current token of a generation. Tells whether that generation is still current, and the scope the same.
    pub async fn use_chain(&self, chain: &Chain, now: Seconds) -> Result<bool> {
        if let Some(won) = self.is_won() {
            return Ok(won);
        }
        let sql = format!(
            "UPDATE refresh_token SET current_used = TRUE, used_at = $4, deadline = {}
            WHERE tenant_id = $1 AND id = $2 AND generation = $3 AND scope = $5",
            deadline("expires_at", "max_idle", "$4")
        );
        let values = values![chain.id.0.to_vec(), chain.generation, now, chain.scope.clone()];
        Ok(self.execute(&sql, values).await? == 1)
    }

    /// Gives the chains of an authorisation new limits: what a replaced or updated record says. A use after the chain was
    /// read still counts.
    pub async fn set_chain_limits(&self, chain: &Chain) -> Result<()> {
        let used_at = "CASE WHEN used_at < $7 THEN $7 ELSE used_at END";
        let sql = format!(
            "UPDATE refresh_token SET issued_at = $3, expires_at = $4, max_idle = $5, scope = $6, used_at = {used_at},
                deadline = {}
            WHERE tenant_id = $1 AND id = $2",
            deadline("$4", "$5", &format!("({used_at})"))
        );
        let values = values![
            chain.id.0.to_vec(),
            chain.issued_at,
            chain.expires_at,
            chain.max_idle,
            chain.scope.clone(),
            chain.used_at
        ];
        self.execute(&sql, values).await.map(|_| ())
    }

    /// Deletes a chain, and lets its grant end once no JWT of it can be out; tells whether this call did it.
    pub async fn delete_chain(&self, chain: &Chain, now: Seconds) -> Result<bool> {
        let sql = "DELETE FROM refresh_token WHERE tenant_id = $1 AND id = $2";
        let deleted = self.execute(sql, values![chain.id.0.to_vec()]).await? == 1;
        if deleted {
            self.shorten_grants(&[chain.grant.0.to_vec()], now.saturating_add(GRANT_REST)).await?;
        }
        Ok(deleted)
    }

    async fn chain(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Option<Chain>> {
        let found: Option<row::Model> = self.one(sql, values).await?;
        found.map(to_thing).transpose()
    }

    async fn chains(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Vec<Chain>> {
        let rows: Vec<row::Model> = self.all(sql, values).await?;
        rows.into_iter().map(to_thing).collect()
    }
}

/// [`Chain::deadline`] of a row as the statement that changes it finds it.
pub(super) fn deadline(expires_at: &str, max_idle: &str, used_at: &str) -> String {
    format!(
        "CASE WHEN {max_idle} = 0 OR {expires_at} - {used_at} < {max_idle} THEN {expires_at} ELSE {used_at} + {max_idle} END"
    )
}

pub(super) fn to_thing(row: row::Model) -> Result<Chain> {
    Ok(Chain {
        id: ChainId(id16(&row.id)?),
        number: row.number,
        grant: GrantId(id16(&row.grant_id)?),
        authorization: AuthorizationId(id16(&row.authorization_id)?),
        stored: row.stored,
        key: key(row.sub, row.cid, row.act),
        epoch: row.epoch,
        ver: u8::try_from(row.ver).map_err(Error::internal)?,
        generation: row.generation,
        rotated_at: row.rotated_at,
        current_used: row.current_used,
        issued_at: row.issued_at,
        expires_at: row.expires_at,
        max_idle: row.max_idle,
        used_at: row.used_at,
        scope: row.scope,
        foreign: row.foreign_sealed,
    })
}
