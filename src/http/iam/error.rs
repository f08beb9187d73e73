//! The words of token management.

use crate::domain::{Error, Forbidden};
use crate::http::reply::{Answer, CredentialFault, Edge, Envelope, Rejection};
use crate::http::words::{self, ErrorObject, say};

/// The family.
#[derive(Clone, Copy, Debug)]
pub struct Iam;

impl Envelope for Iam {
    type Body = ErrorObject;
    const DOCUMENTED: &'static [(u16, &'static str)] = &[
        (400, "The request is malformed, or its tenant is unclear"),
        (401, "The bearer token is missing or invalid"),
        (403, "The caller lacks ROLE_ADMIN, or the tenant is disabled"),
        (429, "Too many requests; see Retry-After"),
        (500, "A fault of the server"),
        (503, "Unavailable for now, nothing was changed; see Retry-After"),
    ];

    fn answer(rejection: &Rejection, _: &Edge<'_>) -> Answer {
        match rejection {
            Rejection::Malformed(text) => words::bad_request(text),
            Rejection::Credential(CredentialFault::Missing) => unauthorized(),
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
        Error::InvalidClient(_) | Error::InvalidGrant(_) | Error::InvalidToken => invalid_token(),
        Error::UnauthorizedClient | Error::Forbidden(Forbidden::AccessDenied) => {
            say(403, "access_denied", "Access is denied")
        }
        Error::UnsupportedGrantType => words::bad_request("Unsupported grant type"),
        Error::NotFound(_) => say(404, "not_found", "Token not found"),
        Error::MissingToken => unauthorized(),
        Error::Forbidden(Forbidden::ApiDisabled) => say(403, "web_api_disabled", "Forbidden: Web API disabled"),
        Error::Forbidden(Forbidden::TenantDisabled) => say(403, "tenant_disabled", "Forbidden: Tenant disabled"),
        Error::TooManyRequests { .. } => words::too_many_requests(),
        Error::Unavailable(_) => words::unavailable(),
        Error::Denied { .. } | Error::Internal(_) => words::server_error(),
    }
}

fn unauthorized() -> Answer {
    say(401, "unauthorized", "Full authentication is required to access this resource").challenge("Bearer")
}

fn invalid_token() -> Answer {
    say(401, "invalid_token", "Invalid access token").challenge("Bearer error=\"invalid_token\"")
}
