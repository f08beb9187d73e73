//! Reads by key that many ask for at once: while one statement runs, the next collects.
//!
//! There is no timer: who asks alone is served at once, by a statement of his own. Under load a statement serves dozens at
//! little more than the price of one. It begins after everybody it serves has asked, so that nobody is shown less than what
//! was durable when he came. Each tenant has its own queue, and so nobody waits for another tenant's rows.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sea_orm::DatabaseConnection;
use tokio::sync::oneshot;

use super::batch::Work;
use super::revocations::SelectorHash;
use super::{TenantStore, Watched};
use crate::domain::{
    AccessToken, Chain, ChainId, Code, CodeId, Epoch, Error, Grant, GrantId, Result, TenantId, TokenNumber,
};

/// What is read by key.
pub(super) struct Gathered {
    pub(super) codes: Gather<CodeId, Code>,
    pub(super) chains: Gather<ChainId, (Chain, Option<Grant>)>,
    pub(super) grants: Gather<GrantId, Grant>,
    pub(super) access_tokens: Gather<TokenNumber, AccessToken>,
    pub(super) revocations: Gather<SelectorHash, Epoch>,
}

impl Gathered {
    pub(super) fn new(conn: &Watched<DatabaseConnection>) -> Self {
        Self {
            codes: Gather::new(conn, |rows, ids| Box::pin(rows.find_codes(ids))),
            chains: Gather::new(conn, |rows, ids| Box::pin(rows.find_chains_and_grants(ids))),
            grants: Gather::new(conn, |rows, ids| Box::pin(rows.find_grants(ids))),
            access_tokens: Gather::new(conn, |rows, numbers| Box::pin(rows.access_tokens_by_number(numbers))),
            revocations: Gather::new(conn, |rows, selectors| Box::pin(rows.revocations_of(selectors))),
        }
    }
}

/// The keys that one statement names at most.
pub(super) const KEYS: usize = 64;

/// Finds what is there under some keys.
pub(super) type Load<K, V> =
    for<'t> fn(&'t TenantStore<'t, Watched<DatabaseConnection>>, &'t [K]) -> Work<'t, HashMap<K, V>>;

/// Rows of one kind, by key.
pub(super) struct Gather<K, V> {
    conn: Watched<DatabaseConnection>,
    load: Load<K, V>,
    queues: Arc<Mutex<Queues<K, V>>>,
}

/// Who waits; a tenant is in it for as long as a task serves it.
type Queues<K, V> = HashMap<TenantId, Vec<Asked<K, V>>>;

struct Asked<K, V> {
    keys: Vec<K>,
    reply: oneshot::Sender<Result<HashMap<K, V>>>,
}

impl<K, V> Clone for Gather<K, V> {
    fn clone(&self) -> Self {
        Self { conn: self.conn.clone(), load: self.load, queues: Arc::clone(&self.queues) }
    }
}

impl<K, V> Gather<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    pub(super) fn new(conn: &Watched<DatabaseConnection>, load: Load<K, V>) -> Self {
        Self { conn: conn.clone(), load, queues: Arc::default() }
    }

    /// What is there under a key.
    pub(super) async fn one(&self, tenant: TenantId, key: K) -> Result<Option<V>> {
        let mut found = self.all(tenant, vec![key.clone()]).await?;
        Ok(found.remove(&key))
    }

    /// What is there under some keys; at most [`KEYS`] of them.
    pub(super) async fn all(&self, tenant: TenantId, keys: Vec<K>) -> Result<HashMap<K, V>> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { keys, reply };
        let is_served = {
            let mut queues = lock(&self.queues);
            let is_served = queues.contains_key(&tenant);
            queues.entry(tenant).or_default().push(asked);
            is_served
        };
        if !is_served {
            // A task of its own: who asked first may go away, and the others still wait.
            tokio::spawn(self.clone().serve(tenant));
        }
        answer.await.map_err(|_| Error::Unavailable("a read was given up".into()))?
    }

    async fn serve(self, tenant: TenantId) {
        let mut serving = Serving { queues: Arc::clone(&self.queues), tenant, is_over: false };
        while let Some(round) = serving.next() {
            let mut keys: Vec<K> = round.iter().flat_map(|asked| asked.keys.iter().cloned()).collect();
            let mut named = std::collections::HashSet::with_capacity(keys.len());
            keys.retain(|key| named.insert(key.clone()));
            let rows = TenantStore::new(&self.conn, tenant);
            let found = (self.load)(&rows, &keys).await;
            for Asked { keys, reply } in round {
                let answer = match &found {
                    Ok(found) => {
                        Ok(keys.into_iter().filter_map(|key| found.get(&key).cloned().map(|v| (key, v))).collect())
                    }
                    Err(error) => Err(again(error)),
                };
                let _ = reply.send(answer); // who went away needs no answer
            }
        }
    }
}

