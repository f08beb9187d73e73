//! Clients as operators and tenants files give them: what is secret is hashed or sealed before the transaction that writes it.

use std::sync::Arc;

use super::keys::TenantKeys;
use super::tokens::revoke;
use super::{Ctx, Services};
use crate::crypto::secret::{Secret, hmac, random_number, same};
use crate::crypto::selector;
use crate::crypto::token::TokenKeyRing;
use crate::domain::{
    AuthMethod, Client, ClientSecret, Error, Kind, NEVER, Registration, Result, Seconds, Selector, TenantId, scope,
};
use crate::store::{Lock, TenantStore, Tx};
use crate::tenancy::ClientEntry;

/// Where a client or a user comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A tenants file: written only if its text is not the one that was applied last.
    File,
    /// The platform API.
    Platform,
}

/// A client ready to be written.
#[derive(Clone, Debug)]
pub struct NewClient {
    entry: ClientEntry,
    /// The secret that is to be in force; `None`: the old one stays.
    secret: Option<ClientSecret>,
    /// That of a file's entry; `None`: the old one stays.
    digest: Option<Vec<u8>>,
}

impl NewClient {
    /// Its id.
    pub fn client_id(&self) -> &str {
        &self.entry.client_id
    }
}

impl Services {
    /// Hashes or seals the secret of a client, outside of any transaction. `None`: this entry of a file was applied before and
    /// hasn't changed since.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when too many passwords are being hashed.
    pub async fn prepare_client(
        &self,
        tenant: TenantId,
        keys: &TenantKeys,
        entry: ClientEntry,
        source: Source,
    ) -> Result<Option<NewClient>> {
        let found = self.store.tenant(tenant).find_client(&entry.client_id).await?;
        let digest = match source {
            Source::File => Some(self.entry_digest(tenant, &entry, &[&entry.client_secret]).await?),
            Source::Platform => None,
        };
        if digest.is_some() && found.as_ref().is_some_and(|client| client.digest == digest) {
            return Ok(None);
        }
        let kept = found.as_ref().and_then(|client| client.secret.as_ref());
        let secret = match &entry.client_secret {
            None => None,
            Some(given) => Some(self.secret_in_force(tenant, keys, &entry, kept, given).await?),
        };
        Ok(Some(NewClient { entry, secret, digest }))
    }

    /// A given secret as it is kept: as it is already, if it is the client's.
    async fn secret_in_force(
        &self,
        tenant: TenantId,
        keys: &TenantKeys,
        entry: &ClientEntry,
        kept: Option<&ClientSecret>,
        given: &Secret,
    ) -> Result<ClientSecret> {
        let seals = entry.auth_method == AuthMethod::ClientSecretJwt;
        if let Some(kept) = kept
            && matches!(kept, ClientSecret::Sealed(_)) == seals
            && self.secret_fits(tenant, &keys.tokens, &entry.client_id, kept, given).await?
        {
            return Ok(kept.clone());
        }
        Ok(if seals {
            seal(&keys.tokens, &entry.client_id, given)
        } else {
            ClientSecret::Phc(self.passwords.hash(tenant, given).await?)
        })
    }

    /// Whether a presented secret is the stored one.
    pub(crate) async fn secret_fits(
        &self,
        tenant: TenantId,
        keys: &TokenKeyRing,
        client_id: &str,
        stored: &ClientSecret,
        given: &Secret,
    ) -> Result<bool> {
        match stored {
            ClientSecret::Phc(phc) => self.passwords.verify(tenant, given, Some(phc)).await,
            ClientSecret::Digest { version, digest } => {
                let known = keys.version(*version).map(|keys| keys.secret_digest(given.expose()));
                Ok(known.is_some_and(|known| same(&known, digest)))
            }
            ClientSecret::Sealed(sealed) => {
                let known = keys.open(&place(client_id), sealed);
                Ok(known.is_some_and(|known| same(&known, given.expose().as_bytes())))
            }
        }
    }

    /// The keyed digest of an entry of a tenants file, secrets included.
    pub(crate) async fn entry_digest(
        &self,
        tenant: TenantId,
        entry: &impl serde::Serialize,
        secrets: &[&Option<Secret>],
    ) -> Result<Vec<u8>> {
        let text = serde_json::to_vec(entry).map_err(Error::internal)?;
        let key = zeroize::Zeroizing::new(self.digest_keys().await?.parties());
        let id = tenant.0.to_be_bytes();
        let length = (text.len() as u64).to_be_bytes();
        let mut parts: Vec<&[u8]> = vec![&id, &length, &text];
        for secret in secrets {
            parts.push(secret.as_ref().map_or(&[0], |_| &[1]));
            parts.push(secret.as_ref().map_or(&[], |s| s.expose().as_bytes()));
            parts.push(&[0]);
        }
        Ok(hmac(&key, &parts).to_vec())
    }

