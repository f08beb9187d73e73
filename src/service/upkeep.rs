//! Upkeep that no request waits for: deleting what revocations killed, what has expired, and what all replicas have read of
//! the log of changes.
//!
//! All go a bounded batch at a time, with a pause after each full one; the first two through the writer, over all replicas
//! one at a time. What is left of a pass because somebody else is at it, or the store is lost, is done by the next. What goes wrong with one
//! tenant's rows leaves those of others alone.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Services;
use crate::domain::{Error, Result, Seconds, TenantId};
use crate::store::purge::Doomed;
use crate::store::sweep::Expiring;
use crate::store::token_pages::Register;
use crate::telemetry::Upkeep;

/// How long what a revocation killed can still be read: the answer to it may be streaming.
const READABLE: Seconds = 60;
/// How many tenants, and how many revocations of each, are looked at in one go.
const CHUNK: u32 = 100;
/// After a full batch others write first.
const PAUSE: Duration = Duration::from_millis(20);
/// How often there is a round.
const EVERY: Duration = Duration::from_secs(30);
/// What is done, in this order, every how many rounds.
const ROUNDS: [(Upkeep, u64); 3] = [(Upkeep::Purge, 1), (Upkeep::Trim, 1), (Upkeep::Sweep, 4)];

/// Where a deletion stands after a batch.
enum Stand<P> {
    /// Somebody else is at it.
    Taken,
    /// There may be more from this place on.
    More(P),
    /// It is through.
    Done,
}

impl Services {
    /// Tidies up for as long as the process runs.
    pub async fn keep_tidy(self: Arc<Self>) {
        for round in 1_u64.. {
            tokio::time::sleep(EVERY).await;
            for (task, each) in ROUNDS {
                if round % each == 0 {
                    self.report(task, self.pass(task).await);
                }
            }
        }
    }

    /// Tidies up once.
    pub async fn tidy(&self) -> Result<()> {
        for (task, _) in ROUNDS {
            self.pass(task).await?;
        }
        Ok(())
    }

    /// One pass of a task; tells how much it did.
    pub(super) async fn pass(&self, task: Upkeep) -> Result<u64> {
        match task {
            Upkeep::Purge => self.purge().await,
            Upkeep::Sweep => self.sweep().await,
            Upkeep::Trim => self.trim().await,
            Upkeep::Keys => self.advance_keys().await.map(|()| 0),
            Upkeep::Erase => self.erase_deleted_tenants().await.map(|()| 0),
        }
    }

    /// Deletes what revocations killed, once nobody can be reading it any more. Returns how many revocations it is through
    /// with.
    async fn purge(&self) -> Result<u64> {
        let before = self.now().saturating_sub(READABLE);
        let (mut through, mut after) = (0, TenantId(i64::MIN));
        loop {
            let tenants = self.store.list_tenants_to_purge(after, before, CHUNK).await?;
            let Some(last) = tenants.last() else { return Ok(through) };
            after = *last;
            for tenant in tenants {
                match self.purge_tenant(tenant, before).await {
                    Ok((done, is_through)) => {
                        through += done;
                        if !is_through {
                            return Ok(through);
                        }
                    }
                    Err(error) => self.leave(Upkeep::Purge, tenant.0, error).await?,
                }
            }
        }
    }

    /// How many revocations of a tenant it is through with, and whether with all.
    async fn purge_tenant(&self, tenant: TenantId, before: Seconds) -> Result<(u64, bool)> {
        let mut through = 0;
        loop {
            let doomed = self.store.tenant(tenant).list_doomed(before, CHUNK).await?;
            let more = doomed.len() == CHUNK as usize;
            for one in doomed {
                if !self.purge_one(tenant, Arc::new(one)).await? {
                    return Ok((through, false));
                }
                through += 1;
            }
            if !more {
                return Ok((through, true));
            }
        }
    }

