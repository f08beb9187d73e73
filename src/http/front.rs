//! The front: one pass over every request before and after its handler, in the order that the API promises.
//!
//! head → queue (503) → route (404, 405) → tenant (400, 403, 429) → credential (401, 403) → query → body (413, 415, 400) →
//! handler → words.
//! Whatever fails on the way is a [`Rejection`], put into its family's words here and nowhere else.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use poem::http::uri::PathAndQuery;
use poem::http::{HeaderValue, Method, header};
use poem::{Endpoint, Request, Response};

use crate::domain::Error;
use crate::http::call::{self, Call, Names, PlatformCall, Shared};
use crate::http::cors::{self, Policy};
use crate::http::docs::Docs;
use crate::http::family::Family;
use crate::http::gate;
use crate::http::limits::Gatekeeper;
use crate::http::observe::Seen;
use crate::http::operations::{Operation, Operations, allow, choose};
use crate::http::reply::{Edge, Failure, HttpFault, Rejection};
use crate::http::routes::Handlers;
use crate::http::unread::Unread;
use crate::http::{body, head};
use crate::service::audit::By;
use crate::service::request::new_request_id;
use crate::telemetry::Metrics;
use crate::tenancy::Tenant;
use crate::tenancy::resolve::cut_prefix;

/// The endpoint around all families.
pub struct Front {
    /// The families' handlers.
    pub handlers: Handlers,
    /// What exists.
    pub operations: Operations,
    /// The documents and their page.
    pub docs: Docs,
    /// What requests share.
    pub shared: Shared,
    /// How much of them is taken.
    pub gatekeeper: Gatekeeper,
    /// Where they are counted.
    pub metrics: Arc<Metrics>,
}

impl Endpoint for Front {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let mut seen = Seen::new(new_request_id(), Family::of(request.uri().path()));
        let headers = request.headers();
        let span = self.shared.traces.begin(|name| headers.get(name)?.to_str().ok());
        let mut unread = Unread::of(&mut request);
        let served = AssertUnwindSafe(self.serve(request, &mut unread, &mut seen)).catch_unwind().await;
        let served = served.unwrap_or_else(|_| {
            self.metrics.panics.inc();
            Err(HttpFault::Panic.into())
        });
        let mut response = served.unwrap_or_else(|rejection| refuse(&rejection, &seen));
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        seen.answered(&mut response, &self.metrics);
        if let Some(span) = span {
            span.end(&seen.told(response.status()));
        }
        unread.settle(&mut response).await;
        Ok(response)
    }
}

fn refuse(rejection: &Rejection, seen: &Seen) -> Response {
    let response = seen
        .family
        .refuse(rejection, &Edge { request_id: &seen.request_id, operation: seen.operation.unwrap_or_default() });
    seen.failed(rejection, response.status());
    response
}

/// Where a request goes.
struct Route<'a> {
    operations: &'a [Operation],
    path: String,
    /// Whether the path that was sent is no API as it stands, so that an issuer's may lead it.
    under_issuer: bool,
}

impl Front {
    async fn serve(&self, mut request: Request, unread: &mut Unread, seen: &mut Seen) -> Result<Response, Rejection> {
        head::check(&request)?;
        if let Some(document) = self.docs.at(request.uri().path()) {
            return document_for(request.method(), document);
        }
        self.gatekeeper.peek()?;
        let names = Names::new(&self.shared.services, self.shared.services.arrive().await);
        let mut route = self.route(&request, &names, seen).await?;
        let policy = cors::policy(&route.path);
        if request.method() == Method::OPTIONS {
            return self.options(&request, &names, &route, policy, seen).await;
        }
        let operation = pick(&route, &request)?;
        seen.operation = Some(operation.id());
        let call = if seen.family.needs_tenant() {
            Some(self.tenant(&mut request, &names, &mut route, seen).await?)
        } else {
            self.platform(&mut request, seen)?;
            None
        };
        // The issuer's own path may look like an API: what is left of it decides.
        let operation = pick(&route, &request)?;
        let origin = cors::origin(request.headers()).cloned();
        let mut response = match self.handle((request, unread), &route.path, operation).await {
            Ok(response) => response,
            // A browser must be able to read why its request was refused.
            Err(rejection) if policy != Policy::Closed => refuse(&rejection, seen),
            Err(rejection) => return Err(rejection),
        };
        cors::tell(&mut response, policy, self.origin(origin, policy, call.as_ref()).await);
        Ok(response)
    }

