//! `/authz-store/rest/v3/revocation`.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use poem_openapi::param::Query;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;

use super::AuthzStore;
use super::documented::{AuthorizationOrCollection, BearerToken, Family};
use super::stream::{OBJECT, chunks, document, element, member};
use super::wire::AuthorizationObject;
use crate::domain::{AuthorizationKey, AuthorizationView, Error, Kind, Result};
use crate::http::call::Call;
use crate::http::payload::{Form, Streamed};
use crate::http::reply::Reply;
use crate::service::tokens::revoke::{Killed, Selection};

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Revocation;

/// What is to be revoked: a token alone, or any combination of subject, actor and client.
#[derive(Deserialize, Object)]
pub struct RevocationForm {
    /// Revokes the tokens and long-lived authorisations of the subject.
    subject: Option<String>,
    /// Revokes the tokens and long-lived authorisations of the actor.
    actor: Option<String>,
    /// Revokes the tokens and long-lived authorisations of the client.
    client_id: Option<String>,
    /// Revokes all of the subject and client of the access token.
    access_token: Option<String>,
    /// Revokes all of the subject and client of the refresh token.
    refresh_token: Option<String>,
}

impl std::fmt::Debug for RevocationForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RevocationForm(***)")
    }
}

/// What a revocation is answered with.
#[derive(ApiResponse, Debug)]
pub enum Revoked {
    /// What was revoked: one authorisation, or an object of them keyed by client or subject
    #[oai(status = 200)]
    Authorizations(Streamed<AuthorizationOrCollection>),
    /// No long-lived authorisation was found, or the output is suppressed
    #[oai(status = 204)]
    Nothing,
}

#[OpenApi(prefix_path = "/authz-store/rest/v3", tag = "Family::Revocation")]
impl Revocation {
    /// Revoke authorisations, access and refresh tokens
    ///
    /// By subject, actor and client in any combination, or by a valid access or refresh token. Whatever matches is dead from
    /// the next request on. By subject and client (with optional actor) the revoked authorisation is returned, or 204; else
    /// an object of the revoked authorisations, keyed by client (`subject`) or by subject (`client_id`, `actor`).
    #[oai(path = "/revocation", method = "post", operation_id = "post_revocation")]
    async fn post(
        &self,
        call: Call,
        _token: BearerToken,
        /// Suppresses the output: the response is always 204.
        quiet: Query<Option<bool>>,
        form: Form<RevocationForm>,
    ) -> Reply<Revoked, AuthzStore> {
        Ok(revoke(call, quiet.0 == Some(true), form.0).await?.into())
    }
}

async fn revoke(call: Call, quiet: bool, form: RevocationForm) -> Result<Revoked> {
    let selection = Selection { sub: form.subject, act: form.actor, cid: form.client_id };
    let names_party = selection.sub.is_some() || selection.act.is_some() || selection.cid.is_some();
    let (services, ctx) = (&call.services, &call.ctx);
    let single = match (form.access_token, form.refresh_token) {
        (Some(_), Some(_)) => return Err(Error::invalid("access_token and refresh_token exclude each other")),
        (Some(_), None) | (None, Some(_)) if names_party => {
            return Err(Error::invalid("A token excludes all other parameters"));
        }
        (Some(token), None) => services.revoke_by_access_token(ctx, &token).await,
        (None, Some(token)) => services.revoke_by_refresh_token(ctx, &token).await,
        (None, None) if !names_party => {
            return Err(Error::invalid("Missing parameter: subject, actor, client_id, access_token or refresh_token"));
        }
        (None, None) if selection.is_single() => services.revoke_single(ctx, &selection).await,
        (None, None) => {
            let killed = services.revoke(ctx, &selection).await?;
            return if quiet { Ok(Revoked::Nothing) } else { all(call, killed, selection).await };
        }
    };
    match single {
        Ok(_) | Err(Error::NotFound(Kind::AccessToken | Kind::RefreshToken)) if quiet => Ok(Revoked::Nothing),
        Ok(None) => Ok(Revoked::Nothing),
        Ok(Some(view)) => {
            let text = element(&AuthorizationObject::from(view))?;
            document(("", ""), stream::iter([Ok(vec![text])])).await.map(Revoked::Authorizations)
        }
        Err(error) => Err(error),
    }
}

/// The object of all that a revocation killed.
async fn all(call: Call, killed: Killed, selection: Selection) -> Result<Revoked> {
    let by_client = selection.sub.is_some() && selection.act.is_none();
    let by_actor = selection.act.is_some();
    let read = chunks(move |after: Option<AuthorizationKey>| {
        let (call, killed) = (call.clone(), killed.clone());
        async move { call.services.list_killed(&call.ctx, &killed, after.as_ref()).await }
    });
    let mut groups = Groups::default();
    // An empty chunk at the end lets the last group out.
    let ended = read.map_ok(Some).chain(stream::iter([Ok(None)]));
    let parts = ended.and_then(move |views| {
        std::future::ready(match views {
            None => groups.finish(),
            Some(views) => views.into_iter().try_fold(Vec::new(), |mut parts, view| {
                let key = if by_client { view.key.cid.clone() } else { view.key.sub.clone() };
                if by_actor || view.key.act.is_none() {
                    parts.extend(groups.push(key, view)?);
                }
                Ok(parts)
            }),
        })
    });
    document(OBJECT, parts).await.map(Revoked::Authorizations)
}

/// Members of an object that share a key come one after the other, and become an array.
#[derive(Default)]
struct Groups {
    open: Option<(String, Vec<String>)>,
}

impl Groups {
    /// Takes one authorisation; returns the member before it, if that is complete.
    fn push(&mut self, key: String, view: AuthorizationView) -> Result<Option<String>> {
        let text = element(&AuthorizationObject::from(view))?;
        match &mut self.open {
            Some((open, texts)) if *open == key => {
                texts.push(text);
                Ok(None)
            }
            _ => {
                let done = self.open.replace((key, vec![text]));
                done.map(|(key, texts)| grouped(&key, &texts)).transpose()
            }
        }
    }

    fn finish(&mut self) -> Result<Vec<String>> {
        self.open.take().map(|(key, texts)| grouped(&key, &texts)).transpose().map(|part| part.into_iter().collect())
    }
}

fn grouped(key: &str, texts: &[String]) -> Result<String> {
    match texts {
        [one] => member(key, one),
        many => member(key, &format!("[{}]", many.join(","))),
    }
}
