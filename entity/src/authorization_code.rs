//! Authorisation codes; consumed and burnt ones stay for a while as tombstones.

use sea_orm::entity::prelude::*;

/// A row of `authorization_code`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorization_code")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub ver: i16,
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
    pub expires_at: i64,
    pub state: i16,
    pub used_at: Option<i64>,
    pub sealed: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
