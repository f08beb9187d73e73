//! Which URLs may be configured: issuers (RFC 8414 section 2), redirect URIs (RFC 6749 section 3.1.2), origins (RFC 6454)
//! and the password hook.

use url::{Host, Url};

/// The deepest issuer path that is served: each segment of a request's path may cost a look-up.
pub(super) const MAX_ISSUER_SEGMENTS: usize = 6;
/// First segments that belong to the platform: an issuer under one of them could never be reached.
const PLATFORM_SEGMENTS: [&str; 4] = ["docs", "openapi", "tenants", ".well-known"];
/// First segments of the tenants' own APIs: an issuer under one of them would take requests from the issuer that has its host
/// alone.
const API_SEGMENTS: [&str; 8] =
    ["authz-store", "token", "clients", "jwks.json", "api", "access-tokens", "refresh-tokens", "iam"];
const MAX_LENGTH: usize = 512;

/// Why `text` can't be an issuer of the tenant `tid`.
pub(super) fn issuer(text: &str, tid: &str) -> Result<(), &'static str> {
    if text.len() > MAX_LENGTH || !text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|},%".contains(&b)) {
        return Err("not a URL in plain printable ASCII of at most 512 characters, without comma and percent sign");
    }
    if text.contains(['?', '#', '@']) {
        return Err("an issuer has no query, fragment or user info");
    }
    let url = Url::parse(text).map_err(|_| "not an absolute URL")?;
    secure(&url)?;
    let (authority, path) = split(text).ok_or("not an absolute URL")?;
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    if !authority.eq_ignore_ascii_case(host) && !authority.eq_ignore_ascii_case(&format!("{host}:{port}")) {
        return Err("the host or port is not written in its usual form");
    }
    issuer_path(path, tid)
}

fn issuer_path(path: &str, tid: &str) -> Result<(), &'static str> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (last, inner) = segments.split_last().unwrap_or((&"", &[]));
    if path.starts_with("//") || inner.contains(&"") || [".", ".."].iter().any(|dots| segments.contains(dots)) {
        return Err("the path has an empty segment or dots");
    }
    if inner.len() + usize::from(!last.is_empty()) > MAX_ISSUER_SEGMENTS {
        return Err("the path has more than 6 segments");
    }
    let first = segments.first().copied().unwrap_or_default();
    if PLATFORM_SEGMENTS.iter().any(|taken| first.eq_ignore_ascii_case(taken)) {
        return Err("the path begins with a segment that belongs to the platform");
    }
    if API_SEGMENTS.iter().any(|taken| first.eq_ignore_ascii_case(taken)) {
        return Err("the path begins with a segment that belongs to an API");
    }
    if first.eq_ignore_ascii_case("t") && segments.get(..2) != Some(&["t", tid]) {
        return Err("a path under /t must be /t/ and the tenant's own id");
    }
    Ok(())
}

/// https; http and IP addresses on loopback alone.
fn secure(url: &Url) -> Result<(), &'static str> {
    let (named, loopback) = match url.host() {
        Some(Host::Domain(name)) => (true, is_local_name(name)),
        Some(Host::Ipv4(address)) => (false, address.is_loopback()),
        Some(Host::Ipv6(address)) => (false, address.is_loopback()),
        None => return Err("has no host"),
    };
    match url.scheme() {
        "https" if named || loopback => Ok(()),
        "http" if loopback => Ok(()),
        "https" => Err("an IP address is allowed on loopback only"),
        "http" => Err("http is allowed on loopback only: use https"),
        _ => Err("the scheme must be https"),
    }
}

fn is_local_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.strip_suffix(".localhost").is_some_and(|label| !label.is_empty())
}

/// Why `text` can't be the password hook.
pub(super) fn hook(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "not an absolute URL")?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("a hook has no user info or fragment");
    }
    secure(&url)
}

