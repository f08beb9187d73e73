//! The API families: which one a path belongs to, how strict it is, and whose words its errors speak.

use poem::Response;

use crate::http::reply::{Answer, Edge, Envelope, Rejection};
use crate::http::{authlete, authz_store, iam, oauth, platform, unrouted};

/// An API family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// The authorisation store: `/authz-store/rest/v3`.
    AuthzStore,
    /// What OAuth clients call: `/token*`, `/clients`, `/.well-known/*`, `/jwks.json`.
    OAuth,
    /// Authorised applications: `/api/…`.
    Authlete,
    /// Token management: `/access-tokens`, `/refresh-tokens`, also under `/iam/api`.
    Iam,
    /// Tenants: `/tenants/rest/v1`.
    Platform,
    /// No family: documents, and what does not exist.
    Unrouted,
}

/// What a family makes of parameters that are empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// 400, naming the parameter.
    Refused,
    /// As if it were not there.
    Absent,
}

const PREFIXES: [(&str, Family); 12] = [
    ("/authz-store/rest/v3", Family::AuthzStore),
    ("/token", Family::OAuth),
    ("/clients", Family::OAuth),
    ("/.well-known/openid-configuration", Family::OAuth),
    ("/.well-known/oauth-authorization-server", Family::OAuth),
    ("/jwks.json", Family::OAuth),
    ("/api", Family::Authlete),
    ("/access-tokens", Family::Iam),
    ("/refresh-tokens", Family::Iam),
    ("/iam/api/access-tokens", Family::Iam),
    ("/iam/api/refresh-tokens", Family::Iam),
    ("/tenants/rest/v1", Family::Platform),
];

impl Family {
    /// The family whose prefix is a segment prefix of the path.
    pub fn of(path: &str) -> Self {
        let hit = PREFIXES
            .iter()
            .find(|(prefix, _)| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        hit.map_or(Self::Unrouted, |(_, family)| *family)
    }

    /// Whether parameters that no operation knows are refused; else they are ignored (RFC 6749 section 3.2).
    pub const fn refuses_unknown(self) -> bool {
        matches!(self, Self::AuthzStore)
    }

    /// What an empty parameter means.
    pub const fn empty(self) -> Empty {
        match self {
            Self::AuthzStore => Empty::Refused,
            Self::OAuth | Self::Authlete | Self::Iam | Self::Platform | Self::Unrouted => Empty::Absent,
        }
    }

    /// Whether a request must belong to a tenant.
    pub const fn needs_tenant(self) -> bool {
        match self {
            Self::AuthzStore | Self::OAuth | Self::Authlete | Self::Iam => true,
            Self::Platform | Self::Unrouted => false,
        }
    }

    /// A short name for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthzStore => "authz_store",
            Self::OAuth => "oauth",
            Self::Authlete => "authlete",
            Self::Iam => "iam",
            Self::Platform => "platform",
            Self::Unrouted => "_other",
        }
    }

    /// The error response for a rejection, in the family's words.
    pub fn refuse(self, rejection: &Rejection, edge: &Edge<'_>) -> Response {
        self.words()(rejection, edge).respond(rejection)
    }

    fn words(self) -> fn(&Rejection, &Edge<'_>) -> Answer {
        match self {
            Self::AuthzStore => authz_store::AuthzStore::answer,
            Self::OAuth => oauth::OAuth::answer,
            Self::Authlete => authlete::Authlete::answer,
            Self::Iam => iam::Iam::answer,
            Self::Platform => platform::Platform::answer,
            Self::Unrouted => unrouted::answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Family;

    #[test]
    fn a_prefix_matches_whole_segments_only() {
        assert_eq!(Family::of("/token"), Family::OAuth);
        assert_eq!(Family::of("/token/revoke"), Family::OAuth);
        assert_eq!(Family::of("/tokens"), Family::Unrouted);
        assert_eq!(Family::of("/authz-store/rest/v3/inspection"), Family::AuthzStore);
        assert_eq!(Family::of("/iam/api/access-tokens/1"), Family::Iam);
        assert_eq!(Family::of("//token"), Family::Unrouted);
        assert_eq!(Family::of("/docs"), Family::Unrouted);
    }
}
