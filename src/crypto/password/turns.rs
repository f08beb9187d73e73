//! Whose turn it is to hash a password: a bounded queue that tenants share fairly.
//!
//! Tenants take turns, so that who has one request waiting is served next but one, however many another has. A full queue
//! takes a request by turning away the latest of the tenant that has most; the tenant that has most finds no place itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::domain::TenantId;

/// A bounded number of turns at once, and a bounded queue for them.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    state: Arc<Mutex<State>>,
    at_once: usize,
    places: usize,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// The tenants that wait, in the order of their turns; none without a request.
    tenants: VecDeque<(TenantId, VecDeque<Waiting>)>,
    waiting: usize,
    next: u64,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    tell: oneshot::Sender<Turn>,
}

/// The right to work; the next one in the queue gets it when it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Turns>);

/// A place in the queue; given up when it is dropped.
struct Place<'a> {
    turns: &'a Turns,
    tenant: TenantId,
    ticket: u64,
}

impl Turns {
    /// At most so many turns at once, and so many places in the queue.
    pub(super) fn new(at_once: usize, places: usize) -> Self {
        let state = State { free: at_once, tenants: VecDeque::new(), waiting: 0, next: 0 };
        Self { state: Arc::new(Mutex::new(state)), at_once, places }
    }

    /// How many turns are taken, and how many requests wait.
    pub(super) fn load(&self) -> (usize, usize) {
        let state = self.state();
        (self.at_once.saturating_sub(state.free), state.waiting)
    }

    /// Waits for a turn; `None` if there is no place to wait, or not any more, or `patience` is over.
    pub(super) async fn take(&self, tenant: TenantId, patience: Duration) -> Option<Turn> {
        let (place, told) = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Some(Turn(Some(self.clone())));
            }
            if state.waiting >= self.places && !state.make_room(tenant) {
                return None;
            }
            let (tell, told) = oneshot::channel();
            (Place { turns: self, tenant, ticket: state.queue(tenant, tell) }, told)
        };
        let turn = timeout(patience, told).await.ok()?.ok();
        drop(place);
        turn
    }

    /// Gives a turn that has ended to the next request that is still there.
    fn pass_on(&self) {
        loop {
            let next = {
                let mut state = self.state();
                let next = state.pop();
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            let Some(waiting) = next else { return };
            match waiting.tell.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // It has gone away; its turn is not over, it never began.
                Err(mut turn) => turn.0 = None,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn queue(&mut self, tenant: TenantId, tell: oneshot::Sender<Turn>) -> u64 {
        let ticket = self.next;
        self.next += 1;
        self.waiting += 1;
        let waiting = Waiting { ticket, tell };
        match self.tenants.iter_mut().find(|(id, _)| *id == tenant) {
            Some((_, queue)) => queue.push_back(waiting),
            None => self.tenants.push_back((tenant, VecDeque::from([waiting]))),
        }
        ticket
    }

    /// The next request: the first of the tenant whose turn it is, which then comes last.
    fn pop(&mut self) -> Option<Waiting> {
        let (tenant, mut queue) = self.tenants.pop_front()?;
        let next = queue.pop_front();
        if !queue.is_empty() {
            self.tenants.push_back((tenant, queue));
        }
        self.waiting -= usize::from(next.is_some());
        next
    }

    /// Turns away the latest request of the tenant that has most, if that leaves it no fewer than `tenant` then has.
    fn make_room(&mut self, tenant: TenantId) -> bool {
        let own = self.tenants.iter().find(|(id, _)| *id == tenant).map_or(0, |(_, queue)| queue.len());
        let Some((_, most)) = self.tenants.iter_mut().max_by_key(|(_, queue)| queue.len()) else { return false };
        if most.len() < own + 2 {
            return false;
        }
        most.pop_back();
        self.waiting -= 1;
        true
    }

    fn give_up(&mut self, tenant: TenantId, ticket: u64) {
        let Some(at) = self.tenants.iter().position(|(id, _)| *id == tenant) else { return };
        let queue = &mut self.tenants[at].1;
        let before = queue.len();
        queue.retain(|waiting| waiting.ticket != ticket);
        self.waiting -= before - queue.len();
        if queue.is_empty() {
            self.tenants.remove(at);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turns.state().give_up(self.tenant, self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);
    const A: TenantId = TenantId(1);
    const B: TenantId = TenantId(2);
    const C: TenantId = TenantId(3);

    /// Lets `tenants` queue in that order behind a turn that is taken, and tells in which order they got theirs.
    async fn served(turns: &Turns, tenants: &[TenantId]) -> Vec<TenantId> {
        let held = turns.take(A, LONG).await.unwrap();
        let order = Mutex::new(Vec::new());
        let one = async |tenant| {
            if let Some(turn) = turns.take(tenant, LONG).await {
                order.lock().unwrap().push(tenant);
                drop(turn);
            }
        };
        let all = futures_util::future::join_all(tenants.iter().map(|tenant| one(*tenant)));
        // `join!` polls in order: all have queued when the turn ends.
        tokio::join!(all, async { drop(held) });
        assert_eq!(turns.load(), (0, 0));
        order.into_inner().unwrap()
    }

    #[tokio::test]
    async fn tenants_take_turns() {
        assert_eq!(served(&Turns::new(1, 9), &[A, A, A, A, B, C, B]).await, [A, B, C, A, B, A, A]);
    }

    #[tokio::test]
    async fn who_has_most_makes_room() {
        assert_eq!(served(&Turns::new(1, 4), &[A, A, A, A, B]).await, [A, B, A, A]);
        assert_eq!(served(&Turns::new(1, 4), &[A, A, A, A, B, B, B]).await, [A, B, A, B]);
        assert_eq!(served(&Turns::new(1, 3), &[A, A, A, A]).await, [A, A, A]);
        assert_eq!(served(&Turns::new(1, 2), &[A, B, C]).await, [A, B], "one each: nobody has to go");
    }

    #[tokio::test]
    async fn a_place_is_given_up_by_who_goes_away() {
        let turns = Turns::new(1, 1);
        let held = turns.take(A, LONG).await.unwrap();
        assert!(turns.take(B, Duration::from_millis(1)).await.is_none());
        assert_eq!(turns.load(), (1, 0));
        let (waited, ()) = tokio::join!(turns.take(C, LONG), async { drop(held) });
        assert_eq!(turns.load(), (1, 0));
        drop(waited.unwrap());
        assert_eq!(turns.load(), (0, 0));
    }
}
