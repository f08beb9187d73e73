//! Users.

use entity::end_user as row;
use sea_orm::ConnectionTrait;

use super::scoped::{TenantStore, values};
use crate::domain::coherence::{Shard, Topic};
use crate::domain::{Error, Result, User};

impl<C: ConnectionTrait> TenantStore<'_, C> {
    /// The user of a name.
    pub async fn find_user(&self, username: &str) -> Result<Option<User>> {
        let sql = "SELECT * FROM end_user WHERE tenant_id = $1 AND username = $2";
        let found: Option<row::Model> = self.one(sql, values![username]).await?;
        Ok(found.map(to_thing))
    }

    /// The user of a name, locked until this transaction ends.
    pub async fn find_user_to_change(&self, username: &str) -> Result<Option<User>> {
        let sql = format!("SELECT * FROM end_user WHERE tenant_id = $1 AND username = $2{}", self.for_update());
        let found: Option<row::Model> = self.one(&sql, values![username]).await?;
        Ok(found.map(to_thing))
    }

    /// The user of a name, locked until this transaction ends. Who finds none may make it: they take turns.
    pub async fn find_user_to_write(&self, username: &str) -> Result<Option<User>> {
        if let Some(found) = self.find_user_to_change(username).await? {
            return Ok(Some(found));
        }
        self.hold(format!("user:{username}")).await?;
        self.find_user_to_change(username).await
    }

    /// The user of a subject.
    pub async fn find_user_by_sub(&self, sub: &str) -> Result<Option<User>> {
        let sql = "SELECT * FROM end_user WHERE tenant_id = $1 AND sub = $2";
        let found: Option<row::Model> = self.one(sql, values![sub]).await?;
        Ok(found.map(to_thing))
    }

    /// The user of an id of the token management API.
    pub async fn find_user_by_uuid(&self, uuid: &str) -> Result<Option<User>> {
        let sql = "SELECT * FROM end_user WHERE tenant_id = $1 AND uuid = $2";
        let found: Option<row::Model> = self.one(sql, values![uuid]).await?;
        Ok(found.map(to_thing))
    }

    /// Replaces the hash of a user's password by another one of the same password, if it is still that one.
    pub async fn renew_password_hash(&self, username: &str, old: &str, new: &str) -> Result<()> {
        let sql =
            "UPDATE end_user SET password_hash = $4 WHERE tenant_id = $1 AND username = $2 AND password_hash = $3";
        if self.execute(sql, values![username, old, new]).await? > 0 {
            self.touch_user(username);
        }
        Ok(())
    }

    /// Writes a user, in place of one with the same name.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another user has its subject or id.
    pub async fn upsert_user(&self, user: &User) -> Result<()> {
        let sql = "INSERT INTO end_user (tenant_id, username, sub, uuid, password_hash, enabled, admin, digest,
                created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (tenant_id, username) DO UPDATE SET sub = excluded.sub, uuid = excluded.uuid,
                password_hash = excluded.password_hash, enabled = excluded.enabled, admin = excluded.admin,
                digest = excluded.digest, updated_at = excluded.updated_at";
        let values = values![
            user.username.clone(),
            user.sub.clone(),
            user.uuid.clone(),
            user.password_hash.clone(),
            user.enabled,
            user.admin,
            user.digest.clone(),
            user.created_at,
            user.updated_at
        ];
        self.execute(sql, values).await.map_err(|error| match error {
            Error::Conflict(_) => Error::Conflict("another user has this sub or id".into()),
            other => other,
        })?;
        self.touch_user(&user.username);
        Ok(())
    }

    /// Deletes a user; tells whether there was one.
    pub async fn delete_user(&self, username: &str) -> Result<bool> {
        let sql = "DELETE FROM end_user WHERE tenant_id = $1 AND username = $2";
        let deleted = self.execute(sql, values![username]).await? == 1;
        self.touch_user(username);
        Ok(deleted)
    }

    fn touch_user(&self, username: &str) {
        self.touch(Shard::of(self.tenant_id(), Topic::User, username.as_bytes()));
    }
}

pub(super) fn to_thing(row: row::Model) -> User {
    User {
        username: row.username,
        sub: row.sub,
        uuid: row.uuid,
        password_hash: row.password_hash,
        enabled: row.enabled,
        admin: row.admin,
        digest: row.digest,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
