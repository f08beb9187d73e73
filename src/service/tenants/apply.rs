//! Applying what a tenants file says: created, updated where its text has changed, never deleted.

use zeroize::Zeroizing;

use super::load::{SETTINGS_PLACE, SealedSettings, name_shard, tenant_shard};
use super::plan::Step;
use crate::crypto::jwk;
use crate::crypto::jwt::{ContentKey, SigningKey};
use crate::crypto::secret::{hmac, random};
use crate::crypto::token::TokenKeys;
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::{Error, Kind, NEVER, Result, Seconds, TenantId, Tid};
use crate::service::Services;
use crate::service::audit::{self, By};
use crate::service::clients::{self, NewClient, Source};
use crate::service::keys::{self, TenantKeys};
use crate::service::users::{self, NewUser};
use crate::store::directory::{NameKind, Status, StoredTenant};
use crate::store::secrets::{Purpose, StoredKey, StoredSecret};
use crate::store::{TenantStore, Tx};
use crate::tenancy::{ClientEntry, TenantEntry, TenantSettings, UserEntry, name};

/// What happened to one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The tenant is new.
    Created,
    /// The tenant was brought up to date.
    Updated,
    /// The entry's text is the one that was applied last.
    Unchanged,
    /// The tenant was deleted, and is left so.
    Tombstone,
}

/// One entry and what happened to it.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The tenant.
    pub tid: Tid,
    /// What happened.
    pub outcome: Outcome,
}

/// What applying a file did, in its order.
pub type Report = Vec<Applied>;

/// A tenant to be written, with all slow work done.
struct Draft {
    stored: StoredTenant,
    names: Vec<(NameKind, String)>,
    old_names: Vec<(NameKind, String)>,
    secrets: Vec<StoredSecret>,
    keys: Vec<StoredKey>,
    clients: Vec<NewClient>,
    users: Vec<NewUser>,
    /// The settings before these, of a tenant that exists.
    was: Option<TenantSettings>,
    settings: TenantSettings,
    now: Seconds,
    by: By,
    act: AuditEntry,
}

impl Services {
    /// Applies entries in order, unless something in the store stands against one of them. `recreate` makes deleted tenants
    /// anew; `dry_run` writes nothing.
    ///
    /// # Errors
    /// [`Error::Conflict`] with all that stands against them, and nothing was applied; else the first that can't be written, by
    /// its tenant, and those before it stay applied.
    pub async fn apply_entries(&self, entries: Vec<TenantEntry>, recreate: bool, dry_run: bool) -> Result<Report> {
        let steps = self.plan(entries, recreate).await?;
        let mut report = Vec::with_capacity(steps.len());
        for step in steps {
            let tid = step.entry.tid.clone();
            let outcome = if dry_run { Ok(step.outcome) } else { self.carry_out(step, recreate).await };
            let outcome = outcome.map_err(|error| match error {
                Error::Conflict(text) => Error::Conflict(format!("{tid}: {text}")),
                Error::InvalidRequest(text) => Error::InvalidRequest(format!("{tid}: {text}")),
                other => other,
            })?;
            report.push(Applied { tid, outcome });
        }
        Ok(report)
    }

    async fn carry_out(&self, step: Step, recreate: bool) -> Result<Outcome> {
        let entry = step.entry.clone();
        match self.carry_out_once(step).await {
            // Another replica that starts with the same file may have been first: then the second look finds its work done.
            Err(Error::Conflict(_)) => self.carry_out_once(self.step(entry, recreate).await?).await,
            done => done,
        }
    }

    async fn carry_out_once(&self, step: Step) -> Result<Outcome> {
        let Step { entry, existing, outcome, digest } = step;
        let by = By::program("tenants-file");
        match (outcome, existing) {
            (Outcome::Unchanged | Outcome::Tombstone, _) => {}
            (Outcome::Created | Outcome::Updated, None) => {
                self.create_tenant(entry, Some(digest), &by).await?;
            }
            (Outcome::Created | Outcome::Updated, Some(found)) => {
                if !self.update_tenant(found, entry, Some(digest), &by).await? {
                    return Err(Error::Conflict("the tenant was changed at the same time".into()));
                }
            }
        }
        Ok(outcome)
    }

