//! Users as operators and tenants files give them.

use super::clients::Source;
use super::tokens::revoke;
use super::{Ctx, Services};
use crate::crypto::secret::{hex, random};
use crate::crypto::selector;
use crate::domain::{Error, Kind, NEVER, Result, Seconds, Selector, TenantId, User};
use crate::store::{Lock, TenantStore, Tx};
use crate::tenancy::UserEntry;

/// A user ready to be written.
#[derive(Clone, Debug)]
pub struct NewUser {
    entry: UserEntry,
    /// The hash of a new password; `None`: the old one stays.
    password_hash: Option<crate::crypto::secret::Secret>,
    /// That of a file's entry; `None`: the old one stays.
    digest: Option<Vec<u8>>,
}

impl NewUser {
    /// Its name.
    pub fn username(&self) -> &str {
        &self.entry.username
    }
}

impl Services {
    /// Hashes the password of a user, outside of any transaction. `None`: this entry of a file was applied before and hasn't
    /// changed since.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when too many passwords are being hashed.
    pub async fn prepare_user(&self, tenant: TenantId, entry: UserEntry, source: Source) -> Result<Option<NewUser>> {
        let found = self.store.tenant(tenant).find_user(&entry.username).await?;
        let digest = match source {
            Source::File => Some(self.entry_digest(tenant, &entry, &[&entry.password, &entry.password_hash]).await?),
            Source::Platform => None,
        };
        if digest.is_some() && found.as_ref().is_some_and(|user| user.digest == digest) {
            return Ok(None);
        }
        let password_hash = match (&entry.password_hash, &entry.password) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(password)) => Some(self.passwords.hash(tenant, password).await?.into()),
            (None, None) => None,
        };
        Ok(Some(NewUser { entry, password_hash, digest }))
    }

    /// The user of a name.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the tenant has none.
    pub async fn find_user(&self, ctx: &Ctx, username: &str) -> Result<User> {
        let found = self.store.tenant(ctx.tenant.id).find_user(username).await?;
        found.ok_or(Error::NotFound(Kind::User))
    }

    /// Deletes a user with all that was ever issued for the subject.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the tenant has none.
    pub async fn delete_user(&self, ctx: &Ctx, username: &str) -> Result<()> {
        self.store
            .write(ctx.tenant.id, (username.to_owned(), ctx.now), |rows, (name, now)| {
                Box::pin(erase_user(rows, name, *now))
            })
            .await
    }
}

/// As [`super::clients::client_turn`].
pub(crate) fn user_turn(tenant: TenantId, username: &str) -> (TenantId, Lock) {
    (tenant, Lock::Row(selector::hash(&Selector::Subject(username))))
}

/// Deletes a user with all that was ever issued for the subject.
pub(crate) async fn erase_user(rows: &TenantStore<'_, Tx>, username: &str, now: Seconds) -> Result<()> {
    let user = rows.find_user_to_change(username).await?.ok_or(Error::NotFound(Kind::User))?;
    rows.delete_user(username).await?;
    rows.set_suspended(selector::hash(&Selector::SuspendedSubject(&user.sub)), false).await?;
    revoke::mark(rows, &Selector::Subject(&user.sub), now, NEVER).await.map(|_| ())
}

/// Writes a user; tells whether it is new. An absent password or id stays as it is.
///
/// # Errors
/// [`Error::Conflict`] when another user has its subject or id.
pub async fn upsert_user(rows: &TenantStore<'_, Tx>, new: &NewUser, now: Seconds) -> Result<bool> {
    let entry = &new.entry;
    let found = rows.find_user_to_write(&entry.username).await?;
    let created = found.is_none();
    let before = found.as_ref().map(|user| user.sub.clone());
    let sub = if entry.sub.is_empty() { &entry.username } else { &entry.sub };
    let (uuid, password_hash, digest, created_at) = match found {
        Some(user) => (user.uuid, user.password_hash, user.digest, user.created_at),
        None => (new_uuid(), None, None, now),
    };
    let user = User {
        username: entry.username.clone(),
        sub: sub.clone(),
        uuid: entry.id.clone().unwrap_or(uuid),
        password_hash: new.password_hash.as_ref().map(|hash| hash.expose().to_owned()).or(password_hash),
        enabled: entry.enabled,
        admin: entry.admin,
        digest: new.digest.clone().or(digest),
        created_at,
        updated_at: now,
    };
    rows.upsert_user(&user).await?;
    if let Some(before) = before.filter(|before| *before != user.sub) {
        rows.set_suspended(selector::hash(&Selector::SuspendedSubject(&before)), false).await?;
    }
    rows.set_suspended(selector::hash(&Selector::SuspendedSubject(&user.sub)), !user.enabled).await?;
    Ok(created)
}

/// A random UUID (RFC 9562 section 5.4).
fn new_uuid() -> String {
    let mut bytes = random::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex(&bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::new_uuid;

    #[test]
    fn a_uuid_is_random_and_of_version_4() {
        let uuid = new_uuid();
        assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'4'));
        assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_ne!(uuid, new_uuid());
    }
}