    /// What exists at the request's path, with `/t/{tid}` or an issuer's path cut off where that is what it starts with.
    async fn route(&self, request: &Request, names: &Names<'_>, seen: &mut Seen) -> Result<Route<'_>, Rejection> {
        let path = request.uri().path();
        let cut = cut_prefix(path).map(|(_, rest)| rest.into_owned());
        let under_tenant = cut.is_some();
        let mut route = self.locate(cut.unwrap_or_else(|| path.to_owned()), false);
        if route.operations.is_empty() && !under_tenant && self.may_be_under_issuer(path) {
            match call::tenant(request, names, (None, true), None).await {
                Ok((_, left)) => route = self.locate(left, true),
                Err(fault @ Rejection::Failed(Error::Unavailable(_) | Error::Internal(_) | Error::Forbidden(_))) => {
                    return Err(fault);
                }
                Err(_) => {}
            }
        }
        seen.family = Family::of(&route.path);
        if route.operations.is_empty() || (under_tenant && !seen.family.needs_tenant()) {
            return Err(HttpFault::NoRoute.into());
        }
        Ok(route)
    }

    /// What exists at a path. Where the management API would have a subject as the last segment and that is empty, it is the
    /// request without one, which is told so.
    fn locate(&self, path: String, under_issuer: bool) -> Route<'_> {
        let operations = self.operations.at(&path);
        let named = path.strip_suffix('/').filter(|_| operations.is_empty() && Family::of(&path) == Family::Authlete);
        match named {
            Some(named) if !self.operations.at(&format!("{path}-")).is_empty() => {
                Route { operations: self.operations.at(named), path: named.to_owned(), under_issuer }
            }
            _ => Route { operations, path, under_issuer },
        }
    }

    /// Whether an issuer's path may stand in this one: the rest would have to be an API. Else nobody is asked.
    fn may_be_under_issuer(&self, path: &str) -> bool {
        let under = path.match_indices('/').skip(1).any(|(at, _)| !self.operations.at(&path[at..]).is_empty());
        under || path.starts_with("/.well-known/")
    }

