//! Dynamic client registration and its management (RFC 7591, RFC 7592). Secrets are made here and told once; a client's own
//! hand can't give it more than it was registered with.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::clients::{blank, client_turn, erase_client, registration, seal, write_client};
use super::{Ctx, Services};
use crate::crypto::secret::{Secret, b64url, random, same};
use crate::crypto::token::TokenKeyRing;
use crate::domain::client::is_admin_scope;
use crate::domain::{
    AuthMethod, Client, ClientSecret, Error, Forbidden, GrantType, Registration, Result, Seconds, scope,
};
use crate::store::{TenantStore, Tx};
use crate::tenancy::{TokenHash, check};

/// What a client says of itself (RFC 7591 section 2). What is absent takes its default.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// `client_id`, of an update.
    pub client_id: Option<String>,
    /// `client_secret`, of an update: the one in force.
    pub client_secret: Option<Secret>,
    /// `client_name`.
    pub client_name: Option<String>,
    /// `contacts`.
    pub contacts: Option<Vec<String>>,
    /// `token_endpoint_auth_method`.
    pub auth_method: Option<String>,
    /// `grant_types`.
    pub grant_types: Option<Vec<String>>,
    /// `response_types`.
    pub response_types: Option<Vec<String>>,
    /// `redirect_uris`.
    pub redirect_uris: Option<Vec<String>>,
    /// `scope`.
    pub scope: Option<String>,
    /// `jwks`.
    pub jwks: Option<Map<String, Value>>,
    /// Whether `jwks_uri` was given.
    pub has_jwks_uri: bool,
    /// Whether `introspection` was asked for.
    pub introspection: bool,
}

/// A registration, with the secrets that are told at this moment only.
#[derive(Debug)]
pub struct Registered {
    /// The client.
    pub client: Arc<Client>,
    /// A secret that was just made.
    pub secret: Option<Secret>,
    /// The registration access token.
    pub token: Secret,
}

/// A client that has shown its registration access token.
#[derive(Clone, Debug)]
pub struct SelfManaged {
    /// The client.
    pub client: Arc<Client>,
    /// The token.
    pub token: Secret,
}

impl Services {
    /// Whether a registration token is one of the tenant's.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the tenant has none, [`Error::InvalidToken`].
    pub fn may_register(&self, ctx: &Ctx, token: Option<&str>) -> Result<()> {
        let known = &ctx.tenant.settings.registration.token_sha256;
        if known.is_empty() {
            return Err(Error::Forbidden(Forbidden::ApiDisabled));
        }
        let token = token.ok_or(Error::MissingToken)?;
        if TokenHash::any(known, token) { Ok(()) } else { Err(Error::InvalidToken) }
    }

    /// The client that a registration access token manages.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], whether or not there is such a client (RFC 7592 section 2.1).
    pub async fn self_managed(&self, ctx: &Ctx, client_id: &str, token: &str) -> Result<SelfManaged> {
        let known = self.known_client(ctx, client_id).await?.filter(|known| known.client.enabled);
        let client = known.map(|known| Arc::clone(&known.client)).ok_or(Error::InvalidToken)?;
        let fits =
            client.registration_token.as_deref().is_some_and(|stored| token_fits(&ctx.keys.tokens, stored, token));
        if fits { Ok(SelfManaged { client, token: token.into() }) } else { Err(Error::InvalidToken) }
    }

    /// Registers a client.
    ///
    /// # Errors
    /// [`Error::Denied`] with the codes of RFC 7591 section 3.2.2.
    pub async fn register_client(&self, ctx: &Ctx, metadata: &Metadata) -> Result<Registered> {
        let id = b64url(&random::<16>());
        let mut client = blank(&id, ctx.now);
        client.registration = read(metadata, &id)?;
        let secret = client.registration.auth_method.has_secret().then(Secret::generate);
        client.secret = secret.as_ref().map(|secret| kept(&ctx.keys.tokens, &client, secret));
        let token = Secret::generate();
        let keys = ctx.keys.tokens.newest();
        client.registration_token = Some([[keys.version()].as_slice(), &keys.secret_digest(token.expose())].concat());
        let client = Arc::new(client);
        self.store
            .write(ctx.tenant.id, Arc::clone(&client), |rows, client| Box::pin(write_client(rows, client)))
            .await?;
        Ok(Registered { client, secret, token })
    }

