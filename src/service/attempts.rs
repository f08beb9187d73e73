//! Failed sign-ins of clients and users, counted by the minute where the tenant sets a limit (`limits.failed_logins_per_minute`).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Ctx, Services};
use crate::crypto::secret::sha256;
use crate::domain::{Error, Result, Seconds, TenantId};

/// Who fails to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    /// A client, by its id.
    Client(&'a str),
    /// A user, by the name that was typed in.
    User(&'a str),
}

/// The length of a window, in seconds.
const WINDOW: Seconds = 60;
/// How many names are counted in one window: more than that come from an attack that never repeats a name.
const MOST: usize = 200_000;

/// How many characters of a name the trail shows.
const SHOWN: usize = 255;

type Key = [u8; 16];

#[derive(Debug, Default)]
struct Window {
    number: i64,
    counts: HashMap<Key, u32>,
}

/// The counters of this process.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<Window>);

impl Attempts {
    /// Refuses who has failed too often in this window.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] until the window ends.
    pub fn check(&self, ctx: &Ctx, who: Who<'_>) -> Result<()> {
        let limit = ctx.tenant.settings.limits.failed_logins_per_minute;
        if limit == 0 || self.failures(ctx.tenant.id, who, ctx.now) < limit {
            return Ok(());
        }
        let left = WINDOW - ctx.now.rem_euclid(WINDOW);
        Err(Error::TooManyRequests { retry_after: Duration::from_secs(left.unsigned_abs()) })
    }

    /// Counts a failure; tells whether it is the one that has the next ones refused.
    fn count(&self, ctx: &Ctx, who: Who<'_>) -> bool {
        let limit = ctx.tenant.settings.limits.failed_logins_per_minute;
        if limit == 0 {
            return false;
        }
        let mut window = self.window(ctx.now);
        let key = key(ctx.tenant.id, who);
        if window.counts.len() >= MOST && !window.counts.contains_key(&key) {
            return false;
        }
        let count = window.counts.entry(key).or_default();
        *count += 1;
        *count == limit
    }

    fn failures(&self, tenant: TenantId, who: Who<'_>, now: Seconds) -> u32 {
        self.window(now).counts.get(&key(tenant, who)).copied().unwrap_or(0)
    }

    /// The window of a moment; the one before is forgotten.
    fn window(&self, now: Seconds) -> MutexGuard<'_, Window> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.div_euclid(WINDOW);
        if window.number != number {
            *window = Window { number, counts: HashMap::new() };
        }
        window
    }
}

impl Services {
    /// Counts a failure to sign in. The one that has the next ones refused is on the trail.
    pub(crate) fn sign_in_failed(&self, ctx: &Ctx, who: Who<'_>) {
        if self.attempts.count(ctx, who) {
            let (kind, name) = who.parts();
            self.on_sign_ins_locked(ctx, kind, &shortened(name));
        }
    }
}

impl<'a> Who<'a> {
    fn parts(self) -> (&'static str, &'a str) {
        match self {
            Self::Client(name) => ("client", name),
            Self::User(name) => ("user", name),
        }
    }
}

/// What was typed in may be of any length; the trail isn't the place for it.
fn shortened(name: &str) -> String {
    name.chars().take(SHOWN).collect()
}

fn key(tenant: TenantId, who: Who<'_>) -> Key {
    let (kind, name) = who.parts();
    let full = sha256(&[&tenant.0.to_be_bytes(), kind.as_bytes(), &[0], name.as_bytes()].concat());
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
}
