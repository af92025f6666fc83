//! Snapshots: the statistics of one phase, kept in `${T}/.sccache-report` until `pkg_preinst`.
//!
//! User `portage` writes that folder and root reads it, so nothing in it is trusted: names are opened
//! relative to the folder and never through links, only regular files with one name are read, up to a
//! limit, and every string and number is checked.

mod leftover;
mod read;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FlockOperation, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::leftover::{find_set_aside, find_unfinished};
pub use self::read::Snapshots;
use super::Phase;
use crate::error::{Error, Result, ensure};
use crate::files::open_directory;

/// The folder in `${T}`.
pub const FOLDER: &str = ".sccache-report";

/// The longest snapshot in bytes, with hundreds of reasons. An ordinary one has 2 to 4 KB.
const MAX_BYTES: u64 = 64 * 1024;

const SCHEMA: u32 = 1;

/// The content of the file `ID.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    schema: u32,
    id: Uuid,
    /// Without its compilations.
    phase: Phase,
    /// Whether the phase's compilations are in the file `ID.compilations`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_compilations: bool,
}

fn file_name(id: Uuid) -> String {
    format!("{id}.json")
}

/// The end of the name of a file with compilations.
const LIST_SUFFIX: &str = ".compilations";

fn list_name(id: Uuid) -> String {
    format!("{id}{LIST_SUFFIX}")
}

/// Writes a snapshot into `${T}`, atomically. Replaces one with the same id. If only the compilations
/// can't be written, [`Snapshots`] has a warning.
///
/// # Errors
/// Returns an error if the folder or the file can't be created.
pub fn write_snapshot(id: Uuid, t: &Path, phase: &Phase) -> Result<()> {
    let folder = open_or_create_folder(t)?;
    let mut phase = phase.clone();
    let compilations = phase.compilations.take();
    let snapshot = Snapshot {
        schema: SCHEMA,
        id,
        has_compilations: compilations.is_some(),
        phase,
    };
    let content = serde_json::to_vec(&snapshot)?;
    ensure!(
        content.len() as u64 <= MAX_BYTES,
        "the statistics of the {} phase are longer than {MAX_BYTES} bytes",
        snapshot.phase.name
    );
    // First, because there is no snapshot without its JSON.
    if let Some(list) = compilations {
        let _ = write_file(&folder, &list_name(id), list.as_bytes());
    }
    write_file(&folder, &file_name(id), &content).map_err(|error| {
        let problem = format!("can't write to {}", t.join(FOLDER).display());
        Error::failed(problem, error)
    })
}

fn write_file(folder: &OwnedFd, name: &str, content: &[u8]) -> io::Result<()> {
    let temporary = format!(".{}", Uuid::new_v4());
    let write = || -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(folder, &temporary, flags, Mode::from(0o600))?;
        let mut file = File::from(file);
        file.write_all(content)?;
        // It must survive a power failure.
        file.sync_data()?;
        Ok(rustix::fs::renameat(folder, &temporary, folder, name)?)
    };
    write().inspect_err(|_| {
        let _ = rustix::fs::unlinkat(folder, &temporary, AtFlags::empty());
    })
}

/// Whether `${T}` has the snapshot with this id.
pub fn has_snapshot(t: &Path, id: Uuid) -> bool {
    let Ok(folder) = open_t(t).and_then(|t| Ok(open_directory(&t, FOLDER)?)) else {
        return false;
    };
    rustix::fs::statat(&folder, file_name(id), AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

/// Removes the snapshot with this id if `${T}` has it.
pub fn remove_snapshot(t: &Path, id: Uuid) {
    if let Ok(folder) = open_t(t).and_then(|t| Ok(open_directory(&t, FOLDER)?)) {
        remove_files(&folder, id);
    }
}

fn remove_files(folder: &OwnedFd, id: Uuid) {
    for name in [file_name(id), list_name(id)] {
        let _ = rustix::fs::unlinkat(folder, name, AtFlags::empty());
    }
}

fn open_or_create_folder(t: &Path) -> Result<OwnedFd> {
    let parent = open_t(t)?;
    match rustix::fs::mkdirat(&parent, FOLDER, Mode::from(0o700)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(Error::CreateFolder(t.join(FOLDER), error.into())),
    }
    let folder = open_directory(&parent, FOLDER)
        .map_err(|error| Error::NotReadable(t.join(FOLDER), error.into()))?;
    // src_install runs as root, the phases around it don't: the owner of ${T} gets the folder.
    if rustix::process::geteuid().is_root() {
        let owner = rustix::fs::fstat(&parent)?;
        let (uid, gid) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
        rustix::fs::fchown(&folder, Some(uid), Some(gid))?;
    }
    Ok(folder)
}

fn open_t(t: &Path) -> Result<OwnedFd> {
    open_directory(rustix::fs::CWD, t)
        .map_err(|error| Error::NotReadable(t.to_owned(), error.into()))
}

/// Locks `${T}` against the collectors that other subshells of the phase run, until the result is
/// dropped. `None` if the lock isn't available within `limit`.
pub fn lock(t: &Path, limit: Duration) -> Option<OwnedFd> {
    let folder = open_directory(rustix::fs::CWD, t).ok()?;
    let deadline = Instant::now() + limit;
    loop {
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(folder),
            Err(_) if Instant::now() >= deadline => return None,
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}
