//! `/authz-store/rest/v3/authorizations`: add, exchange, refresh, import, get, update.

use poem_openapi::param::Query;
use poem_openapi::payload::PlainText;
use poem_openapi::{ApiRequest, ApiResponse, Object, OpenApi, ResponseContent};
use serde::Deserialize;

use super::AuthzStore;
use super::documented::{AuthorizationOrCollection, BearerToken, Family};
use super::stream::{ARRAY, OBJECT, chunks, document, element, member};
use super::wire::{AuthorizationObject, TokenObject};
use crate::domain::{AuthorizationKey, AuthorizationView, Error, Kind, Result};
use crate::http::call::Call;
use crate::http::payload::{Form, Json, Streamed};
use crate::http::reply::{NoContent, Reply};
use crate::service::authorizations::{Created, Filter, Wanted};
use crate::service::codes::Exchange;
use crate::service::grants::refresh_token::Refresh;

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Authorizations;

/// What may be posted: an authorisation, or the parameters of an exchange or a refresh.
#[derive(ApiRequest)]
pub enum PostBody {
    /// An authorisation to add or import.
    Authorization(Json<AuthorizationObject>),
    /// A code to exchange or a refresh token to use.
    Form(Form<GrantForm>),
}

/// A code to exchange (`code`, `client_id`, …) or a refresh token to use (`refresh_token`).
#[derive(Deserialize, Object)]
pub struct GrantForm {
    /// The authorisation code.
    code: Option<String>,
    /// The client identifier, corresponding to the `cid` of the authorisation.
    client_id: Option<String>,
    /// The redirection URI, corresponding to the `rur` of the authorisation.
    redirect_uri: Option<String>,
    /// The code verifier of a PKCE request.
    code_verifier: Option<String>,
    /// The refresh token.
    refresh_token: Option<String>,
}

impl std::fmt::Debug for GrantForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GrantForm(***)")
    }
}

/// What a post is answered with.
#[derive(Debug, ResponseContent)]
pub enum PostContent {
    /// The authorisation code of a new authorisation.
    #[oai(content_type = "text/plain")]
    Code(PlainText<String>),
    /// Tokens.
    Tokens(Json<TokenObject>),
}

/// What a post is answered with.
#[derive(ApiResponse, Debug)]
pub enum Posted {
    /// A code, or tokens
    #[oai(status = 200)]
    Content(PostContent),
    /// The authorisation was imported
    #[oai(status = 204)]
    Imported,
}

impl Posted {
    fn tokens(tokens: crate::service::tokens::TokenSet) -> Self {
        Self::Content(PostContent::Tokens(Json(tokens.into())))
    }
}

#[OpenApi(prefix_path = "/authz-store/rest/v3", tag = "Family::Authorizations")]
impl Authorizations {
    /// Add, import, exchange a code or refresh
    ///
    /// **With a JSON body**: adds an authorisation to the store; an existing long-lived one with the same subject, actor and
    /// client is replaced. Returns an authorisation code by default (`text/plain`), or with `return=tokens` an access and
    /// optional refresh token. With `import=true` an authorisation from another server is imported, its refresh token
    /// included.
    ///
    /// **With a form body** and `code`: exchanges the code for tokens, at most once. A request that is wrong in anything
    /// voids the code. With `refresh_token`: refreshes the access token; the old one stays valid until it expires.
    #[oai(path = "/authorizations", method = "post", operation_id = "post_authorizations")]
    async fn post(
        &self,
        call: Call,
        _token: BearerToken,
        /// `tokens` returns tokens at once; omitted or any other value returns a code.
        #[oai(name = "return")]
        wanted: Query<Option<String>>,
        /// Must be `true` to import.
        import: Query<Option<bool>>,
        body: PostBody,
    ) -> Reply<Posted, AuthzStore> {
        let answer = match body {
            PostBody::Authorization(Json(object)) if import.0 == Some(true) => {
                call.services.import_authorization(&call.ctx, object.into()).await?;
                Posted::Imported
            }
            PostBody::Authorization(Json(object)) => add(&call, object, wanted.0.as_deref()).await?,
            PostBody::Form(_) if import.0 == Some(true) => {
                return Err(Error::invalid("import takes an authorisation in JSON").into());
            }
            PostBody::Form(Form(form)) => grant(&call, form).await?,
        };
        Ok(answer.into())
    }

    /// Get long-lived authorisations
    ///
    /// `subject` and `client_id` (with `actor`, if there is one) name a single authorisation, 404 if it doesn't exist.
    /// `subject` alone returns an object keyed by client, `client_id` alone one keyed by subject, `actor` alone or with one
    /// other an array. Without parameters all authorisations are returned, as an array.
    #[oai(path = "/authorizations", method = "get", operation_id = "get_authorizations")]
    async fn get(
        &self,
        call: Call,
        _token: BearerToken,
        /// The subject (end-user) identifier.
        subject: Query<Option<String>>,
        /// The subject identifier of the actor.
        actor: Query<Option<String>>,
        /// The client identifier.
        client_id: Query<Option<String>>,
    ) -> Reply<Streamed<AuthorizationOrCollection>, AuthzStore> {
        Ok(get(call, subject.0, actor.0, client_id.0).await?.into())
    }

