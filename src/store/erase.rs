//! Erasing what a deleted tenant left behind, a bounded batch at a time.

use sea_orm::ConnectionTrait;

use super::scoped::{TenantStore, values};
use crate::domain::Result;

/// How many rows one batch deletes at most.
const BATCH: u32 = 500;

/// Every table with rows of a tenant, but the tombstone's, and its key beside the tenant. What says that tokens are dead
/// goes last.
const TABLES: &[(&str, &[&str])] = &[
    ("access_token", &["number"]),
    ("refresh_token", &["id"]),
    ("authorization_code", &["id"]),
    ("authorization_grant", &["id"]),
    ("authorization_record", &["sub", "cid", "act"]),
    ("used_once", &["digest"]),
    ("client_origin", &["origin", "client_id"]),
    ("client", &["client_id"]),
    ("end_user", &["username"]),
    ("audit", &["id"]),
    ("signing_key", &["kid"]),
    ("tenant_secret", &["purpose", "version"]),
    ("revocation", &["selector"]),
    ("tenant_epoch", &["tenant_id"]),
];

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// Deletes a batch of what a deleted tenant left behind; tells whether there may be more.
    pub async fn erase_batch(&self) -> Result<bool> {
        for (table, key) in TABLES {
            let done = self.delete_first(table, key, "TRUE", values![], BATCH).await?;
            if done == u64::from(BATCH) {
                return Ok(true);
            }
        }
        // Another replica may have deleted the same rows and leave the rest to this one.
        for (table, _) in TABLES {
            let sql = format!("SELECT CAST(1 AS BIGINT) FROM {table} WHERE tenant_id = $1 LIMIT 1");
            if self.number(&sql, values![]).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
