//! Which tenant a request is for. Headers, the path prefix `/t/{tid}` and a service API key name one outright, and those
//! that are present must agree; else `Host` and the longest issuer path; else the platform's default. A name counts only
//! byte for byte: a near match is refused, lest two components of one deployment read it differently.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use super::name::{self, NameKind};
use super::refusal::{Hint, Refusal};
use super::tenant::Tenant;
use super::uri::{self, MAX_ISSUER_SEGMENTS};
use crate::domain::{self, Tid};

/// The documents whose well-known part stands before the issuer's path (RFC 8414 section 3.1).
const WELL_KNOWN: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// Finds tenants by name; the store behind its cache.
pub trait Directory: Sync {
    /// The tenant, enabled or not, that has the name in its normal form ([`name::issuer`] for issuers).
    fn find(&self, kind: NameKind, name: &str) -> impl Future<Output = domain::Result<Option<Arc<Tenant>>>> + Send;
}

/// What a request says about its tenant.
#[derive(Clone, Debug, Default)]
pub struct Hints<'a> {
    /// Every value of the header `Tenant-ID`.
    pub tenant_id: Vec<&'a [u8]>,
    /// Every value of the header `Issuer`.
    pub issuer: Vec<&'a [u8]>,
    /// The service API key: user name of HTTP Basic or `{serviceId}`.
    pub service_key: Option<i64>,
    /// `Host`, port included.
    pub host: Option<&'a str>,
    /// The path, percent-encoded as it came, without the query.
    pub path: &'a str,
    /// Whether the path is no API as it stands: an issuer's own path may lead it also where something else names the tenant.
    pub under_issuer: bool,
}

/// The tenant and what is left of the path.
#[derive(Clone, Debug)]
pub struct Resolved<'a> {
    /// An enabled tenant.
    pub tenant: Arc<Tenant>,
    /// The path of the API, starting with a slash, percent-encoded as it came.
    pub path: Cow<'a, str>,
}

/// Cuts `/t/{tid}` off a path: the tenant id as it was sent, and the rest. Also in the path-inserted form of RFC 8414.
pub fn cut_prefix(path: &str) -> Option<(&str, Cow<'_, str>)> {
    if let Some(rest) = path.strip_prefix("/t/") {
        let end = rest.find('/').unwrap_or(rest.len());
        let (tid, rest) = rest.split_at(end);
        return Some((tid, Cow::Borrowed(if rest.is_empty() { "/" } else { rest })));
    }
    let (well_known, issuer_path) = cut_well_known(path)?;
    let tid = issuer_path.strip_prefix("/t/")?;
    (!tid.contains('/')).then_some((tid, Cow::Borrowed(well_known)))
}

/// The tenant that `hints` name, or why there is none. `default` is the platform's default tenant.
///
/// # Errors
///
/// See [`Refusal`]; what it becomes for a client is [`domain::Error`].
pub async fn resolve<'a, D: Directory>(
    hints: &Hints<'a>,
    default: Option<&Tid>,
    directory: &D,
) -> Result<Resolved<'a>, Refusal> {
    let resolved = match by_name(hints, directory).await? {
        Some(resolved) => resolved,
        None => match by_host(hints, directory).await? {
            Some(resolved) => resolved,
            None => Resolved { tenant: by_default(default, directory).await?, path: Cow::Borrowed(hints.path) },
        },
    };
    if resolved.tenant.settings.enabled { Ok(resolved) } else { Err(Refusal::Disabled) }
}

async fn by_name<'a, D: Directory>(hints: &Hints<'a>, directory: &D) -> Result<Option<Resolved<'a>>, Refusal> {
    let mut named: Vec<(Hint, Arc<Tenant>)> = Vec::new();
    if let Some(key) = hints.service_key {
        let tenant = find(directory, NameKind::ServiceKey, &key.to_string()).await?;
        named.push((Hint::ServiceKey, tenant.ok_or(Refusal::Unknown(Hint::ServiceKey))?));
    }
    if let Some(tid) = single(Hint::TenantId, &hints.tenant_id)? {
        named.push((Hint::TenantId, by_tid(Hint::TenantId, tid, directory).await?));
    }
    if let Some(issuer) = single(Hint::Issuer, &hints.issuer)? {
        named.push((Hint::Issuer, by_issuer(issuer, directory).await?));
    }
    let mut path = Cow::Borrowed(hints.path);
    if let Some((tid, rest)) = cut_prefix(hints.path) {
        named.push((Hint::Path, by_tid(Hint::Path, tid, directory).await?));
        path = rest;
    }
    let Some((first, tenant)) = named.first() else { return Ok(None) };
    if let Some((second, _)) = named.iter().find(|(_, other)| other.id != tenant.id) {
        return Err(Refusal::Disagreement(*first, *second));
    }
    if hints.under_issuer {
        path = below_issuer(hints, tenant, directory).await?;
    }
    Ok(Some(Resolved { tenant: Arc::clone(tenant), path }))
}

/// The path without the issuer's own, for a client that names its tenant and uses the URLs that the tenant advertises: host
/// and path must name the same tenant, else the path stays as it is.
async fn below_issuer<'a, D: Directory>(
    hints: &Hints<'a>,
    tenant: &Tenant,
    directory: &D,
) -> Result<Cow<'a, str>, Refusal> {
    match by_host(hints, directory).await {
        Ok(Some(below)) if below.tenant.id == tenant.id => Ok(below.path),
        Err(fault @ Refusal::Failed(_)) => Err(fault),
        Ok(_) | Err(_) => Ok(Cow::Borrowed(hints.path)),
    }
}

