//! The refresh token grant (RFC 6749 section 6), with rotation, grace and replay detection (RFC 9700 section 4.14).
//!
//! The tokens of a chain differ in their generation only: the successor is derived, not stored. A rotation is one
//! conditional update. The token just retired is answered with the same successor within the tenant's grace and until that
//! successor is used; any other retired token is a replay, however old, and revokes the authorisation.

use crate::crypto::token::RefreshText;
use crate::domain::{
    AccessToken, AuthorizationView, Chain, Error, Grant, GrantFault, Kind, RefreshShown, Result, Seconds, Terms, scope,
};
use crate::service::liveness::{Revocable, are_live};
use crate::service::sign_in::{live_record, record_of, remaining, remaining_unused};
use crate::service::tokens::issue::{self, Approval};
use crate::service::tokens::{TokenSet, id_token, revoke};
use crate::service::{Ctx, Services};
use crate::store::{Claim, Lock, Step, TenantStore, Tx};

/// A request to refresh.
#[derive(Clone, Copy)]
pub struct Refresh<'a> {
    /// The refresh token.
    pub token: &'a str,
    /// The client that presents it, where the endpoint knows.
    pub client_id: Option<&'a str>,
    /// A narrower scope for the access token.
    pub scope: Option<&'a [String]>,
}

impl std::fmt::Debug for Refresh<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refresh").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// A chain that a presented token belongs to, its grant, and the token's generation.
struct Presented {
    chain: Chain,
    grant: Option<Grant>,
    generation: i64,
}

/// What presenting a token means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is the current one.
    Current,
    /// It was just retired, and its successor is unused.
    InGrace,
    /// It was retired for good.
    Replay,
}

/// What a refresh writes.
struct Written {
    chain: Chain,
    step: Step,
    rows: Vec<AccessToken>,
    /// How long the grant is kept as it is.
    kept_until: Seconds,
    now: Seconds,
}

impl Services {
    /// Refreshes an access token.
    ///
    /// # Errors
    /// [`Error::InvalidGrant`] for whatever is wrong with the token, [`Error::InvalidScope`] for a scope beyond the granted.
    pub async fn refresh(&self, ctx: &Ctx, request: Refresh<'_>) -> Result<TokenSet> {
        // A lost race is looked at anew: by then the token is the retired one.
        for _ in 0..3 {
            let presented = self.present(ctx, request.token).await?;
            if let Some(answer) = self.attempt(ctx, request, presented).await? {
                self.count_issued("refresh_token", &answer);
                return Ok(answer);
            }
        }
        Err(Error::Unavailable("a refresh token is fought over".into()))
    }

    async fn attempt(&self, ctx: &Ctx, request: Refresh<'_>, presented: Presented) -> Result<Option<TokenSet>> {
        if request.client_id.is_some_and(|client| client != presented.chain.key.cid) {
            return Err(Error::InvalidGrant(GrantFault::WrongClient));
        }
        let (grant, terms) = self.terms_of(ctx, &presented).await?;
        let Presented { chain, generation, .. } = presented;
        let standing = standing(&chain, generation, ctx);
        if standing == Standing::Replay {
            return self.replayed_refresh(ctx, &chain).await.map(Some);
        }
        // Within the grace it is the successor that idles, since it was made.
        let left = if standing == Standing::InGrace { chain.clone() } else { chain.clone().used(ctx.now) };
        let granted = request.scope.map_or_else(|| Ok(terms.scp.clone()), |asked| narrow(&terms, asked).map(Some))?;
        let access = issue::mint(
            ctx,
            &Approval {
                grant: grant.id,
                authorization: grant.authorization,
                key: &grant.key,
                user: true,
                epoch: grant.epoch,
                terms: &terms,
                scope: granted.clone(),
                chain: Some(chain.id),
                not_after: left.deadline(),
            },
        )?;
        let id_token = refreshed_id_token(ctx, &grant, &terms, granted.as_deref())?;
        let rotate = terms.rtr && standing == Standing::Current;
        let rows = rows(ctx, access.row, id_token.as_deref());
        // A use is worth a write where the idle time counts, or where it ends the grace of the token before.
        let idle_counts = chain.max_idle > 0 && chain.used_at < ctx.now;
        let ends_grace = chain.rotated_at.is_some() && !chain.current_used;
        let mark_used = standing == Standing::Current && !rotate && (idle_counts || ends_grace);
        let step = match (rotate, mark_used) {
            (true, _) => Step::Rotate,
            (_, true) => Step::Use,
            _ => Step::Hold,
        };
        let written = Written { chain: chain.clone(), step, rows, kept_until: grant.expires_at, now: ctx.now };
        if !self.take(ctx, written).await? {
            return Ok(None);
        }
        let refresh_token = if rotate || standing == Standing::InGrace {
            let next = Chain { generation: generation + 1, ..chain.clone() };
            issue::refresh_text(ctx, &next)?
        } else {
            request.token.to_owned()
        };
        Ok(Some(TokenSet {
            access_token: access.text,
            expires_in: access.expires_in,
            scope: granted,
            refresh_token: Some(refresh_token),
            refresh_token_expires_in: remaining_unused(&left, ctx.now),
            id_token,
        }))
    }

