//! Whether anything was committed, without asking SQLite: the head of the WAL index.
//!
//! The file beside the database that ends in `-shm` is memory that all connections, of all processes, share. Its first 48
//! bytes are documented (the WAL index header of SQLite's file format): among them a counter that every commit moves, the
//! number of frames and the salts of the log. A commit has written them before it returns. So whoever reads the same bytes
//! twice knows that nothing was committed in between; a head that is half written is merely another one.
//!
//! One read of a page that is in memory: a thousandth of what a statement costs that has to go to SQLite's thread and back.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::domain::coherence::Quiet;

/// Length of the header, in bytes.
const HEAD: usize = 48;

/// The header as it was at one moment.
pub(super) type Head = [u8; HEAD];

/// The shared-memory file of a database.
#[derive(Clone, Debug)]
pub(super) struct Index(Arc<File>);

impl Index {
    /// That of the database in this file; `None` if it has none (another journal mode).
    pub(super) fn open(database: &Path) -> Option<Self> {
        let mut name = database.as_os_str().to_owned();
        name.push("-shm");
        File::open(Path::new(&name)).ok().map(|file| Self(Arc::new(file)))
    }

    /// The header now.
    pub(super) fn head(&self) -> Option<Head> {
        let mut head = [0; HEAD];
        read(&self.0, &mut head).then_some(head)
    }

    /// Tells whether the header is still this one.
    pub(super) fn quiet_since(self, head: Head) -> Quiet {
        Quiet::new(move || self.head() == Some(head))
    }
}

#[cfg(unix)]
fn read(file: &File, into: &mut Head) -> bool {
    std::os::unix::fs::FileExt::read_exact_at(file, into, 0).is_ok()
}

/// Elsewhere every request polls.
#[cfg(not(unix))]
fn read(_: &File, _: &mut Head) -> bool {
    false
}
