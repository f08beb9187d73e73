//! From an approval to a token: the only place that mints.

use super::claims::{self, ACCESS_TOKEN_TYPE};
use crate::crypto::jwt::MAX_TOKEN;
use crate::crypto::secret::{random, random_number};
use crate::crypto::selector::key_mark;
use crate::crypto::token::{Jti, RefreshText};
use crate::domain::{
    AccessToken, AuthorizationId, AuthorizationKey, Chain, ChainId, Encoding, Epoch, Error, GrantId, NEVER, Result,
    Seconds, Snapshot, SubjectType, Terms, TokenKind, TokenNumber,
};
use crate::service::Ctx;

/// What was approved: who gets a token, on what terms.
#[derive(Clone, Debug)]
pub struct Approval<'a> {
    /// The grant that the token comes from.
    pub grant: GrantId,
    /// The authorisation it belongs to.
    pub authorization: AuthorizationId,
    /// Whose it is.
    pub key: &'a AuthorizationKey,
    /// False for `client_credentials`: no user stands behind it.
    pub user: bool,
    /// The epoch of the grant.
    pub epoch: Epoch,
    /// What was authorised.
    pub terms: &'a Terms,
    /// The scope of this token; within the terms'.
    pub scope: Option<Vec<String>>,
    /// The refresh token chain it comes with or from.
    pub chain: Option<ChainId>,
    /// When the refresh token expires: no access token outlives it.
    pub not_after: Seconds,
}

/// A token that was minted: its text, and the row that registers it.
pub struct Minted {
    /// The text.
    pub text: String,
    /// Its lifetime in seconds.
    pub expires_in: Seconds,
    /// The row; `None` for a JWT of a tenant without a registry.
    pub row: Option<AccessToken>,
}

/// The place that the text of a registered token is sealed for.
pub fn token_place(number: TokenNumber) -> Vec<u8> {
    [b"token".as_slice(), &number.0.to_be_bytes()].concat()
}

/// Checks that tokens can be minted on these terms.
///
/// # Errors
/// [`Error::InvalidRequest`] when encryption is asked for without a key, or pairwise subjects without an audience.
pub fn check_terms(ctx: &Ctx, terms: &Terms) -> Result<()> {
    if terms.atc && ctx.keys.content.is_none() {
        return Err(Error::invalid("atc: the tenant has no key for encrypted access tokens"));
    }
    if terms.ats == SubjectType::Pairwise && terms.aud.is_none() {
        return Err(Error::invalid("ats: a pairwise subject needs an audience (aud)"));
    }
    Ok(())
}

/// A token that could be issued and never presented is not issued.
fn too_long() -> Error {
    let text = format!(
        "the access token would be longer than {MAX_TOKEN} bytes: let it carry less, or be an IDENTIFIER (ate)"
    );
    Error::InvalidRequest(text)
}

/// Mints an access token.
///
/// # Errors
/// [`Error::Internal`] when signing fails, [`Error::InvalidRequest`] when the token is too long to be read again.
pub fn mint(ctx: &Ctx, approval: &Approval<'_>) -> Result<Minted> {
    let exp = ctx.now.saturating_add(approval.terms.atl).min(approval.not_after);
    let snapshot = snapshot(ctx, approval);
    match approval.terms.ate {
        Encoding::Identifier => Ok(identifier(ctx, approval, snapshot, exp)),
        Encoding::SelfContained => self_contained(ctx, approval, &snapshot, exp),
    }
}

fn snapshot(ctx: &Ctx, approval: &Approval<'_>) -> Snapshot {
    let terms = approval.terms;
    let sub = match (terms.ats, terms.aud.as_deref()) {
        (SubjectType::Pairwise, Some([first, ..])) => ctx.keys.pairwise_subject(first, &approval.key.sub),
        _ => approval.key.sub.clone(),
    };
    Snapshot {
        sub,
        iss: ctx.tenant.issuer().to_owned(),
        aud: terms.aud.clone(),
        clm: terms.clm.clone(),
        cll: terms.cll.clone(),
        cld: terms.cld.clone(),
        uip: terms.uip.clone(),
        dat: terms.dat.clone(),
    }
}

