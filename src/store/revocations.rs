//! Epochs and revocations: one row per revoked selector, however many tokens it kills.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::gather::KEYS;
use super::scoped::{KeyType, TenantStore, id16, list, values};
use crate::domain::coherence::{Shard, Topic};
use crate::domain::{Epoch, Result, Seconds, Target, TenantId, Thing};

/// The hash of a selector: its key in the store.
pub type SelectorHash = [u8; 16];

/// The shard of a selector's revocation.
pub fn revocation_shard(tenant: TenantId, selector: &SelectorHash) -> Shard {
    Shard::of(tenant, Topic::Revocation, selector)
}

/// The shard of a tenant's epoch.
pub fn epoch_shard(tenant: TenantId) -> Shard {
    Shard::of(tenant, Topic::Epoch, &[])
}

/// A revocation to be made.
#[derive(Clone, Copy, Debug)]
pub struct Revocation<'a> {
    /// The hash of its selector.
    pub selector: SelectorHash,
    /// Whose rows it kills, for the purge; `None` where there are none to look for.
    pub target: Option<Target<'a>>,
    /// The one thing among those rows that it kills; `None`: all of them.
    pub thing: Option<Thing>,
    /// The time.
    pub at: Seconds,
    /// When nothing that obeys it can be alive any more; [`crate::domain::NEVER`] if unknown.
    pub expires_at: Seconds,
}

/// A revocation that was made.
#[derive(Clone, Copy, Debug)]
pub struct Revoked {
    /// Its epoch.
    pub epoch: Epoch,
    /// The epoch of the last revocation of the same selector before it, 0 if there was none.
    pub previous: Epoch,
}

#[derive(FromQueryResult)]
struct Row {
    selector: Vec<u8>,
    epoch: i64,
}

/// The key of a revocation.
const SELECTOR: (&str, KeyType) = ("selector", KeyType::Bytes);

