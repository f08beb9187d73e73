//! What a handler returns, and how every early exit becomes its API family's own error.
//!
//! A handler returns [`Reply<T, F>`]: `T` is the payload of success, `F` the family, an [`Envelope`]. Whatever goes wrong,
//! before, in or after the handler, travels as a [`Rejection`] and is put into words once, at the edge ([`crate::http::front`]),
//! by [`Envelope::answer`]. So a bad form, a missing token, an unknown tenant and a failing store all speak the family's words.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use poem::error::{MethodNotAllowedError, NotFoundError, ResponseError};
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::error::{ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, payload::Payload};
use serde::Serialize;

use crate::domain::Error;

/// The media type of every error.
pub const JSON: &str = "application/json";

/// Why a request got no success, before any family has put it into words. Texts are public and never echo a value.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// The request can't be read; the text names the culprit.
    #[error("{0}")]
    Malformed(String),
    /// The credential of the API is missing, unreadable or wrong.
    #[error("credential: {0:?}")]
    Credential(CredentialFault),
    /// HTTP itself refuses, in every family alike.
    #[error(transparent)]
    Http(#[from] HttpFault),
    /// The use case failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// What HTTP itself refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    /// No such route.
    #[error("no such resource")]
    NoRoute,
    /// The route exists, not with this method.
    #[error("method not allowed")]
    Method {
        /// The value of `Allow` (RFC 9110 section 10.2.1).
        allow: String,
    },
    /// The body is larger than this many bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The content type is none that the operation takes.
    #[error("unsupported content type")]
    MediaType,
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// A panic was caught.
    #[error("panic")]
    Panic,
}

/// What is wrong with the credential of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialFault {
    /// There is none.
    Missing,
    /// There is one that can't be read.
    Malformed,
    /// The name in it (a service API key) is unknown.
    Unknown,
    /// The secret in it is wrong.
    Wrong,
}

impl Rejection {
    /// A [`Rejection::Malformed`].
    pub fn malformed(text: impl Into<String>) -> Self {
        Self::Malformed(text.into())
    }

    /// How long the caller should wait, if waiting helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Failed(Error::TooManyRequests { retry_after }) => Some(*retry_after),
            Self::Failed(Error::Unavailable(_)) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

impl ResponseError for Rejection {
    fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

/// Makes sense of what poem and its extractors throw. Their texts may echo values, so that only names are taken over.
impl From<poem::Error> for Rejection {
    fn from(error: poem::Error) -> Self {
        if let Some(failure) = error.data::<Failure>() {
            return failure.take();
        }
        let error = match error.downcast::<Self>() {
            Ok(rejection) => return rejection,
            Err(error) => error,
        };
        if let Some(fault) = error.downcast_ref::<ParseParamError>() {
            return Self::malformed(format!("Missing or invalid parameter {}", fault.name));
        }
        if let Some(fault) = error.downcast_ref::<ParsePathError>() {
            return Self::malformed(format!("Invalid path parameter {}", fault.name));
        }
        if error.is::<ParseRequestPayloadError>() {
            return Self::malformed("Invalid body");
        }
        if error.is::<ContentTypeError>() {
            return HttpFault::MediaType.into();
        }
        if error.is::<NotFoundError>() {
            return HttpFault::NoRoute.into();
        }
        if error.is::<MethodNotAllowedError>() {
            return HttpFault::Method { allow: String::new() }.into();
        }
        if error.status().is_client_error() {
            return Self::malformed("Invalid request");
        }
        Self::Failed(Error::internal(error))
    }
}

/// How one API family says no.
pub trait Envelope: Sized + Send + Sync + 'static {
    /// The body of every error, for the document.
    type Body: Type;
    /// The statuses that every operation of the family documents, each with a sentence.
    const DOCUMENTED: &'static [(u16, &'static str)];

    /// The family's words for a rejection. Matches without a wildcard: a new variant asks every family.
    fn answer(rejection: &Rejection, edge: &Edge<'_>) -> Answer;
}

/// What the edge knows when an error is put into words.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'a> {
    /// The id of the request: `client_auth_id`, and the field of the log line with the real cause.
    pub request_id: &'a str,
    /// The id of the operation, `""` where none was found.
    pub operation: &'a str,
}

