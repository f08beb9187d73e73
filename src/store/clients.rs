//! Clients: rows, and the origins they have registered.

use entity::client as row;
use sea_orm::ConnectionTrait;

use super::scoped::{TenantStore, values};
use crate::domain::coherence::{Shard, Topic};
use crate::domain::{Client, ClientSecret, Error, OldSecret, Result};

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// The client of an id.
    pub async fn find_client(&self, client_id: &str) -> Result<Option<Client>> {
        let sql = "SELECT * FROM client WHERE tenant_id = $1 AND client_id = $2";
        let found: Option<row::Model> = self.one(sql, values![client_id]).await?;
        found.map(to_thing).transpose()
    }

    /// The client of an id, locked until this transaction ends.
    pub async fn find_client_to_change(&self, client_id: &str) -> Result<Option<Client>> {
        let sql = format!("SELECT * FROM client WHERE tenant_id = $1 AND client_id = $2{}", self.for_update());
        let found: Option<row::Model> = self.one(&sql, values![client_id]).await?;
        found.map(to_thing).transpose()
    }

    /// The client of an id, locked until this transaction ends. Who finds none may make it: they take turns.
    pub async fn find_client_to_write(&self, client_id: &str) -> Result<Option<Client>> {
        if let Some(found) = self.find_client_to_change(client_id).await? {
            return Ok(Some(found));
        }
        self.hold(format!("client:{client_id}")).await?;
        self.find_client_to_change(client_id).await
    }

    /// The client of a number.
    pub async fn find_client_by_number(&self, number: i64) -> Result<Option<Client>> {
        let sql = "SELECT * FROM client WHERE tenant_id = $1 AND number = $2";
        let found: Option<row::Model> = self.one(sql, values![number]).await?;
        found.map(to_thing).transpose()
    }

    /// The client of an alias.
    pub async fn find_client_by_alias(&self, alias: &str) -> Result<Option<Client>> {
        let sql = "SELECT * FROM client WHERE tenant_id = $1 AND alias = $2";
        let found: Option<row::Model> = self.one(sql, values![alias]).await?;
        found.map(to_thing).transpose()
    }

    /// Whether an enabled client has registered an origin.
    pub async fn has_origin(&self, origin: &str) -> Result<bool> {
        let sql =
            "SELECT CAST(1 AS BIGINT) FROM client_origin o JOIN client c ON c.tenant_id = o.tenant_id AND c.client_id = o.client_id
            WHERE o.tenant_id = $1 AND o.origin = $2 AND c.enabled LIMIT 1";
        Ok(self.number(sql, values![origin]).await?.is_some())
    }

    /// Writes a client, in place of one with the same id.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another client has its number or alias.
    pub async fn upsert_client(&self, client: &Client) -> Result<()> {
        let sql = "INSERT INTO client (tenant_id, client_id, number, alias, enabled, by_operator, registration, secret,
                old_secret, old_secret_until, registration_token, digest, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            ON CONFLICT (tenant_id, client_id) DO UPDATE SET number = excluded.number, alias = excluded.alias,
                enabled = excluded.enabled, by_operator = excluded.by_operator, registration = excluded.registration,
                secret = excluded.secret, old_secret = excluded.old_secret,
                old_secret_until = excluded.old_secret_until, registration_token = excluded.registration_token,
                digest = excluded.digest, updated_at = excluded.updated_at";
        let registration = serde_json::to_string(&client.registration).map_err(Error::internal)?;
        let values = values![
            client.client_id.clone(),
            client.number,
            client.alias.clone(),
            client.enabled,
            client.by_operator,
            registration,
            client.secret.as_ref().map(to_bytes),
            client.old_secret.as_ref().map(|old| to_bytes(&old.secret)),
            client.old_secret.as_ref().map(|old| old.until),
            client.registration_token.clone(),
            client.digest.clone(),
            client.created_at,
            client.updated_at
        ];
        self.execute(sql, values).await.map_err(|error| match error {
            Error::Conflict(_) => Error::Conflict("another client has this number or alias".into()),
            other => other,
        })?;
        self.replace_origins(client).await?;
        self.touch_client(&client.client_id);
        Ok(())
    }

    /// Writes what an enabled client changes of itself: its registration and its secret. Tells whether there is one.
    pub async fn update_own_client(&self, client: &Client) -> Result<bool> {
        let sql =
            "UPDATE client SET registration = $3, secret = $4, old_secret = $5, old_secret_until = $6, updated_at = $7
            WHERE tenant_id = $1 AND client_id = $2 AND enabled";
        let values = values![
            client.client_id.clone(),
            serde_json::to_string(&client.registration).map_err(Error::internal)?,
            client.secret.as_ref().map(to_bytes),
            client.old_secret.as_ref().map(|old| to_bytes(&old.secret)),
            client.old_secret.as_ref().map(|old| old.until),
            client.updated_at
        ];
        let updated = self.execute(sql, values).await? == 1;
        self.touch_client(&client.client_id);
        Ok(updated)
    }

    /// Deletes a client; tells whether there was one.
    pub async fn delete_client(&self, client_id: &str) -> Result<bool> {
        // Its row first, as all who change it.
        let sql = "DELETE FROM client WHERE tenant_id = $1 AND client_id = $2";
        let deleted = self.execute(sql, values![client_id]).await? == 1;
        self.execute("DELETE FROM client_origin WHERE tenant_id = $1 AND client_id = $2", values![client_id]).await?;
        self.touch_client(client_id);
        Ok(deleted)
    }

    async fn replace_origins(&self, client: &Client) -> Result<()> {
        let id = client.client_id.as_str();
        self.execute("DELETE FROM client_origin WHERE tenant_id = $1 AND client_id = $2", values![id]).await?;
        for origin in &client.registration.origins {
            let sql = "INSERT INTO client_origin (tenant_id, origin, client_id) VALUES ($1, $2, $3)
                ON CONFLICT DO NOTHING";
            self.execute(sql, values![origin.clone(), id]).await?;
        }
        Ok(())
    }

    fn touch_client(&self, client_id: &str) {
        self.touch(Shard::of(self.tenant_id(), Topic::Client, client_id.as_bytes()));
    }
}

