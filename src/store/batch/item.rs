//! One write of a batch: what runs, how it fails, whom it answers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::super::claims::Claim;
use super::super::error::{from_db, is_canceled};
use super::super::scoped::Done;
use super::super::together::Together;
use super::super::{TenantStore, Tx};
use super::{Turn, Work, Write};
use crate::domain::{Error, Result, TenantId};

/// One queued write, whatever its types.
pub(super) trait Item: Send {
    /// When it has its turn.
    fn turn(&self) -> Turn;
    /// What it claims before all else.
    fn claim(&self) -> Option<Arc<Claim>>;
    /// Runs it and keeps what came of it. An [`Error::Unavailable`] is the whole batch's trouble, any other its own.
    fn run<'t>(&'t mut self, rows: &'t TenantStore<'t, Tx>) -> Work<'t, ()>;
    /// Takes notice of how the last of its rows were written.
    fn settle(&mut self, written: Result<()>) -> Result<(), Failure>;
    /// Tells whoever waits for it: what came of it, if the batch stands.
    fn answer(self: Box<Self>, outcome: Result<(), String>);
}

/// A write with its arguments, and where its answer goes.
pub(super) struct Queued<A, T> {
    pub(super) turn: Turn,
    pub(super) claim: Option<Arc<Claim>>,
    pub(super) args: A,
    pub(super) work: Write<A, T>,
    pub(super) done: Option<Result<T>>,
    pub(super) reply: oneshot::Sender<Result<T>>,
}

impl<A: Send + Sync, T: Send> Item for Queued<A, T> {
    fn turn(&self) -> Turn {
        self.turn
    }

    fn claim(&self) -> Option<Arc<Claim>> {
        self.claim.clone()
    }

    fn run<'t>(&'t mut self, rows: &'t TenantStore<'t, Tx>) -> Work<'t, ()> {
        self.done = None;
        Box::pin(async move {
            let work = AssertUnwindSafe(async { (self.work)(rows, &self.args).await });
            let ran = work.catch_unwind().await.unwrap_or_else(|_| {
                // Whatever it was in the middle of has to be undone.
                rows.leave_traces();
                Err(Error::internal("a write ended in a panic"))
            });
            match ran {
                Ok(value) => {
                    self.done = Some(Ok(value));
                    Ok(())
                }
                // A lock that somebody else holds is this item's trouble alone; a lost connection is everybody's.
                Err(Error::Unavailable(cause)) if !is_canceled(&cause) => Err(Error::Unavailable(cause)),
                Err(error) => {
                    self.done = Some(Err(error));
                    Err(Error::internal("the item failed"))
                }
            }
        })
    }

    fn settle(&mut self, written: Result<()>) -> Result<(), Failure> {
        written.map_err(|error| match error {
            Error::Unavailable(cause) => Failure::Batch(cause),
            other => {
                self.done = Some(Err(other));
                Failure::Item
            }
        })
    }

    fn answer(self: Box<Self>, outcome: Result<(), String>) {
        let Self { args, done, reply, .. } = *self;
        // Who asked may have a share in the arguments, and takes it back with the answer.
        drop(args);
        let answer = match (outcome, done) {
            // An error too may rest on what another of the batch did, which was undone with it.
            (Err(cause), _) => Err(Error::Unavailable(cause)),
            (Ok(()), Some(done)) => done,
            (Ok(()), None) => Err(Error::internal("a write was answered before it ran")),
        };
        // A caller that went away needs no answer; its write stands.
        let _ = reply.send(answer);
    }
}

/// How an item failed.
pub(super) enum Failure {
    /// The item failed and nothing of it is left; the others go on.
    Item,
    /// The item failed, and what it did must be undone.
    Traces,
    /// The connection or the whole transaction is lost.
    Batch(String),
}

/// What the items of a batch claim, each for its tenant.
pub(super) type Claims = Vec<Option<(TenantId, Arc<Claim>)>>;

/// Gathers the claims of a batch, which is in the order of tenants.
pub(super) fn claims(batch: &[Box<dyn Item>]) -> Claims {
    batch.iter().map(|item| item.claim().map(|claim| (item.turn().tenant(), claim))).collect()
}

/// Takes what is claimed; tells of each item that claims anything whether it has won.
pub(super) async fn take_claims(claims: Claims, tx: &Tx) -> Result<Vec<Option<bool>>, Failure> {
    let mut won = vec![None; claims.len()];
    let claims: Vec<_> = claims.iter().enumerate().filter_map(|(at, claim)| Some((at, claim.as_ref()?))).collect();
    for of_one in claims.chunk_by(|(_, (a, _)), (_, (b, _))| a == b) {
        let Some((_, (tenant, _))) = of_one.first() else { continue };
        let rows = TenantStore::new(tx, *tenant);
        let claims: Vec<&Claim> = of_one.iter().map(|(_, (_, claim))| claim.as_ref()).collect();
        let taken = rows.take_all(&claims).await.map_err(|error| match error {
            Error::Unavailable(cause) if !is_canceled(&cause) => Failure::Batch(cause),
            _ => Failure::Traces,
        })?;
        of_one.iter().zip(taken).for_each(|((at, _), taken)| won[*at] = Some(taken));
    }
    Ok(won)
}

/// Runs an item as one of several; `won` tells whether the batch has taken what it claims.
pub(super) async fn run(
    item: &mut Box<dyn Item>,
    tx: &Tx,
    together: &Together,
    won: Option<bool>,
) -> Result<Done, Failure> {
    let rows = TenantStore::together(tx, item.turn().tenant(), together, won);
    match item.run(&rows).await {
        Ok(()) => Ok(rows.take_done()),
        Err(Error::Unavailable(cause)) => Err(Failure::Batch(cause)),
        Err(_) if rows.take_done().left_traces => Err(Failure::Traces),
        Err(_) => Err(Failure::Item),
    }
}

/// Runs an item that can be undone alone.
pub(super) async fn run_under_savepoint(item: &mut Box<dyn Item>, tx: &Tx) -> Result<Done, Failure> {
    let lost = |e| Failure::Batch(from_db(e).to_string());
    let savepoint = tx.savepoint().await.map_err(lost)?;
    let together = Together::default();
    let ran = match run(item, &savepoint, &together, None).await {
        Ok(done) => item.settle(together.finish(&savepoint, false).await.map(|_| ())).map(|()| done),
        Err(failure) => Err(failure),
    };
    match ran {
        Ok(done) => savepoint.commit().await.map(|()| done).map_err(lost),
        Err(failure) => {
            savepoint.rollback().await.map_err(lost)?;
            Err(if matches!(failure, Failure::Traces) { Failure::Item } else { failure })
        }
    }
}
