//! Sealed secrets of a tenant: root secrets, the pairwise key, signing keys.

use entity::{signing_key, tenant_secret};
use sea_orm::ConnectionTrait;

use super::scoped::{TenantStore, values};
use crate::domain::{Error, Result, Seconds};

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The root from which token authenticators and sealing keys are derived; versioned.
    Root,
    /// The key of pairwise subjects; never rotated.
    Pairwise,
    /// The `oct` key that access tokens are encrypted with (`atc`).
    Content,
}

/// A sealed secret.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    /// What it is for.
    pub purpose: Purpose,
    /// Its version; the newest makes, older ones verify.
    pub version: u8,
    /// The secret, sealed under the master key.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Seconds,
}

/// A signing key: the public half in clear, the private one sealed.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// Its `kid`.
    pub kid: String,
    /// Its JWS algorithm.
    pub alg: String,
    /// Whether a migrating tenant brought it.
    pub brought: bool,
    /// The public JWK.
    pub public_jwk: String,
    /// The private JWK, sealed.
    pub sealed: Vec<u8>,
    /// From when on it is in the JWKS.
    pub published_at: Seconds,
    /// From when on it signs.
    pub signs_from: Seconds,
    /// Until when it signs.
    pub signs_until: Seconds,
    /// Until when it verifies and is in the JWKS.
    pub verifies_until: Seconds,
}

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// All secrets of the tenant, oldest first.
    pub async fn list_secrets(&self) -> Result<Vec<StoredSecret>> {
        let sql = "SELECT * FROM tenant_secret WHERE tenant_id = $1 ORDER BY purpose, version";
        let rows: Vec<tenant_secret::Model> = self.all(sql, values![]).await?;
        rows.into_iter()
            .map(|r| {
                Ok(StoredSecret {
                    purpose: purpose(r.purpose)?,
                    version: u8::try_from(r.version).map_err(Error::internal)?,
                    sealed: r.sealed,
                    created_at: r.created_at,
                })
            })
            .collect()
    }

    /// Writes a secret, in place of one of the same purpose and version.
    pub async fn upsert_secret(&self, secret: &StoredSecret) -> Result<()> {
        let sql = "INSERT INTO tenant_secret (tenant_id, purpose, version, sealed, created_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (tenant_id, purpose, version) DO UPDATE SET sealed = excluded.sealed";
        let values = values![
            purpose_number(secret.purpose),
            i16::from(secret.version),
            secret.sealed.clone(),
            secret.created_at
        ];
        self.execute(sql, values).await.map(|_| ())
    }

    /// Destroys all secrets and private keys of the tenant.
    pub async fn shred_secrets(&self) -> Result<()> {
        self.execute("DELETE FROM tenant_secret WHERE tenant_id = $1", values![]).await?;
        self.execute("DELETE FROM signing_key WHERE tenant_id = $1", values![]).await.map(|_| ())
    }

    /// The signing keys of the tenant, oldest first.
    pub async fn list_keys(&self) -> Result<Vec<StoredKey>> {
        let sql = "SELECT * FROM signing_key WHERE tenant_id = $1 AND length(sealed) > 0 ORDER BY signs_from, kid";
        let rows: Vec<signing_key::Model> = self.all(sql, values![]).await?;
        Ok(rows
            .into_iter()
            .map(|r| StoredKey {
                kid: r.kid,
                alg: r.alg,
                brought: r.brought,
                public_jwk: r.public_jwk,
                sealed: r.sealed,
                published_at: r.published_at,
                signs_from: r.signs_from,
                signs_until: r.signs_until,
                verifies_until: r.verifies_until,
            })
            .collect())
    }

    /// Writes a new signing key, unless the tenant has had one of its `kid`.
    pub async fn insert_key(&self, key: &StoredKey) -> Result<()> {
        let sql = "INSERT INTO signing_key (tenant_id, kid, alg, brought, public_jwk, sealed, published_at, signs_from,
                signs_until, verifies_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (tenant_id, kid) DO NOTHING";
        let values = values![
            key.kid.clone(),
            key.alg.clone(),
            key.brought,
            key.public_jwk.clone(),
            key.sealed.clone(),
            key.published_at,
            key.signs_from,
            key.signs_until,
            key.verifies_until
        ];
        self.execute(sql, values).await.map(|_| ())
    }

    /// Writes when a signing key signs and verifies. One that was destroyed stays so.
    pub async fn update_key(&self, key: &StoredKey) -> Result<()> {
        let sql = "UPDATE signing_key SET signs_from = $3, signs_until = $4, verifies_until = $5
            WHERE tenant_id = $1 AND kid = $2 AND length(sealed) > 0";
        let values = values![key.kid.clone(), key.signs_from, key.signs_until, key.verifies_until];
        self.execute(sql, values).await.map(|_| ())
    }

    /// Whether the tenant has a signing key of this id, or has brought one that was destroyed since.
    pub async fn has_had_key(&self, kid: &str) -> Result<bool> {
        let sql = "SELECT COUNT(*) FROM signing_key WHERE tenant_id = $1 AND kid = $2";
        Ok(self.number(sql, values![kid]).await?.unwrap_or(0) > 0)
    }

    /// Destroys a signing key. Of one that the tenant brought its id stays: it might bring it again.
    pub async fn destroy_key(&self, kid: &str) -> Result<()> {
        let made = "DELETE FROM signing_key WHERE tenant_id = $1 AND kid = $2 AND NOT brought";
        let brought = "UPDATE signing_key SET sealed = $3, verifies_until = 0 WHERE tenant_id = $1 AND kid = $2";
        if self.execute(made, values![kid]).await? == 0 {
            self.execute(brought, values![kid, Vec::<u8>::new()]).await?;
        }
        Ok(())
    }
}

fn purpose(number: i16) -> Result<Purpose> {
    match number {
        0 => Ok(Purpose::Root),
        1 => Ok(Purpose::Pairwise),
        2 => Ok(Purpose::Content),
        _ => Err(Error::internal("an unknown purpose of a secret")),
    }
}

fn purpose_number(purpose: Purpose) -> i16 {
    match purpose {
        Purpose::Root => 0,
        Purpose::Pairwise => 1,
        Purpose::Content => 2,
    }
}