    /// Removes what all replicas have read of the log of changes. Returns how many rows.
    async fn trim(&self) -> Result<u64> {
        let mut removed = 0;
        loop {
            let (count, more) = self.store.purge_changes().await?;
            removed += count;
            if !more {
                return Ok(removed);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Leaves a tenant, by its id or number, to the next pass, unless it is the store that is lost.
    pub(super) async fn leave(&self, task: Upkeep, tenant: impl fmt::Display, error: Error) -> Result<()> {
        if self.store.ping().await.is_err() {
            return Err(error);
        }
        self.metrics.upkeep_failed(task);
        let task = task.label();
        tracing::warn!(task, %tenant, %error, "upkeep broke off for a tenant; the next pass goes on");
        Ok(())
    }

    /// Tells of a pass.
    pub(super) fn report(&self, task: Upkeep, done: Result<u64>) {
        match done {
            Ok(0) => {}
            Ok(count) => tracing::debug!(task = task.label(), count, "upkeep"),
            Err(error) => {
                self.metrics.upkeep_failed(task);
                tracing::warn!(task = task.label(), %error, "upkeep broke off; the next pass goes on");
            }
        }
    }

    /// Deletes all that one revocation killed; tells whether it is through.
    async fn purge_one(&self, tenant: TenantId, doomed: Arc<Doomed>) -> Result<bool> {
        for register in [Register::Access, Register::Refresh] {
            let mut place = -1;
            loop {
                match self.purge_tokens(tenant, &doomed, register, place).await? {
                    Stand::Taken => return Ok(false),
                    Stand::More(next) => place = next,
                    Stand::Done => break,
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        loop {
            match self.purge_records(tenant, &doomed).await? {
                Stand::Taken => return Ok(false),
                Stand::More(()) => tokio::time::sleep(PAUSE).await,
                Stand::Done => return Ok(true),
            }
        }
    }

    async fn purge_tokens(
        &self,
        tenant: TenantId,
        doomed: &Arc<Doomed>,
        register: Register,
        after: i64,
    ) -> Result<Stand<i64>> {
        self.store
            .write(tenant, (Arc::clone(doomed), register, after), |rows, (doomed, register, after)| {
                Box::pin(async move {
                    if !rows.take_upkeep_lock().await? {
                        return Ok(Stand::Taken);
                    }
                    Ok(rows.purge_tokens(*register, doomed, *after).await?.map_or(Stand::Done, Stand::More))
                })
            })
            .await
    }

    /// Deletes a batch of records; with the last one, the revocation is through.
    async fn purge_records(&self, tenant: TenantId, doomed: &Arc<Doomed>) -> Result<Stand<()>> {
        self.store
            .write(tenant, Arc::clone(doomed), |rows, doomed| {
                Box::pin(async move {
                    if !rows.take_upkeep_lock().await? {
                        return Ok(Stand::Taken);
                    }
                    if rows.purge_records(doomed).await? {
                        return Ok(Stand::More(()));
                    }
                    rows.finish_purge(doomed).await.map(|()| Stand::Done)
                })
            })
            .await
    }

    /// Deletes what has expired. Returns how many batches it took.
    async fn sweep(&self) -> Result<u64> {
        let (now, mut batches) = (self.now(), 0);
        for what in Expiring::ALL {
            let mut after = TenantId(i64::MIN);
            loop {
                let tenants = self.store.list_tenants_to_sweep(what, after, now, CHUNK).await?;
                let Some(last) = tenants.last() else { break };
                after = *last;
                for tenant in tenants {
                    match self.sweep_tenant(tenant, what, now).await {
                        Ok(Some(done)) => batches += done,
                        Ok(None) => return Ok(batches),
                        Err(error) => self.leave(Upkeep::Sweep, tenant.0, error).await?,
                    }
                }
            }
        }
        Ok(batches)
    }

    /// The number of batches; `None` when another process is sweeping.
    async fn sweep_tenant(&self, tenant: TenantId, what: Expiring, now: Seconds) -> Result<Option<u64>> {
        let mut batches = 0;
        loop {
            let more =
                self.store.write(tenant, (what, now), |rows, (what, now)| Box::pin(rows.sweep(*what, *now))).await?;
            batches += 1;
            match more {
                None => return Ok(None),
                Some(false) => return Ok(Some(batches)),
                Some(true) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}
