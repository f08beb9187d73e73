//! Client authentication (RFC 6749 section 2.3, RFC 7521 section 4.2, OpenID Connect Core section 9), once for every endpoint.
//!
//! Every failure is answered alike and costs alike: a presented secret is hashed once, and a presented signature checked once,
//! whoever presents it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::timeout;

use super::assertions::{self, AssertionFault};
use super::attempts::Who;
use super::clients::place;
use super::{Ctx, Services};
use crate::crypto::jwt::{self, JwsAlg, VerifyingKey};
use crate::crypto::secret::{Secret, hmac};
use crate::domain::coherence::{Shard, Topic};
use crate::domain::{AuthMethod, Client, ClientFault, ClientSecret, Epoch, Error, Result};

/// How long a request waits for its lane.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a request presents.
#[derive(Clone)]
pub enum Credential<'a> {
    /// Nothing.
    None,
    /// Something that can't be read, or two methods at once.
    Malformed,
    /// A `client_id` alone.
    Bare {
        /// The client.
        client_id: &'a str,
    },
    /// An id and a secret.
    Secret {
        /// In the header or in the body.
        method: AuthMethod,
        /// The client.
        client_id: Cow<'a, str>,
        /// The secret.
        secret: Secret,
    },
    /// A JWT (`client_assertion`).
    Assertion {
        /// `client_id`, which must be the assertion's subject.
        client_id: Option<&'a str>,
        /// The JWT.
        assertion: &'a str,
    },
}

impl<'a> Credential<'a> {
    /// An id and a secret that were presented by a method.
    pub fn secret(method: AuthMethod, client_id: Cow<'a, str>, secret: impl Into<String>) -> Self {
        Self::Secret { method, client_id, secret: Secret::new(secret) }
    }
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(***)")
    }
}

/// A client as it was read, with its keys ready to verify.
#[derive(Debug)]
pub struct KnownClient {
    /// The client.
    pub client: Arc<Client>,
    keys: OnceLock<Vec<VerifyingKey>>,
    /// The latest epoch of the tenant that was read before the client was.
    there_at: AtomicI64,
}

impl KnownClient {
    /// A client that was read after the tenant's epoch, if that is known.
    pub fn new(client: Client, epoch: Option<Epoch>) -> Self {
        let there_at = AtomicI64::new(epoch.unwrap_or(UNKNOWN));
        Self { client: Arc::new(client), keys: OnceLock::new(), there_at }
    }

    /// The public keys that it has registered.
    pub fn keys(&self) -> &[VerifyingKey] {
        self.keys.get_or_init(|| {
            // What can't be read was never registered: both ways in refuse it.
            self.client.registration.jwks.iter().filter_map(|jwk| VerifyingKey::from_public_jwk(jwk).ok()).collect()
        })
    }

    /// The keys that check what it signs by a method.
    pub(crate) fn keys_for(&self, ctx: &Ctx, method: AuthMethod) -> Cow<'_, [VerifyingKey]> {
        match method {
            AuthMethod::PrivateKeyJwt => Cow::Borrowed(self.keys()),
            AuthMethod::ClientSecretJwt => Cow::Owned(self.secret_keys(ctx)),
            AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::None => Cow::Borrowed(&[]),
        }
    }

    /// One key for each HMAC algorithm that the secrets are long enough for (RFC 7518 section 3.2).
    fn secret_keys(&self, ctx: &Ctx) -> Vec<VerifyingKey> {
        let open = |secret: &ClientSecret| match secret {
            ClientSecret::Sealed(sealed) => ctx.keys.tokens.open(&place(&self.client.client_id), sealed),
            ClientSecret::Phc(_) | ClientSecret::Digest { .. } => None,
        };
        let secrets = self.client.secrets_at(ctx.now).filter_map(open);
        let keys = |secret: Vec<u8>| {
            JwsAlg::SYMMETRIC.into_iter().filter_map(move |alg| VerifyingKey::from_secret(alg, &secret).ok())
        };
        secrets.flat_map(keys).collect()
    }
}

/// Before any epoch.
const UNKNOWN: Epoch = -1;

