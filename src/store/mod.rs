//! Where rows live: the only layer that knows SeaORM and the `entity` crate.
//!
//! [`Store::tenant`] and the writer hand out the only value that reads or writes a tenant's rows, [`TenantStore`]; what it
//! runs always has the tenant as its first parameter. Writes go through the [`batch`] writer, which decides where
//! transactions begin and end.

pub mod batch;
mod claims;
mod error;
mod feed;
mod gather;
mod open;
mod pulse;
mod receipt;
mod scoped;
mod together;

pub mod access_tokens;
pub mod audit;
pub mod authorizations;
pub mod chains;
pub mod clients;
pub mod codes;
pub mod directory;
mod erase;
pub mod grants;
mod holds;
pub mod pairs;
pub mod parties;
pub mod purge;
pub mod revocations;
pub mod secrets;
pub mod sweep;
pub mod token_pages;
pub mod users;

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend};

pub use sea_orm::ConnectionTrait as Connection;

use crate::domain::{Result, TenantId};

pub use batch::{AfterCommit, Lock, Turn, Write};
pub use claims::{Claim, Step};
pub use feed::Feed;
pub use open::{Options, migrate};
pub use pulse::Watched;
pub use scoped::TenantStore;

/// The store of one process: a pool for reads and the writer.
#[derive(Clone)]
pub struct Store {
    reads: Watched<DatabaseConnection>,
    gathered: Arc<gather::Gathered>,
    writer: Arc<batch::Writer>,
    backend: DbBackend,
}

/// The transaction that a write runs in.
pub type Tx = Watched<DatabaseTransaction>;

impl Store {
    /// Opens the database, brings its schema up to date and starts the writer.
    ///
    /// # Errors
    /// When the database can't be reached, is not safe (`fsync` or `synchronous_commit` off), or can't be migrated.
    pub async fn open(options: &Options, after_commit: AfterCommit) -> Result<Self> {
        let opened = open::open(options).await?;
        let (reads, backend) = (opened.reads.clone(), opened.backend);
        let writer = batch::Writer::start(opened, after_commit, options.metrics.as_ref());
        let gathered = Arc::new(gather::Gathered::new(&reads));
        Ok(Self { reads, gathered, writer: Arc::new(writer), backend })
    }

    /// The rows of one tenant, for reading.
    pub fn tenant(&self, tenant: TenantId) -> TenantStore<'_, Watched<DatabaseConnection>> {
        TenantStore::gathered(&self.reads, tenant, &self.gathered)
    }

    /// Runs `work` on the rows of one tenant in a transaction of the writer, and answers once that is durable.
    ///
    /// `turn` is the tenant, with what the work locks first where many may want that at once ([`Lock`]).
    /// `work` may run more than once (after a deadlock): it borrows `args` and keeps nothing.
    ///
    /// # Errors
    /// What `work` returns, with nothing changed; [`crate::domain::Error::Unavailable`] when the queue is full or the
    /// database is lost.
    pub async fn write<A, T>(&self, turn: impl Into<Turn>, args: A, work: Write<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.writer.submit(turn.into(), None, args, work).await
    }

    /// As [`Store::write`], of a write that begins with a claim: a batch takes what all of its writes claim at once.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_claiming<A, T>(&self, tenant: TenantId, claim: Claim, args: A, work: Write<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.writer.submit((tenant, claim.lock()).into(), Some(claim), args, work).await
    }

    /// The pool, for the parts of the store that are not a tenant's.
    pub(crate) fn pool(&self) -> &Watched<DatabaseConnection> {
        &self.reads
    }

    /// Whether the database is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.backend == DbBackend::Postgres
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.reads.ping().await.map_err(error::from_db)
    }

    /// Removes a portion of what is old enough from the log of changes; tells how many rows, and whether there may be more.
    /// Housekeeping, to be called every minute.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn purge_changes(&self) -> Result<(u64, bool)> {
        let removed = feed::purge_changes(&self.reads).await?;
        Ok((removed, removed >= feed::PORTION))
    }

    /// Ends the writer once what is queued is written, and closes the pool.
    pub async fn close(&self) {
        self.writer.stop().await;
        self.reads.close().await;
    }
}
