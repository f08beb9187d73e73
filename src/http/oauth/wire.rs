//! The family's objects.

use poem_openapi::{Enum, Object, Tags};
use serde::{Deserialize, Serialize};

use super::client_auth::ClientFields;
use crate::domain::{Error, GrantType, Result, Seconds, scope};
use crate::service::grants::GrantRequest;
use crate::service::introspection::Introspected;
use crate::service::tokens::TokenSet;

/// The resources.
#[derive(Tags)]
pub enum Family {
    /// Tokens for grants
    Token,
    /// Revocation and introspection of tokens by clients
    Tokens,
    /// What the server says of itself
    Discovery,
    /// Dynamic client registration
    Registration,
}

/// A token request. Which parameters it needs depends on `grant_type`.
#[derive(Deserialize, Object)]
pub struct TokenForm {
    /// `authorization_code`, `refresh_token`, `password`, `client_credentials`,
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer` or `urn:ietf:params:oauth:grant-type:saml2-bearer`.
    pub grant_type: String,
    /// The authorisation code.
    pub code: Option<String>,
    /// The redirection URI of the authorisation request.
    pub redirect_uri: Option<String>,
    /// The PKCE code verifier.
    pub code_verifier: Option<String>,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// The user's name.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// The JWT, or the SAML 2.0 assertion (base64url).
    pub assertion: Option<String>,
    /// The scope that is asked for.
    pub scope: Option<String>,
    /// The client's credential in the body.
    #[serde(flatten)]
    #[oai(flatten)]
    pub client: ClientFields,
}

impl std::fmt::Debug for TokenForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenForm(***)")
    }
}

impl TokenForm {
    /// The grant, with all the parameters that it needs.
    ///
    /// # Errors
    /// [`Error::UnsupportedGrantType`], or [`Error::InvalidRequest`] naming the parameter that is missing.
    pub fn grant(&self) -> Result<GrantRequest<'_>> {
        let grant = GrantType::parse(&self.grant_type).ok_or(Error::UnsupportedGrantType)?;
        Ok(match grant {
            GrantType::AuthorizationCode => GrantRequest::AuthorizationCode {
                code: needed("code", self.code.as_deref())?,
                redirect_uri: self.redirect_uri.as_deref(),
                code_verifier: self.code_verifier.as_deref(),
            },
            GrantType::RefreshToken => {
                GrantRequest::RefreshToken { refresh_token: needed("refresh_token", self.refresh_token.as_deref())? }
            }
            GrantType::Password => GrantRequest::Password {
                username: needed("username", self.username.as_deref())?,
                password: needed("password", self.password.as_deref())?.into(),
            },
            GrantType::ClientCredentials => GrantRequest::ClientCredentials,
            GrantType::JwtBearer => {
                GrantRequest::JwtBearer { assertion: needed("assertion", self.assertion.as_deref())? }
            }
            GrantType::Saml2Bearer => {
                GrantRequest::Saml2Bearer { assertion: needed("assertion", self.assertion.as_deref())? }
            }
        })
    }
}

fn needed<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str> {
    value.ok_or_else(|| Error::invalid(format!("Missing parameter {name}")))
}

/// A token response (RFC 6749 section 5.1).
#[derive(Object, Serialize)]
#[oai(rename = "OAuthTokenResponse")]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// `bearer`
    pub token_type: TokenType,
    /// The lifetime of the access token, in seconds.
    pub expires_in: Seconds,
    /// The scope of the access token.
    pub scope: String,
    /// The refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// What remains of the lifetime of the refresh token, in seconds, where that is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_expires_in: Option<Seconds>,
    /// The ID token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenResponse(***)")
    }
}

/// How a bearer token is called at these endpoints.
#[derive(Clone, Copy, Debug, Enum, Serialize)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub enum TokenType {
    /// RFC 6750.
    Bearer,
}

impl From<TokenSet> for TokenResponse {
    fn from(tokens: TokenSet) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: TokenType::Bearer,
            expires_in: tokens.expires_in,
            scope: scope::join(&tokens.scope.unwrap_or_default()),
            refresh_token: tokens.refresh_token,
            refresh_token_expires_in: tokens.refresh_token_expires_in,
            id_token: tokens.id_token,
        }
    }
}

/// A token to revoke or to introspect.
#[derive(Deserialize, Object)]
pub struct TokenQuestion {
    /// The token.
    pub token: String,
    /// `access_token` or `refresh_token`: what the client thinks it is.
    pub token_type_hint: Option<String>,
    /// The client's credential in the body.
    #[serde(flatten)]
    #[oai(flatten)]
    pub client: ClientFields,
}

impl std::fmt::Debug for TokenQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenQuestion(***)")
    }
}

/// Who acts for the subject (RFC 8693 section 4.1).
#[derive(Debug, Object, Serialize)]
pub struct ActingParty {
    /// The subject identifier of the actor.
    pub sub: String,
}

/// What a token is good for (RFC 7662 section 2.2). Of one that is not good, `active` alone.
#[derive(Debug, Default, Object, Serialize)]
pub struct Introspection {
    /// Whether the token is good.
    pub active: bool,
    /// Its scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The client that it was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `bearer`, of an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<TokenType>,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<Seconds>,
    /// When it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<Seconds>,
    /// Its subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Its audience.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<Vec<String>>,
    /// Its issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Who acts for the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<ActingParty>,
}

impl From<Introspected> for Introspection {
    fn from(found: Introspected) -> Self {
        Self {
            active: true,
            scope: Some(scope::join(&found.scope)),
            client_id: Some(found.client_id),
            token_type: found.is_access_token.then_some(TokenType::Bearer),
            exp: found.exp,
            iat: found.iat,
            sub: Some(found.sub),
            aud: found.aud,
            iss: Some(found.iss),
            act: found.act.map(|sub| ActingParty { sub }),
        }
    }
}
