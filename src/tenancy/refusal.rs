//! Why no tenant was found for a request.

use std::fmt;

use crate::domain::{Error, Forbidden};

/// Where a request names its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The header `Tenant-ID`.
    TenantId,
    /// The header `Issuer`.
    Issuer,
    /// The path prefix `/t/{tid}`.
    Path,
    /// A service API key.
    ServiceKey,
    /// `Host` and the path.
    Host,
    /// The platform's default.
    Default,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TenantId => "Tenant-ID header",
            Self::Issuer => "Issuer header",
            Self::Path => "path prefix /t/{tenant}",
            Self::ServiceKey => "service API key",
            Self::Host => "Host header and path",
            Self::Default => "default tenant",
        })
    }
}

/// Why no tenant was found. The texts are public and never echo what was sent.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A header is there more than once.
    #[error("the {0} is repeated")]
    Repeated(Hint),
    /// A header holds a list.
    #[error("the {0} is a list: it must name one tenant")]
    List(Hint),
    /// A header has nothing in it.
    #[error("the {0} is empty")]
    Empty(Hint),
    /// Nearly the name of a tenant.
    #[error("the {0} must be spelled exactly as configured: it differs in {1}")]
    Near(Hint, &'static str),
    /// No such tenant.
    #[error("the {0} names no tenant")]
    Unknown(Hint),
    /// Two hints name two tenants.
    #[error("the {0} and the {1} name different tenants")]
    Disagreement(Hint, Hint),
    /// Nothing names a tenant.
    #[error("no tenant: name one in the Tenant-ID or Issuer header, or in the path as /t/{{tenant}}")]
    Missing,
    /// The tenant is disabled.
    #[error("the tenant is disabled")]
    Disabled,
    /// The look-up failed.
    #[error(transparent)]
    Failed(Error),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Disabled => Self::Forbidden(Forbidden::TenantDisabled),
            Refusal::Failed(error) => error,
            Refusal::Repeated(_)
            | Refusal::List(_)
            | Refusal::Empty(_)
            | Refusal::Near(..)
            | Refusal::Unknown(_)
            | Refusal::Disagreement(..)
            | Refusal::Missing => Self::InvalidRequest(refusal.to_string()),
        }
    }
}
