//! Is it alive: every token, code and record asks here, so that no path forgets a selector.

use std::collections::HashMap;

use crate::crypto::selector;
use crate::domain::{
    AccessToken, Authorization, AuthorizationId, AuthorizationKey, Chain, ChainId, Code, Epoch, Grant, Result,
    Selector, TokenNumber,
};
use crate::service::{Ctx, Services};
use crate::store::revocations::{SelectorHash, epoch_shard};
use crate::store::{Connection, TenantStore};

impl Services {
    /// The epoch that an approval is made under: what is revoked from here on kills it.
    pub(crate) async fn epoch(&self, ctx: &Ctx) -> Result<Epoch> {
        let tenant = ctx.tenant.id;
        let read = || async { self.store.tenant(tenant).epoch().await };
        let epoch = if self.coherence.is_strict() {
            let freshness = (&*self.coherence, ctx.freshness);
            self.caches.epochs.get_or_load(freshness, tenant, &[epoch_shard(tenant)], read).await?
        } else {
            // What is made under an epoch from before a revocation is dead for as long as it lives, not for the bound.
            read().await?
        };
        Ok(*ctx.epoch.get_or_init(|| epoch))
    }
}

/// Something that revocations can kill.
pub trait Revocable: Sync {
    /// The epoch it was made under.
    fn epoch(&self) -> Epoch;
    /// All that can be revoked to kill it.
    fn selectors(&self) -> Vec<Selector<'_>>;
}

impl Revocable for Authorization {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn selectors(&self) -> Vec<Selector<'_>> {
        of_record(&self.key, self.id)
    }
}

impl Revocable for crate::store::authorizations::Entry {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn selectors(&self) -> Vec<Selector<'_>> {
        of_record(&self.key, self.id)
    }
}

impl Revocable for Grant {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn selectors(&self) -> Vec<Selector<'_>> {
        let mut all = of_record(&self.key, self.authorization);
        all.push(Selector::Grant(self.id));
        all
    }
}

impl Revocable for Code {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn selectors(&self) -> Vec<Selector<'_>> {
        of_record(&self.key, self.authorization)
    }
}

impl Revocable for Chain {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn selectors(&self) -> Vec<Selector<'_>> {
        let mut all = of_record(&self.key, self.authorization);
        all.extend([
            Selector::RefreshTokensOf(self.authorization),
            Selector::Grant(self.grant),
            Selector::Chain(self.id),
        ]);
        all
    }
}

impl Revocable for AccessToken {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn selectors(&self) -> Vec<Selector<'_>> {
        let mut all = Selector::of_key(&self.key, self.user);
        if self.user {
            all.extend([Selector::Authorization(self.authorization), Selector::Grant(self.grant)]);
        }
        all.extend(self.chain.map(Selector::Chain));
        all.extend(self.signed_by.map(Selector::SignedBy));
        all.push(Selector::Token(self.number));
        all
    }
}

/// A JWT of ours whose grant was found: dies with the grant, its chain, or alone.
#[derive(Debug)]
pub struct GrantedToken<'a> {
    /// The grant.
    pub grant: &'a Grant,
    /// The refresh token chain that it came with or from.
    pub chain: Option<ChainId>,
    /// The token.
    pub number: TokenNumber,
    /// The epoch of the grant when the token was made: a grant may be taken past a revocation, its older tokens aren't.
    pub epoch: Epoch,
}

impl Revocable for GrantedToken<'_> {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn selectors(&self) -> Vec<Selector<'_>> {
        let mut all = self.grant.selectors();
        all.extend(self.chain.map(Selector::Chain));
        all.push(Selector::Token(self.number));
        all
    }
}

fn of_record(key: &AuthorizationKey, id: AuthorizationId) -> Vec<Selector<'_>> {
    let mut all = Selector::of_key(key, true);
    all.push(Selector::Authorization(id));
    all
}

/// The hashes of some selectors.
pub fn hashes(selectors: &[Selector<'_>]) -> Vec<SelectorHash> {
    selectors.iter().map(selector::hash).collect()
}

/// Whether nothing that kills it was revoked since it was made.
pub async fn is_live<C: Connection>(rows: &TenantStore<'_, C>, thing: &impl Revocable) -> Result<bool> {
    Ok(rows.latest_revocation(&hashes(&thing.selectors())).await? <= thing.epoch())
}

/// As [`is_live`], for several things by one look; what is absent is not alive.
pub async fn are_live<C: Connection, const N: usize>(
    rows: &TenantStore<'_, C>,
    things: [Option<&dyn Revocable>; N],
) -> Result<[bool; N]> {
    let asked: Vec<Vec<SelectorHash>> = things.iter().flatten().map(|thing| hashes(&thing.selectors())).collect();
    let revoked = rows.revocations_of(&asked.concat()).await?;
    Ok(things.map(|thing| thing.is_some_and(|thing| outlives(thing, &revoked))))
}

/// More revocations than this are looked up by selector, not read as a whole.
const WHOLE: u32 = 5_000;

/// Keeps what is alive of a page.
pub async fn retain_live<C: Connection, T: Revocable>(rows: &TenantStore<'_, C>, page: Vec<T>) -> Result<Vec<T>> {
    let Some(oldest) = page.iter().map(Revocable::epoch).min() else { return Ok(page) };
    let revoked = if let Some(all) = rows.revocations_since(oldest, WHOLE).await? {
        all
    } else {
        let asked: Vec<SelectorHash> = page.iter().flat_map(|thing| hashes(&thing.selectors())).collect();
        rows.revocations_of(&asked).await?
    };
    if revoked.is_empty() {
        return Ok(page);
    }
    Ok(page.into_iter().filter(|thing| outlives(thing, &revoked)).collect())
}

fn outlives(thing: &(impl Revocable + ?Sized), revoked: &HashMap<SelectorHash, Epoch>) -> bool {
    hashes(&thing.selectors()).iter().all(|hash| revoked.get(hash).is_none_or(|epoch| *epoch <= thing.epoch()))
}

/// Keeps what is alive of a page when one selector's last revocation is taken for an earlier one: what that revocation
/// killed.
pub async fn outlives_all_but<C: Connection, T: Revocable>(
    rows: &TenantStore<'_, C>,
    page: Vec<T>,
    selector: SelectorHash,
    previous: Epoch,
) -> Result<Vec<T>> {
    if page.is_empty() {
        return Ok(page);
    }
    let asked: Vec<SelectorHash> = page.iter().flat_map(|thing| hashes(&thing.selectors())).collect();
    let mut revoked = rows.revocations_of(&asked).await?;
    revoked.insert(selector, previous);
    Ok(page.into_iter().filter(|thing| outlives(thing, &revoked)).collect())
}
