//! Authorisation codes: what they carry, and their exchange (RFC 6749 section 4.1.3, RFC 7636 section 4.6).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::authorizations::unshare;
use super::liveness::{Revocable as _, hashes, is_live};
use super::sign_in::{Belongs, IdToken, Passed, Prepared, SignIn};
use super::tokens::{TokenSet, id_token, revoke};
use super::{Ctx, Services};
use crate::crypto::secret::{b64url, same, sha256};
use crate::crypto::token::{TokenKeyRing, TokenKeys};
use crate::domain::pkce::{self, Method};
use crate::domain::{
    AuthorizationId, AuthorizationView, Chain, Code, CodeExtras, CodeId, CodeState, Error, Grant, GrantFault, NEVER,
    Result, Seconds, Selector, Terms,
};
use crate::store::{Claim, Lock, TenantStore, Tx};

/// What a code carries: what was posted, as it was.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// The terms.
    pub terms: Terms,
    /// `iss`.
    pub iss: String,
    /// `iat`.
    pub iat: Seconds,
    /// What no authorisation shows.
    pub extras: CodeExtras,
}

impl Snapshot {
    /// Seals the snapshot for its code.
    pub(crate) fn seal(&self, keys: &TokenKeys, id: CodeId) -> Result<Vec<u8>> {
        let plain = serde_json::to_vec(self).map_err(Error::internal)?;
        Ok(keys.seal(&place(id), &plain))
    }

    fn open(keys: &TokenKeyRing, code: &Code) -> Result<Self> {
        let plain = keys.open(&place(code.id), &code.sealed);
        let plain = plain.ok_or_else(|| Error::internal("a code's snapshot can't be opened"))?;
        serde_json::from_slice(&plain).map_err(Error::internal)
    }
}

/// The sealed snapshot of a code with another scope in it.
pub(crate) fn rescoped(keys: &TokenKeyRing, code: &Code, scp: Option<Vec<String>>) -> Result<Vec<u8>> {
    let mut snapshot = Snapshot::open(keys, code)?;
    snapshot.terms.scp = scp;
    snapshot.seal(keys.newest(), code.id)
}

fn place(id: CodeId) -> Vec<u8> {
    [b"code".as_slice(), &id.0].concat()
}

/// A request to exchange a code.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The code.
    pub code: &'a str,
    /// The client that presents it.
    pub client_id: &'a str,
    /// `redirect_uri`.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`.
    pub code_verifier: Option<&'a str>,
    /// Whether PKCE is mandatory: the client is public.
    pub needs_challenge: bool,
    /// Whether an ID token is minted for `openid` where the authorisation brought none.
    pub mints_id_token: bool,
}

impl std::fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// How the transaction of an exchange ended.
enum Outcome {
    Won(Option<Chain>),
    Lost,
}

impl Services {
    /// Exchanges a code for tokens, at most once.
    ///
    /// A request that is wrong in anything burns a pending code. One that is right in all presents a used code again: the
    /// access tokens and the chain that were made from it die.
    ///
    /// # Errors
    /// [`Error::InvalidGrant`] for whatever is wrong with the code.
    pub async fn exchange_code(&self, ctx: &Ctx, request: Exchange<'_>) -> Result<TokenSet> {
        // A code whose scope was replaced meanwhile is looked at anew.
        for _ in 0..3 {
            if let Some(tokens) = self.try_exchange(ctx, request).await? {
                return Ok(tokens);
            }
        }
        Err(Error::Unavailable("a code is fought over".into()))
    }

    async fn try_exchange(&self, ctx: &Ctx, request: Exchange<'_>) -> Result<Option<TokenSet>> {
        let unknown = Error::InvalidGrant(GrantFault::Unknown);
        let id = ctx.keys.tokens.read_code(request.code).ok_or(unknown)?;
        let rows = self.store.tenant(ctx.tenant.id);
        let code = rows.find_code(id).await?.ok_or(Error::InvalidGrant(GrantFault::Unknown))?;
        let snapshot = Snapshot::open(&ctx.keys.tokens, &code)?;
        if let Err(fault) = check(&code, &snapshot.extras, &request) {
            self.burn(ctx, &code).await?;
            return Err(Error::InvalidGrant(fault));
        }
        match code.state {
            CodeState::Consumed => return self.replayed(ctx, &code).await.map(Some),
            CodeState::Burnt => return Err(Error::InvalidGrant(GrantFault::Replayed)),
            CodeState::Pending if code.expires_at <= ctx.now => return Err(Error::InvalidGrant(GrantFault::Expired)),
            CodeState::Pending => {}
        }
        let sign_in = sign_in(&code, snapshot, request.mints_id_token);
        let prepared = self.prepare(ctx, sign_in).await?;
        let claim = Claim::Code { code: code.clone(), killers: hashes(&code.selectors()), now: ctx.now };
        let (prepared, code, outcome) = self
            .store
            .write_claiming(ctx.tenant.id, claim, Arc::new((prepared, code)), |rows, shared| {
                Box::pin(async move { Ok((shared.clone(), redeem(rows, &shared.0, &shared.1).await?)) })
            })
            .await
            .and_then(|(shared, outcome)| unshare(shared).map(|(prepared, code)| (prepared, code, outcome)))?;
        match outcome {
            Outcome::Won(chain) => {
                let tokens = prepared.into_tokens(ctx, chain.as_ref())?;
                self.count_issued("authorization_code", &tokens);
                Ok(Some(tokens))
            }
            Outcome::Lost if self.was_changed(ctx, &code).await? => Ok(None),
            Outcome::Lost => self.replayed(ctx, &code).await.map(Some),
        }
    }

