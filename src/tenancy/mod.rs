//! Who a request is for: tenants, their settings, the file that describes them, and how a request names one.

pub mod applied;
pub mod check;
pub mod entry;
pub mod fault;
pub mod file;
pub mod hash;
pub mod load;
pub mod name;
pub mod read;
pub mod refusal;
pub mod resolve;
pub mod settings;
mod source;
pub mod tenant;
mod uri;
pub mod view;

pub use applied::{Applied, ApplyOptions, Outcome};
pub use check::Origin;
pub use entry::{AssertionIssuerEntry, AssertionKind, ClientEntry, JwkSet, TenantEntry, UserEntry};
pub use fault::Fault;
pub use file::{Platform, TenantsFile};
pub use hash::TokenHash;
pub use load::{LoadError, Loaded, load};
pub use name::NameKind;
pub use refusal::{Hint, Refusal};
pub use resolve::{Directory, Hints, Resolved, resolve};
pub use settings::TenantSettings;
pub use tenant::Tenant;
