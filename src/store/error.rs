//! What a database says, in our words.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

use crate::domain::Error;

/// Turns a database error into ours: a taken unique key is a conflict, a lost or busy database is unavailable, the rest
/// is a fault of ours.
pub(crate) fn from_db(error: DbErr) -> Error {
    if let Some(SqlErr::UniqueConstraintViolation(_)) = error.sql_err() {
        return Error::Conflict("already exists".into());
    }
    if is_unavailable(&error) { Error::Unavailable(describe(&error)) } else { Error::Internal(describe(&error)) }
}

/// Whether the transaction lost against another and may be run again (PostgreSQL 40001 and 40P01, SQLite busy).
pub(crate) fn is_retryable(text: &str) -> bool {
    ["40001", "40P01", "database is locked", "deadlock detected", "could not serialize"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// Whether a connection that had been there broke.
pub(crate) fn is_broken(text: &str) -> bool {
    let broken = [
        "connection closed",
        "terminating connection",
        "expected to read",
        "unexpected end of file",
        "Broken pipe",
        "reset by peer",
    ];
    broken.iter().any(|sign| text.contains(sign)) && !text.contains("refused")
}

/// Whether the database gave up one statement, and the connection is as good as before.
pub(crate) fn is_canceled(text: &str) -> bool {
    text.contains("canceling statement due to")
}

fn is_unavailable(error: &DbErr) -> bool {
    let lost = match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(e)) | DbErr::Query(RuntimeErr::SqlxError(e)) => {
            let text = e.to_string();
            is_retryable(&text) || is_lost(&text)
        }
        _ => false,
    };
    lost || is_lost(&error.to_string())
}

/// Signs of a lost connection, a server that is stopping or starting (57P0x), a full disk (53100) or a read-only one.
fn is_lost(text: &str) -> bool {
    [
        "error communicating with database",
        "connection closed",
        "Connection refused",
        "terminating connection",
        "the database system is",
        "pool timed out",
        "closed pool",
        "PoolTimedOut",
        "expected to read",
        "unexpected end of file",
        "Broken pipe",
        "reset by peer",
        "statement timeout",
        "lock timeout",
        "WorkerCrashed",
        "database or disk is full",
        "No space left",
        "disk I/O error",
        "readonly database",
        "read-only transaction",
        "unable to open database file",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

fn describe(error: &DbErr) -> String {
    error.to_string()
}
