//! The words for a path that belongs to no family: those of the platform API.

use crate::http::platform::Platform;
use crate::http::reply::{Answer, Edge, Envelope, Rejection};

/// `error` and `error_description`, for whatever may happen where no family is.
pub(super) fn answer(rejection: &Rejection, edge: &Edge<'_>) -> Answer {
    Platform::answer(rejection, edge)
}
