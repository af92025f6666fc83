//! A private copy of the database, for readers who can't or mustn't read it in place.
//!
//! Two files on disk that nobody changed while they were copied are what a crash at
//! that moment would have left, and SQLite makes a crash's remains whole: it undoes
//! the half-written transaction, here in the copy, where the reader may write.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::place::{beside, open_regular};
use super::{Error, Result};

/// How often a copy is tried before giving up.
const TRIES: usize = 20;

/// File times tick this coarsely at most: younger changes could hide in one tick.
const TICK: Duration = Duration::from_millis(50);

/// What SQLite keeps beside a database while it writes.
const BESIDE: [&str; 2] = ["-journal", "-wal"];

/// The largest file that is copied. A million builds take 0.7 GB.
const MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// How a rollback journal ends that names a super-journal, a file that SQLite deletes after the
/// rollback (<https://sqlite.org/fileformat2.html#the_rollback_journal>). Only transactions over
/// several databases have one, and ours never are.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// The copy; removed when dropped.
pub(super) struct Snapshot {
    folder: TempDir,
}

impl Snapshot {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("copy")
    }
}

/// Copies the database at `path` with what lies beside it.
///
/// # Errors
/// [`Error::Locked`] where it changes all the time, [`Error::NotReadable`] where it
/// can't be copied, [`Error::ForgedJournal`].
pub(super) fn take(path: &Path) -> Result<Snapshot> {
    let failed = |error| Error::NotReadable(path.to_path_buf(), error);
    let snapshot = Snapshot {
        folder: TempDir::with_prefix("sccache-report-").map_err(failed)?,
    };
    for _ in 0..TRIES {
        if copy(path, &snapshot.path()).map_err(failed)? {
            let journal = beside(&snapshot.path(), "-journal");
            return match names_another_file(&journal).map_err(failed)? {
                true => Err(Error::ForgedJournal(path.to_path_buf())),
                false => Ok(snapshot),
            };
        }
        sleep(TICK);
    }
    Err(Error::Locked(path.to_path_buf()))
}

/// Whether the copy is of one moment.
fn copy(from: &Path, to: &Path) -> io::Result<bool> {
    let before = state(from)?;
    if before.iter().flatten().any(|file| file.young) {
        return Ok(false);
    }
    copy_file(from, to)?;
    for suffix in BESIDE {
        let (from, to) = (beside(from, suffix), beside(to, suffix));
        match copy_file(&from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let _ = fs::remove_file(to);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(state(from)? == before)
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let from = open_regular(from)?;
    let mut to = fs::File::create(to)?;
    let length = from.metadata()?.len();
    if length > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let room = rustix::fs::fstatvfs(&to)?;
    if length > room.f_bavail.saturating_mul(room.f_frsize) / 2 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    // No more than its size: the kernel's own files have none, and reading one may never end.
    io::copy(&mut from.take(length), &mut to)?;
    Ok(())
}

/// Whether rolling back this journal deletes another file.
fn names_another_file(journal: &Path) -> io::Result<bool> {
    let mut file = match fs::File::open(journal) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    let mut end = [0; JOURNAL_MAGIC.len()];
    if file.metadata()?.len() < end.len() as u64 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-(end.len() as i64)))?;
    file.read_exact(&mut end)?;
    Ok(end == JOURNAL_MAGIC)
}

#[derive(PartialEq)]
struct FileState {
    inode: u64,
    size: u64,
    changed: (i64, i64),
    young: bool,
}

fn state(path: &Path) -> io::Result<[Option<FileState>; 3]> {
    Ok([
        file_state(path)?,
        file_state(&beside(path, BESIDE[0]))?,
        file_state(&beside(path, BESIDE[1]))?,
    ])
}

fn file_state(path: &Path) -> io::Result<Option<FileState>> {
    let what = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let age = SystemTime::now().duration_since(what.modified()?);
    Ok(Some(FileState {
        inode: what.ino(),
        size: what.size(),
        changed: (what.mtime(), what.mtime_nsec()),
        young: age.is_ok_and(|age| age < TICK),
    }))
}
