//! A tenant: settings as JSON without secrets, and a sealed part with those that must be read back.

use sea_orm::entity::prelude::*;

/// A row of `tenant`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: i64,
    #[sea_orm(column_type = "Text")]
    pub tid: String,
    pub status: i16,
    #[sea_orm(column_type = "Text")]
    pub settings: String,
    pub sealed: Option<Vec<u8>>,
    pub digest: Option<Vec<u8>>,
    pub version: i64,
    pub has_imports: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub longest_token: i64,
    pub unregistered_until: i64,
    pub keys_due_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