    /// Writes a refresh; tells whether the chain still stood where it was read.
    async fn take(&self, ctx: &Ctx, refresh: Written) -> Result<bool> {
        if refresh.step == Step::Hold && refresh.rows.is_empty() {
            return Ok(true);
        }
        let claim = Claim::Chain { chain: refresh.chain.clone(), step: refresh.step, now: refresh.now };
        self.store.write_claiming(ctx.tenant.id, claim, refresh, |rows, refresh| Box::pin(write(rows, refresh))).await
    }

    /// Finds the chain of a presented token. Nothing is asked of the store for a text that was never made here.
    async fn present(&self, ctx: &Ctx, text: &str) -> Result<Presented> {
        let rows = self.store.tenant(ctx.tenant.id);
        let unknown = || Error::InvalidGrant(GrantFault::Unknown);
        // One of ours whose record was imported anew is found as any imported one.
        if let Some(RefreshText { chain, generation }) = ctx.keys.tokens.read_refresh(text)
            && let Some((chain, grant)) = rows.find_chain_and_grant(chain).await?
        {
            return Ok(Presented { chain, grant, generation });
        }
        if ctx.tenant.has_imports {
            for keys in ctx.keys.tokens.iter() {
                if let Some(chain) = rows.find_chain_by_foreign(&keys.foreign_digest(text)).await? {
                    let grant = rows.find_grant(chain.grant).await?;
                    return Ok(Presented { chain, grant, generation: 0 });
                }
            }
        }
        Err(unknown())
    }

    /// The grant of a chain and the terms in force: those of the stored record, or the transient grant's own.
    ///
    /// # Errors
    /// [`Error::InvalidGrant`] when any of them is dead or expired.
    async fn terms_of(&self, ctx: &Ctx, Presented { chain, grant, .. }: &Presented) -> Result<(Grant, Terms)> {
        let rows = self.store.tenant(ctx.tenant.id);
        let revoked = || Error::InvalidGrant(GrantFault::Revoked);
        // The record is the grant's own and the same look at revocations judges both, read before it.
        let record = match grant {
            Some(grant) if grant.transient.is_none() => record_of(&rows, grant).await?,
            Some(_) | None => None,
        };
        let asked = [Some(chain as &dyn Revocable), record.as_ref().map(|record| record as &dyn Revocable)];
        let [chain_lives, record_lives] = are_live(&rows, asked).await?;
        if !chain_lives {
            return Err(revoked());
        }
        if chain.deadline() <= ctx.now {
            return Err(Error::InvalidGrant(GrantFault::Expired));
        }
        let grant = grant.clone().ok_or_else(revoked)?;
        let terms = match &grant.transient {
            Some(terms) => terms.clone(),
            None => record.filter(|_| record_lives).ok_or_else(revoked)?.terms,
        };
        if terms.irt { Ok((grant, terms)) } else { Err(revoked()) }
    }

    /// Revokes the whole authorisation of a token that was retired and is presented again.
    async fn replayed_refresh(&self, ctx: &Ctx, chain: &Chain) -> Result<TokenSet> {
        self.store
            .write((ctx.tenant.id, Lock::Epoch), (chain.clone(), ctx.now), |rows, (chain, now)| {
                Box::pin(revoke::authorization(rows, chain, *now))
            })
            .await?;
        self.on_replay(ctx, "refresh_token", Some(&chain.key.cid));
        Err(Error::InvalidGrant(GrantFault::Replayed))
    }