impl Services {
    /// Makes sure that a client was there no earlier than the epoch of this request, if it has one. The cached client is as old
    /// as the request may believe, and the epoch may be younger: what is issued under it would outlive a deletion in between.
    ///
    /// # Errors
    /// [`Error::InvalidClient`] if it has been deleted.
    pub(super) async fn confirm_client(&self, ctx: &Ctx, known: &KnownClient) -> Result<()> {
        let Some(&epoch) = ctx.epoch.get() else { return Ok(()) };
        if known.there_at.load(Ordering::Relaxed) >= epoch {
            return Ok(());
        }
        let found = self.store.tenant(ctx.tenant.id).find_client(&known.client.client_id).await?;
        if found.is_none_or(|found| found.created_at != known.client.created_at) {
            return Err(Error::InvalidClient(ClientFault::Unknown));
        }
        known.there_at.fetch_max(epoch, Ordering::Relaxed);
        Ok(())
    }

    /// A client of the tenant.
    pub async fn known_client(&self, ctx: &Ctx, client_id: &str) -> Result<Option<Arc<KnownClient>>> {
        let tenant = ctx.tenant.id;
        let find = || async {
            let found = self.store.tenant(tenant).find_client(client_id).await?;
            Ok(found.map(|client| Arc::new(KnownClient::new(client, ctx.epoch.get().copied()))))
        };
        let shards = [Shard::of(tenant, Topic::Client, client_id.as_bytes())];
        let key = (tenant, client_id.to_owned());
        self.caches.clients.get_or_find((&self.coherence, ctx.freshness), key, &shards, find).await
    }

    /// Who the client is; a public client is only named. `path` is the endpoint, which an assertion may be addressed to.
    ///
    /// # Errors
    /// [`Error::InvalidClient`] whatever is wrong; [`Error::TooManyRequests`] after too many failures.
    pub async fn authenticate_client(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        path: &str,
    ) -> Result<Arc<KnownClient>> {
        let known = self.recognise(ctx, credential, path).await?;
        let _ = ctx.client.set(Arc::clone(&known.client)); // a request has one client
        Ok(known)
    }

    async fn recognise(&self, ctx: &Ctx, credential: &Credential<'_>, path: &str) -> Result<Arc<KnownClient>> {
        match credential {
            Credential::None => Err(Error::InvalidClient(ClientFault::Missing)),
            Credential::Malformed => Err(Error::InvalidClient(ClientFault::Malformed)),
            Credential::Bare { client_id } => {
                let found = self.known_client(ctx, client_id).await?;
                usable(found, AuthMethod::None).map_err(Error::InvalidClient)
            }
            Credential::Secret { method, client_id, secret } => self.by_secret(ctx, *method, client_id, secret).await,
            Credential::Assertion { client_id, assertion } => self.by_assertion(ctx, *client_id, assertion, path).await,
        }
    }

    async fn by_secret(&self, ctx: &Ctx, method: AuthMethod, id: &str, secret: &Secret) -> Result<Arc<KnownClient>> {
        let found = usable(self.known_client(ctx, id).await?, method);
        if let Ok(known) = &found
            && self.fits_at_once(ctx, &known.client, secret).await?
        {
            return Ok(Arc::clone(known));
        }
        self.attempts.check(ctx, Who::Client(id))?;
        let fault = match found {
            Ok(known) => match self.fits_slowly(ctx, &known.client, secret).await? {
                true => return Ok(known),
                false if known.client.secrets_at(ctx.now).next().is_none() => ClientFault::ExpiredSecret,
                false => ClientFault::WrongSecret,
            },
            Err(fault) => {
                self.passwords.verify(ctx.tenant.id, secret, None).await?;
                fault
            }
        };
        self.sign_in_failed(ctx, Who::Client(id));
        Err(Error::InvalidClient(fault))
    }

