//! Another master key: every tenant's secrets are sealed anew under it. What the secrets themselves seal stays as it is.

use super::{open, place};
use crate::crypto::seal::MasterKey;
use crate::domain::{Error, Result, TenantId};
use crate::service::Services;
use crate::store::Store;
use crate::store::secrets::StoredSecret;

/// How many tenants are read at a time.
const PAGE: u32 = 1000;

impl Services {
    /// Seals all secrets under `new`. No server may run meanwhile, since it would read what it can't open. Safe to be run
    /// again after it broke off: what is sealed under `new` already is left alone. Returns how many were sealed anew.
    ///
    /// # Errors
    /// [`Error::Internal`] for a secret that neither key opens; what was sealed anew stays so.
    pub async fn rewrap(&self, new: MasterKey) -> Result<u64> {
        let (mut done, mut after) = (0, String::new());
        loop {
            let page = self.store.list_tenants(&after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.tid.to_string();
            for tenant in &page {
                done += self.rewrap_tenant(tenant.id, &new).await?;
            }
        }
        self.rewrap_platform(&new).await?;
        Ok(done)
    }

    async fn rewrap_tenant(&self, tenant: TenantId, new: &MasterKey) -> Result<u64> {
        let secrets = self.store.tenant(tenant).list_secrets().await?;
        let sealed: Vec<StoredSecret> = secrets
            .iter()
            .filter_map(|secret| self.rewrapped(tenant, secret, new).transpose())
            .collect::<Result<_>>()?;
        let count = sealed.len() as u64;
        if count > 0 {
            self.store
                .write(tenant, sealed, |rows, sealed| {
                    Box::pin(async move {
                        for secret in sealed {
                            rows.upsert_secret(secret).await?;
                        }
                        Ok(())
                    })
                })
                .await?;
        }
        Ok(count)
    }

    /// A secret sealed anew; `None` if it is already.
    fn rewrapped(&self, tenant: TenantId, secret: &StoredSecret, new: &MasterKey) -> Result<Option<StoredSecret>> {
        let place = place(tenant, secret.purpose, secret.version);
        match open(&self.master, tenant, secret) {
            Ok(plain) => Ok(Some(StoredSecret { sealed: new.seal(&place, &plain), ..secret.clone() })),
            Err(_) if new.open(&place, &secret.sealed).is_some() => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

impl Services {
    /// What is the platform's own: the keys of the digests that tell whether a tenants file has changed, which come from the
    /// first master key for ever, and the proof that a master key is the right one.
    async fn rewrap_platform(&self, new: &MasterKey) -> Result<()> {
        let keys = self.digest_keys().await?;
        self.store.set_platform_state(DIGEST_KEYS, new.seal(DIGEST_KEYS.as_bytes(), keys.as_slice())).await?;
        self.store.set_platform_state(PROOF, new.seal(PROOF.as_bytes(), PROOF.as_bytes())).await
    }

    /// The keys of the digests of tenants files: of whole entries, and of clients and users.
    pub(crate) async fn digest_keys(&self) -> Result<&DigestKeys> {
        self.digest_keys.get_or_try_init(|| self.load_digest_keys()).await
    }

    async fn load_digest_keys(&self) -> Result<DigestKeys> {
        match self.store.platform_state(DIGEST_KEYS).await? {
            None => Ok(DigestKeys::of(&self.master)),
            Some(sealed) => {
                let plain = self.master.open(DIGEST_KEYS.as_bytes(), &sealed).ok_or_else(wrong_key)?;
                let plain: [u8; 64] = plain.as_slice().try_into().map_err(Error::internal)?;
                Ok(DigestKeys(zeroize::Zeroizing::new(plain)))
            }
        }
    }

    /// Refuses a master key that is not the one that this database was sealed under.
    ///
    /// # Errors
    /// [`Error::Internal`] when it is another one.
    pub async fn check_master_key(&self) -> Result<()> {
        let proof = self.master.seal(PROOF.as_bytes(), PROOF.as_bytes());
        let stored = self.store.settle_platform_state(PROOF, proof).await?;
        self.master.open(PROOF.as_bytes(), &stored).map(|_| ()).ok_or_else(wrong_key)
    }
}

/// Whether a database holds what was sealed under a master key.
pub(crate) async fn is_sealed(store: &Store) -> Result<bool> {
    Ok(store.platform_state(PROOF).await?.is_some())
}

const DIGEST_KEYS: &str = "digest-keys";
const PROOF: &str = "master-key-proof";

fn wrong_key() -> Error {
    Error::invalid("the master key is not the one that this database was sealed under")
}

/// Two keys of 32 bytes: for the digests of whole entries of a tenants file, and for those of clients and users.
pub(crate) struct DigestKeys(zeroize::Zeroizing<[u8; 64]>);

impl DigestKeys {
    fn of(master: &MasterKey) -> Self {
        let mut both = zeroize::Zeroizing::new([0; 64]);
        both[..32].copy_from_slice(&master.derive(b"tenants file"));
        both[32..].copy_from_slice(&master.derive(b"tenure/entry"));
        Self(both)
    }

    fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// For whole entries.
    pub(crate) fn entries(&self) -> [u8; 32] {
        std::array::from_fn(|i| self.0[i])
    }

    /// For clients and users.
    pub(crate) fn parties(&self) -> [u8; 32] {
        std::array::from_fn(|i| self.0[32 + i])
    }
}
