//! What both resources and both mounts share: the page that is asked for, the token that is named, and the answers.

use std::future::Future;

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Tags};

use super::wire::{Deleted, Found, MissingObject, is_missing, token};
use crate::domain::{Error, Result, number};
use crate::http::call::Call;
use crate::http::payload::Json;
use crate::service::tokens::list::ListedToken;

/// The resources.
#[derive(Tags)]
pub enum Family {
    /// Issued access tokens
    AccessTokens,
    /// Issued refresh tokens
    RefreshTokens,
}

/// An access token with `ROLE_ADMIN`. The family's gate has judged it before a handler runs; here it is documented.
#[derive(Clone, Copy, Debug)]
pub struct AdminToken;

impl<'a> ApiExtractor<'a> for AdminToken {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "AdminToken",
            MetaSecurityScheme {
                ty: "http",
                description: Some(
                    "An access token of the tenant with scope iam:admin.read (GET) or iam:admin.write (DELETE)",
                ),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: None,
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["AdminToken"]
    }

    async fn from_request(_: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> poem::Result<Self> {
        Ok(Self)
    }
}

/// The number in a path. An integer that no token can have is none; what is no integer is refused.
fn number_of(id: &str) -> Result<Option<i64>> {
    let digits = id.strip_prefix('-').unwrap_or(id);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::invalid("id is not an integer"));
    }
    Ok(number::integer(id))
}

/// Answers with one token.
pub(super) async fn show<F>(call: &Call, id: &str, find: impl FnOnce(i64) -> F) -> Result<Found>
where
    F: Future<Output = Result<ListedToken>>,
{
    let Some(number) = number_of(id)? else { return Ok(Found::Missing(MissingObject::of(id))) };
    match find(number).await {
        Ok(found) => Ok(Found::Token(Json(token(call, found)))),
        Err(error) if is_missing(&error) => Ok(Found::Missing(MissingObject::of(id))),
        Err(error) => Err(error),
    }
}

/// Answers to a deletion.
pub(super) async fn delete<F>(id: &str, delete: impl FnOnce(i64) -> F) -> Result<Deleted>
where
    F: Future<Output = Result<()>>,
{
    let Some(number) = number_of(id)? else { return Ok(Deleted::Missing(MissingObject::of(id))) };
    match delete(number).await {
        Ok(()) => Ok(Deleted::Revoked),
        Err(error) if is_missing(&error) => Ok(Deleted::Missing(MissingObject::of(id))),
        Err(error) => Err(error),
    }
}
