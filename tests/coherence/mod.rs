//! Caches that stay true over replicas (`cache::coherence`, `store::Feed`), on real databases.

mod database;
mod feed;
mod replicas;
