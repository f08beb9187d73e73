//! Cross-origin requests (the Fetch standard's CORS): anyone may read discovery and keys; `/token*` answers the origins that
//! its client has registered; nothing else answers a browser of another origin.

use poem::Response;
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::domain::Client;

/// Who may read an answer across origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nobody.
    Closed,
    /// Anybody: public documents.
    Open,
    /// The origins that the client has registered; before it is known, those that any client of the tenant has.
    Registered,
}

/// Whether a client has registered the origin.
pub fn is_own(client: &Client, origin: &HeaderValue) -> bool {
    client.registration.origins.iter().any(|own| own.as_bytes() == origin.as_bytes())
}

/// The policy of a path.
pub fn policy(path: &str) -> Policy {
    match path {
        "/jwks.json" | "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => Policy::Open,
        "/token" | "/token/revoke" | "/token/introspect" => Policy::Registered,
        _ => Policy::Closed,
    }
}

/// The origin of a request, if it tells one.
pub fn origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(header::ORIGIN)
}

/// The answer to `OPTIONS`: what exists here, and for a preflight what may be sent.
pub fn options(allow: &str, preflight: bool) -> Response {
    let mut response = Response::builder().status(StatusCode::NO_CONTENT).header(header::ALLOW, allow).finish();
    if preflight {
        let headers = response.headers_mut();
        if let Ok(methods) = HeaderValue::from_str(allow) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        let names = HeaderValue::from_static("Authorization, Content-Type, Issuer, Tenant-ID");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

/// Says in an answer who may read it: `allowed` is the request's origin if it may.
pub fn tell(response: &mut Response, policy: Policy, allowed: Option<HeaderValue>) {
    let headers = response.headers_mut();
    match (policy, allowed) {
        (Policy::Closed, _) => {}
        (Policy::Open, _) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        (Policy::Registered, allowed) => {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
            if let Some(origin) = allowed {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-Request-Id"));
            }
        }
    }
}
