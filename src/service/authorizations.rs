//! Authorisations: create, update, find (seed: authorisation store API, section 3.1).

mod import;

use super::liveness::{is_live, retain_live};
use super::sign_in::{Belongs, IdToken, Passed, SignIn, newest_live_chain};
use super::tokens::issue::{self, end_of};
use super::tokens::{TokenSet, id_token};
use super::{Ctx, Services, codes};
use crate::crypto::secret::random;
use crate::domain::{
    Authorization, AuthorizationId, AuthorizationKey, AuthorizationView, Chain, ChainId, Code, CodeId, CodeState,
    Epoch, Error, Grant, GrantId, Kind, NEVER, Posted, RefreshShown, Result, Seconds, Selector, TermDefaults, Terms,
    scope,
};
use crate::store::{Connection, TenantStore, Tx};

pub use crate::store::authorizations::Filter;

/// How many records one read of a long list takes.
pub const CHUNK: u32 = 500;

/// What a new authorisation is answered with.
#[derive(Debug)]
pub enum Created {
    /// A code to be exchanged.
    Code(String),
    /// Tokens at once.
    Tokens(Box<TokenSet>),
}

/// What a new authorisation is to be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A code.
    Code,
    /// Tokens.
    Tokens,
}

/// A record to be written in place of what its key holds.
#[derive(Clone, Debug)]
pub struct NewRecord {
    key: AuthorizationKey,
    iss: String,
    iat: Seconds,
    terms: Terms,
    fresh: AuthorizationId,
    now: Seconds,
}

impl Ctx {
    /// What the tenant says of attributes that a caller leaves out.
    pub fn term_defaults(&self) -> TermDefaults {
        let (access, refresh) = (&self.tenant.settings.access_token, &self.tenant.settings.refresh_token);
        TermDefaults {
            atl: access.lifetime,
            ate: access.encoding,
            rtl: refresh.lifetime,
            rtm: refresh.max_idle,
            rtr: refresh.rotate,
        }
    }
}

impl Services {
    /// Adds an authorisation, in place of a stored one of the same key if it is long-lived.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for what can't be stored or minted.
    pub async fn create_authorization(&self, ctx: &Ctx, posted: Posted, wanted: Wanted) -> Result<Created> {
        posted.check()?;
        let (key, stored, extras) = (posted.key(), posted.lng.unwrap_or(false), posted.extras.clone());
        let iss = posted.iss.clone().unwrap_or_else(|| ctx.tenant.issuer().to_owned());
        let iat = posted.iat.unwrap_or(ctx.now);
        let terms = posted.into_terms(&ctx.term_defaults());
        issue::check_terms(ctx, &terms)?;
        self.allow_life(ctx, terms.atl).await?;
        let record = stored.then(|| NewRecord {
            key: key.clone(),
            iss: iss.clone(),
            iat,
            terms: terms.clone(),
            fresh: AuthorizationId(random()),
            now: ctx.now,
        });
        match wanted {
            Wanted::Code => {
                let snapshot = codes::Snapshot { terms, iss, iat, extras };
                self.create_code(ctx, key, record, snapshot).await.map(Created::Code)
            }
            Wanted::Tokens => {
                let id_token = extras.idt.map_or(IdToken::None, |text| IdToken::Given(Passed(text)));
                let authentication = match &id_token {
                    IdToken::Given(Passed(text)) => id_token::authentication(text),
                    IdToken::None | IdToken::Mint => None,
                };
                let id = GrantId(random());
                let grant = Grant {
                    id,
                    // Of a record, its identity and epoch are known once it is written.
                    authorization: AuthorizationId(id.0),
                    key,
                    epoch: self.epoch(ctx).await?,
                    chain: None,
                    transient: (!stored).then(|| terms.clone()),
                    iss,
                    iat,
                    authentication,
                    expires_at: NEVER,
                };
                let belongs = record.map_or(Belongs::Nowhere, |record| Belongs::NewRecord(Box::new(record)));
                let sign_in = SignIn { grant, terms, belongs, id_token };
                let tokens = self.finish(ctx, sign_in).await?;
                self.count_issued("direct", &tokens);
                Ok(Created::Tokens(Box::new(tokens)))
            }
        }
    }

    /// Mints and writes a sign-in that nothing competes for.
    pub(crate) async fn finish(&self, ctx: &Ctx, sign_in: SignIn) -> Result<TokenSet> {
        let prepared = self.prepare(ctx, sign_in).await?;
        let (prepared, chain) = self
            .store
            .write(ctx.tenant.id, std::sync::Arc::new(prepared), |rows, prepared| {
                Box::pin(async move { Ok((prepared.clone(), prepared.write(rows).await?)) })
            })
            .await?;
        unshare(prepared)?.into_tokens(ctx, chain.as_ref())
    }

