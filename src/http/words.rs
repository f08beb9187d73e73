//! The error body that four of the families share: `error` and `error_description` (RFC 6749 section 5.2).

use poem::http::StatusCode;
use poem_openapi::Object;
use serde::Serialize;

use crate::http::reply::{Answer, HttpFault};

/// An error.
#[derive(Clone, Debug, Default, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct ErrorObject {
    /// The error code.
    pub error: String,
    /// What went wrong, for a human.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// Where to look further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Names the server's log line with the exact cause of a failed client authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth_id: Option<String>,
}

/// An [`Answer`] with this status, code and description.
pub fn say(status: u16, code: &str, description: impl Into<String>) -> Answer {
    let body =
        ErrorObject { error: code.into(), error_description: Some(description.into()), ..ErrorObject::default() };
    Answer::new(status_of(status), &body)
}

/// An [`Answer`] for a fault of ours: no word about the cause.
pub fn server_error() -> Answer {
    let body = ErrorObject {
        error: "server_error".into(),
        error_description: Some("Internal server error".into()),
        note: Some("See the server logs for additional details".into()),
        client_auth_id: None,
    };
    Answer::new(StatusCode::INTERNAL_SERVER_ERROR, &body)
}

/// The words for what HTTP itself refuses, the same in these families.
pub fn http(fault: &HttpFault) -> Answer {
    match fault {
        HttpFault::NoRoute => say(404, "not_found", "Not found: No such resource"),
        HttpFault::Method { .. } => say(405, "invalid_request", "Method not allowed"),
        HttpFault::TooLarge(limit) => {
            say(413, "invalid_request", format!("Bad request: The body is larger than {limit} bytes"))
        }
        HttpFault::MediaType => say(415, "invalid_request", "Bad request: Unsupported content type"),
        HttpFault::TooSlow => say(408, "invalid_request", "Bad request: The body did not arrive in time"),
        HttpFault::Panic => server_error(),
    }
}

/// `503`, the same in these families; `Retry-After` is added by [`Answer::respond`].
pub fn unavailable() -> Answer {
    say(503, "temporarily_unavailable", "Temporarily unavailable: Try again later")
}

/// `429`, the same in these families; `Retry-After` is added by [`Answer::respond`].
pub fn too_many_requests() -> Answer {
    say(429, "temporarily_unavailable", "Too many requests: Try again later")
}

/// `400` for a request that can't be read.
pub fn bad_request(text: &str) -> Answer {
    say(400, "invalid_request", format!("Bad request: {text}"))
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
