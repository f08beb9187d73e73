//! What every use case is told first: for whom, when, in which request.

use std::sync::{Arc, OnceLock};

use super::keys::TenantKeys;
use crate::cache::Freshness;
use crate::cache::coherence::Stamps;
use crate::domain::{Client, Epoch, Seconds};
use crate::tenancy::Tenant;

/// The context of one request: the first argument of every service function.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The tenant that the request is for.
    pub tenant: Arc<Tenant>,
    /// Its keys.
    pub keys: Arc<TenantKeys>,
    /// The stamps of both. What is made with them may be kept in memory for as long as these are current: by the time it is
    /// made, the caches may know of a change that this request doesn't.
    pub(crate) as_of: Arc<Stamps>,
    /// The store's time.
    pub now: Seconds,
    /// What this request may believe of the caches.
    pub freshness: Freshness,
    /// The id of the request: in the log and, for failed client authentication, in the answer.
    pub request_id: Arc<str>,
    /// The client that has authenticated itself, once it has.
    pub client: Arc<OnceLock<Arc<Client>>>,
    /// The tenant's epoch, once it has been read: what this request issues is made under it.
    pub epoch: OnceLock<Epoch>,
}
