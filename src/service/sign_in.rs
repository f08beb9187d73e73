//! What every grant with a user ends in: a grant row, its tokens, and a refresh token chain, new or shared.

use super::authorizations::{NewRecord, replace_record};
use super::liveness::{is_live, retain_live};
use super::tokens::issue::{self, Approval, Minted};
use super::tokens::{TokenSet, id_token};
use super::{Ctx, Services};
use crate::domain::{
    AccessToken, Authorization, AuthorizationId, Chain, Epoch, Error, Grant, GrantFault, NEVER, Result, Seconds, Terms,
};
use crate::store::{Connection, TenantStore, Tx};

/// A sign-in that was approved, before anything of it is written.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The grant to be made.
    pub grant: Grant,
    /// On what terms.
    pub terms: Terms,
    /// What it belongs to.
    pub belongs: Belongs,
    /// The ID token to hand out.
    pub id_token: IdToken,
}

/// What a sign-in belongs to.
#[derive(Clone, Debug)]
pub enum Belongs {
    /// To nothing: the grant is a transient authorisation of its own.
    Nowhere,
    /// To the stored authorisation that the grant names.
    Record,
    /// To a stored authorisation that is written with it.
    NewRecord(Box<NewRecord>),
}

/// Which ID token a sign-in hands out.
#[derive(Clone, Debug)]
pub enum IdToken {
    /// None.
    None,
    /// One that the caller of the authorisation store brought.
    Given(Passed),
    /// One that is minted here.
    Mint,
}

/// A text that is passed through and never shown.
#[derive(Clone)]
pub struct Passed(pub String);

impl std::fmt::Debug for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A sign-in with its tokens minted, ready to be written in one transaction.
pub struct Prepared {
    /// The sign-in.
    pub sign_in: SignIn,
    /// The chain to write unless a live one is shared.
    pub chain: Option<Chain>,
    /// The rows of its tokens.
    pub rows: Vec<AccessToken>,
    /// The time.
    pub now: Seconds,
    access: Minted,
    id_token: Option<String>,
}

impl Services {
    /// Mints the tokens of a sign-in. Nothing is written.
    pub async fn prepare(&self, ctx: &Ctx, sign_in: SignIn) -> Result<Prepared> {
        let chain =
            sign_in.terms.irt.then(|| issue::new_chain(ctx, &sign_in.grant, &sign_in.terms, sign_in.is_stored()));
        let shared = self.chain_to_share(ctx, &sign_in).await?;
        let with = shared.as_ref().or(chain.as_ref());
        let grant = &sign_in.grant;
        let mut access = issue::mint(
            ctx,
            &Approval {
                grant: grant.id,
                authorization: grant.authorization,
                key: &grant.key,
                user: true,
                epoch: grant.epoch,
                terms: &sign_in.terms,
                scope: sign_in.terms.scp.clone(),
                chain: with.map(|c| c.id),
                not_after: with.map_or(NEVER, Chain::deadline),
            },
        )?;
        let id_token = match &sign_in.id_token {
            IdToken::None => None,
            IdToken::Given(Passed(text)) => Some(text.clone()),
            IdToken::Mint => Some(id_token::mint(ctx, &grant.key, grant.authentication.as_ref())?),
        };
        let mut rows = Vec::new();
        if let Some(mut row) = access.row.take() {
            let registered = id_token.as_deref().filter(|_| ctx.tenant.settings.access_token.registry);
            let second = registered.map(|text| id_token::row(ctx, &row, text));
            row.id_token = second.as_ref().map(|r| r.number);
            rows.push(row);
            rows.extend(second);
        }
        Ok(Prepared { sign_in, chain, rows, now: ctx.now, access, id_token })
    }

    /// The chain that a sign-in to a stored authorisation shares with earlier ones. One that comes with its record restarts
    /// the chain, whose end is then that of a new one.
    async fn chain_to_share(&self, ctx: &Ctx, sign_in: &SignIn) -> Result<Option<Chain>> {
        match sign_in.belongs {
            Belongs::Record if sign_in.shares() => {
                newest_live_chain(&self.store.tenant(ctx.tenant.id), sign_in.grant.authorization, ctx.now).await
            }
            Belongs::Record | Belongs::Nowhere | Belongs::NewRecord(_) => Ok(None),
        }
    }
}

impl SignIn {
    fn is_stored(&self) -> bool {
        match self.belongs {
            Belongs::Nowhere => false,
            Belongs::Record | Belongs::NewRecord(_) => true,
        }
    }

    /// Whether earlier sign-ins' refresh token is its own too: the authorisation is stored and doesn't rotate.
    fn shares(&self) -> bool {
        self.is_stored() && self.terms.irt && !self.terms.rtr
    }

