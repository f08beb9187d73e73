//! Revoked selectors, each with the epoch of its last revocation.

use sea_orm::entity::prelude::*;

/// A row of `revocation`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revocation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub selector: Vec<u8>,
    pub epoch: i64,
    pub revoked_at: i64,
    pub expires_at: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub sub: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub cid: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub act: Option<String>,
    pub kind: i16,
    pub thing: Option<Vec<u8>>,
    pub purged: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