    /// Replaces what a client has registered, by its own hand: neither scope nor grant types grow. Without the secret in
    /// force in it, the secret is replaced; the one before lives half an hour more.
    ///
    /// # Errors
    /// [`Error::Denied`] with the codes of RFC 7591 section 3.2.2.
    pub async fn update_client(&self, ctx: &Ctx, own: SelfManaged, metadata: &Metadata) -> Result<Registered> {
        let id = own.client.client_id.clone();
        if metadata.client_id.as_deref() != Some(&id) {
            return Err(refused("client_id is missing or another client's"));
        }
        let new = read(metadata, &id)?;
        stays_within(&own.client.registration, &new)?;
        let keeps = self.keeps_secret(ctx, &own.client, metadata, new.auth_method).await?;
        let secret = (new.auth_method.has_secret() && !keeps).then(Secret::generate);
        let probe = Client { registration: new.clone(), ..Client::clone(&own.client) };
        let change = Change {
            own: own.client,
            registration: new,
            keeps,
            secret: secret.as_ref().map(|secret| kept(&ctx.keys.tokens, &probe, secret)),
            now: ctx.now,
        };
        let turn = client_turn(ctx.tenant.id, &id);
        let client = self.store.write(turn, change, |rows, change| Box::pin(apply(rows, change))).await?;
        Ok(Registered { client: Arc::new(client), secret, token: own.token })
    }

    /// Deletes a client by its own hand, with all that was ever issued to it.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for one that may not manage itself any more.
    pub async fn delete_client(&self, ctx: &Ctx, own: SelfManaged) -> Result<()> {
        self.store
            .write(ctx.tenant.id, (own.client, ctx.now), |rows, (own, now)| {
                Box::pin(async move {
                    let client = as_it_stands(rows, own).await?;
                    erase_client(rows, &client.client_id, *now).await
                })
            })
            .await
    }

    /// Whether an update leaves the secret as it is: it names it, or there is none to change.
    async fn keeps_secret(&self, ctx: &Ctx, client: &Client, given: &Metadata, method: AuthMethod) -> Result<bool> {
        let Some(given) = &given.client_secret else { return Ok(false) };
        let Some(stored) = &client.secret else { return Err(refused("client_secret is not the client's")) };
        if !self.secret_fits(ctx.tenant.id, &ctx.keys.tokens, &client.client_id, stored, given).await? {
            return Err(refused("client_secret is not the client's"));
        }
        Ok(matches!(stored, ClientSecret::Sealed(_)) || method != AuthMethod::ClientSecretJwt)
    }
}

/// An update, ready to be written.
struct Change {
    /// The client as it was read.
    own: Arc<Client>,
    registration: Registration,
    keeps: bool,
    secret: Option<ClientSecret>,
    now: Seconds,
}

/// A client that manages itself, locked: the same one that has shown its token, and still enabled.
async fn as_it_stands(rows: &TenantStore<'_, Tx>, own: &Client) -> Result<Client> {
    let found = rows.find_client_to_change(&own.client_id).await?;
    let same = found.filter(|client| client.enabled && client.registration_token == own.registration_token);
    same.ok_or(Error::InvalidToken)
}