/// An error in a family's words: status, JSON, and the headers that only some errors have.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    body: Vec<u8>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// An error with this status and body.
    pub fn new(status: StatusCode, body: &impl Serialize) -> Self {
        // A body is a flat struct of strings, which serde_json can't fail on.
        Self { status, body: serde_json::to_vec(body).unwrap_or_default(), headers: Vec::new() }
    }

    /// Adds a header; a value that is no header value is left out.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Adds `WWW-Authenticate` (RFC 9110 section 11.6.1).
    #[must_use]
    pub fn challenge(self, value: &str) -> Self {
        self.with(header::WWW_AUTHENTICATE, value)
    }

    /// The response. `Cache-Control: no-store`, `Allow` and `Retry-After` come from here, the same for every family.
    pub fn respond(self, rejection: &Rejection) -> Response {
        let mut builder = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, JSON)
            .header(header::CACHE_CONTROL, "no-store");
        if let Rejection::Http(HttpFault::Method { allow }) = rejection {
            builder = builder.header(header::ALLOW, allow);
        }
        if matches!(rejection, Rejection::Http(HttpFault::TooLarge(_) | HttpFault::TooSlow)) {
            builder = builder.header(header::CONNECTION, "close");
        }
        if let Some(wait) = rejection.retry_after() {
            builder = builder.header(header::RETRY_AFTER, wait.as_secs().max(1));
        }
        let mut response = builder.body(self.body);
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// A rejection on its way to the edge, in the extensions of a response.
#[derive(Clone, Debug)]
pub struct Failure(Arc<std::sync::Mutex<Option<Rejection>>>);

impl Failure {
    fn new(rejection: Rejection) -> Self {
        Self(Arc::new(std::sync::Mutex::new(Some(rejection))))
    }

    /// Takes the rejection out; a second take is a fault of ours.
    pub fn take(&self) -> Rejection {
        let taken = self.0.lock().ok().and_then(|mut slot| slot.take());
        taken.unwrap_or_else(|| Rejection::Failed(Error::internal("a failure was taken twice")))
    }
}

/// The error side of a [`Reply`]: a rejection, and the family that will put it into words.
#[derive(Debug)]
pub struct Refused<F>(pub Rejection, PhantomData<fn() -> F>);

impl<F> From<Rejection> for Refused<F> {
    fn from(rejection: Rejection) -> Self {
        Self(rejection, PhantomData)
    }
}

impl<F> From<Error> for Refused<F> {
    fn from(error: Error) -> Self {
        Self(error.into(), PhantomData)
    }
}

impl<F> IntoResponse for Refused<F> {
    fn into_response(self) -> Response {
        let mut response = Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).finish();
        response.set_data(Failure::new(self.0));
        response
    }
}

impl<F> From<Refused<F>> for poem::Error {
    fn from(refused: Refused<F>) -> Self {
        let mut error = Self::from_status(StatusCode::INTERNAL_SERVER_ERROR);
        error.set_data(Failure::new(refused.0));
        error
    }
}

impl<F: Envelope> ApiResponse for Refused<F> {
    fn meta() -> MetaResponses {
        let one = |(status, description): &(u16, &'static str)| MetaResponse {
            description,
            status: Some(*status),
            status_range: None,
            content: vec![MetaMediaType { content_type: JSON, schema: <F::Body as Type>::schema_ref() }],
            headers: vec![],
        };
        MetaResponses { responses: F::DOCUMENTED.iter().map(one).collect() }
    }

    fn register(registry: &mut Registry) {
        <F::Body as Type>::register(registry);
    }
}

/// What a handler returns. `?` works on [`crate::domain::Result`] and on `Result<_, Rejection>`; success is `Ok(payload.into())`.
pub type Reply<T, F> = Result<Accepted<T, F>, Refused<F>>;

/// The success side of a [`Reply`]. poem-openapi takes the handler of unreadable requests from this side, hence the second variant.
#[derive(Debug)]
pub enum Accepted<T, F> {
    /// The payload.
    Payload(T),
    /// An extractor refused the request before the handler ran.
    Unread(Refused<F>),
}

impl<T, F> From<T> for Accepted<T, F> {
    fn from(payload: T) -> Self {
        Self::Payload(payload)
    }
}

impl<T: IntoResponse, F: Send> IntoResponse for Accepted<T, F> {
    fn into_response(self) -> Response {
        match self {
            Self::Payload(payload) => payload.into_response(),
            Self::Unread(refused) => refused.into_response(),
        }
    }
}

impl<T: ApiResponse, F> ApiResponse for Accepted<T, F> {
    const BAD_REQUEST_HANDLER: bool = true;

    fn meta() -> MetaResponses {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn from_parse_request_error(error: poem::Error) -> Self {
        Self::Unread(Rejection::from(error).into())
    }
}

/// `204 No Content`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl ApiResponse for NoContent {
    fn meta() -> MetaResponses {
        let response = MetaResponse {
            description: "Done",
            status: Some(204),
            status_range: None,
            content: vec![],
            headers: vec![],
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(_: &mut Registry) {}
}

/// The document's entry for one 200 with this payload.
pub(super) fn ok_meta<P: Payload>() -> MetaResponses {
    let content = vec![MetaMediaType { content_type: P::CONTENT_TYPE, schema: P::schema_ref() }];
    let response =
        MetaResponse { description: "Success", status: Some(200), status_range: None, content, headers: vec![] };
    MetaResponses { responses: vec![response] }
}
