//! The words of the client-facing endpoints: the codes of RFC 6749 section 5.2 and RFC 7591 section 3.2.2.

use poem::http::{StatusCode, header};

use crate::domain::{Error, Forbidden, Kind};
use crate::http::reply::{Answer, CredentialFault, Edge, Envelope, Rejection};
use crate::http::words::{self, ErrorObject, say};

const CHECKLIST: &str = "Invalid client: Possible causes may be missing / invalid client_id, missing client authentication, \
     invalid or expired client secret, invalid or expired JWT authentication, invalid or expired client X.509 certificate, \
     or an unexpected client authentication method";

/// The family.
#[derive(Clone, Copy, Debug)]
pub struct OAuth;

impl Envelope for OAuth {
    type Body = ErrorObject;
    const DOCUMENTED: &'static [(u16, &'static str)] = &[
        (400, "The request is malformed or the grant is not good"),
        (401, "Client authentication failed"),
        (403, "The tenant is disabled, or the caller may not do this"),
        (413, "The body is too large"),
        (415, "The content type is not supported"),
        (429, "Too many requests; see Retry-After"),
        (500, "A fault of the server"),
        (503, "Unavailable for now, nothing was changed; see Retry-After"),
    ];

    fn answer(rejection: &Rejection, edge: &Edge<'_>) -> Answer {
        let answer = match rejection {
            Rejection::Malformed(text) => words::bad_request(text),
            Rejection::Credential(CredentialFault::Missing) => missing_token(),
            Rejection::Credential(CredentialFault::Malformed | CredentialFault::Unknown | CredentialFault::Wrong) => {
                invalid_token()
            }
            Rejection::Http(fault) => words::http(fault),
            Rejection::Failed(error) => failed(error, edge),
        };
        answer.with(header::CONTENT_TYPE, "application/json;charset=UTF-8").with(header::PRAGMA, "no-cache")
    }
}

fn failed(error: &Error, edge: &Edge<'_>) -> Answer {
    match error {
        Error::InvalidRequest(text) | Error::Conflict(text) => words::bad_request(text),
        Error::InvalidClient(_) => invalid_client(edge),
        Error::InvalidGrant(_) => say(400, "invalid_grant", "Bad request: Invalid or expired grant"),
        Error::InvalidScope(text) => say(400, "invalid_scope", format!("Bad request: {text}")),
        Error::Denied { error, description, .. } => denied(error, description.as_deref()),
        Error::UnauthorizedClient => {
            say(400, "unauthorized_client", "Bad request: The client is not registered for this grant type")
        }
        Error::UnsupportedGrantType => say(400, "unsupported_grant_type", "Bad request: Unsupported grant type"),
        Error::NotFound(kind) => not_found(*kind),
        Error::MissingToken => missing_token(),
        Error::InvalidToken => invalid_token(),
        Error::Forbidden(forbidden) => refused(*forbidden),
        Error::TooManyRequests { .. } => words::too_many_requests(),
        Error::Unavailable(_) => words::unavailable(),
        Error::Internal(_) => words::server_error(),
    }
}

fn invalid_client(edge: &Edge<'_>) -> Answer {
    let body = ErrorObject {
        error: "invalid_client".into(),
        error_description: Some(CHECKLIST.into()),
        note: None,
        client_auth_id: Some(edge.request_id.into()),
    };
    Answer::new(StatusCode::UNAUTHORIZED, &body).challenge("Basic")
}

/// Another's words, passed through.
fn denied(error: &str, description: Option<&str>) -> Answer {
    let description = description.map(Into::into);
    let body = ErrorObject { error: error.into(), error_description: description, ..ErrorObject::default() };
    Answer::new(StatusCode::BAD_REQUEST, &body)
}

fn not_found(kind: Kind) -> Answer {
    match kind {
        // RFC 7592 section 2.1: a client that is gone is told as an invalid token.
        Kind::Client => invalid_token(),
        Kind::Authorization
        | Kind::Code
        | Kind::AccessToken
        | Kind::RefreshToken
        | Kind::User
        | Kind::Tenant
        | Kind::Key => say(404, "not_found", "Not found"),
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
