//! The family's gate: one of the tenant's API tokens as Bearer.

use poem::Request;
use poem::http::Method;

use crate::domain::{Error, Forbidden};
use crate::http::call::{Call, Caller};
use crate::http::headers::bearer;
use crate::http::reply::{CredentialFault, Rejection};
use crate::tenancy::TokenHash;

const INSPECTION: &str = "/authz-store/rest/v3/inspection";

/// What stands behind a request; taken by a handler as [`Caller<Access>`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// An API token.
    Token,
    /// Nothing but the access token that is to be inspected: the tenant has `allow_direct_inspection` on.
    Direct,
}

/// Judges the credential of a request. No token configured means that this API is off.
pub fn pass(request: &mut Request, call: &Call, path: &str) -> Result<(), Rejection> {
    let settings = &call.ctx.tenant.settings.authz_store;
    if settings.api_token_sha256.is_empty() {
        return Err(Error::Forbidden(Forbidden::ApiDisabled).into());
    }
    let access = match bearer(request.headers()) {
        Ok(token) if TokenHash::any(&settings.api_token_sha256, token) => Access::Token,
        Ok(_) => return Err(Rejection::Credential(CredentialFault::Wrong)),
        Err(CredentialFault::Missing)
            if settings.allow_direct_inspection && path == INSPECTION && request.method() == Method::POST =>
        {
            Access::Direct
        }
        Err(fault) => return Err(Rejection::Credential(fault)),
    };
    request.set_data(Caller(access));
    Ok(())
}
