//! tests
mod tenancy;
