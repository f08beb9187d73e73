//! Rotation of signing keys: publish → wait twice the JWKS max-age → sign → retire once the last token signed has expired.
//!
//! Every step is a time in the key's row, so that all replicas take it at the same moment and none has to be awake for it.
//! What is left to the upkeep is to make the next key when it is due, to work out when the last token of a key that has
//! stopped signing expires, and to destroy the key then.

use std::collections::HashSet;

use super::{JWKS_MAX_AGE, generate, precedence, stored_key};
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::{Error, Kind, NEVER, Result, Seconds, TenantId};
use crate::service::audit::{self, By};
use crate::service::tenants::tenant_shard;
use crate::service::tokens::revoke;
use crate::service::{Ctx, Services};
use crate::store::directory::StoredTenant;
use crate::store::secrets::StoredKey;
use crate::store::{TenantStore, Tx};
use crate::telemetry::Upkeep;
use crate::tenancy::TenantSettings;

const DAY: Seconds = 86_400;

/// How long a brought key verifies at least once it has stopped signing: how long the tokens live that its old server
/// signed is not known here.
const BROUGHT_REST: Seconds = DAY;

/// How many tenants one round of the upkeep looks after.
const ROUND: u32 = 100;

/// How a key is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Published first; the old key verifies until the last token signed with it has expired.
    Orderly,
    /// Only if the schedule says so.
    IfDue,
    /// At once: the new key signs, and the key of this id, or else all that sign or were to, are taken out with every JWT
    /// they signed.
    Emergency(Option<String>),
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In the key set, and does not sign yet.
    Published,
    /// Signs.
    Signing,
    /// Signs no more.
    Verifying,
}

impl KeyState {
    /// The name in the API and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Signing => "signing",
            Self::Verifying => "verifying",
        }
    }
}

/// A key and its state.
#[derive(Clone, Debug)]
pub struct ListedKey {
    /// The key; its private half is sealed.
    pub key: StoredKey,
    /// The state.
    pub state: KeyState,
}

/// What a rotation did.
#[derive(Clone, Debug, Default)]
pub struct Rotated {
    /// The key that signs, or will.
    pub kid: String,
    /// The keys that were taken out.
    pub dropped: Vec<String>,
}

struct Plan {
    new: StoredKey,
    rotation: Rotation,
    by: By,
    now: Seconds,
}

impl Services {
    /// The signing keys of a tenant, oldest first, those that are over left out.
    pub async fn list_keys(&self, tenant: TenantId) -> Result<Vec<ListedKey>> {
        let rows = self.store.tenant(tenant);
        let stored = rows.find_tenant().await?.ok_or(Error::NotFound(Kind::Tenant))?;
        let (alg, now) = (wanted_alg(&stored)?, self.now());
        let keys: Vec<StoredKey> = rows.list_keys().await?.into_iter().filter(|k| k.verifies_until > now).collect();
        let signer = signer(&keys, alg, now).map(|key| key.kid.clone());
        Ok(keys.into_iter().map(|key| ListedKey { state: state(&key, signer.as_deref(), now), key }).collect())
    }

    /// Rotates the signing key of a tenant. While one is published and does not sign yet, that is the one to come, and an
    /// orderly rotation makes no other.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a `kid` that the tenant hasn't got.
    pub async fn rotate_key(&self, tenant: TenantId, rotation: Rotation, by: &By) -> Result<Rotated> {
        let stored = self.store.tenant(tenant).find_tenant().await?.ok_or(Error::NotFound(Kind::Tenant))?;
        let tokens = self.newest_keys(tenant).await?;
        let now = self.now();
        let new = stored_key(&tokens, &generate(wanted_alg(&stored)?).await?, false, now, now);
        let plan = Plan { new, rotation, by: by.clone(), now };
        self.store.write(tenant, plan, |rows, plan| Box::pin(rotate(rows, plan))).await
    }

    /// Notes that tokens of this life may be signed, before one is: a key that stops signing verifies as long.
    pub(crate) async fn allow_life(&self, ctx: &Ctx, life: Seconds) -> Result<()> {
        if life <= ctx.tenant.longest_token {
            return Ok(());
        }
        self.store
            .write(ctx.tenant.id, (life, ctx.now), |rows, (life, now)| Box::pin(rows.raise_longest_token(*life, *now)))
            .await
    }

