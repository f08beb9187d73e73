//! The words of application management: `resultCode` and `resultMessage`, which starts with the code in brackets.
//!
//! Codes whose digits depend on the call (`A136…` get/list, `A137…` delete, `A138…` update) are put in by the handler:
//! [`crate::domain::Error::InvalidRequest`] whose text starts with `[CODE] ` keeps that code, see [`code`].

use poem::http::StatusCode;
use poem_openapi::Object;
use serde::Serialize;

use super::request::Codes;
use crate::domain::{Error, Kind};
use crate::http::reply::{Answer, CredentialFault, Edge, Envelope, HttpFault, Rejection};

/// A result without content.
#[derive(Clone, Debug, Object, Serialize)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct ResultObject {
    /// The code of the result.
    pub result_code: String,
    /// A message that starts with the code in brackets.
    pub result_message: String,
}

/// The family.
#[derive(Clone, Copy, Debug)]
pub struct Authlete;

impl Envelope for Authlete {
    type Body = ResultObject;
    const DOCUMENTED: &'static [(u16, &'static str)] = &[
        (400, "The request is malformed, or its tenant is unclear"),
        (401, "The credential of the service is missing or wrong"),
        (403, "The tenant is disabled"),
        (404, "There is no such client"),
        (413, "The body is too large"),
        (415, "The content type is not supported"),
        (429, "Too many requests; see Retry-After"),
        (500, "A fault of the server"),
        (503, "Unavailable for now, nothing was changed; see Retry-After"),
    ];

    fn answer(rejection: &Rejection, edge: &Edge<'_>) -> Answer {
        match rejection {
            Rejection::Malformed(text) => unreadable(text, Codes::of(edge.operation)),
            Rejection::Credential(fault) => credential(*fault, edge),
            Rejection::Http(fault) => http(fault),
            Rejection::Failed(error) => failed(error, edge),
        }
    }
}

/// A text for [`Error::InvalidRequest`] that carries a code of its own.
pub fn code(code: &str, text: &str) -> String {
    format!("[{code}] {text}")
}

/// A request that never reached its handler: a body that isn't JSON has a code of its own.
fn unreadable(text: &str, codes: Codes) -> Answer {
    say(400, if text.contains("JSON") { codes.unreadable } else { codes.wrong }, text)
}

fn malformed(text: &str) -> Answer {
    match text.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((code, text)) => say(400, code, text),
        None => say(400, "A001201", text),
    }
}

fn credential(fault: CredentialFault, edge: &Edge<'_>) -> Answer {
    // Each mount takes one scheme; the operations of the one whose paths begin with the service's key are named after it.
    let challenge = match edge.operation.strip_prefix("service_") {
        Some(_) => "Bearer realm=\"service\"",
        None => "Basic realm=\"service\"",
    };
    match fault {
        CredentialFault::Missing => {
            say(401, "A001202", "The request has no Authorization header.").challenge(challenge)
        }
        CredentialFault::Malformed => say(400, "A001203", "The Authorization header is malformed."),
        CredentialFault::Unknown => say(401, "A003201", "The API key is unknown.").challenge(challenge),
        CredentialFault::Wrong => say(401, "A003204", "The API secret is wrong.").challenge(challenge),
    }
}

fn http(fault: &HttpFault) -> Answer {
    match fault {
        HttpFault::NoRoute => say(404, "A001204", "There is no such resource."),
        HttpFault::Method { .. } => say(405, "A001205", "The method is not allowed."),
        HttpFault::TooLarge(limit) => say(413, "A001206", &format!("The body is larger than {limit} bytes.")),
        HttpFault::MediaType => say(415, "A001207", "The content type is not supported."),
        HttpFault::TooSlow => say(408, "A001208", "The body did not arrive in time."),
        HttpFault::Panic => server_error(),
    }
}

fn failed(error: &Error, edge: &Edge<'_>) -> Answer {
    match error {
        Error::InvalidRequest(text) | Error::InvalidScope(text) | Error::Conflict(text) => malformed(text),
        Error::InvalidClient(_) | Error::InvalidGrant(_) | Error::UnauthorizedClient | Error::UnsupportedGrantType => {
            malformed("The request is invalid.")
        }
        Error::NotFound(Kind::Client) => say(404, "A001212", "The client is unknown."),
        Error::NotFound(
            Kind::Authorization
            | Kind::Code
            | Kind::AccessToken
            | Kind::RefreshToken
            | Kind::User
            | Kind::Tenant
            | Kind::Key,
        ) => say(404, "A001204", "There is no such resource."),
        Error::MissingToken => credential(CredentialFault::Missing, edge),
        Error::InvalidToken => credential(CredentialFault::Wrong, edge),
        Error::Forbidden(_) => say(403, "A001209", "The service is disabled."),
        Error::TooManyRequests { .. } => say(429, "A001210", "Too many requests; try again later."),
        Error::Unavailable(_) => say(503, "A001102", "Temporarily unavailable; try again later."),
        Error::Denied { .. } | Error::Internal(_) => server_error(),
    }
}

fn server_error() -> Answer {
    say(500, "A001101", "An error occurred on the server.")
}

fn say(status: u16, code: &str, text: &str) -> Answer {
    let body = ResultObject { result_code: code.into(), result_message: format!("[{code}] {text}") };
    Answer::new(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body)
}
