//! Replacing the scope of all that a subject and a client have, in one transaction.

use super::Pair;
use crate::crypto::selector;
use crate::crypto::token::TokenKeyRing;
use crate::domain::{Authorization, AuthorizationKey, Epoch, NEVER, Result, Selector, scope};
use crate::service::authorizations::CHUNK;
use crate::service::codes;
use crate::service::liveness::{Revocable, outlives_all_but, retain_live};
use crate::service::tokens::revoke;
use crate::store::authorizations::Filter;
use crate::store::revocations::{Revoked, revocation_shard};
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
        if kills_jwts {
            // By now all that it goes on with is locked: rows come before epochs, as everywhere.
            self.outlive_revocation().await?;
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
        let mut after = None;
        while let Some(page) = self.page(&mut after).await? {
            for record in page {
                for mut record in retain_live(self.rows, self.held(&record.key).await?).await? {
                    record.terms.scp = self.scp();
                    record.uat = Some(self.pair.now);
                    self.rows.upsert_authorization(&record).await?;
                }
            }
        }
        Ok(())
    }

    /// The next records of the pair, if there are more.
    async fn page(&self, after: &mut Option<AuthorizationKey>) -> Result<Option<Vec<Authorization>>> {
        let page = self.rows.list_authorizations(&self.filter(), after.as_ref(), CHUNK).await?;
        let Some(last) = page.last() else { return Ok(None) };
        *after = Some(last.key.clone());
        Ok(Some(page))
    }

    /// The record of a key as it is, which nobody else changes from now on.
    async fn held(&self, key: &AuthorizationKey) -> Result<Vec<Authorization>> {
        self.rows.hold_authorization(key).await?;
        Ok(self.rows.find_authorization(key).await?.into_iter().collect())
    }

    /// Revokes the pair, and takes past that revocation all that lives and has a row of its own. What lives is judged when the
    /// tenant's epoch is this transaction's: no other revocation can be made any more, and those that were are obeyed.
    async fn outlive_revocation(&self) -> Result<()> {
        let (rows, pair) = (self.rows, self.pair);
        let selector = Selector::SubjectClient(&pair.sub, &pair.cid);
        let Revoked { epoch, previous } = revoke::mark(rows, &selector, pair.now, NEVER).await?;
        let codes = self.lived(rows.list_codes_of_pair(&pair.sub, &pair.cid, pair.now).await?, previous).await?;
        rows.set_code_epochs(codes.iter().map(|code| code.id), epoch).await?;
        let chains = self.lived(rows.list_chains_of_pair(&pair.sub, &pair.cid, pair.now).await?, previous).await?;
        rows.set_chain_epochs(chains.iter().map(|chain| chain.id), epoch).await?;
        rows.set_grant_epochs(chains.iter().map(|chain| chain.grant), epoch).await?;
        let tokens = self.lived(rows.list_identifier_tokens(&pair.sub, &pair.cid, pair.now).await?, previous).await?;
        rows.set_access_token_epochs(tokens.iter().map(|token| token.number), epoch).await?;
        let mut after = None;
        while let Some(page) = self.page(&mut after).await? {
            for record in page {
                for mut record in self.lived(self.held(&record.key).await?, previous).await? {
                    record.epoch = epoch;
                    rows.upsert_authorization(&record).await?;
                }
            }
        }
        Ok(())
    }

    /// What of a page was alive before this transaction revoked the pair.
    async fn lived<T: Revocable>(&self, page: Vec<T>, previous: Epoch) -> Result<Vec<T>> {
        let selector = selector::hash(&Selector::SubjectClient(&self.pair.sub, &self.pair.cid));
        outlives_all_but(self.rows, page, selector, previous).await
    }
}
