//! Signing keys: the public half in clear, the private one sealed.

use sea_orm::entity::prelude::*;

/// A row of `signing_key`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: i64,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub kid: String,
    #[sea_orm(column_type = "Text")]
    pub alg: String,
    pub brought: bool,
    #[sea_orm(column_type = "Text")]
    pub public_jwk: String,
    pub sealed: Vec<u8>,
    pub published_at: i64,
    pub signs_from: i64,
    pub signs_until: i64,
    pub verifies_until: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
