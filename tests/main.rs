//! tests
mod coherence;
mod tenancy;
