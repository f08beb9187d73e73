//! How this family answers: JSON that nobody keeps (RFC 6749 section 5.1), or documents that anybody may keep for a while.

use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use serde::Serialize;

use super::OAuth;
use crate::domain::Error;
use crate::http::payload::Json;
use crate::http::reply::Refused;
use crate::service::keys::JWKS_MAX_AGE;

/// The media type of the family's answers, as the seed has it.
const JSON: &str = "application/json;charset=UTF-8";

/// JSON with secrets in it: `Cache-Control: no-store`, `Pragma: no-cache`.
#[derive(Debug)]
pub struct Private<T, const STATUS: u16 = 200>(pub T);

/// A public document, kept for [`JWKS_MAX_AGE`] at most.
#[derive(Debug)]
pub struct Public<T>(pub T);

/// `200` without a body (RFC 7009 section 2.2).
#[derive(Clone, Copy, Debug)]
pub struct Done;

impl<T: Serialize + Send, const STATUS: u16> IntoResponse for Private<T, STATUS> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK);
        json(status, &self.0, "no-store", true)
    }
}

impl<T: Serialize + Send> IntoResponse for Public<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0, &format!("public, max-age={JWKS_MAX_AGE}"), false)
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        Response::builder().header(header::CACHE_CONTROL, "no-store").header(header::PRAGMA, "no-cache").finish()
    }
}

fn json(status: StatusCode, body: &impl Serialize, caching: &str, private: bool) -> Response {
    let bytes = match serde_json::to_vec(body) {
        Ok(bytes) => bytes,
        Err(fault) => return Refused::<OAuth>::from(Error::internal(fault)).into_response(),
    };
    let mut response = Response::builder().status(status).header(header::CACHE_CONTROL, caching);
    response = if private {
        response.header(header::CONTENT_TYPE, JSON).header(header::PRAGMA, "no-cache")
    } else {
        response.header(header::CONTENT_TYPE, "application/json")
    };
    response.body(bytes)
}

fn meta<T: Type>(status: u16) -> MetaResponses {
    let content = vec![MetaMediaType { content_type: "application/json", schema: T::schema_ref() }];
    let response =
        MetaResponse { description: "Success", status: Some(status), status_range: None, content, headers: vec![] };
    MetaResponses { responses: vec![response] }
}

impl<T: Type + Serialize + Send, const STATUS: u16> ApiResponse for Private<T, STATUS> {
    fn meta() -> MetaResponses {
        meta::<T>(STATUS)
    }

    fn register(registry: &mut Registry) {
        <Json<T> as Payload>::register(registry);
    }
}

impl<T: Type + Serialize + Send> ApiResponse for Public<T> {
    fn meta() -> MetaResponses {
        meta::<T>(200)
    }

    fn register(registry: &mut Registry) {
        <Json<T> as Payload>::register(registry);
    }
}

impl ApiResponse for Done {
    fn meta() -> MetaResponses {
        let response = MetaResponse {
            description: "Done, whether or not the token was valid",
            status: Some(200),
            status_range: None,
            content: vec![],
            headers: vec![],
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(_: &mut Registry) {}
}