    /// Whether a secret is right, as far as that can be told without a slow hash.
    async fn fits_at_once(&self, ctx: &Ctx, client: &Client, secret: &Secret) -> Result<bool> {
        for stored in client.secrets_at(ctx.now) {
            let fits = match stored {
                ClientSecret::Phc(phc) => self.verified.contains(&self.verified_key(ctx, client, phc, secret)),
                ClientSecret::Digest { .. } | ClientSecret::Sealed(_) => {
                    self.secret_fits(ctx.tenant.id, &ctx.keys.tokens, &client.client_id, stored, secret).await?
                }
            };
            if fits {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a secret is right by a slow hash; at least one is computed, whatever the client has.
    async fn fits_slowly(&self, ctx: &Ctx, client: &Client, secret: &Secret) -> Result<bool> {
        let mut worked = false;
        for stored in client.secrets_at(ctx.now) {
            let ClientSecret::Phc(phc) = stored else { continue };
            worked = true;
            let key = self.verified_key(ctx, client, phc, secret);
            // Of many that come with one secret at once, one computes and the others read its result.
            let lane = self.verifying.lane(key);
            let turn = timeout(PATIENCE, lane.lock()).await;
            let _turn = turn.map_err(|_| Error::Unavailable("too many secrets are being checked".into()))?;
            if self.verified.contains(&key) {
                return Ok(true);
            }
            if self.passwords.verify(ctx.tenant.id, secret, Some(phc)).await? {
                self.verified.insert(key);
                return Ok(true);
            }
        }
        if !worked {
            self.passwords.verify(ctx.tenant.id, secret, None).await?;
        }
        Ok(false)
    }

    /// What a secret that was right is remembered by. The stored hash is part of it: another one empties the memory.
    fn verified_key(&self, ctx: &Ctx, client: &Client, phc: &str, secret: &Secret) -> [u8; 32] {
        let lengths = [client.client_id.len(), phc.len()].map(|length| (length as u64).to_be_bytes()).concat();
        let tenant = ctx.tenant.id.0.to_be_bytes();
        let id = client.client_id.as_bytes();
        hmac(&self.process_key, &[&tenant, &lengths, id, phc.as_bytes(), secret.expose().as_bytes()])
    }

    async fn by_assertion(&self, ctx: &Ctx, id: Option<&str>, text: &str, path: &str) -> Result<Arc<KnownClient>> {
        let bad = |fault: AssertionFault| {
            tracing::debug!(request_id = &*ctx.request_id, %fault, "client assertion refused");
            Error::InvalidClient(ClientFault::BadAssertion)
        };
        let unverified = jwt::parse(text).map_err(|fault| bad(fault.into()))?;
        let subject = jwt::text(&unverified.payload, "sub").ok().flatten().unwrap_or_default().to_owned();
        if id.is_some_and(|id| id != subject) {
            return Err(Error::InvalidClient(ClientFault::Malformed));
        }
        let found = signs(self.known_client(ctx, &subject).await?);
        let (known, method) = found.map_err(|fault| {
            unverified.waste();
            Error::InvalidClient(fault)
        })?;
        let jwt = unverified.verify_any(&known.keys_for(ctx, method)).map_err(|fault| bad(fault.into()))?;
        let claims = assertions::check(ctx, &jwt, path).map_err(bad)?;
        if claims.iss != subject || claims.sub != subject {
            return Err(bad(AssertionFault::Claim("iss")));
        }
        let jti = claims.jti.ok_or_else(|| bad(AssertionFault::Claim("jti")))?;
        if self.use_once(ctx, "jwt", &claims.iss, &jti, claims.life).await? {
            Ok(known)
        } else {
            Err(Error::InvalidClient(ClientFault::ReplayedAssertion))
        }
    }
}

/// The client, if it may authenticate by a JWT now, and how it signs.
fn signs(found: Option<Arc<KnownClient>>) -> Result<(Arc<KnownClient>, AuthMethod), ClientFault> {
    let method = found.as_ref().map_or(AuthMethod::PrivateKeyJwt, |known| known.client.registration.auth_method);
    if !matches!(method, AuthMethod::PrivateKeyJwt | AuthMethod::ClientSecretJwt) {
        return Err(ClientFault::WrongMethod);
    }
    usable(found, method).map(|known| (known, method))
}

/// The client, if it may authenticate by a method now.
fn usable(found: Option<Arc<KnownClient>>, method: AuthMethod) -> Result<Arc<KnownClient>, ClientFault> {
    let known = found.ok_or(ClientFault::Unknown)?;
    if !known.client.enabled {
        return Err(ClientFault::Disabled);
    }
    if known.client.registration.auth_method != method {
        return Err(ClientFault::WrongMethod);
    }
    Ok(known)
}