/// Why `text` can't be a redirect URI. Private-use schemes are for apps (RFC 8252 section 7.1).
pub(super) fn redirect(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 2048 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("not a URI in printable ASCII of at most 2048 characters");
    }
    if text.contains('#') {
        return Err("a redirect URI has no fragment");
    }
    let url = Url::parse(text).map_err(|_| "not an absolute URI")?;
    match url.scheme() {
        "javascript" | "data" | "vbscript" | "blob" | "about" | "file" => Err("a scheme that runs code or reads files"),
        _ => Ok(()),
    }
}

/// Why `text` can't be an origin: it must be spelled as browsers spell it, to be compared byte for byte.
pub(super) fn origin(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "not an origin")?;
    match url.scheme() {
        "http" | "https" if url.origin().ascii_serialization() == text => Ok(()),
        _ => Err("not an origin: scheme, host and port alone, in lower case, without a default port or a slash"),
    }
}

/// Authority and path of an http(s) URL, as written.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("://")?;
    let path_at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_at);
    (!authority.is_empty()).then_some((authority, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers() {
        for good in [
            "https://acme.example.com",
            "https://acme.example.com/",
            "https://ACME.example.com/Path/x",
            "https://acme.example.com:8443/t/acme",
            "https://acme.example.com:443",
            "http://127.0.0.1:8080/t/acme",
            "http://localhost:8080",
            "http://acme.localhost:8080",
            "http://[::1]:8080",
            "https://127.0.0.1",
            "https://acme.example.com/tokens",
        ] {
            assert_eq!(issuer(good, "acme"), Ok(()), "{good}");
        }
        for bad in [
            "",
            "acme",
            "/acme",
            "ftp://acme.example.com",
            "http://acme.example.com",
            "http://10.0.0.1",
            "https://10.0.0.1",
            "https://[2001:db8::1]",
            "http://localhost.example.com",
            "https://acme.example.com?x=1",
            "https://acme.example.com#x",
            "https://user@acme.example.com",
            "https://acme.example.com/a//b",
            "https://acme.example.com//",
            "https://acme.example.com/../b",
            "https://acme.example.com/a/./b",
            "https://acme.example.com/%61",
            "https://acme.example.com/a b",
            "https://acme.example.com,https://b.example.com",
            "https:acme.example.com",
            "https:///acme.example.com",
            "https://acme.example.com:",
            "https://acme.example.com:0443",
            "https://127.1",
            "https://äcme.example.com",
            "https://acme.example.com/a/b/c/d/e/f/g",
            "https://acme.example.com/t/globex",
            "https://acme.example.com/t",
            "https://acme.example.com/tenants/acme",
            "https://acme.example.com/.well-known",
            "https://acme.example.com/token",
            "https://acme.example.com/Token/x",
            "https://acme.example.com/jwks.json",
            "https://acme.example.com/iam",
        ] {
            assert!(issuer(bad, "acme").is_err(), "{bad}");
        }
    }

    #[test]
    fn redirect_uris() {
        for good in
            ["https://client.example.com/in", "com.example.app://auth", "http://127.0.0.1/cb", "com.example.app:/cb"]
        {
            assert_eq!(redirect(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/in",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "https://a.example/#x",
            "a b:c",
        ] {
            assert!(redirect(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn origins() {
        for good in ["https://shop.example.com", "http://localhost:3000"] {
            assert_eq!(origin(good), Ok(()), "{good}");
        }
        for bad in [
            "*",
            "null",
            "shop.example.com",
            "https://shop.example.com/",
            "https://Shop.example.com",
            "https://a.example:443",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hooks() {
        for good in ["https://login.example.com/grant?x=1", "http://127.0.0.1:9000/grant"] {
            assert_eq!(hook(good), Ok(()), "{good}");
        }
        for bad in [
            "http://login.example.com",
            "https://169.254.169.254/",
            "gopher://localhost",
            "https://u:p@a.example",
            "grant",
        ] {
            assert!(hook(bad).is_err(), "{bad}");
        }
    }
}
