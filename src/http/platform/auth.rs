//! The family's gate: the platform token as Bearer.

use std::sync::Arc;

use poem::Request;

use crate::domain::{Error, Forbidden};
use crate::http::headers::bearer;
use crate::http::reply::{CredentialFault, Rejection};
use crate::tenancy::TokenHash;

/// Judges the credential of a request. No token configured means that this API is off.
///
/// Tells who calls: the token, by the start of its hash.
pub fn pass(request: &Request, tokens: &[TokenHash]) -> Result<Arc<str>, Rejection> {
    if tokens.is_empty() {
        return Err(Error::Forbidden(Forbidden::ApiDisabled).into());
    }
    let token = bearer(request.headers()).map_err(Rejection::Credential)?;
    // Every hash is compared, whichever fits.
    let fitting = tokens.iter().fold(None, |found, hash| if hash.matches(token) { Some(hash) } else { found });
    let hash = fitting.ok_or(Rejection::Credential(CredentialFault::Wrong))?;
    Ok(format!("platform:{}", hash.prefix().trim_end_matches('…')).into())
}
