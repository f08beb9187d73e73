//! Issued access tokens as the management API lists and revokes them.

use super::{Pair, Stretch};
use crate::crypto::secret::{b64url, sha256};
use crate::domain::{AccessToken, Chain, ChainId, Client, Error, Kind, NEVER, Result, Seconds, Selector};
use crate::service::liveness::retain_live;
use crate::service::tokens::list::access_text;
use crate::service::tokens::{issue, revoke};
use crate::service::{Ctx, Services};
use crate::store::token_pages::{Register, TokenFilter};

/// How many tokens are looked through at a time for one with a certain hash.
const CHUNK: u32 = 500;

/// An issued access token, and the refresh token it came with or from.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The access token.
    pub token: AccessToken,
    /// The hash of its text.
    pub hash: String,
    /// The refresh token, while it lives.
    pub refresh: Option<IssuedRefresh>,
    /// The number of its client, if that is registered.
    pub client: Option<i64>,
}

/// A refresh token.
#[derive(Clone, Debug)]
pub struct IssuedRefresh {
    /// The hash of its text.
    pub hash: String,
    /// When it ends; [`NEVER`] if it doesn't.
    pub expires_at: Seconds,
    /// When it was last used.
    pub used_at: Option<Seconds>,
}

/// What is to be revoked; the first that is named counts.
#[derive(Clone, Debug)]
pub enum RevokedTokens {
    /// One access token, by its text or the hash of it.
    Access(String),
    /// One refresh token, by its text or the hash of it, with its access tokens.
    Refresh(String),
    /// All of a subject, a client, or both.
    Of(Option<String>, Option<Box<Client>>),
}

impl Services {
    /// The live access tokens of a client and a subject, or of either, or all, by expiry: how many, and a stretch of them.
    pub async fn list_issued_tokens(
        &self,
        ctx: &Ctx,
        client: Option<&Client>,
        subject: Option<&str>,
        stretch: Stretch,
    ) -> Result<(i64, Vec<IssuedToken>)> {
        let rows = self.store.tenant(ctx.tenant.id);
        let filter = TokenFilter {
            subs: subject.map(|sub| vec![sub.to_owned()]),
            cid: client.map(|client| client.client_id.clone()),
        };
        let unpurged = rows.unpurged().await?;
        let total = rows.count_tokens(Register::Access, &filter, ctx.now, &unpurged).await?;
        let position = |index: usize| i64::try_from(index).unwrap_or(i64::MAX);
        let limit = u32::try_from(stretch.end.saturating_sub(stretch.start)).unwrap_or(u32::MAX);
        if limit == 0 || position(stretch.start) >= total {
            return Ok((total, Vec::new()));
        }
        let place = (position(stretch.start), limit);
        let numbers = rows.list_token_numbers(Register::Access, &filter, ctx.now, &unpurged, place).await?;
        let tokens = retain_live(&rows, rows.find_access_tokens(&numbers).await?).await?;
        let ids: Vec<ChainId> = tokens.iter().filter_map(|token| token.chain).collect();
        let chains = retain_live(&rows, rows.find_chains(&ids).await?).await?;
        let mut cids: Vec<&str> = tokens.iter().map(|token| token.key.cid.as_str()).collect();
        cids.dedup();
        let clients = rows.find_clients(&cids).await?;
        let mut issued = Vec::with_capacity(tokens.len());
        for token in tokens {
            let chain = chains.iter().find(|chain| Some(chain.id) == token.chain && chain.deadline() > ctx.now);
            issued.push(IssuedToken {
                hash: hash(&access_text(ctx, &token)?),
                refresh: chain.map(|chain| refresh(ctx, chain)).transpose()?,
                client: clients.iter().find(|client| client.client_id == token.key.cid).map(|client| client.number),
                token,
            });
        }
        Ok((total, issued))
    }

