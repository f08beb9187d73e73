//! What the two assertion grants have in common (RFC 7521 section 4.1): an assertion is the client's own, or a third party's
//! whom the tenant trusts.

use std::sync::Arc;

use super::user::Transient;
use super::{within_client, without_admin};
use crate::domain::{
    AuthorizationKey, Client, ClientFault, Epoch, Error, GrantFault, GrantType, Posted, Result, scope,
};
use crate::service::client_auth::{Credential, KnownClient};
use crate::service::sign_in::IdToken;
use crate::service::tokens::TokenSet;
use crate::service::{Ctx, Services};
use crate::tenancy::{AssertionIssuerEntry, AssertionKind};

/// Whose word is taken.
pub(super) enum Asserted<'a> {
    /// The client's own: the assertion authenticates it.
    Own(Arc<KnownClient>),
    /// A third party's, presented by a client that authenticates itself.
    Trusted(Arc<KnownClient>, &'a AssertionIssuerEntry),
}

/// Why an assertion was refused; the cause goes to the log.
pub(super) fn bad(ctx: &Ctx, cause: &dyn std::fmt::Display) -> Error {
    tracing::debug!(request_id = &*ctx.request_id, %cause, "assertion refused");
    Error::InvalidGrant(GrantFault::BadAssertion)
}

impl Asserted<'_> {
    pub(super) fn client(&self) -> &KnownClient {
        match self {
            Self::Own(known) | Self::Trusted(known, _) => known,
        }
    }
}

impl Services {
    /// The client that proves who it is, if one does, before anything is said of the assertion.
    ///
    /// # Errors
    /// [`Error::InvalidClient`], and [`Error::UnauthorizedClient`] where the client may not use the grant.
    pub(super) async fn presenter(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        kind: AssertionKind,
    ) -> Result<Option<Arc<KnownClient>>> {
        match credential {
            Credential::None | Credential::Bare { .. } => Ok(None),
            Credential::Malformed | Credential::Secret { .. } | Credential::Assertion { .. } => {
                self.client_for(ctx, credential, grant_type(kind)).await.map(Some)
            }
        }
    }

    /// Finds out who speaks by the issuer of an assertion that is not verified yet. `presenter` is the client that has proven
    /// itself.
    pub(super) async fn asserted<'c>(
        &self,
        ctx: &'c Ctx,
        (credential, presenter): (&Credential<'_>, Option<Arc<KnownClient>>),
        kind: AssertionKind,
        issuer: &str,
    ) -> Result<Asserted<'c>> {
        let grant = grant_type(kind);
        let mut all = ctx.tenant.settings.assertion_issuer.iter();
        let trusted = all.find(|entry| entry.enabled && entry.kind == kind && entry.issuer == issuer);
        if let Some(trusted) = trusted {
            let known = match presenter {
                Some(known) => known,
                None => self.client_for(ctx, credential, grant).await?,
            };
            return Ok(Asserted::Trusted(known, trusted));
        }
        let known = match presenter {
            Some(known) => known,
            None => self.own_client(ctx, credential, issuer).await?,
        };
        if known.client.client_id != issuer {
            return Err(bad(ctx, &"an issuer that is not trusted"));
        }
        if known.client.may_use(grant) { Ok(Asserted::Own(known)) } else { Err(Error::UnauthorizedClient) }
    }

    /// The client that an assertion of its own names, yet to be proven by the signature.
    async fn own_client(&self, ctx: &Ctx, credential: &Credential<'_>, issuer: &str) -> Result<Arc<KnownClient>> {
        if matches!(credential, Credential::Bare { client_id } if *client_id != issuer) {
            return Err(Error::InvalidClient(ClientFault::Malformed));
        }
        let found = self.known_client(ctx, issuer).await?;
        let known = found.ok_or_else(|| bad(ctx, &"an issuer that is not known"))?;
        if !known.client.enabled {
            return Err(Error::InvalidGrant(GrantFault::Revoked));
        }
        match self.confirm_client(ctx, &known).await {
            Ok(()) => Ok(known),
            Err(Error::InvalidClient(_)) => Err(bad(ctx, &"an issuer that is deleted")),
            Err(other) => Err(other),
        }
    }

    /// Issues the token that an assertion is good for: neither a refresh nor an ID token comes with it.
    pub(super) async fn grant_asserted(
        &self,
        ctx: &Ctx,
        asserted: &Asserted<'_>,
        epoch: Epoch,
        sub: String,
        asked: Option<Vec<String>>,
    ) -> Result<TokenSet> {
        let client = &asserted.client().client;
        let _ = ctx.client.set(Arc::clone(client)); // by its own assertion, unless it had done so before
        let mut terms = Posted::default().into_terms(&ctx.term_defaults());
        terms.scp = Some(scope_of(asserted, client, asked)?);
        let key = AuthorizationKey { sub, act: None, cid: client.client_id.clone() };
        let approved = Transient { key, terms, epoch, id_token: IdToken::None, authentication: None };
        self.grant_transiently(ctx, approved).await
    }
}

const fn grant_type(kind: AssertionKind) -> GrantType {
    match kind {
        AssertionKind::Jwt => GrantType::JwtBearer,
        AssertionKind::Saml2 => GrantType::Saml2Bearer,
    }
}

/// Within the client's scope, and within that of a third party. An assertion makes nobody an administrator.
fn scope_of(asserted: &Asserted<'_>, client: &Client, asked: Option<Vec<String>>) -> Result<Vec<String>> {
    let was_asked = asked.is_some();
    let granted = without_admin(within_client(client, asked)?, was_asked)?;
    let Asserted::Trusted(_, issuer) = asserted else { return Ok(granted) };
    let most = scope::parse(&issuer.scope).unwrap_or_default();
    if scope::covers(&most, &granted) {
        return Ok(granted);
    }
    if was_asked {
        return Err(Error::InvalidScope("The scope is not one that the issuer may grant".into()));
    }
    Ok(granted.into_iter().filter(|value| most.contains(value)).collect())
}
