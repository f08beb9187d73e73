//! All that a subject and a client have: read and changed together by the management API.

use entity::{access_token, authorization_code, authorization_grant, refresh_token};
use sea_orm::ConnectionTrait;

use super::scoped::{TenantStore, values};
use super::{access_tokens, chains, codes, grants};
use crate::domain::{
    AccessToken, Chain, ChainId, Code, CodeId, Epoch, Error, Grant, GrantId, Result, Seconds, Terms, TokenNumber,
};

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

    /// Takes a pending code past the revocations up to an epoch.
    pub async fn set_code_epoch(&self, id: CodeId, epoch: Epoch) -> Result<()> {
        let sql = "UPDATE authorization_code SET epoch = $3 WHERE tenant_id = $1 AND id = $2 AND state = 0";
        self.execute(sql, values![id.0.to_vec(), epoch]).await.map(|_| ())
    }

    /// Takes an access token past the revocations up to an epoch.
    pub async fn set_access_token_epoch(&self, number: TokenNumber, epoch: Epoch) -> Result<()> {
        let sql = "UPDATE access_token SET epoch = $3 WHERE tenant_id = $1 AND number = $2";
        self.execute(sql, values![number.0, epoch]).await.map(|_| ())
    }

    /// Takes a chain past the revocations up to an epoch.
    pub async fn set_chain_epoch(&self, id: ChainId, epoch: Epoch) -> Result<()> {
        let sql = "UPDATE refresh_token SET epoch = $3 WHERE tenant_id = $1 AND id = $2";
        self.execute(sql, values![id.0.to_vec(), epoch]).await.map(|_| ())
    }

    /// Takes a grant past the revocations up to an epoch.
    pub async fn set_grant_epoch(&self, id: GrantId, epoch: Epoch) -> Result<()> {
        let sql = "UPDATE authorization_grant SET epoch = $3 WHERE tenant_id = $1 AND id = $2";
        self.execute(sql, values![id.0.to_vec(), epoch]).await.map(|_| ())
    }
}