    /// The grant in its place: a record that is written with it tells its authorisation and epoch.
    async fn placed(&self, rows: &TenantStore<'_, Tx>) -> Result<Placed> {
        let mut grant = self.grant.clone();
        let mut irt = self.terms.irt;
        let mut epoch = None;
        match &self.belongs {
            Belongs::Nowhere => {}
            Belongs::Record => {
                rows.hold_authorization(&grant.key).await?;
                // Asked before the record is judged: a revocation between the two is later than the chain.
                epoch = Some(rows.epoch().await?);
                let record = live_record(rows, &grant).await?;
                irt &= record.ok_or(Error::InvalidGrant(GrantFault::Revoked))?.terms.irt;
            }
            Belongs::NewRecord(record) => (grant.authorization, grant.epoch) = replace_record(rows, record).await?,
        }
        let chain_epoch = epoch.unwrap_or(grant.epoch);
        Ok(Placed { grant, irt, chain_epoch })
    }
}

/// A grant in its place.
struct Placed {
    grant: Grant,
    /// Whether a refresh token is handed out.
    irt: bool,
    /// The epoch of a new chain: an older end of all refresh tokens of the authorisation is none of its own.
    chain_epoch: Epoch,
}

/// The newest chain of an authorisation that is alive.
pub async fn newest_live_chain<C: Connection>(
    rows: &TenantStore<'_, C>,
    authorization: AuthorizationId,
    now: Seconds,
) -> Result<Option<Chain>> {
    let chains = rows.list_chains_of(authorization, now).await?;
    Ok(retain_live(rows, chains).await?.into_iter().next())
}

/// The stored record that a grant belongs to, dead or alive.
pub async fn record_of<C: Connection>(rows: &TenantStore<'_, C>, grant: &Grant) -> Result<Option<Authorization>> {
    let found = rows.find_authorization(&grant.key).await?;
    Ok(found.filter(|record| record.id == grant.authorization))
}

/// The stored record that a grant belongs to, if it still lives.
pub async fn live_record<C: Connection>(rows: &TenantStore<'_, C>, grant: &Grant) -> Result<Option<Authorization>> {
    let Some(record) = record_of(rows, grant).await? else { return Ok(None) };
    Ok(is_live(rows, &record).await?.then_some(record))
}

impl Prepared {
    /// Writes the sign-in; returns the chain whose token is handed out.
    ///
    /// # Errors
    /// [`Error::InvalidGrant`] when the stored authorisation was revoked meanwhile.
    pub async fn write(&self, rows: &TenantStore<'_, Tx>) -> Result<Option<Chain>> {
        let Placed { mut grant, irt, chain_epoch } = self.sign_in.placed(rows).await?;
        let chain = if irt { self.write_chain(rows, &grant, chain_epoch).await? } else { None };
        grant.chain = chain.as_ref().map(|c| c.id);
        let last = self.rows.first().map_or(self.now + self.access.expires_in, |row| row.expires_at);
        let made_chain = chain.as_ref().filter(|c| c.grant == grant.id);
        grant.expires_at = made_chain.map_or(last, |c| c.expires_at.max(last));
        rows.insert_grant(&grant).await?;
        for row in &self.rows {
            let place = (grant.authorization, grant.epoch);
            let row = AccessToken { chain: grant.chain, authorization: place.0, epoch: place.1, ..row.clone() };
            rows.insert_access_token(&row).await?;
        }
        Ok(chain)
    }

    async fn write_chain(&self, rows: &TenantStore<'_, Tx>, grant: &Grant, epoch: Epoch) -> Result<Option<Chain>> {
        if self.sign_in.shares()
            && let Some(shared) = newest_live_chain(rows, grant.authorization, self.now).await?
        {
            return Ok(Some(shared));
        }
        let Some(chain) = self.chain.clone() else { return Ok(None) };
        let chain = Chain { authorization: grant.authorization, epoch, ..chain };
        rows.insert_chain(&chain, None).await?;
        if self.sign_in.is_stored() {
            rows.set_newest_chain(&chain.key, chain.id).await?;
        }
        Ok(Some(chain))
    }

    /// The answer, once the sign-in is durable.
    pub fn into_tokens(self, ctx: &Ctx, chain: Option<&Chain>) -> Result<TokenSet> {
        Ok(TokenSet {
            access_token: self.access.text,
            expires_in: self.access.expires_in,
            scope: self.sign_in.terms.scp,
            refresh_token: chain.map(|c| issue::refresh_text(ctx, c)).transpose()?,
            refresh_token_expires_in: chain.and_then(|c| remaining_unused(c, ctx.now)),
            id_token: self.id_token,
        })
    }
}

/// What remains of a chain's lifetime, where that is limited.
pub fn remaining(chain: &Chain, now: Seconds) -> Option<Seconds> {
    (chain.expires_at != NEVER).then(|| chain.expires_at - now)
}

/// What remains of a chain if it isn't used, where that is limited: by its lifetime or by its idle time.
pub fn remaining_unused(chain: &Chain, now: Seconds) -> Option<Seconds> {
    let deadline = chain.deadline();
    (deadline != NEVER).then(|| deadline - now)
}
