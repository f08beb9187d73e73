//! Grants: each answers whether tokens may be issued, to whom and on what terms.

pub mod refresh_token;
