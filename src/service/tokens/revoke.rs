//! Revocation: one durable row per act, however many tokens it kills (contract: revocation is exact and O(1)).

use crate::crypto::selector;
use crate::domain::{
    Authorization, AuthorizationId, AuthorizationKey, AuthorizationView, Chain, Error, NEVER, Result, Seconds,
    Selector, Target,
};
use crate::service::authorizations::{CHUNK, view};
use crate::service::liveness::{is_live, outlives_all_but};
use crate::service::sign_in::newest_live_chain;
use crate::service::{Ctx, Services};
use crate::store::authorizations::Filter;
use crate::store::revocations::{Revocation, Revoked, SelectorHash};
use crate::store::{Lock, TenantStore, Tx};

/// What a caller of the authorisation store revokes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The subject, if named.
    pub sub: Option<String>,
    /// The actor, if named.
    pub act: Option<String>,
    /// The client, if named.
    pub cid: Option<String>,
}

/// A revocation by subject, actor or client that was made: what it killed can be read until it is purged.
#[derive(Clone, Debug)]
pub struct Killed {
    filter: Filter,
    selector: SelectorHash,
    revoked: Revoked,
}

impl Selection {
    fn selector(&self) -> Option<Selector<'_>> {
        match (self.sub.as_deref(), self.act.as_deref(), self.cid.as_deref()) {
            (None, None, None) => None,
            (Some(sub), None, None) => Some(Selector::Subject(sub)),
            (None, Some(act), None) => Some(Selector::Actor(act)),
            (None, None, Some(cid)) => Some(Selector::Client(cid)),
            (Some(sub), None, Some(cid)) => Some(Selector::SubjectClient(sub, cid)),
            (Some(sub), Some(act), None) => Some(Selector::SubjectActor(sub, act)),
            (None, Some(act), Some(cid)) => Some(Selector::ActorClient(act, cid)),
            (Some(sub), Some(act), Some(cid)) => Some(Selector::Triple(sub, Some(act), cid)),
        }
    }

    /// Whether it names one record: a subject and a client.
    pub fn is_single(&self) -> bool {
        self.sub.is_some() && self.cid.is_some()
    }

    fn filter(&self) -> Filter {
        Filter { sub: self.sub.clone(), cid: self.cid.clone(), act: self.act.clone().map(Some) }
    }
}

/// Revokes a selector in a transaction.
pub async fn mark(
    rows: &TenantStore<'_, Tx>,
    selector: &Selector<'_>,
    now: Seconds,
    expires_at: Seconds,
) -> Result<Revoked> {
    let revocation =
        Revocation { selector: selector::hash(selector), target: selector.target(), thing: None, at: now, expires_at };
    rows.revoke(&revocation).await
}

/// Revokes one thing of a key in a transaction: an authorisation, its refresh tokens, a grant or a chain.
pub async fn mark_of(
    rows: &TenantStore<'_, Tx>,
    key: &AuthorizationKey,
    selector: &Selector<'_>,
    now: Seconds,
) -> Result<Revoked> {
    let target = Target { sub: Some(&key.sub), act: None, cid: Some(&key.cid) };
    let revocation = Revocation {
        selector: selector::hash(selector),
        target: Some(target),
        thing: selector.thing(),
        at: now,
        expires_at: NEVER,
    };
    rows.revoke(&revocation).await
}

/// Revokes in a transaction what a key has signed, as far as it is registered: the key is gone, and its JWTs with it.
pub async fn signed_by(rows: &TenantStore<'_, Tx>, kid: &str, now: Seconds) -> Result<()> {
    let selector = Selector::SignedBy(selector::key_mark(kid));
    let revocation = Revocation {
        selector: selector::hash(&selector),
        target: Some(Target::default()),
        thing: selector.thing(),
        at: now,
        expires_at: NEVER,
    };
    rows.revoke(&revocation).await.map(|_| ())
}

/// Revokes the whole authorisation of a chain, its stored record included.
pub(crate) async fn authorization(rows: &TenantStore<'_, Tx>, chain: &Chain, now: Seconds) -> Result<()> {
    if chain.stored {
        mark_of(rows, &chain.key, &Selector::Authorization(chain.authorization), now).await?;
        if let Some(record) = rows.find_authorization(&chain.key).await?
            && record.id == chain.authorization
        {
            rows.delete_authorization(&chain.key).await?;
        }
        return Ok(());
    }
    let alone = Selector::Authorization(AuthorizationId(chain.grant.0));
    mark_of(rows, &chain.key, &alone, now).await.map(|_| ())
}

