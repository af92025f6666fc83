//! The place: the directory that shows a build's crates and target directory at a path without the
//! version. It belongs to one build at a time, and has nothing that can be lost.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::TARGET;
use super::build::Build;
use super::directory::{entries, open_or_create_directory, read_link, remove};
use crate::error::{Error, Result, ensure};
use crate::files::{open_directory, open_directory_below};
use crate::sccache::Listener;

/// How long to wait for another process that changes the place, which takes some milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// How long to wait for the end of a killed server's compilers.
const SERVER_WAIT: Duration = Duration::from_secs(1);

/// The link to the directory of the build that the place belongs to. It is made last.
const OWNER: &str = "owner";

/// From the place to the directory with the categories.
const UP: &str = "../../../..";

/// The open place, locked.
pub(super) struct Place {
    /// The directories from `${PORTAGE_TMPDIR}/portage` to the one above the place.
    parents: Vec<OwnedFd>,
    directory: OwnedFd,
}

impl Place {
    /// Opens and locks the place; `None` if it doesn't exist and `create` is not set.
    ///
    /// # Errors
    /// It can't be created, or something else has its name.
    pub(super) fn open(build: &Build, create: bool) -> Result<Option<Self>> {
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            let place = match Self::open_unlocked(build, create) {
                // Another build can remove a directory before the next one is made in it.
                Err(Errno::NOENT) if create && Instant::now() < deadline => continue,
                Err(Errno::NOENT) if !create => return Ok(None),
                place => place.map_err(|error| not_writable(build, error))?,
            };
            while let Err(error) = flock(&place.directory, FlockOperation::NonBlockingLockExclusive)
            {
                ensure!(
                    error == Errno::WOULDBLOCK && Instant::now() < deadline,
                    "{} can't be locked: {error}",
                    build.place().display()
                );
                sleep(Duration::from_millis(5));
            }
            if place.has_its_name(build) {
                return Ok(Some(place));
            }
        }
    }

    fn open_unlocked(build: &Build, create: bool) -> rustix::io::Result<Self> {
        let mut parents = Vec::new();
        let mut directory = build.open_root()?;
        for name in build.place_names() {
            let next = if create {
                open_or_create_directory(&directory, name)?
            } else {
                open_directory(&directory, name)?
            };
            parents.push(std::mem::replace(&mut directory, next));
        }
        Ok(Self { parents, directory })
    }

    /// Whether this is still the directory that others find: a build that ended may have removed it.
    fn has_its_name(&self, build: &Build) -> bool {
        let found = Self::open_unlocked(build, false);
        let stat = |directory: &OwnedFd| rustix::fs::fstat(directory).ok();
        let found = found.ok().and_then(|place| stat(&place.directory));
        match (stat(&self.directory), found) {
            (Some(mine), Some(found)) => (mine.st_dev, mine.st_ino) == (found.st_dev, found.st_ino),
            _ => false,
        }
    }

    pub(super) fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// Returns the build that the place belongs to: `CATEGORY/PF`, with the category of this build.
    fn owner(&self, build: &Build) -> Option<PathBuf> {
        let link = read_link(&self.directory, OWNER)?;
        let owner = link.strip_prefix(UP).ok()?;
        (owner.parent() == build.name().parent()).then(|| owner.to_owned())
    }

    pub(super) fn belongs_to(&self, build: &Build) -> bool {
        self.owner(build).as_deref() == Some(build.name())
    }

    /// Returns the build that the place belongs to, unless that is this build, or has ended.
    pub(super) fn other_owner(&self, build: &Build) -> Option<PathBuf> {
        let owner = self.owner(build)?;
        let is_other = owner != build.name()
            && (is_under_way(build, &owner) || self.is_used_by_cargo(build, &owner));
        is_other.then_some(owner)
    }

    /// Whether a cargo that a killed phase left is building. It has no lock of the phase if its parent
    /// closed the files that it didn't know, as Python does.
    fn is_used_by_cargo(&self, build: &Build, owner: &Path) -> bool {
        let open = || {
            let target = read_link(&self.directory, TARGET)?;
            let path = target.strip_prefix(build.workdir_of(owner)).ok()?;
            open_directory_below(build.open_workdir(owner).ok()?, path).ok()
        };
        open().is_some_and(|target| has_lock_of_cargo(&target, 0))
    }

    /// Gives the place to a build. From now on, others keep off as long as that build is under way.
    pub(super) fn set_owner(&self, build: &Build) -> rustix::io::Result<()> {
        let owner = Path::new(UP).join(build.name());
        rustix::fs::symlinkat(owner, &self.directory, OWNER)
    }

    /// Removes the content except `kept`, the owner first, so that what a kill leaves belongs to nobody.
    pub(super) fn clear(&self, kept: Option<&CStr>) -> io::Result<()> {
        let _ = rustix::fs::unlinkat(&self.directory, OWNER, AtFlags::empty());
        for (name, _) in entries(&self.directory)? {
            if Some(&*name) != kept {
                remove(&self.directory, &name)?;
            }
        }
        Ok(())
    }

    /// Removes the place, and the directories above it that are empty now.
    pub(super) fn remove(self, build: &Build) -> io::Result<()> {
        self.clear(None)?;
        let names: Vec<&str> = build.place_names().collect();
        let pairs = self.parents.iter().zip(names).rev();
        for (parent, name) in pairs {
            if rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Holds a lock in shared mode on the build's working directory, through standard input, which the hook
/// opened: so the lock belongs to the phase's shell and all its processes, and ends with the last of them.
///
/// # Errors
/// Standard input is something else, or the file system has no such locks.
pub(super) fn lock_for_phase(workdir: &OwnedFd) -> Result<()> {
    let stdin = io::stdin();
    let (expected, inherited) = (rustix::fs::fstat(workdir)?, rustix::fs::fstat(&stdin)?);
    ensure!(
        (expected.st_dev, expected.st_ino) == (inherited.st_dev, inherited.st_ino),
        "standard input is not WORKDIR"
    );
    flock(stdin, FlockOperation::NonBlockingLockShared)
        .map_err(|error| Error::failed("WORKDIR can't be locked", error))
}

/// Whether a phase of the build is running, or an emerge that runs its phases. Kills the servers that a
/// killed phase left.
fn is_under_way(build: &Build, other: &Path) -> bool {
    if has_lock_of_portage(build, other) {
        return true;
    }
    let workdir = match build.open_workdir(other) {
        Err(error) => return error != Errno::NOENT,
        Ok(workdir) => workdir,
    };
    let is_locked = || flock(&workdir, FlockOperation::NonBlockingLockExclusive).is_err();
    if !is_locked() {
        return false;
    }
    Listener::kill_all_started_with("T", build.temporary_directory(other).as_os_str());
    let deadline = Instant::now() + SERVER_WAIT;
    while is_locked() {
        if Instant::now() > deadline {
            return true;
        }
        sleep(Duration::from_millis(5));
    }
    false
}

/// Whether a process holds Portage's lock on the build (`lockdir` in `portage/locks.py`, 3.0.83). Between
/// two phases, only that shows that the build goes on.
fn has_lock_of_portage(build: &Build, other: &Path) -> bool {
    let (Some(category), Some(name)) = (other.parent(), other.file_name()) else {
        return false;
    };
    let lock = format!(".{}.portage_lockfile", name.display());
    let file = build
        .open_root()
        .and_then(|root| open_directory(root, category))
        .and_then(|category| open_lock_file(category, &lock));
    match file {
        Ok(file) => {
            let lock = fcntl_getlk(file, &Flock::from(FlockType::WriteLock));
            !matches!(lock, Ok(None))
        }
        Err(error) => error != Errno::NOENT,
    }
}

/// Whether a process holds cargo's lock on a target directory: `.cargo-lock` in `PROFILE` or
/// `TRIPLE/PROFILE` (`Layout` in cargo's `core/compiler/layout.rs`, 1.95).
fn has_lock_of_cargo(directory: &OwnedFd, depth: usize) -> bool {
    let is_locked = |file| flock(file, FlockOperation::NonBlockingLockExclusive).is_err();
    if open_lock_file(directory, ".cargo-lock").is_ok_and(is_locked) {
        return true;
    }
    let inner = entries(directory).unwrap_or_default().into_iter();
    depth < 2
        && inner
            .filter(|(_, kind)| *kind == FileType::Directory)
            .filter_map(|(name, _)| open_directory(directory, &*name).ok())
            .any(|inner| has_lock_of_cargo(&inner, depth + 1))
}

fn open_lock_file(directory: impl AsFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
}

fn flock(file: impl AsFd, operation: FlockOperation) -> rustix::io::Result<()> {
    rustix::fs::flock(file, operation)
}

fn not_writable(build: &Build, error: Errno) -> Error {
    Error::failed(format!("can't create {}", build.place().display()), error)
}
