//! The head of a request, taken strictly: `Host`, repeated headers, the encoding of the path.
//!
//! A request with both `Content-Length` and `Transfer-Encoding` can't be refused here: hyper drops the former before any
//! handler sees it (RFC 9112 section 6.3 allows that). A proxy in front that reads them otherwise must refuse such requests.

use poem::Request;
use poem::http::{HeaderMap, HeaderName, Version, header};

use crate::http::body::text::path_is_sound;
use crate::http::reply::Rejection;

/// Headers that name a tenant, a caller or a meaning: two of them may be read differently by two readers. `Tenant-ID` and
/// `Issuer` are looked at by the tenancy, which says more.
const SINGLE: [(HeaderName, &str); 4] = [
    (header::AUTHORIZATION, "Authorization"),
    (header::CONTENT_TYPE, "Content-Type"),
    (header::HOST, "Host"),
    (header::CONTENT_LENGTH, "Content-Length"),
];

/// Refuses a head that could be read in two ways.
pub fn check(request: &Request) -> Result<(), Rejection> {
    let headers = request.headers();
    for (name, shown) in &SINGLE {
        if repeated(headers, name) {
            return Err(Rejection::malformed(format!("Repeated header {shown}")));
        }
    }
    if request.version() == Version::HTTP_11 && !headers.contains_key(header::HOST) {
        return Err(Rejection::malformed("Missing header Host"));
    }
    if headers.contains_key(header::TRANSFER_ENCODING) && headers.contains_key(header::CONTENT_LENGTH) {
        return Err(Rejection::malformed("Both Content-Length and Transfer-Encoding"));
    }
    if let (Some(target), Some(host)) = (request.uri().authority(), headers.get(header::HOST))
        && !target.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes())
    {
        return Err(Rejection::malformed("Host is not the host of the request's target"));
    }
    if !path_is_sound(request.uri().path()) {
        return Err(Rejection::malformed("Bad encoding of the path"));
    }
    Ok(())
}

fn repeated(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}

/// The host a request was sent to: that of its target where it has one (RFC 9112 section 3.2.2; HTTP/2), else `Host`.
pub fn host(request: &Request) -> Option<&str> {
    let target = request.uri().authority().map(poem::http::uri::Authority::as_str);
    target.or_else(|| request.headers().get(header::HOST).and_then(|value| value.to_str().ok()))
}

#[cfg(test)]
mod tests {
    use poem::Request;

    use super::check;

    fn sent(headers: &[(&str, &str)], path: &str) -> Option<String> {
        let builder = headers.iter().fold(Request::builder(), |builder, (name, value)| builder.header(*name, *value));
        check(&builder.uri_str(path).finish()).err().map(|fault| fault.to_string())
    }

    #[test]
    fn a_head_means_one_thing() {
        assert_eq!(sent(&[("host", "a")], "/x"), None);
        assert_eq!(sent(&[], "/x").as_deref(), Some("Missing header Host"));
        assert_eq!(sent(&[("host", "a"), ("host", "a")], "/x").as_deref(), Some("Repeated header Host"));
        let twice = [("host", "a"), ("authorization", "Bearer a"), ("authorization", "Bearer b")];
        assert_eq!(sent(&twice, "/x").as_deref(), Some("Repeated header Authorization"));
        assert_eq!(sent(&[("host", "A:1")], "http://a:1/x"), None);
        let elsewhere = sent(&[("host", "b")], "http://a/x");
        assert_eq!(elsewhere.as_deref(), Some("Host is not the host of the request's target"));
        assert_eq!(sent(&[("host", "a")], "/x%zz").as_deref(), Some("Bad encoding of the path"));
        assert_eq!(sent(&[("host", "a")], "/x%00").as_deref(), Some("Bad encoding of the path"));
    }
}
