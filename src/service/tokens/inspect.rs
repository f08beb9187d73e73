//! From a presented text to what it stands for: the one place that says whether an access token is good.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use serde_json::{Map, Value};

use super::claims::{self, ACCESS_TOKEN_TYPE};
use crate::cache::coherence::Stamps;
use crate::crypto::jwt::{self, Jwt};
use crate::crypto::secret::sha256;
use crate::crypto::token::Jti;
use crate::domain::{
    AccessToken, AuthorizationId, AuthorizationKey, ChainId, Error, GrantId, Kind, Result, Seconds, Selector, Snapshot,
    TokenKind, TokenNumber,
};
use crate::service::assertions::SKEW;
use crate::service::liveness::{GrantedToken, Revocable, hashes, is_live};
use crate::service::tenants::tenant_shard;
use crate::service::{Ctx, Services};
use crate::store::access_tokens::token_shard;
use crate::store::revocations::revocation_shard;

/// What a good access token stands for.
#[derive(Clone, Debug)]
pub struct TokenFacts {
    /// Whose it is, by the local subject.
    pub key: AuthorizationKey,
    /// False for `client_credentials`.
    pub user: bool,
    /// What it shows.
    pub snapshot: Snapshot,
    /// The scope in force.
    pub scope: Option<Vec<String>>,
    /// When it was issued.
    pub iat: Option<Seconds>,
    /// When it expires.
    pub exp: Seconds,
    /// Its number; `None` for a JWT of a migrated issuer.
    pub number: Option<TokenNumber>,
    /// Whether it is an identifier.
    pub identifier: bool,
    /// Its grant.
    pub grant: Option<GrantId>,
    /// Its authorisation.
    pub authorization: Option<AuthorizationId>,
    /// The chain it came with or from.
    pub chain: Option<ChainId>,
    /// How it is shown.
    pub written: Written,
}

/// What is shown of facts, once somebody has written it: they never change.
#[derive(Clone, Default)]
pub struct Written(OnceLock<Bytes>);

impl Written {
    /// What was written before, else what is written now.
    ///
    /// # Errors
    /// What `write` fails with; nothing is kept then.
    pub fn get_or_write(&self, write: impl FnOnce() -> Result<Bytes>) -> Result<Bytes> {
        if let Some(text) = self.0.get() {
            return Ok(text.clone());
        }
        let text = write()?;
        Ok(self.0.get_or_init(|| text).clone())
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written")
    }
}

const MISSING: Error = Error::NotFound(Kind::AccessToken);

impl Services {
    /// What an access token stands for.
    ///
    /// One that was found good lately is answered from memory, as long as nothing that could kill or change it has changed.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one that is not good, whatever the reason.
    pub async fn inspect_access_token(&self, ctx: &Ctx, text: &str) -> Result<Arc<TokenFacts>> {
        let key = (ctx.tenant.id, sha256(text.as_bytes()));
        if let Some(facts) = self.caches.tokens.hit(&self.coherence, ctx.freshness, &key) {
            return if facts.exp > ctx.now { Ok(facts) } else { Err(MISSING) };
        }
        let seen = self.look_up(ctx, text).await?;
        let facts = Arc::new(seen.facts);
        if let Some(stamps) = seen.stamps {
            self.caches.tokens.keep(ctx.freshness, key, &facts, stamps);
        }
        Ok(facts)
    }

    async fn look_up(&self, ctx: &Ctx, text: &str) -> Result<Seen> {
        if let Some(id) = ctx.keys.tokens.read_access(text) {
            return self.inspect_identifier(ctx, &id).await;
        }
        let jwt = verify(ctx, text).ok_or(MISSING)?;
        self.inspect_jwt(ctx, &jwt).await
    }

    async fn inspect_identifier(&self, ctx: &Ctx, id: &[u8; 16]) -> Result<Seen> {
        let number = TokenNumber::of(id);
        let before = self.before_row(ctx, number);
        let rows = self.store.tenant(ctx.tenant.id);
        let row = rows.find_access_token(number).await?.ok_or(MISSING)?;
        if row.id.as_ref() != Some(id) || row.expires_at <= ctx.now {
            return Err(MISSING);
        }
        let stamps = self.after_row(ctx, number, &before, &row.selectors());
        if !is_live(&rows, &row).await? {
            return Err(MISSING);
        }
        let snapshot = row.snapshot.clone().ok_or(MISSING)?;
        Ok(Seen { facts: facts_of_row(row, snapshot), stamps })
    }

