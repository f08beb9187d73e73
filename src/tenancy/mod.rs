//! Who a request is for: tenants, their settings, the file that describes them, and how a request names one.

pub mod entry;
pub mod hash;
pub mod settings;
pub mod tenant;

pub use entry::{AssertionIssuerEntry, AssertionKind, ClientEntry, JwkSet, TenantEntry, UserEntry};
pub use hash::TokenHash;
pub use settings::TenantSettings;
pub use tenant::Tenant;
