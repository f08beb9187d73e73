//! Issued tokens as the token management API lists, shows and deletes them (seed: IAM token management).

mod parties;

use std::collections::HashMap;
use std::sync::Mutex;

use super::issue::token_place;
use super::revoke;
use crate::domain::{AccessToken, Chain, Error, Kind, Result, Seconds, Selector, TenantId, TokenKind, TokenNumber};
use crate::service::liveness::{is_live, retain_live};
use crate::service::{Ctx, Services};
use crate::store::token_pages::{Register, TokenFilter, Unpurged};
use crate::store::{Connection, Lock, TenantStore};
use parties::Parties;

/// The most that a page holds, and what it holds by default.
pub const PAGE: i64 = 20;

/// Totals above this may lag.
const EXACT: i64 = 100_000;
/// By so many seconds.
const LAG: Seconds = 5;

/// Which page of which tokens.
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    /// A user's name, id or subject.
    pub user: Option<String>,
    /// A client id.
    pub client: Option<String>,
    /// The 1-based index of the first token; below 1 is 1.
    pub start: Option<i64>,
    /// How many; 0 or less only counts.
    pub count: Option<i64>,
}

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// How many tokens match.
    pub total: i64,
    /// The 1-based index of the first one here.
    pub start: i64,
    /// The tokens.
    pub tokens: Vec<ListedToken>,
}

/// A token as it is shown.
#[derive(Clone)]
pub struct ListedToken {
    /// Its number.
    pub number: i64,
    /// Its text, unless the tenant hides it.
    pub value: Option<String>,
    /// Its scope.
    pub scope: Vec<String>,
    /// When it ends, if ever.
    pub expires_at: Option<Seconds>,
    /// Whose it is.
    pub client: ListedClient,
    /// For whom it was issued, if for anybody.
    pub user: Option<ListedUser>,
    /// The ID token that was issued with it.
    pub id_token: Option<i64>,
}

impl std::fmt::Debug for ListedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListedToken").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The client of a token.
#[derive(Clone, Debug)]
pub struct ListedClient {
    /// Its number; `None`: it isn't registered.
    pub number: Option<i64>,
    /// Its id.
    pub client_id: String,
    /// Addresses of people responsible.
    pub contacts: Vec<String>,
}

/// The user of a token.
#[derive(Clone, Debug)]
pub struct ListedUser {
    /// The id, or the subject of one who has no row here.
    pub id: String,
    /// The user name, or the subject.
    pub name: String,
    /// Whether there is a row.
    pub is_known: bool,
}

/// What a total is of.
type Counted = (TenantId, Register, TokenFilter);

/// Large totals that were counted a moment ago.
#[derive(Debug, Default)]
pub struct Totals(Mutex<HashMap<Counted, (i64, Seconds)>>);

impl Totals {
    fn get(&self, key: &(TenantId, Register, TokenFilter), now: Seconds) -> Option<i64> {
        let known = self.0.lock().ok()?;
        known.get(key).filter(|(_, at)| (*at..at.saturating_add(LAG)).contains(&now)).map(|(total, _)| *total)
    }

    fn keep(&self, key: (TenantId, Register, TokenFilter), total: i64, now: Seconds) {
        let Ok(mut known) = self.0.lock() else { return };
        known.retain(|_, (_, at)| (*at..at.saturating_add(LAG)).contains(&now));
        if total > EXACT {
            known.insert(key, (total, now));
        }
    }
}

impl Services {
    /// A page of live access tokens, by expiry and number.
    pub async fn list_access_tokens(&self, ctx: &Ctx, request: &PageRequest) -> Result<Page> {
        let rows = self.store.tenant(ctx.tenant.id);
        let (total, start, numbers) = self.page(ctx, &rows, Register::Access, request).await?;
        let tokens = retain_live(&rows, rows.find_access_tokens(&numbers).await?).await?;
        let parties = Parties::of(&rows, tokens.iter().map(|token| (&token.key, token.user))).await?;
        let tokens = tokens.into_iter().map(|token| parties.access_token(ctx, token)).collect::<Result<_>>()?;
        Ok(Page { total, start, tokens })
    }

    /// A page of live refresh tokens, by expiry and number.
    pub async fn list_chains(&self, ctx: &Ctx, request: &PageRequest) -> Result<Page> {
        let rows = self.store.tenant(ctx.tenant.id);
        let (total, start, numbers) = self.page(ctx, &rows, Register::Refresh, request).await?;
        let chains = retain_live(&rows, rows.find_chains_by_number(&numbers).await?).await?;
        let parties = Parties::of(&rows, chains.iter().map(|chain| (&chain.key, true))).await?;
        let tokens = chains.iter().map(|chain| parties.chain(ctx, chain)).collect::<Result<_>>()?;
        Ok(Page { total, start, tokens })
    }

    /// The total, the first index and the numbers of a page.
    async fn page<C: Connection>(
        &self,
        ctx: &Ctx,
        rows: &TenantStore<'_, C>,
        register: Register,
        request: &PageRequest,
    ) -> Result<(i64, i64, Vec<i64>)> {
        let filter = filter(rows, request).await?;
        let unpurged = rows.unpurged().await?;
        let total = self.total(ctx, rows, register, &filter, &unpurged).await?;
        let count = request.count.unwrap_or(PAGE).min(PAGE);
        if count <= 0 {
            return Ok((total, 1, Vec::new()));
        }
        let start = request.start.unwrap_or(1).max(1);
        if start > total {
            return Ok((total, start, Vec::new()));
        }
        let stretch = (start - 1, u32::try_from(count).map_err(Error::internal)?);
        let numbers = rows.list_token_numbers(register, &filter, ctx.now, &unpurged, stretch).await?;
        Ok((total, start, numbers))
    }

