//! The rows of Tenure's store: one file per table, no methods.

pub mod access_token;
pub mod audit;
pub mod authorization_code;
pub mod authorization_grant;
pub mod authorization_record;
pub mod client;
pub mod client_origin;
pub mod end_user;
pub mod platform_state;
pub mod refresh_token;
pub mod revocation;
pub mod signing_key;
pub mod tenant;
pub mod tenant_epoch;
pub mod tenant_name;
pub mod tenant_secret;
pub mod used_once;
