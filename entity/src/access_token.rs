//! Registered access tokens, identifier tokens and ID tokens.

use sea_orm::entity::prelude::*;

/// A row of `access_token`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "access_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub kind: i16,
    pub id: Option<Vec<u8>>,
    pub ver: i16,
    pub grant_id: Vec<u8>,
    pub authorization_id: Vec<u8>,
    pub chain_id: Option<Vec<u8>>,
    #[sea_orm(column_type = "Text")]
    pub sub: String,
    #[sea_orm(column_type = "Text")]
    pub cid: String,
    #[sea_orm(column_type = "Text")]
    pub act: String,
    pub has_user: bool,
    pub epoch: i64,
    pub issued_at: i64,
    pub expires_at: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub scope: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub snapshot: Option<String>,
    pub sealed: Option<Vec<u8>>,
    pub id_token: Option<i64>,
    pub signed_by: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
