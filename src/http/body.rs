//! The strict front end: what a request may look like before any handler reads it.
//!
//! Frameworks are lenient where an authorisation server must not be: the last of two equal members wins, `%ff` becomes
//! U+FFFD, a body is buffered whatever its size. [`read`] refuses all of that, and leaves the body in place, whole and clean.

pub mod form;
pub mod json;
pub mod media;
pub mod text;

use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use poem::error::ReadBodyError;
use poem::http::header;
use poem::{Body, Request};

use crate::http::family::Empty;
use crate::http::operations::Operation;
use crate::http::reply::{HttpFault, Rejection};

/// The largest body of an ordinary request.
pub const LIMIT: usize = 64 * 1024;
/// The largest body of an import and of a tenant.
pub const LARGE_LIMIT: usize = 1024 * 1024;

/// How long a body may take once its header has been read; a second less than the transport gives the whole request, so that
/// the client is told.
pub(super) const PATIENCE: Duration = Duration::from_secs(9);

/// How much a body may hold here.
pub fn limit(operation: &Operation, query: Option<&str>) -> usize {
    if media::is_import(operation, query) || operation.family() == super::family::Family::Platform {
        LARGE_LIMIT
    } else {
        LIMIT
    }
}

/// Reads, checks and puts back the body of a request.
pub async fn read(request: &mut Request, operation: &Operation) -> Result<(), Rejection> {
    let limit = limit(operation, request.uri().query());
    let declared = declared_length(request)?;
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(HttpFault::TooLarge(limit).into());
    }
    let body = request.take_body();
    if body.is_empty() {
        return check(request, operation, Bytes::new());
    }
    let mut whole = std::pin::pin!(body.into_bytes_limit(limit));
    // A body that came with its head, as most do, needs no timer.
    let bytes = match futures_util::poll!(whole.as_mut()) {
        Poll::Ready(read) => Ok(read),
        Poll::Pending => tokio::time::timeout(PATIENCE, whole).await,
    };
    let bytes = match bytes {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(ReadBodyError::PayloadTooLarge)) => return Err(HttpFault::TooLarge(limit).into()),
        Ok(Err(_)) => return Err(Rejection::malformed("The body is broken off")),
        Err(_) => return Err(HttpFault::TooSlow.into()),
    };
    check(request, operation, bytes)
}

fn declared_length(request: &Request) -> Result<Option<u64>, Rejection> {
    let Some(value) = request.headers().get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| Rejection::malformed("Invalid Content-Length"))
}

fn check(request: &mut Request, operation: &Operation, bytes: Bytes) -> Result<(), Rejection> {
    let Some(media) = media::of(request, operation, bytes.is_empty())? else {
        request.set_body(Body::empty());
        return Ok(());
    };
    let family = operation.family();
    let checked = match media {
        media::Media::Json => {
            json::check(&bytes)?;
            bytes
        }
        media::Media::Form => {
            let known = family.refuses_unknown().then(|| operation.form_names());
            let rules = form::Rules { known, empty: family.empty(), may_be_empty: form::MAY_BE_EMPTY };
            form::clean(bytes, &rules)?
        }
    };
    request.set_body(checked);
    Ok(())
}

/// Checks the query: encoding, duplicates, and what the family does with unknown and empty parameters (an empty `return`
/// is just another value than `tokens`). Returns the query
/// without the parameters that count as absent, if that differs from what was sent.
pub fn query(operation: &Operation, query: &str) -> Result<Option<String>, Rejection> {
    let family = operation.family();
    let known = family.refuses_unknown().then(|| operation.query_names());
    let rules = form::Rules { known, empty: family.empty(), may_be_empty: &["return"] };
    let clean = form::clean(Bytes::copy_from_slice(query.as_bytes()), &rules)?;
    if clean.len() == query.len() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&clean).into_owned()))
}

/// Whether an empty parameter is refused here.
const fn refused(empty: Empty) -> bool {
    matches!(empty, Empty::Refused)
}