    /// Revokes access tokens; returns how many live registered ones died, or for one token whether it was there.
    pub async fn revoke_issued_tokens(&self, ctx: &Ctx, what: RevokedTokens) -> Result<i64> {
        match what {
            RevokedTokens::Access(identifier) => {
                let found = self.number_of(ctx, Register::Access, &identifier).await?;
                self.count_one(found, |number| self.delete_access_token(ctx, number)).await
            }
            RevokedTokens::Refresh(identifier) => {
                let found = self.number_of(ctx, Register::Refresh, &identifier).await?;
                self.count_one(found, |number| self.delete_chain(ctx, number)).await
            }
            RevokedTokens::Of(Some(subject), Some(client)) => self.delete_authorizations(ctx, &client, &subject).await,
            RevokedTokens::Of(subject, client) => self.revoke_all_of(ctx, subject, client).await,
        }
    }

    async fn count_one<F>(&self, found: Option<i64>, delete: impl FnOnce(i64) -> F) -> Result<i64>
    where
        F: Future<Output = Result<()>>,
    {
        let Some(number) = found else { return Ok(0) };
        match delete(number).await {
            Ok(()) => Ok(1),
            Err(Error::NotFound(Kind::AccessToken | Kind::RefreshToken)) => Ok(0),
            Err(error) => Err(error),
        }
    }

    async fn revoke_all_of(&self, ctx: &Ctx, subject: Option<String>, client: Option<Box<Client>>) -> Result<i64> {
        let pair = Pair {
            sub: subject.clone().unwrap_or_default(),
            cid: client.as_ref().map(|client| client.client_id.clone()).unwrap_or_default(),
            now: ctx.now,
        };
        self.store
            .write(ctx.tenant.id, (pair, subject.is_some()), |rows, (pair, of_subject)| {
                Box::pin(async move {
                    let (selector, filter) = if *of_subject {
                        let filter = TokenFilter { subs: Some(vec![pair.sub.clone()]), cid: None };
                        (Selector::Subject(&pair.sub), filter)
                    } else {
                        (Selector::Client(&pair.cid), TokenFilter { subs: None, cid: Some(pair.cid.clone()) })
                    };
                    let unpurged = rows.unpurged().await?;
                    let count = rows.count_tokens(Register::Access, &filter, pair.now, &unpurged).await?;
                    revoke::mark(rows, &selector, pair.now, NEVER).await?;
                    Ok(count)
                })
            })
            .await
    }

    /// The number of the live token that a text, or the hash of a text, stands for. A hash is looked for among all.
    async fn number_of(&self, ctx: &Ctx, register: Register, identifier: &str) -> Result<Option<i64>> {
        let rows = self.store.tenant(ctx.tenant.id);
        let (filter, unpurged, mut offset) = (TokenFilter::default(), rows.unpurged().await?, 0);
        loop {
            let place = (offset, CHUNK);
            let numbers = rows.list_token_numbers(register, &filter, ctx.now, &unpurged, place).await?;
            if numbers.is_empty() {
                return Ok(None);
            }
            offset += i64::from(CHUNK);
            let texts: Vec<(i64, String)> = match register {
                Register::Access => {
                    let tokens = rows.find_access_tokens(&numbers).await?;
                    tokens.iter().map(|t| Ok((t.number.0, access_text(ctx, t)?))).collect::<Result<_>>()?
                }
                Register::Refresh => {
                    let chains = rows.find_chains_by_number(&numbers).await?;
                    chains.iter().map(|c| Ok((c.number, issue::refresh_text(ctx, c)?))).collect::<Result<_>>()?
                }
            };
            let found = texts.into_iter().find(|(_, text)| text == identifier || hash(text) == identifier);
            if let Some((number, _)) = found {
                return Ok(Some(number));
            }
        }
    }
}

fn hash(text: &str) -> String {
    b64url(&sha256(text.as_bytes()))
}

fn refresh(ctx: &Ctx, chain: &Chain) -> Result<IssuedRefresh> {
    Ok(IssuedRefresh {
        hash: hash(&issue::refresh_text(ctx, chain)?),
        expires_at: chain.expires_at,
        used_at: (chain.used_at > chain.issued_at).then_some(chain.used_at),
    })
}
