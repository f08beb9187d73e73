//! The family's gate: the platform token as Bearer.

use poem::Request;

use crate::domain::{Error, Forbidden};
use crate::http::headers::bearer;
use crate::http::reply::{CredentialFault, Rejection};
use crate::tenancy::TokenHash;

/// Judges the credential of a request. No token configured means that this API is off.
pub fn pass(request: &Request, tokens: &[TokenHash]) -> Result<(), Rejection> {
    if tokens.is_empty() {
        return Err(Error::Forbidden(Forbidden::ApiDisabled).into());
    }
    let token = bearer(request.headers()).map_err(Rejection::Credential)?;
    if TokenHash::any(tokens, token) { Ok(()) } else { Err(Rejection::Credential(CredentialFault::Wrong)) }
}
