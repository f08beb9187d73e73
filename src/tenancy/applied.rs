//! What applying a tenants file did.

use std::fmt;

use crate::domain::Tid;

/// How to apply a tenants file.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions {
    /// Only tell what would be done.
    pub dry_run: bool,
    /// Make deleted tenants anew.
    pub recreate: bool,
}

/// What was done with one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The tenant.
    pub tid: Tid,
    /// What was done.
    pub outcome: Outcome,
}

/// What was done with one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The tenant is new.
    Created,
    /// Its entry has changed since it was last applied.
    Updated,
    /// Its entry is the same as when it was last applied.
    Unchanged,
    /// The tenant was deleted, and stays so without `--recreate`.
    Deleted,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Deleted => "skipped: it was deleted (--recreate makes it anew)",
        })
    }
}