    async fn create_code(
        &self,
        ctx: &Ctx,
        key: AuthorizationKey,
        record: Option<NewRecord>,
        snapshot: codes::Snapshot,
    ) -> Result<String> {
        let keys = ctx.keys.tokens.newest();
        let (id, grant) = (CodeId(random()), GrantId(random()));
        let code = Code {
            id,
            ver: keys.version(),
            grant,
            authorization: AuthorizationId(grant.0),
            stored: record.is_some(),
            key,
            epoch: 0,
            expires_at: ctx.now.saturating_add(ctx.tenant.settings.authz_store.code_lifetime),
            state: CodeState::Pending,
            sealed: snapshot.seal(keys, id)?,
        };
        self.store
            .write(ctx.tenant.id, (code, record), |rows, (code, record)| {
                Box::pin(async move {
                    let mut code = code.clone();
                    match record {
                        None => code.epoch = rows.epoch().await?,
                        Some(record) => (code.authorization, code.epoch) = replace_record(rows, record).await?,
                    }
                    rows.insert_code(&code).await
                })
            })
            .await?;
        Ok(keys.code(id))
    }

    /// Updates a stored authorisation: the body is its new state.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this key; [`Error::InvalidRequest`] for what can't be stored.
    pub async fn update_authorization(&self, ctx: &Ctx, posted: Posted) -> Result<()> {
        posted.check()?;
        if posted.lng == Some(false) {
            return Err(Error::invalid("A stored authorisation can't be made transient (lng)"));
        }
        let update = Update {
            key: posted.key(),
            irt: posted.irt,
            iss: posted.iss.clone().unwrap_or_else(|| ctx.tenant.issuer().to_owned()),
            terms: posted.into_terms(&ctx.term_defaults()),
            now: ctx.now,
        };
        issue::check_terms(ctx, &update.terms)?;
        self.allow_life(ctx, update.terms.atl).await?;
        self.store.write(ctx.tenant.id, update, |rows, update| Box::pin(apply(rows, update))).await
    }

    /// The stored authorisation of a key.
    pub async fn find_authorization(&self, ctx: &Ctx, key: &AuthorizationKey) -> Result<AuthorizationView> {
        let rows = self.store.tenant(ctx.tenant.id);
        let record = rows.find_authorization(key).await?.ok_or(Error::NotFound(Kind::Authorization))?;
        let mut views = self.views(ctx, &rows, vec![record]).await?;
        views.pop().ok_or(Error::NotFound(Kind::Authorization))
    }

    /// The next chunk of stored authorisations after a key, and the key to go on from, if there may be more.
    pub async fn list_authorizations(
        &self,
        ctx: &Ctx,
        filter: &Filter,
        after: Option<&AuthorizationKey>,
    ) -> Result<(Vec<AuthorizationView>, Option<AuthorizationKey>)> {
        let rows = self.store.tenant(ctx.tenant.id);
        let page = rows.list_authorizations(filter, after, CHUNK).await?;
        let next = (page.len() == CHUNK as usize).then(|| page.last().map(|r| r.key.clone())).flatten();
        Ok((self.views(ctx, &rows, page).await?, next))
    }

    /// Records as they are shown; dead ones are left out.
    pub(crate) async fn views<C: Connection>(
        &self,
        ctx: &Ctx,
        rows: &TenantStore<'_, C>,
        records: Vec<Authorization>,
    ) -> Result<Vec<AuthorizationView>> {
        let records = retain_live(rows, records).await?;
        let ids: Vec<ChainId> = records.iter().filter(|r| r.terms.irt).filter_map(|r| r.newest_chain).collect();
        let chains = if ids.is_empty() { Vec::new() } else { rows.find_chains(&ids).await? };
        let chains = retain_live(rows, chains).await?;
        let by_id: std::collections::HashMap<ChainId, Chain> = chains.into_iter().map(|c| (c.id, c)).collect();
        let mut views = Vec::with_capacity(records.len());
        for record in records {
            let newest = record.newest_chain.filter(|_| record.terms.irt);
            let chain = match newest.map(|id| by_id.get(&id).filter(|c| c.deadline() > ctx.now)) {
                None => None,
                Some(Some(chain)) => Some(chain.clone()),
                // The newest one ended: an older one may live.
                Some(None) => newest_live_chain(rows, record.id, ctx.now).await?,
            };
            views.push(view(ctx, record, chain.as_ref())?);
        }
        Ok(views)
    }
}

/// Takes a prepared sign-in back from the writer, which is done with it.
pub(crate) fn unshare<T>(shared: std::sync::Arc<T>) -> Result<T> {
    std::sync::Arc::into_inner(shared).ok_or_else(|| Error::internal("the writer kept what it wrote"))
}

/// A record as it is shown.
pub(crate) fn view(ctx: &Ctx, record: Authorization, chain: Option<&Chain>) -> Result<AuthorizationView> {
    let refresh = chain.map(|chain| shown(ctx, chain)).transpose()?;
    Ok(AuthorizationView {
        key: record.key,
        long_lived: true,
        terms: record.terms,
        iss: record.iss,
        iat: record.iat,
        uat: record.uat,
        refresh,
        extras: None,
    })
}

