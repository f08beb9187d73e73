//! Payloads over serde: one parse in, one serialisation out. They take their schema from poem-openapi's `Object`.
//!
//! The body has been checked by [`crate::http::body`] before a handler's extractor sees it: size, encoding, duplicate
//! members and parameters. What is left here is the type, whose refusals name the member and never its value.

use bytes::Bytes;
use poem::http::header;
use poem::{Body, IntoResponse, Request, RequestBody, Response};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::body::text::shown;
use crate::http::body::{form, media};
use crate::http::reply::{HttpFault, Rejection, ok_meta};

/// JSON, in and out.
#[derive(Clone, Debug, Default)]
pub struct Json<T>(pub T);

/// A form (`application/x-www-form-urlencoded`), in. Empty values have been refused or dropped, as the family has it.
#[derive(Clone, Debug, Default)]
pub struct Form<T>(pub T);

/// JSON that is written while it is read from the store. `T` only describes it. An error breaks the connection off, so
/// that what was sent is never a valid but truncated document.
pub struct Streamed<T> {
    body: Body,
    shape: std::marker::PhantomData<fn() -> T>,
}

impl<T> Streamed<T> {
    /// A body from chunks of JSON text.
    pub fn new<S, E>(chunks: S) -> Self
    where
        S: futures_util::Stream<Item = Result<bytes::Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        use futures_util::TryStreamExt;
        Self { body: Body::from_bytes_stream(chunks.map_err(std::io::Error::other)), shape: std::marker::PhantomData }
    }
}

/// JSON that has been written before. `T` only describes it.
pub struct Written<T> {
    text: Bytes,
    shape: std::marker::PhantomData<fn() -> T>,
}

impl<T> Written<T> {
    /// A text that is a `T` in JSON.
    pub const fn new(text: Bytes) -> Self {
        Self { text, shape: std::marker::PhantomData }
    }
}

impl<T: Serialize> Written<T> {
    /// Writes a value.
    ///
    /// # Errors
    /// When it can't be written, which is a fault of ours.
    pub fn of(value: &T) -> crate::domain::Result<Self> {
        write(value).map(Self::new)
    }
}

/// A value in JSON.
///
/// # Errors
/// When it can't be written, which is a fault of ours.
pub fn write(value: &impl Serialize) -> crate::domain::Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from).map_err(crate::domain::Error::internal)
}

impl<T> std::fmt::Debug for Written<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Written")
    }
}

impl<T> std::fmt::Debug for Streamed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Streamed")
    }
}

macro_rules! describe {
    ($name:ident, $media:literal) => {
        impl<T: Type> Payload for $name<T> {
            const CONTENT_TYPE: &'static str = $media;

            fn check_content_type(content_type: &str) -> bool {
                media::is(content_type, $media)
            }

            fn schema_ref() -> MetaSchemaRef {
                <T as Type>::schema_ref()
            }

            fn register(registry: &mut Registry) {
                <T as Type>::register(registry);
            }
        }
    };
}

describe!(Json, "application/json");
describe!(Form, "application/x-www-form-urlencoded");
describe!(Streamed, "application/json");
describe!(Written, "application/json");

impl<T: Type + DeserializeOwned> ParsePayload for Json<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(_: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = body.take()?.into_bytes().await?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        T::deserialize(&mut reader).map(Self).map_err(|_| Rejection::malformed(json_fault::<T>(&bytes)).into())
    }
}

impl<T: Type + DeserializeOwned> ParsePayload for Form<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(_: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = body.take()?.into_bytes().await?;
        form::parse(&bytes).map(Self).map_err(Into::into)
    }
}

/// What serde says of a value of the wrong type, without the value: `invalid type: integer `1`, expected a string` keeps
/// only the member, the expectation and the position. Read a second time, since only who is refused pays for the path.
fn json_fault<T: DeserializeOwned>(bytes: &[u8]) -> String {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Err(fault) = serde_path_to_error::deserialize::<_, T>(&mut reader) else { return "Invalid JSON".into() };
    let path = fault.path().to_string();
    // The root has no name, and where the unknown member itself is the place, it is named anyway.
    let member = path.split(['.', '[']).next().filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
    let member = member.map(|name| format!("{}: ", shown(name))).unwrap_or_default();
    let fault = fault.into_inner();
    let text = fault.to_string();
    let place = format!("at line {} column {}", fault.line(), fault.column());
    let kept = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find(|known| text.starts_with(**known))
        .and_then(|known| {
            text[known.len()..].split('`').next().map(|name| (known.trim_end_matches([' ', '`']), shown(name)))
        });
    match (kept, text.split(", expected ").nth(1)) {
        (Some((what, name)), _) if shown(&path) == name => format!("Invalid JSON: {what} {name}"),
        (Some((what, name)), _) => format!("Invalid JSON: {member}{what} {name}"),
        (None, Some(expected)) => {
            let expected = expected.split(" at line ").next().unwrap_or_default();
            format!("Invalid JSON: {member}expected {expected} {place}")
        }
        (None, None) => format!("Invalid JSON: {member}{place}"),
    }
}

macro_rules! extract {
    ($name:ident) => {
        impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for $name<T> {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                <Self as Payload>::register(registry);
            }

            fn request_meta() -> Option<MetaRequest> {
                let content = vec![MetaMediaType {
                    content_type: <Self as Payload>::CONTENT_TYPE,
                    schema: <Self as Payload>::schema_ref(),
                }];
                Some(MetaRequest { description: None, content, required: true })
            }

            async fn from_request(
                request: &'a Request,
                body: &mut RequestBody,
                _: ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                match request.content_type() {
                    Some(given) if <Self as Payload>::check_content_type(given) => {
                        <Self as ParsePayload>::from_request(request, body).await
                    }
                    _ => Err(Rejection::from(HttpFault::MediaType).into()),
                }
            }
        }
    };
}

extract!(Json);
extract!(Form);

impl<T: Type + Serialize + Send> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => Response::builder().header(header::CONTENT_TYPE, "application/json").body(bytes),
            Err(fault) => {
                let refused = crate::http::reply::Refused::<()>::from(crate::domain::Error::internal(fault));
                refused.into_response()
            }
        }
    }
}

impl<T: Type> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        Response::builder().header(header::CONTENT_TYPE, "application/json").body(self.text)
    }
}

impl<T: Type> IntoResponse for Streamed<T> {
    fn into_response(self) -> Response {
        Response::builder().header(header::CONTENT_TYPE, "application/json").body(self.body)
    }
}

macro_rules! answer {
    ($name:ident, $($bound:tt)*) => {
        impl<T: $($bound)*> ApiResponse for $name<T> {
            fn meta() -> MetaResponses {
                ok_meta::<Self>()
            }

            fn register(registry: &mut Registry) {
                <Self as Payload>::register(registry);
            }
        }
    };
}

answer!(Json, Type + Serialize + Send);
answer!(Streamed, Type);
answer!(Written, Type);
