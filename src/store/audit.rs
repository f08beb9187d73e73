//! The audit trail: appended to, read, and never changed.

use entity::audit as row;
use sea_orm::ConnectionTrait;

use super::scoped::{TenantStore, id16, values};
use crate::domain::audit::{AuditEntry, AuditFilter, AuditId, AuditKind};
use crate::domain::{Error, Result, TenantId};

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// Appends an entry to the tenant's trail.
    pub async fn append_audit(&self, entry: &AuditEntry) -> Result<()> {
        self.append_audit_of(self.tenant_id(), entry).await
    }

    /// Appends an entry to another trail than the tenant's own: the platform's, which outlives its tenants.
    pub async fn append_audit_of(&self, trail: TenantId, entry: &AuditEntry) -> Result<()> {
        self.insert_later(row::Model {
            tenant_id: trail.0,
            id: entry.id.to_vec(),
            at: entry.at,
            kind: entry.kind.as_str().to_owned(),
            actor: entry.actor.clone(),
            request_id: entry.request_id.clone(),
            detail: serde_json::to_string(&entry.detail).map_err(Error::internal)?,
        })
        .await
    }

    /// Up to `limit` entries behind one, the oldest first.
    pub async fn list_audit(&self, filter: &AuditFilter, after: &AuditId, limit: u32) -> Result<Vec<AuditEntry>> {
        let (kind, mut values) = match filter.kind {
            None => ("", Vec::new()),
            Some(kind) => (" AND kind = $5", values![kind.as_str()].to_vec()),
        };
        let from = first_id(filter.from).max(*after);
        let mut all = values![from.to_vec(), first_id(filter.to).to_vec(), after.to_vec()].to_vec();
        all.append(&mut values);
        let sql = format!(
            "SELECT * FROM audit WHERE tenant_id = $1 AND id >= $2 AND id < $3 AND id > $4{kind} ORDER BY id LIMIT {limit}"
        );
        let rows: Vec<row::Model> = self.all(&sql, all).await?;
        rows.into_iter().map(to_thing).collect()
    }
}

/// The least id of a moment.
fn first_id(at: i64) -> AuditId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&at.max(0).to_be_bytes());
    id
}

fn to_thing(row: row::Model) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: id16(&row.id)?,
        at: row.at,
        kind: AuditKind::parse(&row.kind).ok_or_else(|| Error::internal("an unknown kind of audit entry"))?,
        actor: row.actor,
        request_id: row.request_id,
        detail: serde_json::from_str(&row.detail).map_err(Error::internal)?,
    })
}