    /// The authorisation that a refresh token stands for, with the token as it was submitted.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a token that could not be used to refresh.
    pub async fn inspect_refresh_token(&self, ctx: &Ctx, text: &str) -> Result<AuthorizationView> {
        let presented = self.present(ctx, text).await.map_err(missing)?;
        let (grant, terms) = self.terms_of(ctx, &presented).await.map_err(missing)?;
        let Presented { chain, generation, .. } = presented;
        if generation != chain.generation {
            return Err(Error::NotFound(Kind::RefreshToken));
        }
        let refresh = Some(RefreshShown {
            text: text.to_owned(),
            issued_at: chain.issued_at,
            remaining: remaining(&chain, ctx.now).unwrap_or(0),
        });
        let rows = self.store.tenant(ctx.tenant.id);
        let record = if grant.transient.is_some() { None } else { live_record(&rows, &grant).await? };
        Ok(AuthorizationView {
            long_lived: record.is_some(),
            iss: record.as_ref().map_or(grant.iss, |r| r.iss.clone()),
            iat: record.as_ref().map_or(grant.iat, |r| r.iat),
            uat: record.and_then(|r| r.uat),
            key: grant.key,
            terms,
            refresh,
            extras: None,
        })
    }

    /// The chain of a refresh token that could be used to refresh, for its revocation.
    ///
    /// # Errors
    /// [`Error::NotFound`] for any other.
    pub(crate) async fn live_chain(&self, ctx: &Ctx, text: &str) -> Result<Chain> {
        self.inspect_refresh_token(ctx, text).await?;
        Ok(self.present(ctx, text).await?.chain)
    }

    /// The chain that a refresh token belongs to, whether it is the current one or a retired one, if the chain could still be
    /// refreshed: a client that signs its user out may have missed the answer that had the successor.
    ///
    /// # Errors
    /// [`Error::NotFound`] for any other.
    pub(crate) async fn chain_in_force(&self, ctx: &Ctx, text: &str) -> Result<Chain> {
        let presented = self.present(ctx, text).await.map_err(missing)?;
        self.terms_of(ctx, &presented).await.map_err(missing)?;
        Ok(presented.chain)
    }
}

/// What a caller who doesn't refresh is told of a token that is no good.
fn missing(error: Error) -> Error {
    match error {
        Error::InvalidGrant(_) => Error::NotFound(Kind::RefreshToken),
        other => other,
    }
}

fn refreshed_id_token(ctx: &Ctx, grant: &Grant, terms: &Terms, scope: Option<&[String]>) -> Result<Option<String>> {
    let wanted = terms.idr && scope.is_some_and(|s| s.iter().any(|v| v == "openid"));
    wanted.then(|| id_token::mint(ctx, &grant.key, grant.authentication.as_ref())).transpose()
}

fn standing(chain: &Chain, generation: i64, ctx: &Ctx) -> Standing {
    let grace = ctx.tenant.settings.refresh_token.grace;
    let retired_at = chain.rotated_at.filter(|_| generation + 1 == chain.generation && !chain.current_used);
    match retired_at {
        _ if generation == chain.generation => Standing::Current,
        Some(at) if ctx.now < at.saturating_add(grace) => Standing::InGrace,
        _ => Standing::Replay,
    }
}

fn narrow(terms: &Terms, asked: &[String]) -> Result<Vec<String>> {
    if scope::covers(terms.scp.as_deref().unwrap_or_default(), asked) {
        Ok(asked.to_vec())
    } else {
        Err(Error::InvalidScope("The requested scope exceeds the granted scope".into()))
    }
}

fn rows(ctx: &Ctx, row: Option<AccessToken>, id_token: Option<&str>) -> Vec<AccessToken> {
    let Some(mut row) = row else { return Vec::new() };
    let registered = id_token.filter(|_| ctx.tenant.settings.access_token.registry);
    let second = registered.map(|text| id_token::row(ctx, &row, text));
    row.id_token = second.as_ref().map(|r| r.number);
    std::iter::once(row).chain(second).collect()
}

async fn write(rows: &TenantStore<'_, Tx>, refresh: &Written) -> Result<bool> {
    let stood = match refresh.step {
        Step::Rotate => rows.rotate_chain(&refresh.chain, refresh.now).await?,
        Step::Use => rows.use_chain(&refresh.chain, refresh.now).await?,
        // What management makes of the pair's scope meanwhile must reach this token too.
        Step::Hold => rows.hold_chain(&refresh.chain).await?,
    };
    if !stood {
        return Ok(false);
    }
    for row in &refresh.rows {
        rows.insert_access_token(row).await?;
        if row.expires_at > refresh.kept_until {
            rows.extend_grant(row.grant, row.expires_at).await?;
        }
    }
    Ok(true)
}
