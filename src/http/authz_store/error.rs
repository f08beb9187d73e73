//! The words of the authorisation store: `error` and `error_description` with the texts of its specification.

use crate::domain::{Error, Forbidden, Kind};
use crate::http::reply::{Answer, CredentialFault, Edge, Envelope, Rejection};
use crate::http::words::{self, ErrorObject, say};

/// The family.
#[derive(Clone, Copy, Debug)]
pub struct AuthzStore;

impl Envelope for AuthzStore {
    type Body = ErrorObject;
    const DOCUMENTED: &'static [(u16, &'static str)] = &[
        (400, "The request is malformed, or its tenant is unclear"),
        (401, "The bearer token is missing or invalid"),
        (403, "The web API or the tenant is disabled"),
        (404, "There is no such authorisation, code or token"),
        (413, "The body is too large"),
        (415, "The content type is not supported"),
        (429, "Too many requests; see Retry-After"),
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
        Error::InvalidRequest(text) | Error::InvalidScope(text) | Error::Conflict(text) => words::bad_request(text),
        Error::InvalidClient(_) | Error::UnauthorizedClient | Error::InvalidGrant(_) => not_found(Kind::Code),
        Error::UnsupportedGrantType => words::bad_request("Unsupported grant type"),
        Error::NotFound(kind) => not_found(*kind),
        Error::MissingToken => missing_token(),
        Error::InvalidToken => invalid_token(),
        Error::Forbidden(forbidden) => refused(*forbidden),
        Error::TooManyRequests { .. } => words::too_many_requests(),
        Error::Unavailable(_) => words::unavailable(),
        Error::Denied { .. } | Error::Internal(_) => words::server_error(),
    }
}

fn not_found(kind: Kind) -> Answer {
    match kind {
        Kind::Code => say(404, "invalid_code", "Invalid / expired authorization code"),
        Kind::AccessToken => say(404, "invalid_access_token", "Invalid / expired access token"),
        Kind::RefreshToken => say(404, "invalid_refresh_token", "Invalid / expired refresh token"),
        Kind::Authorization | Kind::Client | Kind::User | Kind::Tenant | Kind::Key => {
            say(404, "authz_not_found", "Not found: Authorization not found")
        }
    }
}

fn refused(forbidden: Forbidden) -> Answer {
    match forbidden {
        Forbidden::ApiDisabled => say(403, "web_api_disabled", "Forbidden: Web API disabled"),
        Forbidden::TenantDisabled => say(403, "tenant_disabled", "Forbidden: Tenant disabled"),
        Forbidden::AccessDenied => say(403, "access_denied", "Forbidden: Access denied"),
    }
}

fn missing_token() -> Answer {
    say(401, "missing_token", "Unauthorized: Missing Bearer access token").challenge("Bearer")
}

fn invalid_token() -> Answer {
    say(401, "invalid_token", "Unauthorized: Invalid Bearer access token").challenge("Bearer error=\"invalid_token\"")
}
