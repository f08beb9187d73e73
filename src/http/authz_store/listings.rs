//! `/authz-store/rest/v3/{subjects,actors,clients,authorization-codes,refresh-tokens}`.

use futures_util::stream::{self, Stream, TryStreamExt};
use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use super::AuthzStore;
use super::documented::{BearerToken, Family};
use super::stream::{ARRAY, chunks, document, element, merged};
use crate::domain::{AuthorizationKey, Result};
use crate::http::call::Call;
use crate::http::payload::Streamed;
use crate::http::reply::Reply;
use crate::service::listings::Listed;

/// The resources.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listings;

/// What a list is answered with.
type List = Reply<Streamed<Vec<String>>, AuthzStore>;

#[OpenApi(prefix_path = "/authz-store/rest/v3", tag = "Family::Listings")]
impl Listings {
    /// List the subjects of all long-lived authorisations
    ///
    /// One entry per authorisation, in the order of bytes; with `no_duplicates=true` each once.
    #[oai(path = "/subjects", method = "get", operation_id = "get_subjects")]
    async fn subjects(
        &self,
        call: Call,
        _token: BearerToken,
        /// Removes duplicate entries.
        no_duplicates: Query<Option<bool>>,
    ) -> List {
        Ok(parties(call, Listed::Subjects, no_duplicates.0).await?.into())
    }

    /// List the actors of all long-lived authorisations
    ///
    /// One entry per authorisation that has an actor, in the order of bytes; with `no_duplicates=true` each once.
    #[oai(path = "/actors", method = "get", operation_id = "get_actors")]
    async fn actors(
        &self,
        call: Call,
        _token: BearerToken,
        /// Removes duplicate entries.
        no_duplicates: Query<Option<bool>>,
    ) -> List {
        Ok(parties(call, Listed::Actors, no_duplicates.0).await?.into())
    }

    /// List the clients of all long-lived authorisations
    ///
    /// One entry per authorisation, in the order of bytes; with `no_duplicates=true` each once.
    #[oai(path = "/clients", method = "get", operation_id = "get_clients")]
    async fn clients(
        &self,
        call: Call,
        _token: BearerToken,
        /// Removes duplicate entries.
        no_duplicates: Query<Option<bool>>,
    ) -> List {
        Ok(parties(call, Listed::Clients, no_duplicates.0).await?.into())
    }

    /// List the current authorisation codes
    ///
    /// In the order of bytes.
    #[oai(path = "/authorization-codes", method = "get", operation_id = "get_authorization_codes")]
    async fn codes(&self, call: Call, _token: BearerToken) -> List {
        call.services.on_secrets_shown(&call.ctx, "authorization_codes");
        if let Some(few) = call.services.few_codes(&call.ctx).await? {
            return Ok(document(ARRAY, texts(stream::iter([Ok(few)]))).await?.into());
        }
        let all = chunks(move |stretch: Option<usize>| {
            let call = call.clone();
            async move { call.services.list_codes(&call.ctx, stretch).await }
        });
        Ok(document(ARRAY, texts(all)).await?.into())
    }

    /// List the current refresh tokens of long-lived authorisations
    ///
    /// In the order of bytes.
    #[oai(path = "/refresh-tokens", method = "get", operation_id = "get_refresh_tokens")]
    async fn refresh_tokens(&self, call: Call, _token: BearerToken) -> List {
        call.services.on_secrets_shown(&call.ctx, "refresh_tokens");
        if let Some(few) = call.services.few_refresh_tokens(&call.ctx).await? {
            return Ok(document(ARRAY, texts(stream::iter([Ok(few)]))).await?.into());
        }
        let again = call.clone();
        let made_here = chunks(move |stretch: Option<usize>| {
            let call = call.clone();
            async move { call.services.list_refresh_tokens(&call.ctx, stretch).await }
        });
        let imported = chunks(move |after: Option<String>| {
            let call = again.clone();
            async move { call.services.list_imported_tokens(&call.ctx, after).await }
        });
        Ok(document(ARRAY, texts(merged(made_here, imported))).await?.into())
    }
}

async fn parties(call: Call, listed: Listed, no_duplicates: Option<bool>) -> Result<Streamed<Vec<String>>> {
    let names = chunks(move |after: Option<AuthorizationKey>| {
        let call = call.clone();
        async move { call.services.list_parties(&call.ctx, listed, after.as_ref()).await }
    });
    let mut last: Option<String> = None;
    let parts = names.map_ok(move |mut names| {
        if no_duplicates == Some(true) {
            // Equal names stand side by side, over the chunks' borders too.
            names.retain(|name| last.replace(name.clone()).is_none_or(|before| before != *name));
        }
        names
    });
    document(ARRAY, texts(parts)).await
}

fn texts<S>(names: S) -> impl Stream<Item = Result<Vec<String>>> + Send + 'static
where
    S: Stream<Item = Result<Vec<String>>> + Send + 'static,
{
    names.and_then(|names| std::future::ready(names.iter().map(element).collect()))
}
