//! Grants: one per sign-in.

use sea_orm::entity::prelude::*;

/// A row of `authorization_grant`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorization_grant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub authorization_id: Vec<u8>,
    #[sea_orm(column_type = "Text")]
    pub sub: String,
    #[sea_orm(column_type = "Text")]
    pub cid: String,
    #[sea_orm(column_type = "Text")]
    pub act: String,
    pub epoch: i64,
    pub chain_id: Option<Vec<u8>>,
    #[sea_orm(column_type = "Text", nullable)]
    pub transient: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub iss: String,
    pub iat: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub authentication: Option<String>,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