fn shown(ctx: &Ctx, chain: &Chain) -> Result<RefreshShown> {
    Ok(RefreshShown {
        text: issue::refresh_text(ctx, chain)?,
        issued_at: chain.issued_at,
        remaining: super::sign_in::remaining(chain, ctx.now).unwrap_or(0),
    })
}

/// Writes a record over what its key holds. Issued tokens are left alone; a shared refresh token lives on if the record
/// still has one.
pub(crate) async fn replace_record(rows: &TenantStore<'_, Tx>, new: &NewRecord) -> Result<(AuthorizationId, Epoch)> {
    rows.hold_authorization(&new.key).await?;
    let epoch = rows.epoch().await?;
    let old = match rows.find_authorization(&new.key).await? {
        Some(old) if is_live(rows, &old).await? => Some(old),
        _ => None,
    };
    let id = old.as_ref().map_or(new.fresh, |old| old.id);
    if old.is_some() {
        if new.terms.irt {
            restart_chains(rows, id, &new.terms, new.now).await?;
        } else {
            end_chains(rows, &new.key, id, new.now).await?;
        }
    }
    let record = Authorization {
        id,
        key: new.key.clone(),
        // What the end of its refresh tokens just took is not later than the record.
        epoch: rows.epoch().await?.max(epoch),
        newest_chain: old.and_then(|old| old.newest_chain).filter(|_| new.terms.irt),
        iss: new.iss.clone(),
        iat: new.iat,
        uat: None,
        terms: new.terms.clone(),
    };
    rows.upsert_authorization(&record).await?;
    Ok((id, record.epoch))
}

/// Restarts the lifetime of the shared refresh token under new terms.
async fn restart_chains(rows: &TenantStore<'_, Tx>, id: AuthorizationId, terms: &Terms, now: Seconds) -> Result<()> {
    if terms.rtr {
        return Ok(());
    }
    if let Some(chain) = newest_live_chain(rows, id, now).await? {
        let limited = Chain {
            issued_at: now,
            expires_at: end_of(now, terms.rtl),
            max_idle: terms.rtm,
            used_at: now,
            scope: scope_text(terms),
            ..chain
        };
        rows.set_chain_limits(&limited).await?;
    }
    Ok(())
}

/// Kills the refresh tokens of an authorisation and nothing else of it.
pub(crate) async fn end_chains(
    rows: &TenantStore<'_, Tx>,
    key: &AuthorizationKey,
    id: AuthorizationId,
    now: Seconds,
) -> Result<()> {
    super::tokens::revoke::mark_of(rows, key, &Selector::RefreshTokensOf(id), now).await.map(|_| ())
}

struct Update {
    key: AuthorizationKey,
    irt: Option<bool>,
    iss: String,
    terms: Terms,
    now: Seconds,
}

async fn apply(rows: &TenantStore<'_, Tx>, update: &Update) -> Result<()> {
    rows.hold_authorization(&update.key).await?;
    let found = rows.find_authorization(&update.key).await?.ok_or(Error::NotFound(Kind::Authorization))?;
    if !is_live(rows, &found).await? {
        return Err(Error::NotFound(Kind::Authorization));
    }
    let mut terms = update.terms.clone();
    terms.irt = update.irt.unwrap_or(found.terms.irt);
    if found.terms.irt && !terms.irt {
        end_chains(rows, &update.key, found.id, update.now).await?;
    }
    if terms.irt {
        limit_chains(rows, found.id, &terms, update.now).await?;
    }
    let record = Authorization {
        epoch: found.epoch,
        newest_chain: found.newest_chain.filter(|_| terms.irt),
        iss: update.iss.clone(),
        uat: Some(update.now),
        terms,
        ..found
    };
    rows.upsert_authorization(&record).await
}

/// Gives the refresh tokens of a record the limits of an update. `rtl` is shown as what remains of the newest one's life, so
/// that is what an update says too; each of them lives as long from its own `rti` on.
async fn limit_chains(rows: &TenantStore<'_, Tx>, id: AuthorizationId, terms: &Terms, now: Seconds) -> Result<()> {
    let chains = retain_live(rows, rows.list_chains_of(id, now).await?).await?;
    let Some(newest) = chains.first().map(|chain| chain.issued_at) else { return Ok(()) };
    for chain in chains {
        let begin = chain.issued_at.saturating_add(now.saturating_sub(newest));
        let limits =
            Chain { expires_at: end_of(begin, terms.rtl), max_idle: terms.rtm, scope: scope_text(terms), ..chain };
        rows.set_chain_limits(&limits).await?;
    }
    Ok(())
}

fn scope_text(terms: &Terms) -> String {
    terms.scp.as_deref().map(scope::join).unwrap_or_default()
}
