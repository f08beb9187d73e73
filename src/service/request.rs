//! The id of a request.

use std::sync::Arc;

use crate::crypto::secret::{b64url, random_name};

/// A new id: 16 characters that are safe in a URL, a header and a log line.
pub fn new_request_id() -> Arc<str> {
    b64url(&random_name::<12>()).into()
}
