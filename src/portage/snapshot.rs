//! Snapshots: what one phase counted, carried to `pkg_preinst` in `${T}/.sccache-report`.
//!
//! User `portage` writes that folder and root reads it. So nothing in it is trusted: names
//! are opened relative to the folder and never through links, only regular files with one
//! name are read, and no further than a bound; every string and number is checked.

mod read;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::read::Snapshots;
use super::{Outcome, Phase};

/// The folder in `${T}`.
pub const FOLDER: &str = ".sccache-report";

/// A snapshot is 2 to 4 KB; this is for hundreds of reasons and compilers.
const MAX_BYTES: u64 = 64 * 1024;

const SCHEMA: u32 = 1;

/// The file's content.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    schema: u32,
    id: Uuid,
    phase: Phase,
}

/// Writes one snapshot into `${T}`, whole or not at all.
///
/// # Errors
/// Where the folder or the file can't be made, or something else stands in its place.
pub fn write(t: &Path, phase: &Phase) -> Result<()> {
    write_as(Uuid::new_v4(), t, phase)
}

/// The same with a given id: what is written again takes the place of what was there.
///
/// # Errors
/// As [`write()`].
pub fn write_as(id: Uuid, t: &Path, phase: &Phase) -> Result<()> {
    let folder = open_or_create_folder(t)?;
    let content = serde_json::to_vec(&Snapshot {
        schema: SCHEMA,
        id,
        phase: phase.clone(),
    })?;
    ensure!(
        content.len() as u64 <= MAX_BYTES,
        "the numbers of the {} phase are longer than {MAX_BYTES} bytes",
        phase.name
    );
    let (temporary, name) = (format!(".{}", Uuid::new_v4()), format!("{id}.json"));
    let write = || -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, &temporary, flags, Mode::from(0o600))?;
        let mut file = File::from(file);
        file.write_all(&content)?;
        // It is to be there after a power cut too.
        file.sync_data()?;
        rustix::fs::renameat(&folder, &temporary, &folder, &name)?;
        Ok(())
    };
    write().map_err(|error| {
        let _ = rustix::fs::unlinkat(&folder, &temporary, AtFlags::empty());
        anyhow::Error::new(error).context(format!("can't write into {}", t.join(FOLDER).display()))
    })
}

/// Whether `${T}` has the snapshot with this id.
pub fn exists(t: &Path, id: Uuid) -> bool {
    let folder = open_t(t).and_then(|t| Ok(open_directory(&t, FOLDER)?));
    let stat = |folder: OwnedFd| {
        rustix::fs::statat(&folder, format!("{id}.json"), AtFlags::SYMLINK_NOFOLLOW)
    };
    folder.is_ok_and(|folder| stat(folder).is_ok())
}

fn open_or_create_folder(t: &Path) -> Result<OwnedFd> {
    let parent = open_t(t)?;
    match rustix::fs::mkdirat(&parent, FOLDER, Mode::from(0o700)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => bail!("can't make {}: {error}", t.join(FOLDER).display()),
    }
    let folder = open_directory(&parent, FOLDER)
        .with_context(|| format!("can't open {} as a directory", t.join(FOLDER).display()))?;
    // src_install is root's, the phases around it are not: the folder goes to who owns ${T}.
    if rustix::process::geteuid().is_root() {
        let owner = rustix::fs::fstat(&parent)?;
        rustix::fs::fchown(
            &folder,
            Some(rustix::fs::Uid::from_raw(owner.st_uid)),
            Some(rustix::fs::Gid::from_raw(owner.st_gid)),
        )?;
    }
    Ok(folder)
}

pub(super) fn open_t(t: &Path) -> Result<OwnedFd> {
    open_directory(rustix::fs::CWD, t).with_context(|| format!("can't open {}", t.display()))
}

fn open_directory(
    at: impl std::os::fd::AsFd,
    path: impl rustix::path::Arg,
) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, path, flags, Mode::empty())
}

/// Keeps the other collectors of this package's phases out, until the result is dropped: several
/// subshells may die at once, and each asks. Waits no longer than `patience`.
pub fn lock(t: &Path, patience: std::time::Duration) -> Option<OwnedFd> {
    let folder = open_directory(rustix::fs::CWD, t).ok()?;
    let deadline = std::time::Instant::now() + patience;
    loop {
        match rustix::fs::flock(
            &folder,
            rustix::fs::FlockOperation::NonBlockingLockExclusive,
        ) {
            Ok(()) => return Some(folder),
            Err(_) if std::time::Instant::now() >= deadline => return None,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
    }
}

/// The name of the folder of snapshots that are set aside.
pub(super) fn name_aside(outcome: Outcome) -> String {
    format!("{FOLDER}.{}.{}", outcome.word(), Uuid::new_v4())
}
