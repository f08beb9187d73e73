//! The call: everything a handler needs to know about its request, prepared before it runs.

use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use poem::{FromRequest, Request, RequestBody};

use crate::domain::{self, Error, Tid};
use crate::http::head;
use crate::http::reply::Rejection;
use crate::service::audit::By;
use crate::service::tenants::Served;
use crate::service::{Ctx, Freshness, Services};
use crate::telemetry::traces::Traces;
use crate::tenancy::{Directory, Hints, NameKind, Tenant, TokenHash, resolve};

/// Tells whether a client of a request's tenant has registered an origin.
pub type Origins = for<'a> fn(&'a Call, &'a str) -> BoxFuture<'a, domain::Result<bool>>;

/// What every request shares.
#[derive(Clone)]
pub struct Shared {
    /// The use cases.
    pub services: Arc<Services>,
    /// The hashes of the platform's tokens; none, and its API is off.
    pub platform_tokens: Arc<[TokenHash]>,
    /// The base of links, where one is configured.
    pub public_url: Option<Arc<str>>,
    /// The tenant of requests that name none.
    pub default_tenant: Option<Tid>,
    /// Whether a client of the tenant has registered an origin (`origins`).
    pub origins: Origins,
    /// Where their traces go.
    pub traces: Traces,
}

/// A request under a tenant. As an argument of a handler it is there by construction: without a tenant, the request ended
/// before.
#[derive(Clone)]
pub struct Call {
    /// The use cases.
    pub services: Arc<Services>,
    /// What every use case is told first: the tenant, its keys, the time, the id of the request.
    pub ctx: Ctx,
    /// The base of links, where one is configured.
    pub public_url: Option<Arc<str>>,
}

impl Call {
    /// A link to something of the tenant: under the public URL of the platform, else under the tenant's issuer. `path` starts
    /// with a slash.
    pub fn link(&self, path: &str) -> String {
        match &self.public_url {
            Some(base) => format!("{base}/t/{}{path}", self.ctx.tenant.tid),
            None => self.ctx.tenant.url(path),
        }
    }
}

/// A request that needs no tenant: the platform's.
#[derive(Clone)]
pub struct PlatformCall {
    /// The use cases.
    pub services: Arc<Services>,
    /// Who calls, and in which request.
    pub by: By,
}

impl<'a> FromRequest<'a> for Call {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        request.data::<Self>().cloned().ok_or_else(|| unprepared().into())
    }
}

impl<'a> FromRequest<'a> for PlatformCall {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        request.data::<Self>().cloned().ok_or_else(|| unprepared().into())
    }
}

fn unprepared() -> Rejection {
    Rejection::Failed(Error::internal("a handler ran without its call"))
}

/// What a credential said, for a handler: put into the request's extensions by the family's gate, taken out as an argument.
#[derive(Clone, Debug)]
pub struct Caller<T>(pub T);

impl<'a, T: Clone + Send + Sync + 'static> FromRequest<'a> for Caller<T> {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        request.data::<Self>().cloned().ok_or_else(|| unprepared().into())
    }
}

/// The tenants behind the caches, as far as this request may believe them.
pub struct Names<'a> {
    /// Where they are.
    pub services: &'a Services,
    /// How fresh the caches are for this request.
    pub freshness: Freshness,
    /// The first that was found: a request that names several is refused.
    found: OnceLock<Arc<Served>>,
}

impl<'a> Names<'a> {
    /// For a request that believes the caches so far.
    pub fn new(services: &'a Services, freshness: Freshness) -> Self {
        Self { services, freshness, found: OnceLock::new() }
    }

    /// What every use case is told first, for a tenant that was found here.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store can't be asked.
    pub async fn context(&self, tenant: &Arc<Tenant>, request_id: Arc<str>) -> domain::Result<Ctx> {
        match self.found.get().filter(|served| Arc::ptr_eq(&served.tenant, tenant)) {
            Some(served) => Ok(self.services.context_of(self.freshness, served, request_id)),
            None => self.services.context(self.freshness, Arc::clone(tenant), request_id).await,
        }
    }
}

impl Directory for Names<'_> {
    async fn find(&self, kind: NameKind, name: &str) -> domain::Result<Option<Arc<Tenant>>> {
        let served = self.services.find_tenant(self.freshness, kind, name).await?;
        Ok(served.map(|served| {
            let tenant = Arc::clone(&served.tenant);
            let _ = self.found.set(served); // only the first is kept
            tenant
        }))
    }
}

/// The tenant of a request, and the path that is left of it once the issuer's own path is cut off. `under_issuer`: the path is
/// no API as it stands, so that an issuer's may lead it even where the tenant is named otherwise.
pub async fn tenant(
    request: &Request,
    names: &Names<'_>,
    (service_key, under_issuer): (Option<i64>, bool),
    default: Option<&Tid>,
) -> Result<(Arc<Tenant>, String), Rejection> {
    let values = |name| request.headers().get_all(name).iter().map(poem::http::HeaderValue::as_bytes).collect();
    let hints = Hints {
        tenant_id: values("tenant-id"),
        issuer: values("issuer"),
        service_key,
        host: head::host(request),
        path: request.uri().path(),
        under_issuer,
    };
    let found = resolve(&hints, default, names).await;
    let found = found.map_err(|refusal| Rejection::Failed(refusal.into()))?;
    Ok((found.tenant, found.path.into_owned()))
}