/// How many selectors one query names.
const CHUNK: usize = 256;

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// The tenant's epoch: what is made now carries it.
    pub async fn epoch(&self) -> Result<Epoch> {
        if let Some(epoch) = self.shared().and_then(|shared| shared.epoch(self.tenant_id())) {
            return Ok(epoch);
        }
        let sql = "SELECT epoch FROM tenant_epoch WHERE tenant_id = $1";
        let epoch = self.number(sql, values![]).await?.unwrap_or(0);
        self.keep_epoch(Some(epoch));
        Ok(epoch)
    }

    fn keep_epoch(&self, epoch: Option<Epoch>) {
        if let Some(shared) = self.shared() {
            shared.keep_epoch(self.tenant_id(), epoch);
        }
    }

    /// Carries the epoch forward by `by`.
    pub async fn leap_epoch(&self, by: Epoch) -> Result<()> {
        let sql = "INSERT INTO tenant_epoch (tenant_id, epoch) VALUES ($1, $2)
            ON CONFLICT (tenant_id) DO UPDATE SET epoch = tenant_epoch.epoch + $2";
        self.keep_epoch(None);
        self.execute(sql, values![by]).await?;
        self.touch(epoch_shard(self.tenant_id()));
        Ok(())
    }

    /// Revokes: takes the next epoch and writes it to the selector. Whatever was made under a lower epoch and obeys the
    /// selector is dead from the commit on.
    pub async fn revoke(&self, revocation: &Revocation<'_>) -> Result<Revoked> {
        let next = "INSERT INTO tenant_epoch (tenant_id, epoch) VALUES ($1, 1)
            ON CONFLICT (tenant_id) DO UPDATE SET epoch = tenant_epoch.epoch + 1 RETURNING epoch";
        let epoch = self.number(next, values![]).await?.unwrap_or(1);
        self.keep_epoch(Some(epoch));
        let previous = self.latest_revocation(&[revocation.selector]).await?;
        let mark = "INSERT INTO revocation
                (tenant_id, selector, epoch, revoked_at, expires_at, sub, cid, act, kind, thing, purged)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (tenant_id, selector) DO UPDATE SET epoch = excluded.epoch, revoked_at = excluded.revoked_at,
                expires_at = excluded.expires_at, purged = excluded.purged";
        let target = revocation.target.unwrap_or_default();
        let values = values![
            revocation.selector.to_vec(),
            epoch,
            revocation.at,
            revocation.expires_at,
            target.sub.map(str::to_owned),
            target.cid.map(str::to_owned),
            target.act.map(str::to_owned),
            revocation.thing.map_or(0, Thing::kind),
            revocation.thing.map(|thing| thing.id().to_vec()),
            revocation.target.is_none()
        ];
        self.execute(mark, values).await?;
        self.touch(revocation_shard(self.tenant_id(), &revocation.selector));
        self.touch(epoch_shard(self.tenant_id()));
        self.count_revocation();
        Ok(Revoked { epoch, previous })
    }

    /// Suspends a selector, or resumes it. While it is suspended everything that obeys it is dead, whenever it was made.
    pub async fn set_suspended(&self, selector: SelectorHash, suspended: bool) -> Result<()> {
        let changed = if suspended {
            let sql = "INSERT INTO revocation (tenant_id, selector, epoch, revoked_at, expires_at, purged)
                VALUES ($1, $2, $3, $3, $3, TRUE) ON CONFLICT (tenant_id, selector) DO NOTHING";
            self.execute(sql, values![selector.to_vec(), Epoch::MAX]).await?
        } else {
            let sql = "DELETE FROM revocation WHERE tenant_id = $1 AND selector = $2";
            self.execute(sql, values![selector.to_vec()]).await?
        };
        if changed > 0 {
            self.touch(Shard::of(self.tenant_id(), Topic::Revocation, &selector));
        }
        Ok(())
    }

    /// The epoch of the latest revocation of any of the selectors, 0 if none was ever revoked.
    pub async fn latest_revocation(&self, selectors: &[SelectorHash]) -> Result<Epoch> {
        if let Some(gathered) = self.gathers().filter(|_| selectors.len() <= KEYS) {
            let found = gathered.revocations.all(self.tenant_id(), selectors.to_vec()).await?;
            return Ok(found.into_values().max().unwrap_or(0));
        }
        let sql = format!("SELECT MAX(c.epoch) {}", self.keyed("revocation", SELECTOR, selectors.len(), ""));
        let row = self.number_or_null(&sql, selectors.iter().map(|s| Value::from(s.to_vec()))).await?;
        Ok(row.unwrap_or(0))
    }

    /// When any of the selectors was last revoked, if ever.
    pub async fn last_revoked_at(&self, selectors: &[SelectorHash]) -> Result<Option<Seconds>> {
        let sql = format!("SELECT MAX(c.revoked_at) {}", self.keyed("revocation", SELECTOR, selectors.len(), ""));
        self.number_or_null(&sql, selectors.iter().map(|s| Value::from(s.to_vec()))).await
    }

    /// All revocations later than an epoch, or `None` if there are more than `limit`.
    pub async fn revocations_since(&self, epoch: Epoch, limit: u32) -> Result<Option<HashMap<SelectorHash, Epoch>>> {
        let sql = "SELECT selector, epoch FROM revocation WHERE tenant_id = $1 AND epoch > $2 LIMIT $3";
        let rows: Vec<Row> = self.all(sql, values![epoch, i64::from(limit) + 1]).await?;
        if rows.len() > limit as usize { Ok(None) } else { gather(rows).map(Some) }
    }

    /// The revocations of the given selectors.
    pub async fn revocations_of(&self, selectors: &[SelectorHash]) -> Result<HashMap<SelectorHash, Epoch>> {
        if let Some(gathered) = self.gathers().filter(|_| selectors.len() <= KEYS) {
            return gathered.revocations.all(self.tenant_id(), selectors.to_vec()).await;
        }
        let mut found = HashMap::new();
        for chunk in selectors.chunks(CHUNK) {
            let chunk = list(chunk.iter().map(|selector| Value::from(selector.to_vec())).collect());
            let sql = format!("SELECT c.selector, c.epoch {}", self.keyed("revocation", SELECTOR, chunk.len(), ""));
            let rows: Vec<Row> = self.all(&sql, chunk).await?;
            found.extend(gather(rows)?);
        }
        Ok(found)
    }

    /// Consumes something that may be used once; tells whether this call was the first.
    pub async fn consume_once(&self, digest: &[u8; 32], expires_at: Seconds) -> Result<bool> {
        let sql = "INSERT INTO used_once (tenant_id, digest, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        Ok(self.execute(sql, values![digest.to_vec(), expires_at]).await? == 1)
    }
}

fn gather(rows: Vec<Row>) -> Result<HashMap<SelectorHash, Epoch>> {
    rows.into_iter().map(|row| Ok((id16(&row.selector)?, row.epoch))).collect()
}
