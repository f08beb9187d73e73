//! Grants: each answers whether tokens may be issued, to whom and on what terms (RFC 6749 section 4, RFC 7521 section 4.1).

mod assertion;
mod client_credentials;
mod jwt_bearer;
mod password;
pub mod refresh_token;
mod saml2_bearer;
mod user;

use super::client_auth::{Credential, KnownClient};
use super::codes::Exchange;
use super::tokens::TokenSet;
use super::{Ctx, Services};
use crate::crypto::secret::Secret;
use crate::domain::client::is_admin_scope;
use crate::domain::{Client, Error, GrantType, Result, scope};
use refresh_token::Refresh;

/// A token request that has all the parameters of its grant.
#[derive(Clone)]
pub enum GrantRequest<'a> {
    /// RFC 6749 section 4.1.3, RFC 7636 section 4.5.
    AuthorizationCode {
        /// `code`.
        code: &'a str,
        /// `redirect_uri`.
        redirect_uri: Option<&'a str>,
        /// `code_verifier`.
        code_verifier: Option<&'a str>,
    },
    /// RFC 6749 section 6.
    RefreshToken {
        /// `refresh_token`.
        refresh_token: &'a str,
    },
    /// RFC 6749 section 4.3.2.
    Password {
        /// `username`.
        username: &'a str,
        /// `password`.
        password: Secret,
    },
    /// RFC 6749 section 4.4.2.
    ClientCredentials,
    /// RFC 7523 section 2.1.
    JwtBearer {
        /// `assertion`.
        assertion: &'a str,
    },
    /// RFC 7522 section 2.1.
    Saml2Bearer {
        /// `assertion`.
        assertion: &'a str,
    },
}

impl std::fmt::Debug for GrantRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.grant_type().as_str())
    }
}

impl GrantRequest<'_> {
    /// Its grant type.
    pub fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode { .. } => GrantType::AuthorizationCode,
            Self::RefreshToken { .. } => GrantType::RefreshToken,
            Self::Password { .. } => GrantType::Password,
            Self::ClientCredentials => GrantType::ClientCredentials,
            Self::JwtBearer { .. } => GrantType::JwtBearer,
            Self::Saml2Bearer { .. } => GrantType::Saml2Bearer,
        }
    }
}

impl GrantRequest<'_> {
    /// What its tokens are counted as here; those that another API hands out too are counted where they are made.
    fn counted_as(&self) -> Option<&'static str> {
        match self {
            Self::AuthorizationCode { .. } | Self::RefreshToken { .. } => None,
            Self::Password { .. } => Some("password"),
            Self::ClientCredentials => Some("client_credentials"),
            Self::JwtBearer { .. } => Some("jwt_bearer"),
            Self::Saml2Bearer { .. } => Some("saml2_bearer"),
        }
    }
}

/// The path of the token endpoint under the issuer.
pub const TOKEN_PATH: &str = "/token";

impl Services {
    /// Answers a token request: who is the client, may it use this grant, is the grant good.
    ///
    /// # Errors
    /// Those of RFC 6749 section 5.2.
    pub async fn token(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        request: GrantRequest<'_>,
        scope: Option<&str>,
    ) -> Result<TokenSet> {
        let scope = scope.map(read_scope).transpose()?;
        let counted = request.counted_as();
        let tokens = self.grant(ctx, credential, request, scope).await?;
        if let Some(grant) = counted {
            self.count_issued(grant, &tokens);
        }
        Ok(tokens)
    }

    async fn grant(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        request: GrantRequest<'_>,
        scope: Option<Vec<String>>,
    ) -> Result<TokenSet> {
        match request {
            GrantRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
                let known = self.client_for(ctx, credential, GrantType::AuthorizationCode).await?;
                let client = &known.client;
                let exchange = Exchange {
                    code,
                    client_id: &client.client_id,
                    redirect_uri,
                    code_verifier,
                    needs_challenge: client.is_public(),
                    mints_id_token: true,
                };
                self.exchange_code(ctx, exchange).await
            }
            GrantRequest::RefreshToken { refresh_token } => {
                let known = self.client_for(ctx, credential, GrantType::RefreshToken).await?;
                let client_id = Some(known.client.client_id.as_str());
                self.refresh(ctx, Refresh { token: refresh_token, client_id, scope: scope.as_deref() }).await
            }
            GrantRequest::ClientCredentials => self.client_credentials(ctx, credential, scope).await,
            GrantRequest::Password { username, password } => {
                self.password(ctx, credential, username, &password, scope).await
            }
            GrantRequest::JwtBearer { assertion } => self.jwt_bearer(ctx, credential, assertion, scope).await,
            GrantRequest::Saml2Bearer { assertion } => self.saml2_bearer(ctx, credential, assertion, scope).await,
        }
    }

    /// The authenticated client, if it has registered the grant type.
    async fn client_for(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        grant: GrantType,
    ) -> Result<std::sync::Arc<KnownClient>> {
        let known = self.authenticate_client(ctx, credential, TOKEN_PATH).await?;
        self.confirm_client(ctx, &known).await?;
        if known.client.may_use(grant) { Ok(known) } else { Err(Error::UnauthorizedClient) }
    }
}

fn read_scope(text: &str) -> Result<Vec<String>> {
    scope::parse(text).ok_or_else(|| Error::InvalidScope("Malformed scope".into()))
}

/// The scope that is asked for, if the client may have it; all of the client's without one.
fn within_client(client: &Client, asked: Option<Vec<String>>) -> Result<Vec<String>> {
    let registered = &client.registration.scope;
    match asked {
        None => Ok(registered.clone()),
        Some(asked) if scope::covers(registered, &asked) => Ok(asked),
        Some(_) => Err(Error::InvalidScope("The scope is not one that the client may ask for".into())),
    }
}

/// What is left of a scope without the values that only an administrator's token may carry; refused if they were asked for.
fn without_admin(granted: Vec<String>, was_asked: bool) -> Result<Vec<String>> {
    if !granted.iter().any(|value| is_admin_scope(value)) {
        return Ok(granted);
    }
    if was_asked {
        return Err(Error::InvalidScope("The scope is for administrators".into()));
    }
    Ok(granted.into_iter().filter(|value| !is_admin_scope(value)).collect())
}
