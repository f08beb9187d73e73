//! The family's gate: an access token with `ROLE_ADMIN` as Bearer.

use std::future::{Future, ready};

use poem::Request;

use crate::domain::{Error, Forbidden};
use crate::http::call::Call;
use crate::http::reply::Rejection;

/// Judges the credential of a request; closed until access tokens can be looked up here.
pub fn pass(_: &mut Request, _: &Call, _: &str) -> impl Future<Output = Result<(), Rejection>> {
    ready(Err(Error::Forbidden(Forbidden::ApiDisabled).into()))
}
