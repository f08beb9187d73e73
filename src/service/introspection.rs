//! What clients may ask of tokens: revocation (RFC 7009) and introspection (RFC 7662).

use std::sync::Arc;

use super::client_auth::{Credential, KnownClient};
use super::tokens::inspect::TokenFacts;
use super::{Ctx, Services};
use crate::domain::{AuthorizationView, ClientFault, Error, Forbidden, Result, Seconds, SubjectType};

/// What a client thinks a token is; only orders the look-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    /// An access token, or no idea.
    #[default]
    AccessToken,
    /// A refresh token.
    RefreshToken,
}

impl Hint {
    /// Reads `token_type_hint`; an unknown one is no hint (RFC 7009 section 2.1).
    pub fn read(text: Option<&str>) -> Self {
        if text == Some("refresh_token") { Self::RefreshToken } else { Self::AccessToken }
    }

    fn order(self) -> [Self; 2] {
        match self {
            Self::AccessToken => [Self::AccessToken, Self::RefreshToken],
            Self::RefreshToken => [Self::RefreshToken, Self::AccessToken],
        }
    }
}

/// What introspection tells of a token that is good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introspected {
    /// `scope`.
    pub scope: Vec<String>,
    /// `client_id`.
    pub client_id: String,
    /// `sub`, pairwise where the token's is.
    pub sub: String,
    /// `act.sub`.
    pub act: Option<String>,
    /// `aud`, of an access token.
    pub aud: Option<Vec<String>>,
    /// `iss`.
    pub iss: String,
    /// `iat`.
    pub iat: Option<Seconds>,
    /// `exp`, unless it never expires.
    pub exp: Option<Seconds>,
    /// Whether it is an access token.
    pub is_access_token: bool,
}

impl Services {
    /// Revokes a token for its client, with all that the client holds for the same end-user. A token that is unknown or of
    /// another client changes nothing.
    ///
    /// # Errors
    /// [`Error::InvalidClient`], and [`Error::Unavailable`] when the store can't serve.
    pub async fn revoke_for_client(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        token: &str,
        hint: Hint,
    ) -> Result<()> {
        let known = self.authenticate_client(ctx, credential, "/token/revoke").await?;
        let client_id = known.client.client_id.as_str();
        for kind in hint.order() {
            let outcome = match kind {
                Hint::AccessToken => self.revoke_access_token_of(ctx, client_id, token).await,
                Hint::RefreshToken => self.revoke_refresh_token_of(ctx, client_id, token).await,
            };
            match outcome {
                Err(Error::NotFound(_)) => {}
                other => return other,
            }
        }
        Ok(())
    }

    async fn revoke_access_token_of(&self, ctx: &Ctx, client_id: &str, token: &str) -> Result<()> {
        let facts = self.inspect_access_token(ctx, token).await?;
        if facts.key.cid == client_id {
            self.revoke_by_access_token(ctx, token).await?;
        }
        Ok(())
    }

    async fn revoke_refresh_token_of(&self, ctx: &Ctx, client_id: &str, token: &str) -> Result<()> {
        let chain = self.chain_in_force(ctx, token).await?;
        if chain.key.cid == client_id {
            self.revoke_pair(ctx, chain.key).await?;
        }
        Ok(())
    }

    /// What a token is good for; `None` if it isn't, for whatever reason.
    ///
    /// # Errors
    /// [`Error::InvalidClient`] without an authenticated client, [`Error::Forbidden`] where that isn't registered for it.
    pub async fn introspect(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        token: &str,
        hint: Hint,
    ) -> Result<Option<Introspected>> {
        let known = self.authenticate_client(ctx, credential, "/token/introspect").await?;
        may_introspect(&known)?;
        for kind in hint.order() {
            let outcome = match kind {
                Hint::AccessToken => self.inspect_access_token(ctx, token).await.map(|facts| of_access(ctx, &facts)),
                Hint::RefreshToken => self.inspect_refresh_token(ctx, token).await.map(|view| of_refresh(ctx, view)),
            };
            match outcome {
                Ok(found) => return Ok(Some(found)),
                Err(Error::NotFound(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }
}

/// Public clients can't prove who they are, so that nobody could be kept from scanning for tokens (RFC 7662 section 4).
fn may_introspect(known: &Arc<KnownClient>) -> Result<()> {
    if known.client.is_public() {
        return Err(Error::InvalidClient(ClientFault::WrongMethod));
    }
    if known.client.registration.introspection { Ok(()) } else { Err(Error::Forbidden(Forbidden::AccessDenied)) }
}

fn of_access(ctx: &Ctx, facts: &TokenFacts) -> Introspected {
    let issuer = || vec![ctx.tenant.issuer().to_owned()];
    Introspected {
        scope: facts.scope.clone().unwrap_or_default(),
        client_id: facts.key.cid.clone(),
        sub: facts.snapshot.sub.clone(),
        act: facts.key.act.clone(),
        aud: Some(facts.snapshot.aud.clone().unwrap_or_else(issuer)),
        iss: facts.snapshot.iss.clone(),
        iat: facts.iat,
        exp: Some(facts.exp),
        is_access_token: true,
    }
}

fn of_refresh(ctx: &Ctx, view: AuthorizationView) -> Introspected {
    let refresh = view.refresh;
    let sub = match (view.terms.ats, view.terms.aud.as_deref()) {
        (SubjectType::Pairwise, Some([first, ..])) => ctx.keys.pairwise_subject(first, &view.key.sub),
        _ => view.key.sub,
    };
    let exp = refresh.as_ref().filter(|shown| shown.remaining > 0).map(|shown| ctx.now + shown.remaining);
    Introspected {
        scope: view.terms.scp.unwrap_or_default(),
        client_id: view.key.cid,
        sub,
        act: view.key.act,
        aud: None,
        iss: ctx.tenant.issuer().to_owned(),
        iat: refresh.map(|shown| shown.issued_at),
        exp,
        is_access_token: false,
    }
}
