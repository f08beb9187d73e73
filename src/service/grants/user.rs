//! What the grants that act for a user without the authorisation store have in common: a transient authorisation, which
//! touches no stored one.

use crate::crypto::secret::random;
use crate::crypto::selector;
use crate::domain::{
    AuthorizationId, AuthorizationKey, Epoch, Error, Grant, GrantFault, GrantId, NEVER, Result, Selector, Terms,
};
use crate::service::sign_in::{Belongs, IdToken, SignIn};
use crate::service::tokens::TokenSet;
use crate::service::{Ctx, Services};

/// A user's approval, without a record of it.
pub(super) struct Transient {
    /// Whose it is, at which client.
    pub(super) key: AuthorizationKey,
    /// On what terms.
    pub(super) terms: Terms,
    /// The epoch, read before what the approval rests on.
    pub(super) epoch: Epoch,
    /// The ID token.
    pub(super) id_token: IdToken,
    /// What is known of the authentication (`auth_time`), for ID tokens.
    pub(super) authentication: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Services {
    /// Issues the tokens of a transient authorisation.
    ///
    /// # Errors
    /// [`Error::InvalidGrant`] when the subject's user is disabled.
    pub(super) async fn grant_transiently(&self, ctx: &Ctx, approved: Transient) -> Result<TokenSet> {
        let suspended = selector::hash(&Selector::SuspendedSubject(&approved.key.sub));
        if self.store.tenant(ctx.tenant.id).latest_revocation(&[suspended]).await? > 0 {
            return Err(Error::InvalidGrant(GrantFault::Revoked));
        }
        let id = GrantId(random());
        let grant = Grant {
            id,
            authorization: AuthorizationId(id.0),
            key: approved.key,
            epoch: approved.epoch,
            chain: None,
            transient: Some(approved.terms.clone()),
            iss: ctx.tenant.issuer().to_owned(),
            iat: ctx.now,
            authentication: approved.authentication,
            expires_at: NEVER,
        };
        let (terms, id_token) = (approved.terms, approved.id_token);
        self.finish(ctx, SignIn { grant, terms, belongs: Belongs::Nowhere, id_token }).await
    }
}