const PHC: u8 = 1;
const DIGEST: u8 = 2;
const SEALED: u8 = 3;

fn to_bytes(secret: &ClientSecret) -> Vec<u8> {
    match secret {
        ClientSecret::Phc(text) => [&[PHC], text.as_bytes()].concat(),
        ClientSecret::Digest { version, digest } => [[DIGEST, *version].as_slice(), digest].concat(),
        ClientSecret::Sealed(sealed) => [&[SEALED], sealed.as_slice()].concat(),
    }
}

fn from_bytes(bytes: &[u8]) -> Result<ClientSecret> {
    let broken = || Error::internal("a stored client secret can't be read");
    match bytes.split_first().ok_or_else(broken)? {
        (&PHC, text) => String::from_utf8(text.to_vec()).map(ClientSecret::Phc).map_err(|_| broken()),
        (&DIGEST, rest) => {
            let (version, digest) = rest.split_first().ok_or_else(broken)?;
            let digest = digest.try_into().map_err(|_| broken())?;
            Ok(ClientSecret::Digest { version: *version, digest })
        }
        (&SEALED, sealed) => Ok(ClientSecret::Sealed(sealed.to_vec())),
        _ => Err(broken()),
    }
}

pub(super) fn to_thing(row: row::Model) -> Result<Client> {
    let old_secret = match (row.old_secret, row.old_secret_until) {
        (Some(bytes), Some(until)) => Some(OldSecret { secret: from_bytes(&bytes)?, until }),
        _ => None,
    };
    Ok(Client {
        client_id: row.client_id,
        number: row.number,
        alias: row.alias,
        enabled: row.enabled,
        by_operator: row.by_operator,
        registration: serde_json::from_str(&row.registration).map_err(Error::internal)?,
        secret: row.secret.as_deref().map(from_bytes).transpose()?,
        old_secret,
        registration_token: row.registration_token,
        digest: row.digest,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}
