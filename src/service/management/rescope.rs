//! Replacing the scope of all that a subject and a client have, in one transaction.

use super::Pair;
use crate::crypto::selector;
use crate::crypto::token::TokenKeyRing;
use crate::domain::{AuthorizationKey, NEVER, Result, Selector, scope};
use crate::service::authorizations::CHUNK;
use crate::service::codes;
use crate::service::liveness::{is_live, retain_live};
use crate::service::tokens::revoke;
use crate::store::authorizations::Filter;
use crate::store::revocations::revocation_shard;
use crate::store::{TenantStore, Tx};

/// A scope for all of a pair.
pub(super) struct Rescope<'t> {
    /// The transaction.
    pub(super) rows: &'t TenantStore<'t, Tx>,
    /// What opens and seals the snapshots of codes.
    pub(super) keys: &'t TokenKeyRing,
    /// Whose.
    pub(super) pair: &'t Pair,
    /// The scope.
    pub(super) scope: &'t [String],
}

impl Rescope<'_> {
    /// Gives the scope to access tokens, refresh tokens, pending codes and authorisations. `kills_jwts`: JWTs without a row, whose scope is
    /// in themselves alone, die, and all else of the pair lives on.
    pub(super) async fn apply(&self, kills_jwts: bool) -> Result<()> {
        if kills_jwts {
            self.outlive_revocation().await?;
        }
        let (rows, pair) = (self.rows, self.pair);
        let text = scope::join(self.scope);
        // Codes and chains first: whoever exchanges or refreshes one holds it, and is waited for or begins anew. Access tokens
        // last: by then there are those too that were waited for.
        for code in rows.list_codes_of_pair(&pair.sub, &pair.cid, pair.now).await? {
            rows.set_code_snapshot(code.id, &codes::rescoped(self.keys, &code, self.scp())?).await?;
        }
        rows.set_chain_scopes(&pair.sub, &pair.cid, &text).await?;
        self.rescope_records().await?;
        for mut grant in rows.list_transient_grants(&pair.sub, &pair.cid, pair.now).await? {
            if let Some(terms) = &mut grant.transient {
                terms.scp = self.scp();
                rows.set_transient_terms(grant.id, terms).await?;
            }
        }
        rows.set_access_token_scopes(&pair.sub, &pair.cid, &text).await?;
        // All of the pair's tokens are stamped with the pair: what is remembered of them is stale.
        let hash = selector::hash(&Selector::SubjectClient(&pair.sub, &pair.cid));
        rows.touch(revocation_shard(rows.tenant_id(), &hash));
        Ok(())
    }

    /// The scope as an authorisation has it: none is not specified.
    fn scp(&self) -> Option<Vec<String>> {
        (!self.scope.is_empty()).then(|| self.scope.to_vec())
    }

    fn filter(&self) -> Filter {
        Filter { sub: Some(self.pair.sub.clone()), cid: Some(self.pair.cid.clone()), act: None }
    }

    async fn rescope_records(&self) -> Result<()> {
        let filter = self.filter();
        let mut after: Option<AuthorizationKey> = None;
        loop {
            let page = self.rows.list_authorizations(&filter, after.as_ref(), CHUNK).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            for record in page {
                self.rows.hold_authorization(&record.key).await?;
                let Some(mut record) = self.rows.find_authorization(&record.key).await? else { continue };
                if !is_live(self.rows, &record).await? {
                    continue;
                }
                record.terms.scp = self.scp();
                record.uat = Some(self.pair.now);
                self.rows.upsert_authorization(&record).await?;
            }
        }
    }

    /// Revokes the pair, and takes past that revocation all that lives and has a row of its own.
    async fn outlive_revocation(&self) -> Result<()> {
        let (rows, pair) = (self.rows, self.pair);
        let tokens = retain_live(rows, rows.list_identifier_tokens(&pair.sub, &pair.cid, pair.now).await?).await?;
        let chains = retain_live(rows, rows.list_chains_of_pair(&pair.sub, &pair.cid, pair.now).await?).await?;
        let codes = retain_live(rows, rows.list_codes_of_pair(&pair.sub, &pair.cid, pair.now).await?).await?;
        let mut records = Vec::new();
        let (filter, mut after) = (self.filter(), None);
        loop {
            let page = rows.list_authorizations(&filter, after.as_ref(), CHUNK).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            records.extend(retain_live(rows, page).await?);
        }
        let selector = Selector::SubjectClient(&pair.sub, &pair.cid);
        let epoch = revoke::mark(rows, &selector, pair.now, NEVER).await?.epoch;
        for mut record in records {
            record.epoch = epoch;
            rows.upsert_authorization(&record).await?;
        }
        for token in tokens {
            rows.set_access_token_epoch(token.number, epoch).await?;
        }
        for code in codes {
            rows.set_code_epoch(code.id, epoch).await?;
        }
        for chain in chains {
            rows.set_chain_epoch(chain.id, epoch).await?;
            rows.set_grant_epoch(chain.grant, epoch).await?;
        }
        Ok(())
    }
}