fn identifier(ctx: &Ctx, approval: &Approval<'_>, snapshot: Snapshot, exp: Seconds) -> Minted {
    let keys = ctx.keys.tokens.newest();
    let id = random::<16>();
    let mut row = row(ctx, approval, TokenNumber::of(&id), exp);
    row.kind = TokenKind::Identifier;
    row.id = Some(id);
    row.ver = keys.version();
    row.snapshot = Some(snapshot);
    Minted { text: keys.access(&id), expires_in: exp - ctx.now, row: Some(row) }
}

fn self_contained(ctx: &Ctx, approval: &Approval<'_>, snapshot: &Snapshot, exp: Seconds) -> Result<Minted> {
    let keys = ctx.keys.tokens.newest();
    let number = TokenNumber(random_number());
    let jti = keys.jti(Jti { grant: approval.grant, number, epoch: approval.epoch });
    let payload = claims::payload(&claims::Source {
        profile: ctx.tenant.settings.access_token.profile,
        snapshot,
        scope: approval.scope.as_deref(),
        client_id: &approval.key.cid,
        actor: approval.key.act.as_deref(),
        jti: &jti,
        iat: ctx.now,
        exp,
    })
    .map_err(Error::internal)?;
    let signer = ctx.keys.signer(ctx.tenant.settings.access_token.jws_alg.as_str(), ctx.now)?;
    let mut text = signer.sign(ACCESS_TOKEN_TYPE, &payload)?;
    if approval.terms.atc {
        let key = ctx.keys.content.as_ref().ok_or_else(|| Error::invalid("atc: the tenant has no such key"))?;
        text = key.encrypt(&text)?;
    }
    if text.len() > MAX_TOKEN {
        return Err(too_long());
    }
    let row = ctx.tenant.settings.access_token.registry.then(|| {
        let mut row = row(ctx, approval, number, exp);
        row.sealed = Some(keys.seal(&token_place(number), text.as_bytes()));
        row.signed_by = Some(key_mark(signer.kid()));
        row
    });
    Ok(Minted { text, expires_in: exp - ctx.now, row })
}

fn row(ctx: &Ctx, approval: &Approval<'_>, number: TokenNumber, exp: Seconds) -> AccessToken {
    AccessToken {
        number,
        kind: TokenKind::Jwt,
        id: None,
        ver: ctx.keys.tokens.newest().version(),
        grant: approval.grant,
        authorization: approval.authorization,
        chain: approval.chain,
        key: approval.key.clone(),
        user: approval.user,
        epoch: approval.epoch,
        issued_at: ctx.now,
        expires_at: exp,
        scope: approval.scope.clone(),
        snapshot: None,
        sealed: None,
        id_token: None,
        signed_by: None,
    }
}

/// A new refresh token chain of a grant.
pub fn new_chain(ctx: &Ctx, grant: &crate::domain::Grant, terms: &Terms, stored: bool) -> Chain {
    Chain {
        id: ChainId(random()),
        number: random_number(),
        grant: grant.id,
        authorization: grant.authorization,
        stored,
        key: grant.key.clone(),
        epoch: grant.epoch,
        ver: ctx.keys.tokens.newest().version(),
        generation: 0,
        rotated_at: None,
        current_used: false,
        issued_at: ctx.now,
        expires_at: end_of(ctx.now, terms.rtl),
        max_idle: terms.rtm,
        used_at: ctx.now,
        scope: terms.scp.as_deref().map(crate::domain::scope::join).unwrap_or_default(),
        foreign: None,
    }
}

/// When a lifetime that starts at a moment ends; 0 means never.
pub fn end_of(start: Seconds, lifetime: Seconds) -> Seconds {
    if lifetime == 0 { NEVER } else { start.saturating_add(lifetime) }
}

/// The place that the text of an imported refresh token is sealed for.
pub fn foreign_place(chain: ChainId) -> Vec<u8> {
    [b"foreign".as_slice(), &chain.0].concat()
}

/// The text of a chain's current token.
///
/// # Errors
/// [`Error::Internal`] when its root secret is gone.
pub fn refresh_text(ctx: &Ctx, chain: &Chain) -> Result<String> {
    if let (Some(sealed), 0) = (&chain.foreign, chain.generation) {
        let plain = ctx.keys.tokens.open(&foreign_place(chain.id), sealed);
        return plain
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| Error::internal("an imported refresh token can't be opened"));
    }
    let keys = ctx.keys.tokens.version(chain.ver).ok_or_else(|| Error::internal("a root secret is gone"))?;
    Ok(keys.refresh(RefreshText { chain: chain.id, generation: chain.generation }))
}
