//! Stored, long-lived authorisations.

use sea_orm::entity::prelude::*;

/// A row of `authorization_record`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorization_record")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: i64,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub sub: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub cid: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub act: String,
    pub id: Vec<u8>,
    pub epoch: i64,
    pub newest_chain: Option<Vec<u8>>,
    #[sea_orm(column_type = "Text")]
    pub iss: String,
    pub iat: i64,
    pub uat: Option<i64>,
    #[sea_orm(column_type = "Text")]
    pub terms: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
