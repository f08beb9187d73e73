//! The gates: who may call which family. One entry per family, in its `auth.rs`; a family without one is closed.

use std::sync::Arc;

use poem::Request;

use crate::domain::{Error, Forbidden};
use crate::http::call::{Call, Names};
use crate::http::family::Family;
use crate::http::reply::{CredentialFault, Rejection};
use crate::http::{authlete, authz_store, iam, oauth, platform};
use crate::tenancy::{Directory, NameKind, Tenant, TokenHash};

/// Judges the credential of a request under a tenant. `path` is the API's, without the tenant's prefix.
pub async fn pass(family: Family, request: &mut Request, call: &Call, path: &str) -> Result<(), Rejection> {
    match family {
        Family::AuthzStore => authz_store::auth::pass(request, call, path),
        Family::OAuth => oauth::auth::pass(request, call, path).await,
        Family::Authlete => authlete::auth::pass(request, call, path),
        Family::Iam => iam::auth::pass(request, call, path).await,
        Family::Platform | Family::Unrouted => Err(Error::Forbidden(Forbidden::ApiDisabled).into()),
    }
}

/// Judges the credential of a request that needs no tenant.
/// Tells who calls.
pub fn pass_platform(family: Family, request: &Request, tokens: &[TokenHash]) -> Result<Arc<str>, Rejection> {
    match family {
        Family::Platform => platform::auth::pass(request, tokens),
        Family::AuthzStore | Family::OAuth | Family::Authlete | Family::Iam | Family::Unrouted => {
            Err(Error::Forbidden(Forbidden::ApiDisabled).into())
        }
    }
}

/// The service API key that a request names its tenant with; only the management family has one.
pub fn service_key(family: Family, request: &Request, path: &str) -> Result<Option<i64>, Rejection> {
    match family {
        Family::Authlete => authlete::auth::service_key(request, path).map(Some),
        Family::AuthzStore | Family::OAuth | Family::Iam | Family::Platform | Family::Unrouted => Ok(None),
    }
}

/// The tenant that a service API key names.
pub async fn tenant_of(names: &Names<'_>, key: i64) -> Result<Arc<Tenant>, Rejection> {
    let found = names.find(NameKind::ServiceKey, &key.to_string()).await?;
    found.ok_or(Rejection::Credential(CredentialFault::Unknown))
}
