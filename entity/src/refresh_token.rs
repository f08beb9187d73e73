//! Refresh token chains.

use sea_orm::entity::prelude::*;

/// A row of `refresh_token`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub number: i64,
    pub grant_id: Vec<u8>,
    pub authorization_id: Vec<u8>,
    pub stored: bool,
    #[sea_orm(column_type = "Text")]
    pub sub: String,
    #[sea_orm(column_type = "Text")]
    pub cid: String,
    #[sea_orm(column_type = "Text")]
    pub act: String,
    pub epoch: i64,
    pub ver: i16,
    pub generation: i64,
    pub rotated_at: Option<i64>,
    pub current_used: bool,
    pub issued_at: i64,
    pub expires_at: i64,
    pub max_idle: i64,
    pub used_at: i64,
    pub deadline: i64,
    #[sea_orm(column_type = "Text")]
    pub scope: String,
    pub foreign_digest: Option<Vec<u8>>,
    pub foreign_sealed: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
