//! A private copy of a database that can't or must not be read in place.
//!
//! If no file changed while all were copied, they are what a crash at that moment would have left,
//! and SQLite recovers from a crash: it undoes the half-written transaction, here in the copy.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::location::beside;
use super::{Error, Result};
use crate::files::open_regular;

const ATTEMPTS: usize = 20;

/// The coarsest resolution of file times: several changes within it may look like one.
const TIME_RESOLUTION: Duration = Duration::from_millis(50);

/// The suffixes of the files that make up a database while SQLite writes it.
const SUFFIXES: [&str; 3] = ["", "-journal", "-wal"];

/// The largest file that is copied. A million builds take 0.7 GB.
const MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// The end of a rollback journal that names a super-journal, which SQLite deletes after the rollback
/// (<https://sqlite.org/fileformat2.html#the_rollback_journal>). Only transactions over several
/// databases have one, and ours never are.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// The copy. Dropping it deletes the file.
pub(super) struct PrivateCopy {
    folder: TempDir,
}

impl PrivateCopy {
    /// Returns the place for a copy.
    ///
    /// # Errors
    /// The folder for temporary files can't be written.
    pub(super) fn new() -> Result<Self> {
        let folder = TempDir::with_prefix("sccache-report-");
        let failed = |error| Error::failed("can't write to $TMPDIR", error);
        Ok(Self {
            folder: folder.map_err(failed)?,
        })
    }

    /// Copies the database at `path`.
    ///
    /// # Errors
    /// The database changes all the time ([`Error::Locked`]), or can't be copied, or its journal is
    /// forged.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::StorageFull => Error::DiskFull(env::temp_dir()),
            _ => Error::NotReadable(path.to_path_buf(), error),
        };
        let copy = Self::new()?;
        for _ in 0..ATTEMPTS {
            if copy_unchanged(path, &copy.path()).map_err(failed)? {
                let journal = beside(&copy.path(), "-journal");
                if names_super_journal(&journal).map_err(failed)? {
                    return Err(Error::ForgedJournal(path.to_path_buf()));
                }
                return Ok(copy);
            }
            sleep(TIME_RESOLUTION);
        }
        Err(Error::Locked(path.to_path_buf()))
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("copy")
    }
}

/// Copies all files, and returns whether none changed meanwhile.
fn copy_unchanged(from: &Path, to: &Path) -> io::Result<bool> {
    let Some(before) = state(from)? else {
        return Ok(false);
    };
    for suffix in SUFFIXES {
        let (from, to) = (beside(from, suffix), beside(to, suffix));
        match copy_file(&from, &to) {
            Err(error) if !suffix.is_empty() && error.kind() == io::ErrorKind::NotFound => {
                // An earlier attempt may have copied it.
                let _ = fs::remove_file(to);
            }
            copied => copied?,
        }
    }
    Ok(state(from)? == Some(before))
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let from = open_regular(from)?;
    let mut to = File::create(to)?;
    let length = from.metadata()?.len();
    if length > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let file_system = rustix::fs::fstatvfs(&to)?;
    if length > file_system.f_bavail.saturating_mul(file_system.f_frsize) / 2 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    // No more than its size: files in /proc have none, and reading some of them never ends.
    io::copy(&mut from.take(length), &mut to)?;
    Ok(())
}

fn names_super_journal(journal: &Path) -> io::Result<bool> {
    let mut file = match File::open(journal) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    let mut end = [0; JOURNAL_MAGIC.len()];
    if file.metadata()?.len() < end.len() as u64 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-(end.len() as i64)))?;
    file.read_exact(&mut end)?;
    Ok(end == JOURNAL_MAGIC)
}

/// Returns inode, size and modification time of each file that exists; `None` if one is so young
/// that another change may not show.
fn state(path: &Path) -> io::Result<Option<Vec<(u64, u64, SystemTime)>>> {
    let mut files = Vec::new();
    for suffix in SUFFIXES {
        let metadata = match fs::metadata(beside(path, suffix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        let modified = metadata.modified()?;
        let age = SystemTime::now().duration_since(modified);
        if age.is_ok_and(|age| age < TIME_RESOLUTION) {
            return Ok(None);
        }
        files.push((metadata.ino(), metadata.size(), modified));
    }
    Ok(Some(files))
}
