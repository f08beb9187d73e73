//! Tenure: one process that serves many OAuth 2.0 / OpenID Connect issuers.
//!
//! # The map
//!
//! Six layers, each named after the question it answers. A line about X goes to the layer whose question it is.
//!
//! | layer | question | may import (ours) | foreign, exclusively |
//! | --- | --- | --- | --- |
//! | [`domain`] | what things are | – | – |
//! | [`tenancy`] | who a request is for | domain, crypto | toml |
//! | [`crypto`] | where secrets are handled | domain | josekit, `aws_lc_rs`, argon2, sha2, rand |
//! | [`cache`] | where hot values live | domain | moka |
//! | [`store`] | where rows live | domain | `sea_orm`, entity |
//! | [`service`] | how a use case runs | domain, tenancy, store, cache, crypto | – |
//! | [`http`] | what the wire looks like | domain, tenancy, service | poem, `poem_openapi` |
//! | [`app`], [`cli`], [`config`] | what is wired to what | everything | migration, clap |
//! | [`telemetry`] | what is counted and logged | – (anyone may import it) | prometheus, `tracing_subscriber` |
//!
//! `tests/architecture.rs` enforces the table.

pub mod app;
pub mod cache;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod http;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod tenancy;
