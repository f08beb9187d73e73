//! The family's gate: Basic with the service API key and secret, or Bearer with the service access token. It is also what
//! names the tenant, so it is judged before anything is said about tenants.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::Request;
use poem::http::header;

use crate::domain::number;
use crate::http::body::text::decode_segment;
use crate::http::call::Call;
use crate::http::headers::{basic, bearer};
use crate::http::reply::{CredentialFault, Rejection};
use crate::tenancy::TokenHash;

/// A credential of the family, not yet judged.
struct Presented {
    key: String,
    secret: String,
    is_bearer: bool,
}

/// The service API key that names the tenant: the user name of Basic, or the first segment under `/api`.
pub fn service_key(request: &Request, path: &str) -> Result<i64, Rejection> {
    let presented = presented(request, path).map_err(Rejection::Credential)?;
    number::integer(&presented.key).ok_or(Rejection::Credential(CredentialFault::Unknown))
}

/// Judges the credential of a request against the tenant that its key names.
pub fn pass(request: &Request, call: &Call, path: &str) -> Result<(), Rejection> {
    let presented = presented(request, path).map_err(Rejection::Credential)?;
    let settings = &call.ctx.tenant.settings.management;
    let right = if presented.is_bearer {
        TokenHash::any(&settings.service_access_token_sha256, &presented.secret)
    } else {
        settings.service_api_secret_sha256.as_ref().is_some_and(|hash| hash.matches(&presented.secret))
    };
    if right { Ok(()) } else { Err(Rejection::Credential(CredentialFault::Wrong)) }
}

/// `/api/client/…` and `/api/auth/…` take Basic, the same under `/api/{serviceId}` takes Bearer.
fn presented(request: &Request, path: &str) -> Result<Presented, CredentialFault> {
    let segment = path.strip_prefix("/api/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if matches!(segment, "client" | "auth") {
        let encoded = basic(request.headers()).map_err(|fault| of_header(request, fault))?;
        return user_and_password(encoded).ok_or(CredentialFault::Malformed);
    }
    let secret = bearer(request.headers()).map_err(|fault| of_header(request, fault))?.to_owned();
    let key = decode_segment(segment).ok_or(CredentialFault::Unknown)?;
    Ok(Presented { key, secret, is_bearer: true })
}

/// A header of another scheme is there, and is not what it should be.
fn of_header(request: &Request, fault: CredentialFault) -> CredentialFault {
    if request.headers().contains_key(header::AUTHORIZATION) { CredentialFault::Malformed } else { fault }
}

/// The two halves of Basic credentials (RFC 7617 section 2).
fn user_and_password(encoded: &str) -> Option<Presented> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (key, secret) = text.split_once(':')?;
    Some(Presented { key: key.to_owned(), secret: secret.to_owned(), is_bearer: false })
}
