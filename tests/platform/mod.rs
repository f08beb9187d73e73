//! The platform API: tenants, their clients, users and keys, the audit trail; what deletion, rotation and a restore leave.

mod apply;
mod audit;
mod deletion;
mod keys;
mod limits;
mod parties;
mod restore;
mod tenants;
