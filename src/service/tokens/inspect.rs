//! From a presented text to what it stands for: the one place that says whether an access token is good.

use super::claims::{self, ACCESS_TOKEN_TYPE};
use crate::crypto::jwt::{self, Jwt};
use crate::domain::{
    AccessToken, AuthorizationId, AuthorizationKey, ChainId, Error, GrantId, Kind, Result, Seconds, Selector, Snapshot,
    TokenKind, TokenNumber,
};
use crate::service::liveness::{GrantedToken, hashes, is_live};
use crate::service::{Ctx, Services};

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
}

const MISSING: Error = Error::NotFound(Kind::AccessToken);

impl Services {
    /// What an access token stands for.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one that is not good, whatever the reason.
    pub async fn inspect_access_token(&self, ctx: &Ctx, text: &str) -> Result<TokenFacts> {
        if let Some(id) = ctx.keys.tokens.read_access(text) {
            return self.inspect_identifier(ctx, &id).await;
        }
        let jwt = verify(ctx, text).ok_or(MISSING)?;
        self.inspect_jwt(ctx, &jwt).await
    }

    async fn inspect_identifier(&self, ctx: &Ctx, id: &[u8; 16]) -> Result<TokenFacts> {
        let rows = self.store.tenant(ctx.tenant.id);
        let row = rows.find_access_token(TokenNumber::of(id)).await?.ok_or(MISSING)?;
        if row.id.as_ref() != Some(id) || row.expires_at <= ctx.now || !is_live(&rows, &row).await? {
            return Err(MISSING);
        }
        let snapshot = row.snapshot.clone().ok_or(MISSING)?;
        Ok(facts_of_row(row, snapshot))
    }

    async fn inspect_jwt(&self, ctx: &Ctx, jwt: &Verified) -> Result<TokenFacts> {
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
        };
        match jti {
            Some(jti) if jti.grant == GrantId::CLIENT => self.client_token(ctx, facts, jti.epoch).await,
            Some(jti) => self.granted_token(ctx, facts, jti.grant).await,
            None if jwt.brought => self.migrated_token(ctx, facts).await,
            None => Err(MISSING),
        }
    }

    /// A JWT with a user: its grant says whose it is and whether it lives; its row, if it is registered, which scope it has.
    async fn granted_token(&self, ctx: &Ctx, mut facts: TokenFacts, grant: GrantId) -> Result<TokenFacts> {
        let rows = self.store.tenant(ctx.tenant.id);
        let grant = rows.find_grant(grant).await?.ok_or(MISSING)?;
        let number = facts.number.ok_or(MISSING)?;
        if !is_live(&rows, &GrantedToken { grant: &grant, number }).await? {
            return Err(MISSING);
        }
        if let Some(row) = rows.find_access_token(number).await? {
            facts.scope = row.scope;
            facts.chain = row.chain;
        }
        facts.key = grant.key;
        facts.chain = facts.chain.or(grant.chain);
        facts.grant = Some(grant.id);
        facts.authorization = Some(grant.authorization);
        Ok(facts)
    }

    /// A JWT without a user: its client answers for it.
    async fn client_token(&self, ctx: &Ctx, mut facts: TokenFacts, epoch: i64) -> Result<TokenFacts> {
        let rows = self.store.tenant(ctx.tenant.id);
        let number = facts.number.ok_or(MISSING)?;
        let mut selectors = Selector::of_key(&facts.key, false);
        selectors.push(Selector::Token(number));
        if rows.latest_revocation(&hashes(&selectors)).await? > epoch {
            return Err(MISSING);
        }
        if let Some(row) = rows.find_access_token(number).await? {
            facts.scope = row.scope;
        }
        facts.user = false;
        Ok(facts)
    }

    /// A JWT of the server that a tenant migrated from: only time can tell whether it was issued before a revocation.
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
    pub async fn consume_access_token(&self, ctx: &Ctx, text: &str) -> Result<TokenFacts> {
        let facts = self.inspect_access_token(ctx, text).await?;
        let Some(number) = facts.number.filter(|_| facts.identifier) else { return Ok(facts) };
        let won =
            self.store.write(ctx.tenant.id, number, |rows, number| Box::pin(rows.delete_access_token(*number))).await?;
        if won { Ok(facts) } else { Err(MISSING) }
    }
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
    }
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