    /// The client of an id.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the tenant has none.
    pub async fn find_client(&self, ctx: &Ctx, client_id: &str) -> Result<Arc<Client>> {
        let found = self.known_client(ctx, client_id).await?;
        found.map(|known| Arc::clone(&known.client)).ok_or(Error::NotFound(Kind::Client))
    }

    /// Whether a client of the tenant has registered an origin.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store can't be asked.
    pub async fn has_origin(&self, ctx: &Ctx, origin: &str) -> Result<bool> {
        self.store.tenant(ctx.tenant.id).has_origin(origin).await
    }
}

/// When a change of a client has its turn: where many are changed at once, they are locked in one order.
pub(crate) fn client_turn(tenant: TenantId, client_id: &str) -> (TenantId, Lock) {
    (tenant, Lock::Row(selector::hash(&Selector::Client(client_id))))
}

/// Deletes a client with all that was ever issued to it.
pub(crate) async fn erase_client(rows: &TenantStore<'_, Tx>, client_id: &str, now: Seconds) -> Result<()> {
    if !rows.delete_client(client_id).await? {
        return Err(Error::NotFound(Kind::Client));
    }
    rows.set_suspended(selector::hash(&Selector::SuspendedClient(client_id)), false).await?;
    revoke::mark(rows, &Selector::Client(client_id), now, NEVER).await.map(|_| ())
}

/// Writes a client that an operator gave; tells whether it is new. An absent secret or number stays as it is.
///
/// # Errors
/// [`Error::InvalidRequest`] when its method needs a secret that it hasn't got; [`Error::Conflict`] when another client has
/// its number or alias.
pub async fn upsert_client(rows: &TenantStore<'_, Tx>, new: &NewClient, now: Seconds) -> Result<bool> {
    let entry = &new.entry;
    let found = rows.find_client_to_write(&entry.client_id).await?;
    let created = found.is_none();
    let mut client = found.unwrap_or_else(|| blank(&entry.client_id, now));
    client.number = entry.number.unwrap_or(client.number);
    client.alias.clone_from(&entry.alias);
    client.enabled = entry.enabled;
    client.by_operator = true;
    client.registration = registration(entry);
    client.digest = new.digest.clone().or(client.digest);
    client.updated_at = now;
    if let Some(secret) = new.secret.as_ref().filter(|secret| client.secret.as_ref() != Some(secret)) {
        client.replace_secret(secret.clone(), now);
    }
    settle_secret(&mut client)?;
    write_client(rows, &client).await?;
    Ok(created)
}

/// Writes a client, and suspends or resumes what was issued to it.
pub(crate) async fn write_client(rows: &TenantStore<'_, Tx>, client: &Client) -> Result<()> {
    rows.upsert_client(client).await?;
    rows.set_suspended(selector::hash(&Selector::SuspendedClient(&client.client_id)), !client.enabled).await
}

/// A client that has registered nothing yet.
pub(crate) fn blank(client_id: &str, now: Seconds) -> Client {
    Client {
        client_id: client_id.to_owned(),
        number: random_number(),
        alias: None,
        enabled: true,
        by_operator: false,
        registration: Registration::default(),
        secret: None,
        old_secret: None,
        registration_token: None,
        digest: None,
        created_at: now,
        updated_at: now,
    }
}

/// Checks that a client has the secret that its method needs, and takes away one that it doesn't.
fn settle_secret(client: &mut Client) -> Result<()> {
    let method = client.registration.auth_method;
    if !method.has_secret() {
        (client.secret, client.old_secret) = (None, None);
        return Ok(());
    }
    match &client.secret {
        None => Err(Error::invalid(format!("client_secret is missing: {} needs it", method.as_str()))),
        Some(ClientSecret::Phc(_) | ClientSecret::Digest { .. }) if method == AuthMethod::ClientSecretJwt => Err(
            Error::invalid("client_secret is missing: client_secret_jwt needs it anew, since only its hash is kept"),
        ),
        Some(_) => Ok(()),
    }
}

/// What an entry registers.
pub(crate) fn registration(entry: &ClientEntry) -> Registration {
    Registration {
        name: entry.name.clone(),
        developer: entry.developer.clone(),
        contacts: entry.contacts.clone(),
        secret_expires_at: entry.secret_expires_at.filter(|at| *at != 0),
        auth_method: entry.auth_method,
        grant_types: entry.grant_types.clone(),
        redirect_uris: entry.redirect_uris.clone(),
        scope: scope::parse(&entry.scope).unwrap_or_default(),
        introspection: entry.introspection,
        origins: entry.origins.clone(),
        jwks: entry.jwks.as_ref().map(|set| set.keys.clone()).unwrap_or_default(),
    }
}

/// Seals a secret for its client.
pub(crate) fn seal(keys: &TokenKeyRing, client_id: &str, secret: &Secret) -> ClientSecret {
    ClientSecret::Sealed(keys.newest().seal(&place(client_id), secret.expose().as_bytes()))
}

/// The place that a client's secret is sealed for.
pub(crate) fn place(client_id: &str) -> Vec<u8> {
    [b"client", client_id.as_bytes()].concat()
}
