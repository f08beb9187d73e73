//! A tenant as a request sees it.

use super::settings::TenantSettings;
use crate::domain::{Seconds, TenantId, Tid};

/// One version of a tenant, read from the store and shared by the requests that run under it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Leads every key of the store.
    pub id: TenantId,
    /// The public id.
    pub tid: Tid,
    /// What it has chosen; secrets that the store keeps sealed are put back where they belong.
    pub settings: TenantSettings,
    /// Grows with every change of the tenant.
    pub version: i64,
    /// Whether a refresh token of another server was ever imported.
    pub has_imports: bool,
    /// The longest life, in seconds, that a token of it may have.
    pub longest_token: Seconds,
}

impl Tenant {
    /// The issuer that is shown and that signs.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// The issuer, then its aliases.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.issuer()).chain(self.settings.aliases.iter().map(String::as_str))
    }

    /// Whether `text` is the issuer or an alias, byte for byte.
    pub fn is_issuer(&self, text: &str) -> bool {
        self.issuers().any(|issuer| issuer == text)
    }

    /// The public URL of an endpoint, from the configured issuer; `path` starts with a slash.
    pub fn url(&self, path: &str) -> String {
        url_under(self.issuer(), path)
    }

    /// Whether an assertion for `audience` is meant for the endpoint at `path` (RFC 7523 section 3): the issuer or an alias,
    /// bare, or with `/token`, or with `path` itself.
    pub fn accepts_audience(&self, audience: &str, path: &str) -> bool {
        self.issuers().any(|issuer| {
            audience == issuer || audience == url_under(issuer, "/token") || audience == url_under(issuer, path)
        })
    }
}

fn url_under(issuer: &str, path: &str) -> String {
    format!("{}{path}", issuer.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> Tenant {
        let settings = TenantSettings {
            issuer: "https://acme.example.com".into(),
            aliases: vec!["https://login.acme.example.com/o/".into()],
            ..TenantSettings::default()
        };
        Tenant {
            id: TenantId(7),
            tid: Tid::parse("acme").unwrap(),
            settings,
            version: 1,
            has_imports: false,
            longest_token: 0,
        }
    }

    #[test]
    fn an_audience_is_the_issuer_or_an_endpoint_of_it() {
        let tenant = tenant();
        for good in [
            "https://acme.example.com",
            "https://acme.example.com/token",
            "https://acme.example.com/token/revoke",
            "https://login.acme.example.com/o/",
            "https://login.acme.example.com/o/token",
        ] {
            assert!(tenant.accepts_audience(good, "/token/revoke"), "{good}");
        }
        for bad in ["https://acme.example.com/", "https://acme.example.com/token/introspect", "acme", ""] {
            assert!(!tenant.accepts_audience(bad, "/token/revoke"), "{bad}");
        }
    }

    #[test]
    fn an_issuer_is_compared_byte_for_byte() {
        assert!(tenant().is_issuer("https://acme.example.com"));
        assert!(!tenant().is_issuer("https://acme.example.com/"));
        assert!(!tenant().is_issuer("https://ACME.example.com"));
        assert_eq!(tenant().url("/jwks.json"), "https://acme.example.com/jwks.json");
    }
}
