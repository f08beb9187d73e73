//! Media types (RFC 9110 section 8.3): the type must be the one meant, parameters don't matter.

use poem::Request;
use poem::http::{HeaderValue, header};

use crate::http::body::text::decode_form;
use crate::http::family::Family;
use crate::http::operations::Operation;
use crate::http::reply::{HttpFault, Rejection};

/// A media type that some operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

impl Media {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
        }
    }
}

/// Whether a `Content-Type` is this media type, whatever its parameters and case.
pub fn is(content_type: &str, media: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim_matches([' ', '\t']).eq_ignore_ascii_case(media)
}

/// The media type of the body of a request; `None` if there is no body and none is needed to be named. Where JSON alone is
/// possible, a missing `Content-Type` means JSON, and is put in for the extractors.
pub fn of(request: &mut Request, operation: &Operation, empty: bool) -> Result<Option<Media>, Rejection> {
    if request
        .headers()
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(HttpFault::MediaType.into());
    }
    let json_alone = is_import(operation, request.uri().query());
    let takes = if json_alone { &[Media::Json] } else { operation.media() };
    let Some(given) = request.headers().get(header::CONTENT_TYPE) else {
        let assumed = match takes {
            [] => return Ok(None),
            [only] if *only == Media::Json || empty => *only,
            _ if empty && takes.contains(&Media::Form) => Media::Form,
            _ => return Err(HttpFault::MediaType.into()),
        };
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(assumed.name()));
        return Ok(Some(assumed));
    };
    if takes.is_empty() {
        // A DELETE or GET with a type and no body is harmless; with a body it isn't understood, but by clients of the
        // management API, which send one with all they do.
        return if empty || operation.family() == Family::Authlete {
            Ok(None)
        } else {
            Err(HttpFault::MediaType.into())
        };
    }
    let given = given.to_str().unwrap_or_default();
    let known = takes.iter().find(|media| is(given, media.name()));
    known.map(|media| Some(*media)).ok_or_else(|| HttpFault::MediaType.into())
}

/// Whether a parameter, however it is encoded, is `import=true`.
fn asks_for_import(pair: &str) -> bool {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    [(name, "import"), (value, "true")]
        .iter()
        .all(|(raw, wanted)| decode_form(raw.as_bytes()).is_some_and(|decoded| decoded == *wanted))
}

/// Whether a request to an operation asks for an import, which takes JSON and no form.
pub(super) fn is_import(operation: &Operation, query: Option<&str>) -> bool {
    operation.takes_query("import") && query.is_some_and(|query| query.split('&').any(asks_for_import))
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn parameters_are_allowed_and_relatives_are_not() {
        assert!(is("application/json", "application/json"));
        assert!(is("Application/JSON ; charset=utf-8", "application/json"));
        for other in ["application/problem+json", "application/jsonx", "text/json", "", "application/json, text/plain"]
        {
            assert!(!is(other, "application/json"), "{other}");
        }
    }
}
