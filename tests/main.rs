//! tests
mod coherence;
mod http;
mod tenancy;