    /// Whether a code is still to be had, with another snapshot.
    async fn was_changed(&self, ctx: &Ctx, code: &Code) -> Result<bool> {
        let again = self.store.tenant(ctx.tenant.id).find_code(code.id).await?;
        Ok(again.is_some_and(|again| again.state == CodeState::Pending && again.sealed != code.sealed))
    }

    /// Voids a pending code.
    async fn burn(&self, ctx: &Ctx, code: &Code) -> Result<()> {
        if code.state != CodeState::Pending {
            return Ok(());
        }
        self.store
            .write((ctx.tenant.id, Lock::Row(code.id.0)), (code.id, ctx.now), |rows, (id, now)| {
                Box::pin(async move { rows.consume_code(*id, CodeState::Burnt, *now).await.map(|_| ()) })
            })
            .await
    }

    /// Kills what was made from a code that is presented again, and nothing that existed before it.
    async fn replayed(&self, ctx: &Ctx, code: &Code) -> Result<TokenSet> {
        self.store
            .write((ctx.tenant.id, Lock::Epoch), (code.grant, code.key.clone(), ctx.now), |rows, (grant, key, now)| {
                Box::pin(async move { revoke::mark_of(rows, key, &Selector::Grant(*grant), *now).await.map(|_| ()) })
            })
            .await?;
        self.on_replay(ctx, "code", Some(&code.key.cid));
        Err(Error::InvalidGrant(GrantFault::Replayed))
    }

    /// What a pending code stands for.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a code that is not pending and alive.
    pub async fn inspect_code(&self, ctx: &Ctx, text: &str) -> Result<AuthorizationView> {
        let missing = || Error::NotFound(crate::domain::Kind::Code);
        let id = ctx.keys.tokens.read_code(text).ok_or_else(missing)?;
        let rows = self.store.tenant(ctx.tenant.id);
        let code = rows.find_code(id).await?.ok_or_else(missing)?;
        if code.state != CodeState::Pending || code.expires_at <= ctx.now || !is_live(&rows, &code).await? {
            return Err(missing());
        }
        let snapshot = Snapshot::open(&ctx.keys.tokens, &code)?;
        Ok(AuthorizationView {
            key: code.key,
            long_lived: code.stored,
            terms: snapshot.terms,
            iss: snapshot.iss,
            iat: snapshot.iat,
            uat: None,
            refresh: None,
            extras: Some(snapshot.extras),
        })
    }
}

/// Consumes the code and writes its tokens: both or neither.
async fn redeem(rows: &TenantStore<'_, Tx>, prepared: &Prepared, code: &Code) -> Result<Outcome> {
    if !rows.redeem_code(code, &hashes(&code.selectors()), prepared.now).await? {
        // Most often somebody else was first; a code that was revoked is still pending.
        let now = rows.find_code(code.id).await?;
        let stands = |now: Code| now.state == CodeState::Pending && now.sealed == code.sealed;
        let is_revoked = code.expires_at > prepared.now && now.is_some_and(stands);
        return if is_revoked { Err(Error::InvalidGrant(GrantFault::Revoked)) } else { Ok(Outcome::Lost) };
    }
    prepared.write(rows).await.map(Outcome::Won)
}

fn sign_in(code: &Code, snapshot: Snapshot, mints_id_token: bool) -> SignIn {
    let has_openid = snapshot.terms.scp.as_ref().is_some_and(|scope| scope.iter().any(|v| v == "openid"));
    let authentication = snapshot.extras.idt.as_deref().and_then(id_token::authentication);
    let id_token = match snapshot.extras.idt {
        Some(text) => IdToken::Given(Passed(text)),
        None if mints_id_token && has_openid => IdToken::Mint,
        None => IdToken::None,
    };
    let grant = Grant {
        id: code.grant,
        authorization: if code.stored { code.authorization } else { AuthorizationId(code.grant.0) },
        key: code.key.clone(),
        epoch: code.epoch,
        chain: None,
        transient: (!code.stored).then(|| snapshot.terms.clone()),
        iss: snapshot.iss,
        iat: snapshot.iat,
        authentication,
        expires_at: NEVER,
    };
    let belongs = if code.stored { Belongs::Record } else { Belongs::Nowhere };
    SignIn { grant, terms: snapshot.terms, belongs, id_token }
}

fn check(code: &Code, extras: &CodeExtras, request: &Exchange<'_>) -> Result<(), GrantFault> {
    if code.key.cid != request.client_id {
        return Err(GrantFault::WrongClient);
    }
    if extras.rur.as_deref() != request.redirect_uri {
        return Err(GrantFault::WrongRedirectUri);
    }
    match (&extras.cch, request.code_verifier) {
        (None, None) if request.needs_challenge => Err(GrantFault::MissingChallenge),
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if answers(challenge, extras.ccm.as_deref(), verifier) => Ok(()),
        _ => Err(GrantFault::WrongVerifier),
    }
}

/// Whether a verifier answers a challenge.
fn answers(challenge: &str, method: Option<&str>, verifier: &str) -> bool {
    let computed = match Method::parse(method) {
        Some(Method::Plain) => verifier.to_owned(),
        Some(Method::S256) => b64url(&sha256(verifier.as_bytes())),
        None => return false,
    };
    pkce::is_verifier(verifier) && same(computed.as_bytes(), challenge.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::answers;

    #[test]
    fn the_verifier_of_rfc_7636_appendix_b_answers() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(answers(challenge, Some("S256"), verifier));
        assert!(!answers(challenge, None, verifier));
        assert!(answers(verifier, None, verifier));
        assert!(!answers("short", Some("plain"), "short"));
    }
}
