//! One spelling for each name of a tenant: two issuers that differ only in case, a trailing slash, a default port or the
//! scheme have the same one, so they are twins and only one of them may exist. A request is looked up by this spelling and
//! then compared byte for byte.

use super::uri;

/// The kinds of names by which a tenant is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// The public id.
    Tid,
    /// The normal form of the issuer or an alias.
    Issuer,
    /// The service API key, in decimal.
    ServiceKey,
}

impl NameKind {
    /// The name of the kind in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tid => "tid",
            Self::Issuer => "iss",
            Self::ServiceKey => "key",
        }
    }
}

/// The normal form of an issuer: host, port unless it is the scheme's own, path; lower case, no trailing slash. `None` for
/// what isn't an http(s) URL.
pub fn issuer(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let default_port = match text.split_once("://")?.0 {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let (authority, path) = uri::split(&text)?;
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    Some(under_host(authority, path))
}

/// A `Host` header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// Its normal form: lower case, a scheme's default port elided.
    pub(super) name: String,
    /// The scheme, up to its slashes, whose default port was named.
    pub(super) scheme: Option<&'static str>,
}

/// Reads a `Host` header.
pub(super) fn host(text: &str) -> Host {
    let text = text.to_ascii_lowercase();
    for (port, scheme) in [(":443", "https://"), (":80", "http://")] {
        if let Some(name) = text.strip_suffix(port) {
            return Host { name: name.to_owned(), scheme: Some(scheme) };
        }
    }
    Host { name: text, scheme: None }
}

/// The normal form of an issuer at `path` of a host in normal form.
pub(super) fn under_host(host: &str, path: &str) -> String {
    format!("{host}{}", path.trim_end_matches('/').to_ascii_lowercase())
}

/// How `given` differs from `right`, which has the same normal form; `None` if it doesn't.
pub(super) fn difference(given: &str, right: &str) -> Option<&'static str> {
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    let scheme = |text: &str| text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if given == right {
        None
    } else if given.trim() != given {
        Some("white space around it")
    } else if given.eq_ignore_ascii_case(right) {
        Some("upper and lower case")
    } else if bare(given) == bare(right) {
        Some("a trailing slash")
    } else if scheme(given) != scheme(right) {
        Some("the scheme")
    } else if bare(given).len() != bare(right).len() {
        Some("the port")
    } else {
        Some("case and a trailing slash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_have_one_normal_form() {
        for twin in [
            "https://acme.example.com/oauth",
            "https://ACME.example.com/oauth",
            "https://acme.example.com/OAuth/",
            "https://acme.example.com:443/oauth",
            "http://acme.example.com:80/oauth",
            " https://acme.example.com/oauth ",
        ] {
            assert_eq!(issuer(twin).as_deref(), Some("acme.example.com/oauth"), "{twin}");
        }
        for other in
            ["https://acme.example.com", "https://acme.example.com:80/oauth", "https://acme.example.com:8443/oauth"]
        {
            assert_ne!(issuer(other).as_deref(), Some("acme.example.com/oauth"), "{other}");
        }
        for none in ["acme", "", "ftp://acme.example.com", "https://"] {
            assert_eq!(issuer(none), None, "{none}");
        }
    }

    #[test]
    fn hosts_lose_case_and_default_port() {
        let read = |text| (host(text).name, host(text).scheme);
        assert_eq!(read("Acme.Example.COM:443"), ("acme.example.com".into(), Some("https://")));
        assert_eq!(read("127.0.0.1:8080"), ("127.0.0.1:8080".into(), None));
        assert_eq!(read("[::1]:80"), ("[::1]".into(), Some("http://")));
    }

    #[test]
    fn a_difference_is_named() {
        let right = "https://acme.example.com/a";
        for (given, named) in [
            ("https://acme.example.com/A", "case"),
            ("https://acme.example.com/a/", "slash"),
            ("https://acme.example.com:443/a", "port"),
            ("http://acme.example.com/a", "scheme"),
            (" https://acme.example.com/a", "white space"),
        ] {
            assert!(difference(given, right).is_some_and(|text| text.contains(named)), "{given}");
        }
        assert_eq!(difference(right, right), None);
    }
}