    /// Update a long-lived authorisation
    ///
    /// The body is the new state of the authorisation that `sub`, `cid` and `act` name. It becomes effective on the next
    /// access token issue; issued access tokens are not affected. `irt: false` invalidates the refresh token. `rft`, `rti`
    /// and `uat` are accepted and ignored.
    #[oai(path = "/authorizations", method = "put", operation_id = "put_authorizations")]
    async fn put(
        &self,
        call: Call,
        _token: BearerToken,
        body: Json<AuthorizationObject>,
    ) -> Reply<NoContent, AuthzStore> {
        call.services.update_authorization(&call.ctx, body.0.into()).await?;
        Ok(NoContent.into())
    }
}

async fn add(call: &Call, object: AuthorizationObject, wanted: Option<&str>) -> Result<Posted> {
    let wanted = if wanted == Some("tokens") { Wanted::Tokens } else { Wanted::Code };
    Ok(match call.services.create_authorization(&call.ctx, object.into(), wanted).await? {
        Created::Code(code) => Posted::Content(PostContent::Code(PlainText(code))),
        Created::Tokens(tokens) => Posted::tokens(*tokens),
    })
}

async fn grant(call: &Call, form: GrantForm) -> Result<Posted> {
    match (&form.code, &form.refresh_token) {
        (Some(_), Some(_)) => Err(Error::invalid("code and refresh_token exclude each other")),
        (None, None) => Err(Error::invalid("Missing parameter: code or refresh_token")),
        (Some(code), None) => {
            let client_id = form.client_id.as_deref().ok_or_else(|| Error::invalid("Missing parameter: client_id"))?;
            let exchange = Exchange {
                code,
                client_id,
                redirect_uri: form.redirect_uri.as_deref(),
                code_verifier: form.code_verifier.as_deref(),
                needs_challenge: false,
                mints_id_token: false,
            };
            call.services.exchange_code(&call.ctx, exchange).await.map(Posted::tokens)
        }
        (None, Some(token)) => {
            for (name, other) in [
                ("client_id", &form.client_id),
                ("redirect_uri", &form.redirect_uri),
                ("code_verifier", &form.code_verifier),
            ] {
                if other.is_some() {
                    return Err(Error::invalid(format!("refresh_token and {name} exclude each other")));
                }
            }
            let refresh = Refresh { token, client_id: None, scope: None };
            let refreshed = call.services.refresh(&call.ctx, refresh).await;
            refreshed.map(Posted::tokens).map_err(|error| match error {
                Error::InvalidGrant(_) => Error::NotFound(Kind::RefreshToken),
                other => other,
            })
        }
    }
}

async fn get(
    call: Call,
    sub: Option<String>,
    act: Option<String>,
    cid: Option<String>,
) -> Result<Streamed<AuthorizationOrCollection>> {
    if let (Some(sub), Some(cid)) = (&sub, &cid) {
        let key = AuthorizationKey { sub: sub.clone(), act, cid: cid.clone() };
        let view = call.services.find_authorization(&call.ctx, &key).await?;
        if view.refresh.is_some() {
            call.services.on_secret_shown(&call.ctx, "authorization");
        }
        let text = element(&AuthorizationObject::from(view))?;
        return document(("", ""), futures_util::stream::iter([Ok(vec![text])])).await;
    }
    let by_actor = act.is_some();
    let by_subject = sub.is_some();
    let all = !by_actor && !by_subject && cid.is_none();
    // By subject or client alone: the records without an actor.
    let act = if by_actor || all { act.map(Some) } else { Some(None) };
    let filter = Filter { sub, cid, act };
    let parts = move |view: AuthorizationView| -> Result<String> {
        let key = if by_subject { view.key.cid.clone() } else { view.key.sub.clone() };
        let text = element(&AuthorizationObject::from(view))?;
        if by_actor || all { Ok(text) } else { member(&key, &text) }
    };
    call.services.on_secrets_shown(&call.ctx, "authorizations");
    let read = chunks(move |after: Option<AuthorizationKey>| {
        let (call, filter) = (call.clone(), filter.clone());
        async move { call.services.list_authorizations(&call.ctx, &filter, after.as_ref()).await }
    });
    let parts = futures_util::TryStreamExt::and_then(read, move |views| {
        std::future::ready(views.into_iter().map(&parts).collect::<Result<Vec<_>>>())
    });
    document(if by_actor || all { ARRAY } else { OBJECT }, parts).await
}
