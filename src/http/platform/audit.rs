//! `/tenants/rest/v1/{tid}/audit`.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::Platform;
use super::documented::{Family, PlatformToken};
use super::tenants::page_limit;
use super::wire::{AuditObject, audit_id};
use crate::domain::audit::{AuditFilter, AuditKind};
use crate::domain::{Error, NEVER};
use crate::http::call::PlatformCall;
use crate::http::payload::Json;
use crate::http::reply::Reply;

/// How many entries a page holds at most, and unless it is told.
const PAGE: (u32, u32) = (1000, 100);

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Audit;

#[OpenApi(prefix_path = "/tenants/rest/v1", tag = "Family::Audit")]
impl Audit {
    /// Read the audit trail of a tenant, the oldest entry first
    ///
    /// Administrative acts and security events: who, what, when, in which request. It can't be changed and holds no secret.
    #[oai(path = "/:tid/audit", method = "get", operation_id = "get_tenant_audit")]
    #[expect(clippy::too_many_arguments, reason = "each parameter is one argument")]
    async fn get(
        &self,
        call: PlatformCall,
        _token: PlatformToken,
        /// The id of the tenant.
        tid: Path<String>,
        /// Only entries of this kind, for instance `key_published`.
        kind: Query<Option<String>>,
        /// Not before this moment; seconds since the epoch.
        from: Query<Option<i64>>,
        /// Before this moment; seconds since the epoch.
        to: Query<Option<i64>>,
        /// The id of the last entry seen: those behind it are listed.
        after: Query<Option<String>>,
        /// How many at most: 1 to 1000; default 100.
        limit: Query<Option<u32>>,
    ) -> Reply<Json<Vec<AuditObject>>, Platform> {
        let kind = kind.0.map(|kind| AuditKind::parse(&kind).ok_or_else(unknown_kind)).transpose()?;
        let filter = AuditFilter { kind, from: from.0.unwrap_or(0), to: to.0.unwrap_or(NEVER) };
        let bad_place = || Error::invalid("after: not the id of an entry");
        let after = after.0.map_or(Ok([0; 16]), |text| audit_id(&text).ok_or_else(bad_place))?;
        let limit = page_limit(limit.0, PAGE)?;
        let tenant = call.services.managed(&tid.0).await?;
        let entries = call.services.list_audit(tenant.id, &filter, &after, limit).await?;
        Ok(Json(entries.into_iter().map(AuditObject::from).collect()).into())
    }
}

fn unknown_kind() -> Error {
    let known: Vec<&str> = AuditKind::ALL.iter().map(|kind| kind.as_str()).collect();
    Error::invalid(format!("kind: unknown; known are {}", known.join(", ")))
}