    /// The stamp of a token's row, before it is read.
    fn before_row(&self, ctx: &Ctx, number: TokenNumber) -> Stamps {
        self.coherence.capture(&[token_shard(ctx.tenant.id, number)])
    }

    /// The stamps of all that makes a token what it is, once its row has told what that is and before revocations are read.
    /// `None` if the row may have changed meanwhile, or the tenant since this request began: its keys have verified the token
    /// already.
    fn after_row(&self, ctx: &Ctx, number: TokenNumber, before: &Stamps, selectors: &[Selector<'_>]) -> Option<Stamps> {
        let tenant = ctx.tenant.id;
        let mut shards = vec![token_shard(tenant, number), tenant_shard(tenant)];
        shards.extend(hashes(selectors).iter().map(|hash| revocation_shard(tenant, hash)));
        let stamps = self.coherence.capture(&shards);
        let stands = self.coherence.is_current(before) && self.coherence.is_current(&ctx.as_of);
        stands.then_some(stamps)
    }

    async fn inspect_jwt(&self, ctx: &Ctx, jwt: &Verified) -> Result<Seen> {
        let exp = jwt::numeric_date(&jwt.jwt.payload, "exp").ok().flatten().ok_or(MISSING)?;
        let iat = jwt::numeric_date(&jwt.jwt.payload, "iat").map_err(|_| MISSING)?;
        let claims = claims::read(&jwt.jwt.payload).ok_or(MISSING)?;
        if exp <= ctx.now || !ctx.tenant.is_issuer(&claims.snapshot.iss) {
            return Err(MISSING);
        }
        let jti = jwt::text(&jwt.jwt.payload, "jti").ok().flatten().and_then(|text| ctx.keys.tokens.read_jti(text));
        let facts = TokenFacts {
            key: AuthorizationKey {
                sub: claims.snapshot.sub.clone(),
                act: claims.actor,
                cid: claims.client_id.ok_or(MISSING)?,
            },
            user: true,
            snapshot: claims.snapshot,
            scope: claims.scope,
            iat,
            exp,
            number: jti.map(|jti| jti.number),
            identifier: false,
            grant: None,
            authorization: None,
            chain: None,
            written: Written::default(),
        };
        match jti {
            Some(jti) if jti.grant == GrantId::CLIENT => self.client_token(ctx, facts, jti.epoch).await,
            Some(jti) => self.granted_token(ctx, facts, jti).await,
            None if jwt.brought && starts_late(&jwt.jwt.payload, ctx.now) => Err(MISSING),
            None if jwt.brought => self.migrated_token(ctx, facts).await.map(|facts| Seen { facts, stamps: None }),
            None => Err(MISSING),
        }
    }

    /// A JWT with a user: its grant says whose it is and whether it lives; its row, if it is registered, which scope it has.
    async fn granted_token(&self, ctx: &Ctx, mut facts: TokenFacts, jti: Jti) -> Result<Seen> {
        let rows = self.store.tenant(ctx.tenant.id);
        let number = facts.number.ok_or(MISSING)?;
        let before = self.before_row(ctx, number);
        let row = rows.find_access_token(number).await?;
        let grant = rows.find_grant(jti.grant).await?.ok_or(MISSING)?;
        let chain = row.as_ref().and_then(|row| row.chain).or(grant.chain);
        let token = GrantedToken { grant: &grant, chain, number, epoch: jti.epoch };
        let stamps = self.after_row(ctx, number, &before, &token.selectors());
        if !is_live(&rows, &token).await? {
            return Err(MISSING);
        }
        if let Some(row) = row {
            facts.scope = row.scope;
        }
        facts.chain = chain;
        facts.grant = Some(grant.id);
        facts.authorization = Some(grant.authorization);
        facts.key = grant.key;
        Ok(Seen { facts, stamps })
    }

    /// A JWT without a user: its client answers for it.
    async fn client_token(&self, ctx: &Ctx, mut facts: TokenFacts, epoch: i64) -> Result<Seen> {
        let rows = self.store.tenant(ctx.tenant.id);
        let number = facts.number.ok_or(MISSING)?;
        let before = self.before_row(ctx, number);
        let row = rows.find_access_token(number).await?;
        let mut selectors = Selector::of_key(&facts.key, false);
        selectors.push(Selector::Token(number));
        let stamps = self.after_row(ctx, number, &before, &selectors);
        if rows.latest_revocation(&hashes(&selectors)).await? > epoch {
            return Err(MISSING);
        }
        if let Some(row) = row {
            facts.scope = row.scope;
        }
        facts.user = false;
        Ok(Seen { facts, stamps })
    }

    /// A JWT of the server that a tenant migrated from: only time can tell whether it was issued before a revocation. One
    /// from the future would outlive revocations that are to come.
    async fn migrated_token(&self, ctx: &Ctx, facts: TokenFacts) -> Result<TokenFacts> {
        let rows = self.store.tenant(ctx.tenant.id);
        let selectors = hashes(&Selector::of_key(&facts.key, true));
        let bias = ctx.tenant.settings.authz_store.revocation_check_bias;
        let iat = facts.iat.ok_or(MISSING)?;
        match rows.last_revoked_at(&selectors).await? {
            Some(revoked_at) if iat < revoked_at.saturating_add(bias) => Err(MISSING),
            _ => Ok(facts),
        }
    }

    /// Inspects an identifier token and deletes it in the same step: of several that try, one succeeds. Any other access
    /// token is inspected and stays.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a token that is not good, or that another call just took.
    pub async fn consume_access_token(&self, ctx: &Ctx, text: &str) -> Result<Arc<TokenFacts>> {
        let facts = self.inspect_access_token(ctx, text).await?;
        let Some(number) = facts.number.filter(|_| facts.identifier) else { return Ok(facts) };
        let won =
            self.store.write(ctx.tenant.id, number, |rows, number| Box::pin(rows.delete_access_token(*number))).await?;
        if won { Ok(facts) } else { Err(MISSING) }
    }
}

/// Whether a token is not good yet, by more than clocks may be apart (RFC 7519 section 4.1.5); also if it can't be told.
fn starts_late(claims: &Map<String, Value>, now: Seconds) -> bool {
    ["iat", "nbf"].into_iter().any(|name| match jwt::numeric_date(claims, name) {
        Ok(start) => start.is_some_and(|start| start > now.saturating_add(SKEW)),
        Err(_) => true,
    })
}

fn facts_of_row(row: AccessToken, snapshot: Snapshot) -> TokenFacts {
    TokenFacts {
        key: row.key,
        user: row.user,
        snapshot,
        scope: row.scope,
        iat: Some(row.issued_at),
        exp: row.expires_at,
        number: Some(row.number),
        identifier: row.kind == TokenKind::Identifier,
        grant: Some(row.grant),
        authorization: Some(row.authorization),
        chain: row.chain,
        written: Written::default(),
    }
}

/// What a look-up found, and the stamps under which it may be kept.
struct Seen {
    facts: TokenFacts,
    stamps: Option<Stamps>,
}

/// A JWT whose signature is right.
struct Verified {
    jwt: Jwt,
    brought: bool,
}

/// Checks form, encryption, type and signature; nothing of it asks the store.
fn verify(ctx: &Ctx, text: &str) -> Option<Verified> {
    let decrypted = match &ctx.keys.content {
        Some(key) if jwt::is_encrypted(text) => Some(key.decrypt(text).ok()?),
        _ => None,
    };
    let unverified = jwt::parse(decrypted.as_deref().unwrap_or(text)).ok()?;
    let key = ctx.keys.verifier(unverified.kid()?, ctx.now)?;
    let jwt = unverified.verify(&key.verifier).ok()?;
    jwt.is_typ(ACCESS_TOKEN_TYPE).then_some(Verified { jwt, brought: key.brought })
}
