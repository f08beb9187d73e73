//! Clients of a tenant.

use sea_orm::entity::prelude::*;

/// A row of `client`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: i64,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub client_id: String,
    pub number: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub alias: Option<String>,
    pub enabled: bool,
    pub by_operator: bool,
    #[sea_orm(column_type = "Text")]
    pub registration: String,
    pub secret: Option<Vec<u8>>,
    pub old_secret: Option<Vec<u8>>,
    pub old_secret_until: Option<i64>,
    pub registration_token: Option<Vec<u8>>,
    pub digest: Option<Vec<u8>>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
