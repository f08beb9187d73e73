//! A tenant's keys follow its settings: which algorithm signs, and which keys it brought.
//!
//! As in a rotation, a key is published for twice the JWKS max-age before it signs, and the one before it signs until then.

use super::JWKS_MAX_AGE;
use super::rotate::{next_due, published, retire, signer};
use crate::domain::{Error, NEVER, Result, Seconds};
use crate::service::audit::{self, By};
use crate::store::secrets::StoredKey;
use crate::store::{TenantStore, Tx};
use crate::tenancy::TenantSettings;

/// What the settings want of the keys.
pub(crate) struct Wish<'a> {
    /// The algorithm that the settings before these wanted.
    pub(crate) was: &'a str,
    /// The settings, already written.
    pub(crate) settings: &'a TenantSettings,
    /// The keys that the tenant brought, and one that was made in case none is of its algorithm; those the store has
    /// already are left alone.
    pub(crate) keys: &'a [StoredKey],
    /// How long a token of the tenant lives at most.
    pub(crate) longest_token: Seconds,
}

/// Has the keys of an existing tenant follow its settings. A key that it has brought before is not taken anew once it was
/// retired or dropped: the file that it came in is read again and again.
pub(crate) async fn follow_settings(rows: &TenantStore<'_, Tx>, wish: &Wish<'_>, by: &By, now: Seconds) -> Result<()> {
    let wanted = wish.settings.access_token.jws_alg.as_str();
    let mut keys = rows.list_keys().await?;
    let signs = signer(&keys, wish.was, now).map(|key| key.kid.clone());
    let mut next = None;
    for key in wish.keys {
        // One that was made is needed only while none of the algorithm can sign.
        let has_other = || keys.iter().any(|other| other.alg == key.alg && other.signs_until > now);
        if rows.has_had_key(&key.kid).await? || (!key.brought && has_other()) {
            continue;
        }
        rows.insert_key(key).await?;
        audit::record(rows, &published(by, key, now)).await?;
        if key.alg == wanted {
            next = Some(key.kid.clone());
        }
        keys.push(key.clone());
    }
    // Without a new one, the newest of the algorithm that has not been replaced, or was to be by a key of another.
    let heir = next.or_else(|| {
        let able = keys.iter().filter(|key| key.alg == wanted && key.signs_until > now);
        able.max_by_key(|key| key.signs_from).map(|key| key.kid.clone())
    });
    let Some(at) = keys.iter().position(|key| Some(&key.kid) == heir.as_ref()) else {
        return Err(Error::internal("no key of the wanted algorithm"));
    };
    let is_settled = keys[at].signs_until == NEVER && (signs == heir || keys[at].signs_from > now);
    if !is_settled {
        let heir = &mut keys[at];
        let waited = heir.published_at.saturating_add(2 * JWKS_MAX_AGE);
        if signs.is_some() && signs.as_ref() != Some(&heir.kid) {
            heir.signs_from = heir.signs_from.max(waited).max(now);
        }
        (heir.signs_until, heir.verifies_until) = (NEVER, NEVER);
        rows.update_key(heir).await?;
        let heir = heir.clone();
        retire(rows, &mut keys, (&heir, signs.as_deref()), wish.longest_token, now).await?;
    }
    // What stopped now is to be looked at now.
    rows.set_keys_due(if is_settled { next_due(&keys, wish.settings, now) } else { now }).await
}
