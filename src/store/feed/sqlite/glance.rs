//! Whether anything was committed, without asking SQLite: the head of the WAL index.
//!
//! The file beside the database that ends in `-shm` is memory that all connections, of all processes, share. Its first 48
//! bytes are documented (the WAL index header of SQLite's file format): among them a counter that every commit moves, the
//! number of frames and the salts of the log. A commit has written them before it returns. So whoever reads the same bytes
//! twice knows that nothing was committed in between; a head that is half written is merely another one.
//!
//! One read of a page that is in memory: a thousandth of what a statement costs that has to go to SQLite's thread and back.

use std::fs::{File, metadata};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;

use crate::domain::coherence::Quiet;

/// Length of the header, in bytes.
const HEAD: usize = 48;

/// The header as it was at one moment.
pub(super) type Head = [u8; HEAD];

/// The shared-memory file of a database.
///
/// It is never closed: a process that closes a file gives up all locks that it holds on it, through whatever else has it
/// open (POSIX), and SQLite holds locks on this one. Without them another process would write at the same time.
#[derive(Clone, Debug)]
pub(super) struct Index(Arc<ManuallyDrop<File>>);

impl Index {
    /// That of the database in this file; `None` if it has none (another journal mode). One that was open before is taken
    /// again, unless the file is another by now.
    pub(super) fn open(database: &Path, before: Option<Self>) -> Option<Self> {
        let mut name = database.as_os_str().to_owned();
        name.push("-shm");
        let name = Path::new(&name);
        if let Some(before) = before
            && before.is(name)
        {
            return Some(before);
        }
        File::open(name).ok().map(|file| Self(Arc::new(ManuallyDrop::new(file))))
    }

    #[cfg(unix)]
    fn is(&self, name: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let identity = |file: std::io::Result<std::fs::Metadata>| file.ok().map(|file| (file.dev(), file.ino()));
        identity(self.0.metadata()).is_some_and(|own| identity(metadata(name)) == Some(own))
    }

    #[cfg(not(unix))]
    fn is(&self, name: &Path) -> bool {
        metadata(name).is_ok()
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