    /// Finds the tenant, passes the family's gate, and leaves the [`Call`] in the request.
    async fn tenant<'a>(
        &'a self,
        request: &mut Request,
        names: &Names<'_>,
        route: &mut Route<'a>,
        seen: &mut Seen,
    ) -> Result<Call, Rejection> {
        let service_key = gate::service_key(seen.family, request, &route.path)?;
        if let Some(key) = service_key {
            // Where the credential names the tenant, it is judged before anything else is said about tenants.
            let tenant = gate::tenant_of(names, key).await?;
            self.gatekeeper.admit(&tenant)?;
            let call = self.call(tenant, names, seen).await?;
            gate::pass(seen.family, request, &call, &route.path).await?;
        }
        let default = self.shared.default_tenant.as_ref();
        let (tenant, path) = call::tenant(request, names, (service_key, route.under_issuer), default).await?;
        seen.tenant = Some(tenant.tid.clone());
        if service_key.is_none() {
            self.gatekeeper.admit(&tenant)?;
        }
        if path != route.path {
            *route = self.locate(path, route.under_issuer);
        }
        let call = self.call(tenant, names, seen).await?;
        if service_key.is_none() {
            gate::pass(seen.family, request, &call, &route.path).await?;
        }
        request.set_data(call.clone());
        Ok(call)
    }

    fn platform(&self, request: &mut Request, seen: &Seen) -> Result<(), Rejection> {
        let actor = gate::pass_platform(seen.family, request, &self.shared.platform_tokens)?;
        let services = Arc::clone(&self.shared.services);
        let by = By { actor, request_id: Arc::clone(&seen.request_id) };
        request.set_data(PlatformCall { services, by });
        Ok(())
    }

    async fn call(&self, tenant: Arc<Tenant>, names: &Names<'_>, seen: &Seen) -> Result<Call, Rejection> {
        let services = Arc::clone(&self.shared.services);
        let ctx = names.context(&tenant, Arc::clone(&seen.request_id)).await?;
        Ok(Call { services, ctx, public_url: self.shared.public_url.clone() })
    }

    async fn handle(
        &self,
        (mut request, unread): (Request, &mut Unread),
        path: &str,
        operation: &Operation,
    ) -> Result<Response, Rejection> {
        let query = request.uri().query().map(str::to_owned);
        let cleaned = query.as_deref().map(|query| body::query(operation, query)).transpose()?.flatten();
        unread.put_back(&mut request);
        body::read(&mut request, operation).await?;
        if path != request.uri().path() || cleaned.is_some() {
            rewrite(&mut request, path, cleaned.or(query).as_deref())?;
        }
        let _turn = self.gatekeeper.turn().await?;
        let mut response = self.handlers.call(request).await.map_err(Rejection::from)?;
        match response.extensions_mut().remove::<Failure>() {
            Some(failure) => Err(failure.take()),
            None => Ok(response),
        }
    }

    async fn options(
        &self,
        request: &Request,
        names: &Names<'_>,
        route: &Route<'_>,
        policy: Policy,
        seen: &Seen,
    ) -> Result<Response, Rejection> {
        let preflight =
            policy != Policy::Closed && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = cors::options(&allow(route.operations), preflight);
        let mut call = None;
        if preflight && policy == Policy::Registered {
            let default = self.shared.default_tenant.as_ref();
            if let Ok((tenant, _)) = call::tenant(request, names, (None, route.under_issuer), default).await {
                call = Some(self.call(tenant, names, seen).await?);
            }
        }
        let origin = cors::origin(request.headers()).cloned();
        cors::tell(&mut response, policy, self.origin(origin, policy, call.as_ref()).await);
        Ok(response)
    }

    /// The request's origin, if its client has registered it. Of a preflight, and of a request whose client did not prove who
    /// it is, any client of the tenant may be the one: an answer must not tell apart why a client failed.
    async fn origin(&self, origin: Option<HeaderValue>, policy: Policy, call: Option<&Call>) -> Option<HeaderValue> {
        let (Policy::Registered, Some(call), Some(origin)) = (policy, call, origin) else { return None };
        let known = match call.ctx.client.get() {
            Some(client) => cors::is_own(client, &origin),
            None => matches!((self.shared.origins)(call, origin.to_str().ok()?).await, Ok(true)),
        };
        known.then_some(origin)
    }
}

fn pick<'a>(route: &Route<'a>, request: &Request) -> Result<&'a Operation, Rejection> {
    if route.operations.is_empty() {
        return Err(HttpFault::NoRoute.into());
    }
    choose(route.operations, request.method())
        .ok_or_else(|| HttpFault::Method { allow: allow(route.operations) }.into())
}

/// A document, for those who only read.
fn document_for(method: &Method, document: Response) -> Result<Response, Rejection> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(document);
    }
    Err(HttpFault::Method { allow: "GET, HEAD".into() }.into())
}

fn rewrite(request: &mut Request, path: &str, query: Option<&str>) -> Result<(), Rejection> {
    let text = match query {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query =
        Some(PathAndQuery::try_from(text).map_err(|_| Rejection::malformed("Bad encoding of the path"))?);
    *request.uri_mut() = parts.try_into().map_err(|_| Rejection::malformed("Bad encoding of the path"))?;
    Ok(())
}