    /// Takes the steps that are due: makes keys on schedule, works out when old ones end, destroys those that have.
    /// Housekeeping, to be called every few seconds.
    pub async fn advance_keys(&self) -> Result<()> {
        for tenant in self.store.list_tenants_with_due_keys(self.now(), ROUND).await? {
            if let Err(error) = self.advance(&tenant).await {
                self.leave(Upkeep::Keys, &tenant.tid, error).await?;
            }
        }
        Ok(())
    }

    async fn advance(&self, tenant: &StoredTenant) -> Result<()> {
        let by = By::program("upkeep");
        let keys = self.store.tenant(tenant.id).list_keys().await?;
        if is_rotation_due(&keys, &settings(tenant)?, self.now()) {
            self.rotate_key(tenant.id, Rotation::IfDue, &by).await?;
        }
        self.store.write(tenant.id, (by, self.now()), |rows, (by, now)| Box::pin(look_after(rows, by, *now))).await
    }
}

async fn rotate(rows: &TenantStore<'_, Tx>, plan: &Plan) -> Result<Rotated> {
    let tenant = rows.hold_tenant().await?.ok_or(Error::NotFound(Kind::Tenant))?;
    let (settings, now) = (settings(&tenant)?, plan.now);
    let mut keys = rows.list_keys().await?;
    let alg = plan.new.alg.as_str();
    let pending = keys.iter().find(|key| key.alg == alg && key.signs_from > now).map(|key| key.kid.clone());
    let signs = signer(&keys, alg, now).map(|key| key.kid.clone());
    let (dropped, starts_at) = match (&plan.rotation, pending) {
        (Rotation::Orderly, Some(kid)) => return Ok(Rotated { kid, dropped: Vec::new() }),
        (Rotation::IfDue, _) if !is_rotation_due(&keys, &settings, now) => return Ok(Rotated::default()),
        (Rotation::Orderly | Rotation::IfDue, _) => (HashSet::new(), now + 2 * JWKS_MAX_AGE),
        (Rotation::Emergency(kid), _) => (to_drop(&keys, kid.as_deref(), (alg, signs.as_deref()), now)?, now),
    };
    for kid in &dropped {
        rows.destroy_key(kid).await?;
        revoke::signed_by(rows, kid, now).await?;
        audit::record(rows, &plan.by.did(AuditKind::KeyDropped, now, &[("kid", kid)])).await?;
    }
    keys.retain(|key| !dropped.contains(&key.kid));
    let left = keys.iter().rposition(|key| key.alg == alg && key.signs_until == NEVER);
    let kid = match left {
        Some(at) if !dropped.is_empty() => {
            // The one that was about to follow has nobody to wait for any more.
            if signer(&keys, alg, now).is_none() {
                keys[at].signs_from = now;
                rows.update_key(&keys[at]).await?;
            }
            keys[at].kid.clone()
        }
        Some(_) | None => {
            let new = StoredKey { signs_from: starts_at, ..plan.new.clone() };
            retire(rows, &mut keys, (&new, signs.as_deref()), tenant.longest_token, now).await?;
            rows.insert_key(&new).await?;
            audit::record(rows, &published(&plan.by, &new, now)).await?;
            let kid = new.kid.clone();
            keys.push(new);
            kid
        }
    };
    rows.set_keys_due(next_due(&keys, &settings, now)).await?;
    rows.touch(tenant_shard(rows.tenant_id()));
    Ok(Rotated { kid, dropped: dropped.into_iter().collect() })
}

pub(super) fn published(by: &By, new: &StoredKey, now: Seconds) -> AuditEntry {
    by.did(
        AuditKind::KeyPublished,
        now,
        &[("kid", &new.kid), ("alg", &new.alg), ("signs_from", &new.signs_from.to_string())],
    )
}

/// Which keys an emergency takes out: the one that is named, or all that sign or are about to.
fn to_drop(
    keys: &[StoredKey],
    kid: Option<&str>,
    (alg, signs): (&str, Option<&str>),
    now: Seconds,
) -> Result<HashSet<String>> {
    let is_hit = |key: &&StoredKey| match kid {
        Some(kid) => key.kid == kid,
        None => signs == Some(key.kid.as_str()) || (key.alg == alg && key.signs_until > now),
    };
    let hit: HashSet<String> = keys.iter().filter(is_hit).map(|key| key.kid.clone()).collect();
    if hit.is_empty() && kid.is_some() { Err(Error::NotFound(Kind::Key)) } else { Ok(hit) }
}