/// The one value of a header; more than one, also as a list in one line, is refused (RFC 9110 section 5.3).
fn single<'a>(hint: Hint, values: &[&'a [u8]]) -> Result<Option<&'a str>, Refusal> {
    match values {
        [] => Ok(None),
        [value] => {
            let text = std::str::from_utf8(value).map_err(|_| Refusal::Unknown(hint))?;
            if text.contains(',') {
                Err(Refusal::List(hint))
            } else if text.trim().is_empty() {
                Err(Refusal::Empty(hint))
            } else {
                Ok(Some(text))
            }
        }
        [_, _, ..] => Err(Refusal::Repeated(hint)),
    }
}

async fn by_tid<D: Directory>(hint: Hint, text: &str, directory: &D) -> Result<Arc<Tenant>, Refusal> {
    let normal = text.trim().to_ascii_lowercase();
    let found = match Tid::parse(&normal) {
        Some(tid) => find(directory, NameKind::Tid, tid.as_str()).await?,
        None => None,
    };
    let tenant = found.ok_or(Refusal::Unknown(hint))?;
    match name::difference(text, &normal) {
        None => Ok(tenant),
        Some(difference) => Err(Refusal::Near(hint, difference)),
    }
}

async fn by_issuer<D: Directory>(text: &str, directory: &D) -> Result<Arc<Tenant>, Refusal> {
    let found = match name::issuer(text) {
        Some(normal) => find(directory, NameKind::Issuer, &normal).await?.map(|tenant| (tenant, normal)),
        None => None,
    };
    let (tenant, normal) = found.ok_or(Refusal::Unknown(Hint::Issuer))?;
    let twin = tenant.issuers().find(|issuer| name::issuer(issuer).as_ref() == Some(&normal));
    match twin.map(|right| name::difference(text, right)) {
        Some(None) => Ok(tenant),
        Some(Some(difference)) => Err(Refusal::Near(Hint::Issuer, difference)),
        None => Err(Refusal::Unknown(Hint::Issuer)),
    }
}

async fn by_host<'a, D: Directory>(hints: &Hints<'a>, directory: &D) -> Result<Option<Resolved<'a>>, Refusal> {
    let Some(host) = hints.host.map(name::host).filter(|host| !host.name.is_empty()) else { return Ok(None) };
    if let Some((well_known, issuer_path)) = cut_well_known(hints.path)
        && let Some(tenant) = under_host(&host, issuer_path, directory).await?
    {
        return Ok(Some(Resolved { tenant, path: Cow::Borrowed(well_known) }));
    }
    for prefix in prefixes(hints.path) {
        if let Some(tenant) = under_host(&host, prefix, directory).await? {
            let rest = &hints.path[prefix.len()..];
            return Ok(Some(Resolved { tenant, path: Cow::Borrowed(if rest.is_empty() { "/" } else { rest }) }));
        }
    }
    Ok(None)
}

/// The tenant whose issuer has this host and exactly this path.
async fn under_host<D: Directory>(
    host: &name::Host,
    path: &str,
    directory: &D,
) -> Result<Option<Arc<Tenant>>, Refusal> {
    let normal = name::under_host(&host.name, path);
    let Some(tenant) = find(directory, NameKind::Issuer, &normal).await? else { return Ok(None) };
    let twin = tenant.issuers().find(|issuer| name::issuer(issuer).as_ref() == Some(&normal));
    if twin.is_some_and(|issuer| host.scheme.is_some_and(|scheme| !issuer.starts_with(scheme))) {
        return Err(Refusal::Near(Hint::Host, "the port"));
    }
    let right = twin.and_then(uri::split).map(|(_, path)| path.trim_end_matches('/'));
    match right {
        Some(right) if right == path => Ok(Some(tenant)),
        Some(right) if right.eq_ignore_ascii_case(path) => Err(Refusal::Near(Hint::Host, "upper and lower case")),
        Some(_) | None => Ok(None),
    }
}

/// What stands before each slash of a path and the path itself, longest first, as far as an issuer's path may reach.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let mut ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).take(MAX_ISSUER_SEGMENTS + 1).collect();
    if ends.len() <= MAX_ISSUER_SEGMENTS && !path.ends_with('/') {
        ends.push(path.len());
    }
    ends.into_iter().rev().map(|end| &path[..end])
}

/// Splits the path-inserted form into the document's path and the issuer's.
fn cut_well_known(path: &str) -> Option<(&'static str, &str)> {
    WELL_KNOWN.into_iter().find_map(|document| {
        let issuer_path = path.strip_prefix(document)?;
        (issuer_path.len() > 1 && issuer_path.starts_with('/')).then_some((document, issuer_path))
    })
}

async fn by_default<D: Directory>(default: Option<&Tid>, directory: &D) -> Result<Arc<Tenant>, Refusal> {
    let tid = default.ok_or(Refusal::Missing)?;
    find(directory, NameKind::Tid, tid.as_str()).await?.ok_or(Refusal::Unknown(Hint::Default))
}

async fn find<D: Directory>(directory: &D, kind: NameKind, name: &str) -> Result<Option<Arc<Tenant>>, Refusal> {
    directory.find(kind, name).await.map_err(Refusal::Failed)
}

#[cfg(test)]
mod tests;
