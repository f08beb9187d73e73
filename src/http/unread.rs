//! The body of a request, until somebody reads it.
//!
//! Who is refused before his body was read may still be sending it. It is read to its end and dropped, so that his
//! connection can go on and the answer isn't lost with it; one that is long, or that waits for a go-ahead (RFC 9110 section
//! 10.1.1), ends with its connection.

use poem::http::{HeaderMap, HeaderValue, header};
use poem::{Body, Request, Response};

use super::body::{LIMIT, PATIENCE};

/// A body that nobody has read so far.
#[derive(Debug)]
pub struct Unread {
    body: Option<Body>,
    is_wanted: bool,
}

impl Unread {
    /// Takes the body out of a request.
    pub fn of(request: &mut Request) -> Self {
        let is_wanted = is_short(request.headers()) && !request.headers().contains_key(header::EXPECT);
        Self { body: Some(request.take_body()), is_wanted }
    }

    /// Puts the body back where it is read.
    pub fn put_back(&mut self, request: &mut Request) {
        if let Some(body) = self.body.take() {
            request.set_body(body);
        }
    }

    /// Reads what nobody has, or says in the answer that the connection ends with it.
    pub async fn settle(self, response: &mut Response) {
        let Some(body) = self.body.filter(|body| !body.is_empty()) else { return };
        let read =
            self.is_wanted && matches!(tokio::time::timeout(PATIENCE, body.into_bytes_limit(LIMIT)).await, Ok(Ok(_)));
        if !read {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Whether a body is not said to be longer than an ordinary one may be.
fn is_short(headers: &HeaderMap) -> bool {
    let Some(length) = headers.get(header::CONTENT_LENGTH) else { return true };
    length.to_str().ok().and_then(|text| text.parse::<usize>().ok()).is_some_and(|length| length <= LIMIT)
}