    /// The keyed digest that tells whether an entry's text has changed: it says nothing of the secrets in the text.
    pub(super) async fn text_digest(&self, entry: &TenantEntry) -> Result<Vec<u8>> {
        let key = Zeroizing::new(self.digest_keys().await?.entries());
        Ok(hmac(&key, &[entry.text.expose().as_bytes()]).to_vec())
    }

    /// Creates a tenant with its keys, clients and users, all or nothing.
    ///
    /// # Errors
    /// [`Error::Conflict`] when its id, an issuer or its service API key is taken.
    pub async fn create_tenant(&self, entry: TenantEntry, digest: Option<Vec<u8>>, by: &By) -> Result<TenantId> {
        let now = self.now();
        let id = TenantId(i64::from_be_bytes(random::<8>()) & i64::MAX);
        let (signing, content) = brought(&entry.settings)?;
        let secrets = keys::new_secrets(id, &self.master, content.as_ref(), now);
        let root = secrets.iter().find(|s| s.purpose == Purpose::Root);
        let root = keys::open(&self.master, id, root.ok_or_else(|| Error::internal("no root secret was made"))?)?;
        let root: [u8; 32] =
            root.as_slice().try_into().map_err(|_| Error::internal("a root secret of a wrong size"))?;
        let tokens = TokenKeys::derive(id, 1, &root);
        let mut stored_keys: Vec<StoredKey> =
            signing.iter().map(|key| keys::stored_key(&tokens, key, true, now, now)).collect();
        let wanted = entry.settings.access_token.jws_alg.as_str();
        if !stored_keys.iter().any(|key| key.alg == wanted) {
            let made = keys::generate(wanted).await?;
            stored_keys.push(keys::stored_key(&tokens, &made, false, now, now));
        }
        let source = source(digest.as_ref());
        let stored = row(id, &entry, &tokens, digest, now)?;
        let act = by.did(AuditKind::TenantCreated, now, &[("issuer", &entry.settings.issuer)]);
        let names = names(&entry.tid, &entry.settings);
        let opened = TenantKeys::open(id, &self.master, &secrets, stored_keys.clone())?;
        let (clients, users) = self.prepare_parties(id, &opened, (entry.clients, entry.users), source).await?;
        let old_names = Vec::new();
        let keys = stored_keys;
        let (was, settings, by) = (None, entry.settings, by.clone());
        let draft = Draft { stored, names, old_names, secrets, keys, clients, users, was, settings, now, by, act };
        self.store.write(id, draft, |rows, draft| Box::pin(write(rows, draft))).await?;
        Ok(id)
    }

