//! Fairness and overload: how fast a tenant may ask, and how much is in work at all. Both are judged before a body is read,
//! and both are this process's own: a limit of a tenant holds for each replica.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::{Error, Result, TenantId};
use crate::telemetry::Metrics;
use crate::tenancy::Tenant;

/// How many requests are in work at once.
const AT_WORK: usize = 512;

/// How many more may wait for their turn.
const WAITING: usize = 1024;

/// How long they wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tenants are spread over this many locks.
const SHARDS: usize = 16;

/// How many tenants a shard remembers before it forgets those that are idle.
const REMEMBERED: usize = 4096;

/// The limits of this process.
#[derive(Debug)]
pub struct Gatekeeper {
    admitted: Arc<Semaphore>,
    working: Arc<Semaphore>,
    rates: [Mutex<HashMap<TenantId, Duration>>; SHARDS],
    started: Instant,
    metrics: Arc<Metrics>,
}

/// The right to be in work; ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    _permits: [OwnedSemaphorePermit; 2],
}

impl Gatekeeper {
    /// With nothing in work.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            admitted: Arc::new(Semaphore::new(AT_WORK + WAITING)),
            working: Arc::new(Semaphore::new(AT_WORK)),
            rates: std::array::from_fn(|_| Mutex::default()),
            started: Instant::now(),
            metrics,
        }
    }

    /// Refuses a request while the queue is full: asked before its body is read.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: nothing was begun.
    pub fn peek(&self) -> Result<()> {
        if self.admitted.available_permits() == 0 { Err(self.full()) } else { Ok(()) }
    }

    /// Waits for a turn, once the body is there: a slow body holds no turn.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the queue is full or the wait too long.
    pub async fn turn(&self) -> Result<Turn> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| self.full())?;
        let working = match Arc::clone(&self.working).try_acquire_owned() {
            Ok(working) => working,
            Err(_) => self.wait().await?,
        };
        Ok(Turn { _permits: [working, admitted] })
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit> {
        let working = tokio::time::timeout(PATIENCE, Arc::clone(&self.working).acquire_owned()).await;
        working.map_err(|_| self.full())?.map_err(Error::internal)
    }

    fn full(&self) -> Error {
        self.metrics.shed("requests");
        Error::Unavailable("too many requests are in work".to_owned())
    }

    /// Counts a request of a tenant against its limit (`limits.requests_per_second`).
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] past it.
    pub fn admit(&self, tenant: &Tenant) -> Result<()> {
        let limit = tenant.settings.limits.requests_per_second;
        if limit == 0 {
            return Ok(());
        }
        self.admit_at(tenant.id, limit, self.started.elapsed()).inspect_err(|_| self.metrics.shed("tenant"))
    }

    /// The generic cell rate algorithm: a tenant's time of arrival in theory runs ahead of the clock by one interval for each
    /// request; by more than a second, and it has asked too fast. One number a tenant.
    fn admit_at(&self, tenant: TenantId, limit: u32, now: Duration) -> Result<()> {
        let interval = Duration::from_secs(1) / limit;
        let shard = usize::try_from(tenant.0.unsigned_abs() % SHARDS as u64).unwrap_or(0);
        let Some(rates) = self.rates.get(shard) else { return Ok(()) };
        let mut rates = rates.lock().unwrap_or_else(PoisonError::into_inner);
        if rates.len() >= REMEMBERED {
            rates.retain(|_, due| *due > now);
        }
        let due = rates.entry(tenant).or_insert(now);
        let next = (*due).max(now) + interval;
        match next.checked_sub(now + Duration::from_secs(1)) {
            Some(wait) if !wait.is_zero() => Err(Error::TooManyRequests { retry_after: wait }),
            _ => {
                *due = next;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gatekeeper() -> Gatekeeper {
        Gatekeeper::new(Arc::new(Metrics::new().unwrap()))
    }

    fn admitted(gatekeeper: &Gatekeeper, tenant: i64, at: Duration, times: usize) -> usize {
        (0..times).filter(|_| gatekeeper.admit_at(TenantId(tenant), 5, at).is_ok()).count()
    }

    #[test]
    fn a_second_of_requests_may_come_at_once_and_no_more() {
        let gatekeeper = gatekeeper();
        assert_eq!(admitted(&gatekeeper, 1, Duration::ZERO, 20), 5);
        assert_eq!(admitted(&gatekeeper, 1, Duration::from_millis(199), 20), 0);
        assert_eq!(admitted(&gatekeeper, 1, Duration::from_millis(400), 20), 2);
        assert_eq!(admitted(&gatekeeper, 1, Duration::from_mins(1), 20), 5);
    }

    #[test]
    fn one_tenant_does_not_count_against_another() {
        let gatekeeper = gatekeeper();
        assert_eq!(admitted(&gatekeeper, 1, Duration::ZERO, 20), 5);
        assert_eq!(admitted(&gatekeeper, 17, Duration::ZERO, 20), 5);
    }

    #[test]
    fn a_refusal_says_how_long_to_wait() {
        let gatekeeper = gatekeeper();
        assert_eq!(admitted(&gatekeeper, 1, Duration::ZERO, 5), 5);
        let refused = gatekeeper.admit_at(TenantId(1), 5, Duration::ZERO).unwrap_err();
        assert!(matches!(refused, Error::TooManyRequests { retry_after } if retry_after == Duration::from_millis(200)));
    }

    #[test]
    fn idle_tenants_are_forgotten() {
        let gatekeeper = gatekeeper();
        for tenant in 0..i64::try_from(REMEMBERED).unwrap() * 2 {
            let of_one_shard = TenantId(tenant * i64::try_from(SHARDS).unwrap());
            let _ = gatekeeper.admit_at(of_one_shard, 5, Duration::from_secs(tenant.unsigned_abs()));
        }
        assert!(gatekeeper.rates[0].lock().unwrap().len() <= REMEMBERED);
    }

    #[tokio::test]
    async fn past_the_queue_requests_are_shed() {
        let gatekeeper = Arc::new(gatekeeper());
        let mut turns = Vec::new();
        for _ in 0..AT_WORK {
            turns.push(gatekeeper.turn().await.unwrap());
        }
        let queued: Vec<_> = (0..WAITING)
            .map(|_| {
                let gatekeeper = Arc::clone(&gatekeeper);
                tokio::spawn(async move { gatekeeper.turn().await.map(|_| ()) })
            })
            .collect();
        while gatekeeper.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(gatekeeper.peek().is_err());
        assert!(matches!(gatekeeper.turn().await, Err(Error::Unavailable(_))));
        turns.clear();
        for one in queued {
            assert!(one.await.unwrap().is_ok());
        }
        assert!(gatekeeper.peek().is_ok());
    }
}