/// The same fault, told to another.
fn again(error: &Error) -> Error {
    match error {
        Error::Unavailable(cause) => Error::Unavailable(cause.clone()),
        other => Error::Internal(other.to_string()),
    }
}

/// A task that serves a tenant. However it ends, the next who asks finds no queue and begins another; who waits in one that
/// ended early is told so.
struct Serving<K, V> {
    queues: Arc<Mutex<Queues<K, V>>>,
    tenant: TenantId,
    /// Whether its queue is gone; one of the same tenant is another task's.
    is_over: bool,
}

impl<K, V> Serving<K, V> {
    /// Who is served by the next statement; if nobody waits, the queue is gone.
    fn next(&mut self) -> Option<Vec<Asked<K, V>>> {
        let mut queues = lock(&self.queues);
        let waiting = queues.get_mut(&self.tenant)?;
        if waiting.is_empty() {
            queues.remove(&self.tenant);
            self.is_over = true;
            return None;
        }
        let mut keys = 0;
        let fit = waiting.iter().take_while(|asked| {
            keys += asked.keys.len();
            keys <= KEYS
        });
        let count = fit.count().max(1);
        Some(waiting.drain(..count).collect())
    }
}

impl<K, V> Drop for Serving<K, V> {
    fn drop(&mut self) {
        if !self.is_over {
            lock(&self.queues).remove(&self.tenant);
        }
    }
}

fn lock<K, V>(queues: &Mutex<Queues<K, V>>) -> MutexGuard<'_, Queues<K, V>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use futures_util::poll;

    use super::super::pulse::Pulse;
    use super::*;

    const TENANT: TenantId = TenantId(1);

    fn rows(load: Load<u32, u32>) -> Gather<u32, u32> {
        Gather::new(&Watched::new(DatabaseConnection::default(), &Pulse::new(false)), load)
    }

    /// Ten times each even key.
    fn even(keys: &[u32]) -> HashMap<u32, u32> {
        keys.iter().filter(|key| *key % 2 == 0).map(|key| (*key, key * 10)).collect()
    }

    #[tokio::test]
    async fn who_asks_meanwhile_shares_the_next_statement() {
        static STATEMENTS: AtomicUsize = AtomicUsize::new(0);
        let rows = rows(|_, keys| {
            Box::pin(async move {
                STATEMENTS.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(even(keys))
            })
        });
        let found = join_all((0..100).map(|key| rows.one(TENANT, key))).await;
        let found: Vec<Option<u32>> = found.into_iter().map(Result::unwrap).collect();
        assert_eq!(found, (0..100).map(|key| (key % 2 == 0).then_some(key * 10)).collect::<Vec<_>>());
        assert_eq!(STATEMENTS.load(Ordering::Relaxed), 2, "64 keys and 36");
        assert_eq!(rows.all(TENANT, vec![1, 2, 4]).await.unwrap(), HashMap::from([(2, 20), (4, 40)]));
        assert!(lock(&rows.queues).is_empty());
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_others_served() {
        let rows = rows(|_, keys| Box::pin(async move { Ok(even(keys)) }));
        let mut first = Box::pin(rows.one(TENANT, 2));
        assert!(poll!(&mut first).is_pending());
        let second = rows.one(TENANT, 4);
        drop(first);
        assert_eq!(second.await.unwrap(), Some(40));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_statement_that_ended_in_a_panic() {
        let rows = rows(|_, keys| {
            Box::pin(async move {
                assert!(!keys.contains(&13), "as this test wants it");
                Ok(even(keys))
            })
        });
        let asked = join_all([13, 2].map(|key| rows.one(TENANT, key))).await;
        assert!(asked.iter().all(|answer| matches!(answer, Err(Error::Unavailable(_)))), "{asked:?}");
        assert_eq!(rows.one(TENANT, 2).await.unwrap(), Some(20));
    }

    #[tokio::test]
    async fn a_fault_is_told_to_all() {
        let rows = rows(|_, _| Box::pin(async { Err(Error::Unavailable("gone".into())) }));
        let asked = join_all([1, 2].map(|key| rows.one(TENANT, key))).await;
        assert!(asked.iter().all(|answer| matches!(answer, Err(Error::Unavailable(cause)) if cause == "gone")));
    }
}