    /// Brings a tenant up to date: settings are replaced, clients and users in the entry are upserted. Tells whether it did:
    /// it does nothing if the tenant has changed since it was found, for much of this follows from what it was.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the issuer is another one, or a name is taken.
    pub async fn update_tenant(
        &self,
        found: StoredTenant,
        entry: TenantEntry,
        digest: Option<Vec<u8>>,
        by: &By,
    ) -> Result<bool> {
        let now = self.now();
        let old: TenantSettings = serde_json::from_str(&found.settings).map_err(Error::internal)?;
        if old.issuer != entry.settings.issuer {
            return Err(Error::Conflict("the issuer of a tenant can't be changed".into()));
        }
        let rows = self.store.tenant(found.id);
        let current = TenantKeys::load(&rows, &self.master).await?;
        let tokens = self.newest_keys(found.id).await?;
        let (signing, content) = brought(&entry.settings)?;
        let mut stored_keys: Vec<StoredKey> =
            signing.iter().map(|key| keys::stored_key(&tokens, key, true, now, now)).collect();
        let wanted = entry.settings.access_token.jws_alg.as_str();
        if !current.signing().iter().any(|k| k.key.alg().as_str() == wanted && k.signs_until > now) {
            let made = keys::generate(wanted).await?;
            stored_keys.push(keys::stored_key(&tokens, &made, false, now, now));
        }
        let secrets = content
            .map(|key| keys::seal(&self.master, found.id, Purpose::Content, 1, key.private_jwk().as_bytes(), now))
            .into_iter()
            .collect();
        let source = source(digest.as_ref());
        // What the file said last is remembered, so that what is changed otherwise survives its next reading.
        let mut stored = row(found.id, &entry, &tokens, digest.or_else(|| found.digest.clone()), now)?;
        stored.version = found.version;
        stored.longest_token = stored.longest_token.max(found.longest_token);
        stored.unregistered_until = match (found.unregistered_until, entry.settings.access_token.registry) {
            (NEVER, true) => now,
            (until, true) => until,
            (_, false) => NEVER,
        };
        stored.keys_due_at =
            if old.keys.rotate_every_days == entry.settings.keys.rotate_every_days { NEVER } else { now };
        let keeps_hook = entry.settings.password_hook.as_ref().is_some_and(|hook| hook.token.is_none());
        if keeps_hook {
            stored.sealed.clone_from(&found.sealed);
        }
        let (old_names, names) = (names(&found.tid, &old), names(&entry.tid, &entry.settings));
        let parties = (entry.clients, entry.users);
        let (clients, users) = self.prepare_parties(found.id, &current, parties, source).await?;
        let act = by.did(AuditKind::TenantUpdated, now, &[]);
        let keys = stored_keys;
        let (was, settings, by) = (Some(old), entry.settings, by.clone());
        let draft = Draft { stored, names, old_names, secrets, keys, clients, users, was, settings, now, by, act };
        self.store.write(found.id, draft, |rows, draft| Box::pin(write(rows, draft))).await
    }

    /// The keys that make, of a tenant.
    pub(crate) async fn newest_keys(&self, id: TenantId) -> Result<TokenKeys> {
        let secrets = self.store.tenant(id).list_secrets().await?;
        let root = secrets.iter().filter(|s| s.purpose == Purpose::Root).max_by_key(|s| s.version);
        let root = root.ok_or_else(|| Error::internal("a tenant without a root secret"))?;
        let plain = keys::open(&self.master, id, root)?;
        let plain: [u8; 32] = plain.as_slice().try_into().map_err(|_| Error::internal("a root of a wrong size"))?;
        Ok(TokenKeys::derive(id, root.version, &plain))
    }

    /// Does the slow work of clients and users: hashing and sealing their secrets.
    async fn prepare_parties(
        &self,
        id: TenantId,
        keys: &TenantKeys,
        (clients, users): (Vec<ClientEntry>, Vec<UserEntry>),
        source: Source,
    ) -> Result<(Vec<NewClient>, Vec<NewUser>)> {
        let mut new_clients = Vec::with_capacity(clients.len());
        for client in clients {
            new_clients.extend(self.prepare_client(id, keys, client, source).await?);
        }
        let mut new_users = Vec::with_capacity(users.len());
        for user in users {
            new_users.extend(self.prepare_user(id, user, source).await?);
        }
        Ok((new_clients, new_users))
    }
}

/// The tenant's row.
fn row(
    id: TenantId,
    entry: &TenantEntry,
    tokens: &TokenKeys,
    digest: Option<Vec<u8>>,
    now: Seconds,
) -> Result<StoredTenant> {
    let hook_token = entry.settings.password_hook.as_ref().and_then(|h| h.token.as_ref());
    let sealed = SealedSettings { hook_token: hook_token.map(|t| t.expose().to_owned()) };
    let sealed = Zeroizing::new(serde_json::to_vec(&sealed).map_err(Error::internal)?);
    let status = if entry.settings.enabled { Status::Enabled } else { Status::Disabled };
    Ok(StoredTenant {
        id,
        tid: entry.tid.clone(),
        status,
        settings: serde_json::to_string(&entry.settings).map_err(Error::internal)?,
        sealed: Some(tokens.seal(SETTINGS_PLACE, &sealed)),
        digest,
        version: 1,
        has_imports: false,
        created_at: now,
        updated_at: now,
        longest_token: entry.settings.access_token.lifetime,
        unregistered_until: if entry.settings.access_token.registry { 0 } else { NEVER },
        keys_due_at: if entry.settings.keys.rotate_every_days == 0 { NEVER } else { now },
    })
}

