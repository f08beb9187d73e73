//! All that a subject and a client have: read and changed together by the management API.

use entity::{access_token, authorization_code, authorization_grant, refresh_token};
use sea_orm::{ConnectionTrait, Value};

use super::scoped::{TenantStore, list, placeholders, values};
use super::{access_tokens, chains, codes, grants};
use crate::domain::{
    AccessToken, Chain, ChainId, Code, CodeId, Epoch, Error, Grant, GrantId, Result, Seconds, Terms, TokenNumber,
};

/// How many keys one statement names.
const CHUNK: usize = 256;

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// The identifier tokens of a pair whose time is not over.
    pub async fn list_identifier_tokens(&self, sub: &str, cid: &str, now: Seconds) -> Result<Vec<AccessToken>> {
        let sql = "SELECT * FROM access_token WHERE tenant_id = $1 AND sub = $2 AND cid = $3 AND has_user AND kind = 0
            AND expires_at > $4";
        let rows: Vec<access_token::Model> = self.all(sql, values![sub, cid, now]).await?;
        rows.into_iter().map(access_tokens::to_thing).collect()
    }

    /// The chains of a pair whose time is not over.
    pub async fn list_chains_of_pair(&self, sub: &str, cid: &str, now: Seconds) -> Result<Vec<Chain>> {
        let sql = "SELECT * FROM refresh_token WHERE tenant_id = $1 AND sub = $2 AND cid = $3 AND deadline > $4";
        let rows: Vec<refresh_token::Model> = self.all(sql, values![sub, cid, now]).await?;
        rows.into_iter().map(chains::to_thing).collect()
    }

    /// The pending codes of a pair.
    pub async fn list_codes_of_pair(&self, sub: &str, cid: &str, now: Seconds) -> Result<Vec<Code>> {
        let sql = "SELECT * FROM authorization_code WHERE tenant_id = $1 AND sub = $2 AND cid = $3 AND state = 0
            AND expires_at > $4";
        let rows: Vec<authorization_code::Model> = self.all(sql, values![sub, cid, now]).await?;
        rows.into_iter().map(codes::to_thing).collect()
    }

    /// The transient grants of a pair that can still be refreshed.
    pub async fn list_transient_grants(&self, sub: &str, cid: &str, now: Seconds) -> Result<Vec<Grant>> {
        let sql = "SELECT g.* FROM refresh_token r JOIN authorization_grant g
            ON g.tenant_id = r.tenant_id AND g.id = r.grant_id
            WHERE r.tenant_id = $1 AND r.sub = $2 AND r.cid = $3 AND r.deadline > $4 AND NOT r.stored";
        let rows: Vec<authorization_grant::Model> = self.all(sql, values![sub, cid, now]).await?;
        rows.into_iter().map(grants::to_thing).collect()
    }

    /// Gives all access tokens of a pair a scope.
    pub async fn set_access_token_scopes(&self, sub: &str, cid: &str, scope: &str) -> Result<()> {
        let sql = "UPDATE access_token SET scope = $4
            WHERE tenant_id = $1 AND sub = $2 AND cid = $3 AND has_user AND kind <> 2";
        self.execute(sql, values![sub, cid, scope]).await.map(|_| ())
    }

    /// Gives all chains of a pair a scope to show.
    pub async fn set_chain_scopes(&self, sub: &str, cid: &str, scope: &str) -> Result<()> {
        let sql = "UPDATE refresh_token SET scope = $4 WHERE tenant_id = $1 AND sub = $2 AND cid = $3";
        self.execute(sql, values![sub, cid, scope]).await.map(|_| ())
    }

    /// Gives a transient grant other terms.
    pub async fn set_transient_terms(&self, id: GrantId, terms: &Terms) -> Result<()> {
        let terms = serde_json::to_string(terms).map_err(Error::internal)?;
        let sql = "UPDATE authorization_grant SET transient = $3 WHERE tenant_id = $1 AND id = $2";
        self.execute(sql, values![id.0.to_vec(), terms]).await.map(|_| ())
    }

    /// Gives a pending code another snapshot.
    pub async fn set_code_snapshot(&self, id: CodeId, sealed: &[u8]) -> Result<()> {
        let sql = "UPDATE authorization_code SET sealed = $3 WHERE tenant_id = $1 AND id = $2 AND state = 0";
        self.execute(sql, values![id.0.to_vec(), sealed.to_vec()]).await.map(|_| ())
    }

    /// Takes pending codes past the revocations up to an epoch.
    pub async fn set_code_epochs(&self, ids: impl IntoIterator<Item = CodeId>, epoch: Epoch) -> Result<()> {
        let ids = ids.into_iter().map(|id| Value::from(id.0.to_vec())).collect();
        self.set_epochs("authorization_code", "state = 0 AND id", ids, epoch).await
    }

    /// Takes access tokens past the revocations up to an epoch.
    pub async fn set_access_token_epochs(
        &self,
        numbers: impl IntoIterator<Item = TokenNumber>,
        epoch: Epoch,
    ) -> Result<()> {
        let numbers = numbers.into_iter().map(|number| Value::from(number.0)).collect();
        self.set_epochs("access_token", "number", numbers, epoch).await
    }

    /// Takes chains past the revocations up to an epoch.
    pub async fn set_chain_epochs(&self, ids: impl IntoIterator<Item = ChainId>, epoch: Epoch) -> Result<()> {
        let ids = ids.into_iter().map(|id| Value::from(id.0.to_vec())).collect();
        self.set_epochs("refresh_token", "id", ids, epoch).await
    }

    /// Takes grants past the revocations up to an epoch.
    pub async fn set_grant_epochs(&self, ids: impl IntoIterator<Item = GrantId>, epoch: Epoch) -> Result<()> {
        let ids = ids.into_iter().map(|id| Value::from(id.0.to_vec())).collect();
        self.set_epochs("authorization_grant", "id", ids, epoch).await
    }

    /// `found_by` ends with the column of the keys.
    async fn set_epochs(&self, table: &str, found_by: &str, keys: Vec<Value>, epoch: Epoch) -> Result<()> {
        for part in keys.chunks(CHUNK) {
            let part = list(part.to_vec());
            let keys = placeholders(3, part.len());
            let sql = format!("UPDATE {table} SET epoch = $2 WHERE tenant_id = $1 AND {found_by} IN ({keys})");
            self.execute(&sql, values![epoch].into_iter().chain(part)).await?;
        }
        Ok(())
    }
}