/// Lets the key that signs stop when a new key starts, and all others at once. Until when they verify is the most it may be;
/// the upkeep works it out.
pub(super) async fn retire(
    rows: &TenantStore<'_, Tx>,
    keys: &mut [StoredKey],
    (new, signs): (&StoredKey, Option<&str>),
    longest_token: Seconds,
    now: Seconds,
) -> Result<()> {
    for key in keys.iter_mut().filter(|key| key.kid != new.kid) {
        let signs = signs == Some(key.kid.as_str());
        let stop = if signs { new.signs_from } else { now };
        if signs || key.signs_until > stop {
            key.signs_until = stop;
            key.verifies_until = stop.saturating_add(rest(key, longest_token));
            rows.update_key(key).await?;
        }
    }
    Ok(())
}

fn rest(key: &StoredKey, longest: Seconds) -> Seconds {
    if key.brought { longest.max(BROUGHT_REST) } else { longest }
}

/// Settles the end of keys that have stopped signing, and destroys those that are over.
async fn look_after(rows: &TenantStore<'_, Tx>, by: &By, now: Seconds) -> Result<()> {
    let Some(tenant) = rows.hold_tenant().await? else { return Ok(()) };
    let mut keys = rows.list_keys().await?;
    let mut changed = false;
    for key in keys.iter_mut().filter(|key| key.signs_until <= now) {
        // Once only: this look was planned for the moment at which the key stopped, or earlier.
        if tenant.keys_due_at <= key.signs_until && !key.brought {
            key.verifies_until = last_expiry(rows, key, &tenant).await?;
            rows.update_key(key).await?;
            changed = true;
        }
        if key.verifies_until <= now {
            rows.destroy_key(&key.kid).await?;
            audit::record(rows, &by.did(AuditKind::KeyRetired, now, &[("kid", &key.kid)])).await?;
            changed = true;
        }
    }
    keys.retain(|key| key.verifies_until > now);
    rows.set_keys_due(next_due(&keys, &settings(&tenant)?, now)).await?;
    if changed {
        rows.touch(tenant_shard(rows.tenant_id()));
    }
    Ok(())
}

/// When the last token signed with a key that has stopped signing expires: the register knows those that are in it; of
/// the others no more is known than how long a token could live.
async fn last_expiry(rows: &TenantStore<'_, Tx>, key: &StoredKey, tenant: &StoredTenant) -> Result<Seconds> {
    let registered = rows.last_jwt_expiry(key.signs_from, key.signs_until).await?.unwrap_or(key.signs_until);
    let unregistered = if tenant.unregistered_until > key.signs_from {
        tenant.unregistered_until.min(key.signs_until).saturating_add(tenant.longest_token)
    } else {
        key.signs_until
    };
    Ok(registered.max(unregistered))
}

/// As [`super::TenantKeys::signer`].
pub(super) fn signer<'a>(keys: &'a [StoredKey], alg: &str, now: Seconds) -> Option<&'a StoredKey> {
    keys.iter()
        .filter(|key| key.signs_from <= now && now < key.signs_until)
        .max_by_key(|key| precedence(alg, &key.alg, key.signs_from, key.signs_until))
}

fn state(key: &StoredKey, signer: Option<&str>, now: Seconds) -> KeyState {
    if key.signs_from > now && key.signs_until > key.signs_from {
        KeyState::Published
    } else if signer == Some(key.kid.as_str()) {
        KeyState::Signing
    } else {
        KeyState::Verifying
    }
}

/// When the schedule wants another key to be published.
fn rotation_due(keys: &[StoredKey], settings: &TenantSettings) -> Seconds {
    let days = Seconds::from(settings.keys.rotate_every_days);
    let alg = settings.access_token.jws_alg.as_str();
    let newest = keys.iter().filter(|key| key.alg == alg).map(|key| key.signs_from).max();
    match newest {
        Some(newest) if days > 0 => newest.saturating_add(days * DAY),
        Some(_) | None => NEVER,
    }
}

fn is_rotation_due(keys: &[StoredKey], settings: &TenantSettings, now: Seconds) -> bool {
    rotation_due(keys, settings) <= now
}

/// When the upkeep is to look next.
pub(super) fn next_due(keys: &[StoredKey], settings: &TenantSettings, now: Seconds) -> Seconds {
    let ends = keys.iter().map(|key| if now < key.signs_until { key.signs_until } else { key.verifies_until });
    ends.chain([rotation_due(keys, settings)]).min().unwrap_or(NEVER)
}

fn settings(tenant: &StoredTenant) -> Result<TenantSettings> {
    serde_json::from_str(&tenant.settings).map_err(Error::internal)
}

fn wanted_alg(tenant: &StoredTenant) -> Result<&'static str> {
    Ok(settings(tenant)?.access_token.jws_alg.as_str())
}
