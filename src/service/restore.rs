//! The end of a restore: what was revoked or used since the back-up stays dead.
//!
//! A restored database has forgotten both. Nothing tells what was, so that everything that could be is revoked: every code,
//! token and stored authorisation of every tenant. The tenants' epochs leap ahead, since JWTs that were issued after the
//! back-up carry epochs that the restored database has yet to reach. The moment of it ends assertions that may have been used
//! before (see [`super::assertions`]).

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::Services;
use super::audit::{self, By};
use super::tokens::revoke;
use crate::domain::audit::AuditKind;
use crate::domain::{Epoch, NEVER, Result, Selector, TenantId};

/// How far a tenant's epoch leaps: further than revocations can have carried it since any back-up.
const LEAP: Epoch = 1 << 40;

/// How many tenants are read at a time, and how many are written at once.
const PAGE: (u32, usize) = (1000, 64);

impl Services {
    /// Revokes everything of every tenant. Safe to be run again after it broke off. Returns the number of tenants.
    ///
    /// # Errors
    /// When the store is lost; what was revoked stays so.
    pub async fn finalize_restore(&self) -> Result<u64> {
        let (mut done, mut after) = (0, String::new());
        loop {
            let page = self.store.list_tenants(&after, PAGE.0).await?;
            let Some(last) = page.last() else { return Ok(done) };
            after = last.tid.to_string();
            done += page.len() as u64;
            stream::iter(page.into_iter().map(|tenant| self.end_everything(tenant.id)))
                .buffer_unordered(PAGE.1)
                .try_collect::<()>()
                .await?;
        }
    }

    async fn end_everything(&self, tenant: TenantId) -> Result<()> {
        let act = By::program("command-line").did(AuditKind::RestoreFinalized, self.now(), &[]);
        self.store
            .write(tenant, act, |rows, act| {
                Box::pin(async move {
                    rows.leap_epoch(LEAP).await?;
                    revoke::mark(rows, &Selector::Tenant, act.at, NEVER).await?;
                    audit::record(rows, act).await
                })
            })
            .await
    }
}