/// An entry with a digest is a file's.
fn source(digest: Option<&Vec<u8>>) -> Source {
    if digest.is_some() { Source::File } else { Source::Platform }
}

/// The keys that a tenant brings: those that sign, and the one for `atc`.
fn brought(settings: &TenantSettings) -> Result<(Vec<SigningKey>, Option<ContentKey>)> {
    let Some(set) = &settings.keys.jwks else { return Ok((Vec::new(), None)) };
    let set = jwk::private_set(set.expose()).map_err(|fault| Error::invalid(format!("keys.jwks: {fault}")))?;
    Ok((set.signing, set.content.into_iter().next()))
}

/// All names that lead to a tenant.
pub(super) fn names(tid: &Tid, settings: &TenantSettings) -> Vec<(NameKind, String)> {
    let mut all = vec![(NameKind::Tid, tid.to_string())];
    let issuers = std::iter::once(&settings.issuer).chain(&settings.aliases);
    all.extend(issuers.filter_map(|issuer| Some((NameKind::Issuer, name::issuer(issuer)?))));
    all.extend(settings.management.service_api_key.map(|key| (NameKind::ServiceKey, key.to_string())));
    all
}

/// The entry of the trail for a client that was written.
pub(super) fn client_act(by: &By, created: bool, client_id: &str, now: Seconds) -> AuditEntry {
    let kind = if created { AuditKind::ClientCreated } else { AuditKind::ClientUpdated };
    by.did(kind, now, &[("client_id", client_id)])
}

/// The entry of the trail for a user that was written.
pub(super) fn user_act(by: &By, created: bool, username: &str, now: Seconds) -> AuditEntry {
    let kind = if created { AuditKind::UserCreated } else { AuditKind::UserUpdated };
    by.did(kind, now, &[("username", username)])
}

/// Tells whether the tenant is the one that the draft was made for.
async fn write(rows: &TenantStore<'_, Tx>, draft: &Draft) -> Result<bool> {
    if draft.was.is_none() {
        rows.insert_tenant(&draft.stored).await?;
    } else {
        let found = rows.hold_tenant().await?.ok_or(Error::NotFound(Kind::Tenant))?;
        if found.version != draft.stored.version {
            return Ok(false);
        }
        rows.update_tenant(&draft.stored).await?;
    }
    rows.stretch_keys(draft.stored.longest_token, draft.now).await?;
    audit::record(rows, &draft.act).await?;
    if draft.names != draft.old_names {
        rows.replace_names(&draft.names).await?;
    }
    for secret in &draft.secrets {
        rows.upsert_secret(secret).await?;
    }
    if let Some(was) = &draft.was {
        let wish = keys::Wish {
            was: was.access_token.jws_alg.as_str(),
            settings: &draft.settings,
            keys: &draft.keys,
            longest_token: draft.stored.longest_token,
        };
        keys::follow_settings(rows, &wish, &draft.by, draft.now).await?;
    } else {
        for key in &draft.keys {
            rows.insert_key(key).await?;
        }
    }
    for client in &draft.clients {
        let created = clients::upsert_client(rows, client, draft.now).await?;
        if draft.was.is_some() {
            audit::record(rows, &client_act(&draft.by, created, client.client_id(), draft.now)).await?;
        }
    }
    for user in &draft.users {
        let created = users::upsert_user(rows, user, draft.now).await?;
        if draft.was.is_some() {
            audit::record(rows, &user_act(&draft.by, created, user.username(), draft.now)).await?;
        }
    }
    rows.touch(tenant_shard(rows.tenant_id()));
    for (kind, name) in draft.names.iter().chain(&draft.old_names) {
        rows.touch(name_shard(*kind, name));
    }
    Ok(true)
}