    async fn total<C: Connection>(
        &self,
        ctx: &Ctx,
        rows: &TenantStore<'_, C>,
        register: Register,
        filter: &TokenFilter,
        unpurged: &Unpurged,
    ) -> Result<i64> {
        let key = (ctx.tenant.id, register, filter.clone());
        if let Some(total) = self.totals.get(&key, ctx.now) {
            return Ok(total);
        }
        let total = rows.count_tokens(register, filter, ctx.now, unpurged).await?;
        self.totals.keep(key, total, ctx.now);
        Ok(total)
    }

    /// One live access token, or ID token, by number.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn find_access_token(&self, ctx: &Ctx, number: i64) -> Result<ListedToken> {
        let rows = self.store.tenant(ctx.tenant.id);
        let token = live_access_token(&rows, TokenNumber(number), ctx.now).await?;
        Parties::of(&rows, [(&token.key, token.user)].into_iter()).await?.access_token(ctx, token)
    }

    /// One live refresh token by number.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn find_chain(&self, ctx: &Ctx, number: i64) -> Result<ListedToken> {
        let rows = self.store.tenant(ctx.tenant.id);
        let chain = live_chain(&rows, number, ctx.now).await?;
        Parties::of(&rows, [(&chain.key, true)].into_iter()).await?.chain(ctx, &chain)
    }

    /// Deletes an access token, and nothing else. Of several that try, one succeeds.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that lives.
    pub async fn delete_access_token(&self, ctx: &Ctx, number: i64) -> Result<()> {
        self.store
            .write((ctx.tenant.id, Lock::Epoch), (TokenNumber(number), ctx.now), |rows, (number, now)| {
                Box::pin(async move {
                    let token = live_access_token(rows, *number, *now).await?;
                    if !rows.delete_access_token(*number).await? {
                        return Err(Error::NotFound(Kind::AccessToken));
                    }
                    if token.kind == TokenKind::Jwt {
                        revoke::mark(rows, &Selector::Token(*number), *now, token.expires_at).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Deletes a refresh token with the access tokens that were issued with it and from it. Of several that try, one
    /// succeeds.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that lives.
    pub async fn delete_chain(&self, ctx: &Ctx, number: i64) -> Result<()> {
        self.store
            .write((ctx.tenant.id, Lock::Epoch), (number, ctx.now), |rows, (number, now)| {
                Box::pin(async move {
                    let chain = live_chain(rows, *number, *now).await?;
                    if !rows.delete_chain(&chain, *now).await? {
                        return Err(Error::NotFound(Kind::RefreshToken));
                    }
                    revoke::mark_of(rows, &chain.key, &Selector::Chain(chain.id), *now).await.map(|_| ())
                })
            })
            .await
    }
}

async fn live_access_token<C: Connection>(
    rows: &TenantStore<'_, C>,
    number: TokenNumber,
    now: Seconds,
) -> Result<AccessToken> {
    let found = rows.find_access_token(number).await?.filter(|token| token.expires_at > now);
    let token = found.ok_or(Error::NotFound(Kind::AccessToken))?;
    if is_live(rows, &token).await? { Ok(token) } else { Err(Error::NotFound(Kind::AccessToken)) }
}

async fn live_chain<C: Connection>(rows: &TenantStore<'_, C>, number: i64, now: Seconds) -> Result<Chain> {
    let found = rows.find_chains_by_number(&[number]).await?.pop().filter(|chain| chain.deadline() > now);
    let chain = found.ok_or(Error::NotFound(Kind::RefreshToken))?;
    if is_live(rows, &chain).await? { Ok(chain) } else { Err(Error::NotFound(Kind::RefreshToken)) }
}

/// Which subjects and which client a request means: a user is named by name, id or subject.
async fn filter<C: Connection>(rows: &TenantStore<'_, C>, request: &PageRequest) -> Result<TokenFilter> {
    let subs = match &request.user {
        None => None,
        Some(text) => {
            let named = [rows.find_user(text).await?, rows.find_user_by_uuid(text).await?];
            let mut subs = vec![text.clone()];
            subs.extend(named.into_iter().flatten().map(|user| user.sub));
            subs.sort_unstable();
            subs.dedup();
            Some(subs)
        }
    };
    Ok(TokenFilter { subs, cid: request.client.clone() })
}

/// The text of a registered token.
///
/// # Errors
/// [`Error::Internal`] when its root secret is gone.
pub fn access_text(ctx: &Ctx, token: &AccessToken) -> Result<String> {
    let gone = || Error::internal("a root secret is gone");
    if let Some(id) = &token.id {
        return Ok(ctx.keys.tokens.version(token.ver).ok_or_else(gone)?.access(id));
    }
    let sealed = token.sealed.as_deref().ok_or_else(|| Error::internal("a registered token has no text"))?;
    let plain = ctx.keys.tokens.open(&token_place(token.number), sealed).ok_or_else(gone)?;
    String::from_utf8(plain).map_err(Error::internal)
}
