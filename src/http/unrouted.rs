//! The words for a path that belongs to no family.

use crate::http::reply::{Answer, Edge, Rejection};
use crate::http::words;

/// `error` and `error_description`, for whatever may happen where no family is.
pub(super) fn answer(rejection: &Rejection, _: &Edge<'_>) -> Answer {
    match rejection {
        Rejection::Malformed(text) => words::bad_request(text),
        Rejection::Http(fault) => words::http(fault),
        Rejection::Credential(_) | Rejection::Failed(_) => words::server_error(),
    }
}