impl Services {
    /// Revokes by subject, actor and client, in any combination.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when nothing is named.
    pub async fn revoke(&self, ctx: &Ctx, selection: &Selection) -> Result<Killed> {
        let filter = selection.filter();
        let revoked = self
            .store
            .write((ctx.tenant.id, Lock::Epoch), (selection.clone(), ctx.now), |rows, (selection, now)| {
                Box::pin(async move {
                    let selector = selection.selector().ok_or_else(nothing_named)?;
                    mark(rows, &selector, *now, NEVER).await
                })
            })
            .await?;
        let selector = selection.selector().ok_or_else(nothing_named)?;
        Ok(Killed { filter, selector: selector::hash(&selector), revoked })
    }

    /// Revokes all of a subject and client, whoever the actor; or one actor's only. Returns the record that died: of the
    /// named actor, or the one without.
    pub async fn revoke_single(&self, ctx: &Ctx, selection: &Selection) -> Result<Option<AuthorizationView>> {
        let killed = self
            .store
            .write((ctx.tenant.id, Lock::Epoch), (selection.clone(), ctx.now), |rows, (selection, now)| {
                Box::pin(revoke_record(rows, selection, *now))
            })
            .await?;
        killed.map(|(record, chain)| view(ctx, record, chain.as_ref())).transpose()
    }

    /// The next chunk of what a revocation killed, and the key to go on from, if there may be more.
    pub async fn list_killed(
        &self,
        ctx: &Ctx,
        killed: &Killed,
        after: Option<&AuthorizationKey>,
    ) -> Result<(Vec<AuthorizationView>, Option<AuthorizationKey>)> {
        let rows = self.store.tenant(ctx.tenant.id);
        let page = rows.list_authorizations(&killed.filter, after, CHUNK).await?;
        let next = (page.len() == CHUNK as usize).then(|| page.last().map(|r| r.key.clone())).flatten();
        let page: Vec<Authorization> = page.into_iter().filter(|r| r.epoch < killed.revoked.epoch).collect();
        let page = outlives_all_but(&rows, page, killed.selector, killed.revoked.previous).await?;
        let mut views = Vec::with_capacity(page.len());
        for record in page {
            let chain = match record.newest_chain.filter(|_| record.terms.irt) {
                Some(id) => rows.find_chain(id).await?.filter(|c| c.deadline() > ctx.now),
                None => None,
            };
            let chain = outlives_all_but(&rows, chain.into_iter().collect(), killed.selector, killed.revoked.previous)
                .await?
                .pop();
            views.push(view(ctx, record, chain.as_ref())?);
        }
        Ok((views, next))
    }

    /// Revokes what an access token belongs to: all of its subject and client, or, without a user, itself alone.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a token that is not good.
    pub async fn revoke_by_access_token(&self, ctx: &Ctx, text: &str) -> Result<Option<AuthorizationView>> {
        let facts = self.inspect_access_token(ctx, text).await?;
        if facts.user {
            return self.revoke_pair(ctx, facts.key.clone()).await;
        }
        let Some(number) = facts.number else { return Ok(None) };
        self.store
            .write((ctx.tenant.id, Lock::Epoch), (number, facts.exp, ctx.now), |rows, (number, exp, now)| {
                Box::pin(async move {
                    mark(rows, &Selector::Token(*number), *now, *exp).await?;
                    rows.delete_access_token(*number).await.map(|_| ())
                })
            })
            .await?;
        Ok(None)
    }

    /// Revokes all of a refresh token's subject and client.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a token that is not good.
    pub async fn revoke_by_refresh_token(&self, ctx: &Ctx, text: &str) -> Result<Option<AuthorizationView>> {
        let chain = self.live_chain(ctx, text).await?;
        self.revoke_pair(ctx, chain.key).await
    }

    /// Revokes all of a subject and client, whoever the actor.
    pub(crate) async fn revoke_pair(&self, ctx: &Ctx, key: AuthorizationKey) -> Result<Option<AuthorizationView>> {
        let selection = Selection { sub: Some(key.sub), act: None, cid: Some(key.cid) };
        self.revoke_single(ctx, &selection).await
    }
}

fn nothing_named() -> Error {
    Error::invalid("Missing parameter: subject, actor, client_id, access_token or refresh_token")
}

async fn revoke_record(
    rows: &TenantStore<'_, Tx>,
    selection: &Selection,
    now: Seconds,
) -> Result<Option<(Authorization, Option<Chain>)>> {
    let selector = selection.selector().ok_or_else(nothing_named)?;
    let (Some(sub), Some(cid)) = (&selection.sub, &selection.cid) else { return Err(nothing_named()) };
    let key = AuthorizationKey { sub: sub.clone(), act: selection.act.clone(), cid: cid.clone() };
    let record = match rows.find_authorization(&key).await? {
        Some(record) if is_live(rows, &record).await? => Some(record),
        _ => None,
    };
    let chain = match &record {
        Some(record) if record.terms.irt => newest_live_chain(rows, record.id, now).await?,
        _ => None,
    };
    mark(rows, &selector, now, NEVER).await?;
    if record.is_some() {
        rows.delete_authorization(&key).await?;
    }
    Ok(record.map(|record| (record, chain)))
}
