//! Snapshots: what one phase counted, carried to `pkg_preinst` in `${T}/.sccache-report`.
//!
//! User `portage` writes that folder and root reads it. So nothing in it is trusted: names
//! are opened relative to the folder and never through links, only regular files with one
//! name are read, and no further than a bound; every string and number is checked.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::phase::MAX_SNAPSHOTS;
use super::{Outcome, Phase};

/// The folder in `${T}`.
pub const FOLDER: &str = ".sccache-report";

/// A snapshot is 2 to 4 KB; this is for hundreds of reasons and compilers.
const MAX_BYTES: u64 = 64 * 1024;

/// All snapshots of a build. What was read takes up to twenty times as much memory, of
/// which no build may make root take more than 32 MiB.
const MAX_BYTES_IN_ALL: u64 = 512 * 1024;

/// So many refused files are named, the others counted.
const NAMED: usize = 5;

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
/// As [`write`].
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

/// The snapshots of one build.
#[derive(Debug)]
pub struct Snapshots {
    folder: OwnedFd,
    parent: OwnedFd,
    path: PathBuf,
    names: Vec<String>,
    ids: Vec<Uuid>,
    /// In the order in which they ended.
    pub phases: Vec<Phase>,
    /// What was refused, and why, a line each.
    pub refused: Vec<String>,
}

impl Snapshots {
    /// Reads what lies in the folder `name` in `${T}`, which is [`FOLDER`] or one that was
    /// [set aside](Self::set_aside); `None` where there is no folder, and so no numbers.
    ///
    /// # Errors
    /// Where something that isn't a folder stands in its place. Single files that can't be
    /// taken don't fail it: they are left where they are and named in `refused`.
    pub fn read(t: &Path, name: &str) -> Result<Option<Self>> {
        let parent = open_t(t)?;
        let path = t.join(name);
        let folder = match open_directory(&parent, name) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => bail!("{} is not a directory of ours: {error}", path.display()),
        };
        let mut snapshots = Self {
            folder,
            parent,
            path,
            names: Vec::new(),
            ids: Vec::new(),
            phases: Vec::new(),
            refused: Vec::new(),
        };
        snapshots.read_files()?;
        Ok(Some(snapshots))
    }

    fn read_files(&mut self) -> Result<()> {
        let mut read = Vec::new();
        let mut left = MAX_BYTES_IN_ALL;
        for (count, entry) in Dir::read_from(&self.folder)?.enumerate() {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if count > 4 * MAX_SNAPSHOTS {
                // What of it is honest can't be told from an arbitrary part of it.
                bail!("far too many files in {}", self.path.display());
            }
            // "." and "..", and what a killed collector had not finished.
            if name.starts_with('.') {
                continue;
            }
            match read_one(&self.folder, &name, &mut left) {
                Ok(snapshot) => read.push((name, snapshot)),
                Err(error) => self
                    .refused
                    .push(format!("{}: {error:#}", crate::text::printable(&name, 80))),
            }
        }
        if read.len() > MAX_SNAPSHOTS {
            bail!("{} snapshots in {}", read.len(), self.path.display());
        }
        read.sort_by_key(|(_, snapshot)| (snapshot.phase.finished_at, snapshot.id));
        for (name, snapshot) in read {
            self.names.push(name);
            self.ids.push(snapshot.id);
            self.phases.push(snapshot.phase);
        }
        Ok(())
    }

    /// What was refused, in a line of bearable length.
    pub fn refusals(&self) -> String {
        let mut refused = self.refused.clone();
        refused.sort_unstable();
        let more = refused.len().saturating_sub(NAMED);
        refused.truncate(NAMED);
        let mut line = refused.join("; ");
        if more > 0 {
            line.push_str(&format!("; and {more} more"));
        }
        line
    }

    /// The id of the build of `package` at `version`: the same whenever the same snapshots
    /// are recorded, so that a record that was cut off before it removed them can be
    /// repeated. The package is in it because a hostile build can copy the snapshots of one
    /// that runs beside it, and could else be taken for it.
    pub fn build_id(&self, package: &str, version: &str) -> Uuid {
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        let mut name = format!("{package}-{version}\n").into_bytes();
        ids.iter().for_each(|id| name.extend(id.as_bytes()));
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &name)
    }

    /// Removes what was read, once it is recorded. What was refused stays for a person to look at.
    pub fn remove(self) {
        for name in &self.names {
            let _ = rustix::fs::unlinkat(&self.folder, name, AtFlags::empty());
        }
        let name = self.path.file_name().unwrap_or_default();
        let _ = rustix::fs::unlinkat(&self.parent, name, AtFlags::REMOVEDIR);
    }

    /// Puts the snapshots of a build that could not be kept anywhere else where no other build's
    /// come to them, to be taken up when `${T}` is next looked at.
    pub fn set_aside(self, outcome: Outcome) {
        let name = self.path.file_name().unwrap_or_default();
        let aside = name_aside(outcome);
        let _ = rustix::fs::renameat(&self.parent, name, &self.parent, aside);
    }
}

/// Reads one snapshot, and takes its length off what is `left` for all of them.
fn read_one(folder: &OwnedFd, name: &str, left: &mut u64) -> Result<Snapshot> {
    // Looked at before it is opened: to open a device can be to set it going.
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Symlink => bail!("a symbolic link"),
        _ => bail!("not a regular file"),
    }
    // And after it, since it may have been replaced. NONBLOCK: a FIFO must not keep root
    // waiting for a writer.
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, name, flags, Mode::empty())
        .map_err(|error| anyhow::anyhow!("can't be opened: {error}"))?;
    let stat = rustix::fs::fstat(&file)?;
    ensure!(
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
        "not a regular file"
    );
    ensure!(stat.st_nlink == 1, "it has {} names", stat.st_nlink);
    let mut content = Vec::new();
    File::from(file)
        .take(MAX_BYTES + 1)
        .read_to_end(&mut content)?;
    let length = content.len() as u64;
    ensure!(length <= MAX_BYTES, "longer than {MAX_BYTES} bytes");
    ensure!(
        length <= *left,
        "the files are longer than {MAX_BYTES_IN_ALL} bytes in all"
    );
    let snapshot: Snapshot = super::json::from_json(&content)?;
    ensure!(
        snapshot.schema == SCHEMA,
        "of schema {}, not {SCHEMA}",
        snapshot.schema
    );
    // No two files have one name, so no snapshot counts twice.
    ensure!(
        *name == format!("{}.json", snapshot.id),
        "not named for its id"
    );
    snapshot.phase.check()?;
    *left -= length;
    Ok(snapshot)
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