/// What an operator has made of the client meanwhile stays: its limits, and what is not the client's own to say.
async fn apply(rows: &TenantStore<'_, Tx>, change: &Change) -> Result<Client> {
    let mut client = as_it_stands(rows, &change.own).await?;
    let old = &client.registration;
    stays_within(old, &change.registration)?;
    if change.keeps && client.secret != change.own.secret {
        return Err(refused("client_secret is not the client's"));
    }
    client.registration = Registration {
        introspection: old.introspection,
        developer: old.developer.clone(),
        origins: old.origins.clone(),
        secret_expires_at: old.secret_expires_at.filter(|_| change.keeps),
        ..change.registration.clone()
    };
    if let Some(secret) = &change.secret {
        client.replace_secret(secret.clone(), change.now);
    }
    if !client.registration.auth_method.has_secret() {
        (client.secret, client.old_secret) = (None, None);
    }
    client.updated_at = change.now;
    if rows.update_own_client(&client).await? { Ok(client) } else { Err(Error::InvalidToken) }
}

fn stays_within(old: &Registration, new: &Registration) -> Result<()> {
    let grown = !scope::covers(&old.scope, &new.scope) || new.grant_types.iter().any(|g| !old.grant_types.contains(g));
    if grown { Err(refused("a client can't widen its scope or its grant types")) } else { Ok(()) }
}

fn kept(keys: &TokenKeyRing, client: &Client, secret: &Secret) -> ClientSecret {
    if client.registration.auth_method == AuthMethod::ClientSecretJwt {
        return seal(keys, &client.client_id, secret);
    }
    let keys = keys.newest();
    ClientSecret::Digest { version: keys.version(), digest: keys.secret_digest(secret.expose()) }
}

fn token_fits(keys: &TokenKeyRing, stored: &[u8], token: &str) -> bool {
    let Some((version, digest)) = stored.split_first() else { return false };
    keys.version(*version).is_some_and(|keys| same(&keys.secret_digest(token), digest))
}

/// Reads and checks metadata by the rules that hold for every client.
fn read(metadata: &Metadata, id: &str) -> Result<Registration> {
    if metadata.has_jwks_uri {
        return Err(refused("jwks_uri is not supported: give the keys in jwks"));
    }
    if metadata.introspection {
        return Err(refused("introspection can't be registered here"));
    }
    let grants = metadata.grant_types.clone().unwrap_or_else(|| vec![GrantType::AuthorizationCode.as_str().into()]);
    let mut table = Map::new();
    let mut set = |name: &str, value: Value| table.insert(name.to_owned(), value);
    set("client_id", id.into());
    set("name", json!(metadata.client_name));
    set("contacts", json!(metadata.contacts));
    set("auth_method", json!(metadata.auth_method));
    set("grant_types", json!(grants));
    set("redirect_uris", json!(metadata.redirect_uris));
    set("scope", json!(metadata.scope));
    set("jwks", json!(metadata.jwks));
    let entry = check::client(table).map_err(|faults| {
        let first = faults.first();
        let (key, text) = first.map_or(("", ""), |fault| (fault.key.as_str(), fault.text.as_str()));
        denied(key, &format!("{} {text}", member(key)))
    })?;
    let registration = registration(&entry);
    if registration.scope.iter().any(|value| is_admin_scope(value)) {
        return Err(refused("scope iam:admin can't be registered here"));
    }
    let has_code = registration.grant_types.contains(&GrantType::AuthorizationCode);
    if has_code && registration.redirect_uris.is_empty() {
        return Err(denied("redirect_uris", "redirect_uris is missing: authorization_code needs it"));
    }
    let responses = metadata.response_types.as_deref().unwrap_or_default();
    if responses.iter().any(|response| response != "code" || !has_code) {
        return Err(refused("response_types holds one that goes with no grant type"));
    }
    Ok(registration)
}

/// The name on the wire of a member that a client entry calls otherwise.
fn member(key: &str) -> String {
    match key.split(['[', '.']).next().unwrap_or_default() {
        "name" => "client_name".to_owned(),
        "auth_method" => "token_endpoint_auth_method".to_owned(),
        other => other.to_owned(),
    }
}

fn refused(text: &str) -> Error {
    denied("", text)
}

fn denied(key: &str, text: &str) -> Error {
    let error = if key.starts_with("redirect_uris") { "invalid_redirect_uri" } else { "invalid_client_metadata" };
    Error::Denied { error: error.to_owned(), description: Some(format!("Bad request: {text}")), fault: None }
}
