//! `/token`, `/token/revoke`, `/token/introspect`.

use poem_openapi::OpenApi;

use super::OAuth;
use super::answer::{Done, Private};
use super::client_auth::HeaderCredential;
use super::wire::{Family, Introspection, TokenForm, TokenQuestion, TokenResponse};
use crate::domain::{Error, GrantType};
use crate::http::call::Call;
use crate::http::payload::Form;
use crate::http::reply::Reply;
use crate::service::introspection::Hint;

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Token;

#[OpenApi(prefix_path = "/token")]
impl Token {
    /// Request tokens with a grant
    ///
    /// The client authenticates with HTTP Basic, or in the body with its secret or a JWT, as it has registered; a public
    /// client names itself with `client_id`. Unknown parameters are ignored, empty ones count as absent, repeated ones are
    /// refused.
    #[oai(path = "/", method = "post", operation_id = "request_token", tag = "Family::Token")]
    async fn request(
        &self,
        call: Call,
        client: HeaderCredential,
        form: Form<TokenForm>,
    ) -> Reply<Private<TokenResponse>, OAuth> {
        let form = form.0;
        let grant = form.grant()?;
        let kind = grant.grant_type();
        let tokens = call.services.token(&call.ctx, &client.with(&form.client), grant, form.scope.as_deref()).await;
        Ok(Private(tokens.map_err(|error| named(error, kind))?.into()).into())
    }

    /// Revoke a token
    ///
    /// Revokes the token, all other tokens of the client for the same end-user, and the stored authorisation. Answers 200
    /// whether or not the token was valid (RFC 7009).
    #[oai(path = "/revoke", method = "post", operation_id = "revoke_token", tag = "Family::Tokens")]
    async fn revoke(&self, call: Call, client: HeaderCredential, form: Form<TokenQuestion>) -> Reply<Done, OAuth> {
        let form = form.0;
        let hint = Hint::read(form.token_type_hint.as_deref());
        call.services.revoke_for_client(&call.ctx, &client.with(&form.client), &form.token, hint).await?;
        Ok(Done.into())
    }

    /// Introspect a token
    ///
    /// For clients that are registered for it. Of a token that is not good, only `{"active":false}` is told (RFC 7662).
    #[oai(path = "/introspect", method = "post", operation_id = "introspect_token", tag = "Family::Tokens")]
    async fn introspect(
        &self,
        call: Call,
        client: HeaderCredential,
        form: Form<TokenQuestion>,
    ) -> Reply<Private<Introspection>, OAuth> {
        let form = form.0;
        let hint = Hint::read(form.token_type_hint.as_deref());
        let found = call.services.introspect(&call.ctx, &client.with(&form.client), &form.token, hint).await?;
        Ok(Private(found.map(Introspection::from).unwrap_or_default()).into())
    }
}

/// Says which grant is not good, as the seed does.
fn named(error: Error, kind: GrantType) -> Error {
    let Error::InvalidGrant(fault) = error else { return error };
    let text = match kind {
        GrantType::AuthorizationCode => "Bad request: Invalid or expired authorization code",
        GrantType::RefreshToken => "Bad request: Invalid or expired refresh token",
        GrantType::Password => "Bad request: Invalid username or password",
        GrantType::ClientCredentials => "Bad request: Invalid or expired grant",
        GrantType::JwtBearer | GrantType::Saml2Bearer => "Bad request: Invalid or expired assertion",
    };
    Error::Denied { error: "invalid_grant".to_owned(), description: Some(text.to_owned()), fault: Some(fault) }
}
