//! What things are: pure types and rules, no I/O, nothing of ours imported.

pub mod clock;
pub mod error;
pub mod tenant;

pub use clock::{Clock, NEVER, Seconds};
pub use error::{ClientFault, Error, Forbidden, GrantFault, Kind, Result};
pub use tenant::{TenantId, Tid};
