//! The words of the platform API.

use crate::domain::{Error, Forbidden, Kind};
use crate::http::reply::{Answer, CredentialFault, Edge, Envelope, Rejection};
use crate::http::words::{self, ErrorObject, say};

/// The family.
#[derive(Clone, Copy, Debug)]
pub struct Platform;

impl Envelope for Platform {
    type Body = ErrorObject;
    const DOCUMENTED: &'static [(u16, &'static str)] = &[
        (400, "The request is malformed"),
        (401, "The platform token is missing or invalid"),
        (403, "The platform API is disabled"),
        (404, "There is no such tenant, client or user"),
        (409, "The id or the issuer exists already"),
        (413, "The body is too large"),
        (415, "The content type is not supported"),
        (500, "A fault of the server"),
        (503, "Unavailable for now, nothing was changed; see Retry-After"),
    ];

    fn answer(rejection: &Rejection, _: &Edge<'_>) -> Answer {
        match rejection {
            Rejection::Malformed(text) => words::bad_request(text),
            Rejection::Credential(CredentialFault::Missing) => missing_token(),
            Rejection::Credential(CredentialFault::Malformed | CredentialFault::Unknown | CredentialFault::Wrong) => {
                invalid_token()
            }
            Rejection::Http(fault) => words::http(fault),
            Rejection::Failed(error) => failed(error),
        }
    }
}

fn failed(error: &Error) -> Answer {
    match error {
        Error::InvalidRequest(text) | Error::InvalidScope(text) => words::bad_request(text),
        Error::InvalidClient(_) | Error::InvalidGrant(_) | Error::InvalidToken => invalid_token(),
        Error::UnauthorizedClient | Error::Forbidden(Forbidden::AccessDenied) => {
            say(403, "access_denied", "Forbidden: Access denied")
        }
        Error::UnsupportedGrantType => words::bad_request("Unsupported grant type"),
        Error::NotFound(kind) => not_found(*kind),
        Error::MissingToken => missing_token(),
        Error::Forbidden(Forbidden::ApiDisabled) => say(403, "web_api_disabled", "Forbidden: Web API disabled"),
        Error::Forbidden(Forbidden::TenantDisabled) => say(403, "tenant_disabled", "Forbidden: Tenant disabled"),
        Error::Conflict(text) => say(409, "conflict", format!("Conflict: {text}")),
        Error::TooManyRequests { .. } => words::too_many_requests(),
        Error::Unavailable(_) => words::unavailable(),
        Error::Denied { .. } | Error::Internal(_) => words::server_error(),
    }
}

fn not_found(kind: Kind) -> Answer {
    match kind {
        Kind::Tenant => say(404, "tenant_not_found", "Not found: Tenant not found"),
        Kind::Client => say(404, "client_not_found", "Not found: Client not found"),
        Kind::User => say(404, "user_not_found", "Not found: User not found"),
        Kind::Authorization | Kind::Code | Kind::AccessToken | Kind::RefreshToken | Kind::Key => {
            say(404, "not_found", "Not found")
        }
    }
}

fn missing_token() -> Answer {
    say(401, "missing_token", "Unauthorized: Missing Bearer access token").challenge("Bearer")
}

fn invalid_token() -> Answer {
    say(401, "invalid_token", "Unauthorized: Invalid Bearer access token").challenge("Bearer error=\"invalid_token\"")
}
