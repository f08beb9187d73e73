//! Tenants: the file that describes them.

mod file;
mod isolation;
