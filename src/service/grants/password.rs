//! The resource owner password credentials grant (RFC 6749 section 4.3): the tenant's users, or its web hook, decide.

use serde_json::{Map, Value, json};

use super::user::Transient;
use super::{within_client, without_admin};
use crate::crypto::password::is_outdated;
use crate::crypto::secret::Secret;
use crate::domain::{AuthorizationKey, Client, Error, GrantFault, GrantType, Posted, Result};
use crate::service::attempts::Who;
use crate::service::client_auth::Credential;
use crate::service::password_hook::Question;
use crate::service::sign_in::IdToken;
use crate::service::tokens::TokenSet;
use crate::service::users::user_turn;
use crate::service::{Ctx, Services};

/// Who signed in, and what may be granted.
struct SignedIn {
    sub: String,
    scope: Vec<String>,
    dat: Option<Map<String, Value>>,
}

impl Services {
    /// Tokens for a user's name and password. A stored authorisation of the same user and client is not touched.
    pub(super) async fn password(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        username: &str,
        password: &Secret,
        asked: Option<Vec<String>>,
    ) -> Result<TokenSet> {
        let epoch = self.epoch(ctx).await?;
        let known = self.client_for(ctx, credential, GrantType::Password).await?;
        let client = &known.client;
        self.attempts.check(ctx, Who::User(username))?;
        let outcome = match &ctx.tenant.settings.password_hook {
            Some(_) => self.ask_hook(ctx, client, username, password, asked).await,
            None => self.sign_in_here(ctx, client, username, password, asked).await,
        };
        let refused = match &outcome {
            Err(Error::InvalidGrant(_)) => true,
            Err(Error::Denied { error, .. }) => error == "invalid_grant",
            Err(_) | Ok(_) => false,
        };
        if refused {
            self.sign_in_failed(ctx, Who::User(username));
        }
        let SignedIn { sub, scope, dat } = outcome?;
        let mut terms = Posted::default().into_terms(&ctx.term_defaults());
        terms.irt = client.may_use(GrantType::RefreshToken);
        terms.dat = dat;
        let id_token = if scope.iter().any(|value| value == "openid") { IdToken::Mint } else { IdToken::None };
        terms.scp = Some(scope);
        let authentication = json!({ "auth_time": ctx.now }).as_object().cloned();
        let key = AuthorizationKey { sub, act: None, cid: client.client_id.clone() };
        self.grant_transiently(ctx, Transient { key, terms, epoch, id_token, authentication }).await
    }

    /// A user of the tenant. No user, a wrong password and a disabled user differ in nothing, work included.
    async fn sign_in_here(
        &self,
        ctx: &Ctx,
        client: &Client,
        username: &str,
        password: &Secret,
        asked: Option<Vec<String>>,
    ) -> Result<SignedIn> {
        let found = self.store.tenant(ctx.tenant.id).find_user(username).await?;
        let hash = found.as_ref().and_then(|user| user.password_hash.as_deref());
        let fits = self.passwords.verify(ctx.tenant.id, password, hash).await?;
        let user = found.filter(|user| fits && user.enabled);
        let user = user.ok_or(Error::InvalidGrant(GrantFault::WrongCredentials))?;
        if let Some(hash) = user.password_hash.as_deref().filter(|hash| is_outdated(hash))
            && let Err(error) = self.renew_hash(ctx, &user.username, hash, password).await
        {
            tracing::debug!(%error, "a password could not be hashed anew; the next sign-in tries again");
        }
        let was_asked = asked.is_some();
        let scope = within_client(client, asked)?;
        let scope = if user.admin { scope } else { without_admin(scope, was_asked)? };
        Ok(SignedIn { sub: user.sub, scope, dat: None })
    }

    /// Hashes a password anew whose hash was brought, or made by an older program, at another cost.
    async fn renew_hash(&self, ctx: &Ctx, username: &str, old: &str, password: &Secret) -> Result<()> {
        let tenant = ctx.tenant.id;
        let new = self.passwords.hash(tenant, password).await?;
        let hashes = (username.to_owned(), Secret::new(old), Secret::new(new));
        self.store
            .write(user_turn(tenant, username), hashes, |rows, (name, old, new)| {
                Box::pin(rows.renew_password_hash(name, old.expose(), new.expose()))
            })
            .await
    }

    /// Whoever the tenant's web hook says; administrators it can't make.
    async fn ask_hook(
        &self,
        ctx: &Ctx,
        client: &Client,
        username: &str,
        password: &Secret,
        asked: Option<Vec<String>>,
    ) -> Result<SignedIn> {
        let was_asked = asked.is_some();
        let scope = without_admin(within_client(client, asked)?, was_asked)?;
        let question = Question { username, password, scope: &scope, client };
        let answer = self.hook.ask(ctx, &question).await?;
        let granted = match answer.scope {
            None => scope,
            Some(given) => without_admin(within_client(client, Some(given))?, true)?,
        };
        Ok(SignedIn { sub: answer.sub, scope: granted, dat: answer.data })
    }
}
