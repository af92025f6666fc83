//! The place: the directory with a build's crates and target directory at paths without the version. It
//! belongs to one build at a time.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::build::Build;
use super::directory::{entries, open_or_create_directory, read_link, remove};
use super::{HOME, LOCK, OWNER};
use crate::error::{Error, Result, ensure};
use crate::files::{open_directory, open_directory_below};
use crate::portage::is_package;
use crate::sccache::Listener;

/// How long to wait for another process that changes the place.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// How long to wait for the end of a killed server's compilers.
const SERVER_WAIT: Duration = Duration::from_secs(1);

/// The interval between attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// From the place to `${PORTAGE_TMPDIR}/portage`.
const ROOT: &str = "../../../..";

/// cargo locks this file in `CARGO_HOME` in shared mode while it runs (`CacheLockMode::Shared` in cargo's
/// `util/cache_lock.rs`, 1.95).
const LOCK_OF_CARGO: &str = ".package-cache-mutate";

/// A place that this process has locked, until its phase has a lock of its own.
pub(super) struct Place {
    /// The directories from `${PORTAGE_TMPDIR}/portage` to the one above the place.
    parents: Vec<OwnedFd>,
    directory: OwnedFd,
}

impl Place {
    /// Opens the place, and creates it if it doesn't exist.
    ///
    /// # Errors
    /// It can't be created, something else has its name, or another process keeps it locked.
    pub(super) fn create(build: &Build) -> Result<Self> {
        Self::open_locked(build, true).map_err(|error| not_opened(build, error))
    }

    /// Opens the place, if it exists.
    ///
    /// # Errors
    /// As [`Place::create`].
    pub(super) fn find(build: &Build) -> Result<Option<Self>> {
        match Self::open_locked(build, false) {
            Ok(place) => Ok(Some(place)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(not_opened(build, error)),
        }
    }

    fn open_locked(build: &Build, create: bool) -> rustix::io::Result<Self> {
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match Self::open_unlocked(build, create) {
                Ok(place) => {
                    match flock(&place.directory, FlockOperation::NonBlockingLockExclusive) {
                        // A build that ended may have removed the directory before it was locked.
                        Ok(()) if place.has_its_name(build) => return Ok(place),
                        Ok(()) | Err(Errno::WOULDBLOCK) => {}
                        Err(error) => return Err(error),
                    }
                }
                // Another build can remove a directory before the next one is made in it.
                Err(Errno::NOENT) if create => {}
                Err(error) => return Err(error),
            }
            if Instant::now() > deadline {
                return Err(Errno::WOULDBLOCK);
            }
            sleep(PAUSE);
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

    /// Whether this is the directory that other processes find.
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
    pub(super) fn owner(&self, build: &Build) -> Option<PathBuf> {
        let link = read_link(&self.directory, OWNER)?;
        let owner = link.strip_prefix(ROOT).ok()?;
        let is_name = owner.to_str().is_some_and(is_package);
        (is_name && owner.parent() == build.name().parent()).then(|| owner.to_owned())
    }

    pub(super) fn belongs_to(&self, build: &Build) -> bool {
        self.owner(build).as_deref() == Some(build.name())
    }

    /// Gives the place to a build, emptied unless its src_compile has filled it, and locks it for the phase.
    ///
    /// # Errors
    /// It can't be emptied or locked.
    pub(super) fn take(&self, build: &Build, is_filled: bool) -> Result<()> {
        if !is_filled {
            self.clear()?;
            let owner = Path::new(ROOT).join(build.name());
            rustix::fs::symlinkat(owner, &self.directory, OWNER)?;
        }
        self.lock_for_phase()
    }

    /// Takes a lock in shared mode on a file that the hook opened in `${T}` as standard input, and makes
    /// the file a part of the place. So the lock belongs to the phase's shell and all its processes, ends
    /// with the last of them, and is seen even if `${T}` is removed before. Then other builds can open the
    /// place, and see that.
    ///
    /// # Errors
    /// Standard input is something else, or the file system has no such locks.
    fn lock_for_phase(&self) -> Result<()> {
        let stdin = io::stdin();
        let stat = rustix::fs::fstat(&stdin)?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        ensure!(is_file, "standard input is not a file");
        flock(stdin, FlockOperation::NonBlockingLockShared)
            .map_err(|error| Error::failed("the phase can't be locked", error))?;
        let _ = rustix::fs::unlinkat(&self.directory, LOCK, AtFlags::empty());
        let flags = AtFlags::SYMLINK_FOLLOW;
        rustix::fs::linkat(CWD, "/proc/self/fd/0", &self.directory, LOCK, flags)
            .map_err(|error| Error::failed("the place can't be locked", error))?;
        Ok(flock(&self.directory, FlockOperation::Unlock)?)
    }

    /// Makes sure that nothing of the owner's build runs, apart from this build: stops the sccache servers
    /// that a killed phase left, if this process may.
    ///
    /// # Errors
    /// The build goes on, or one of its processes runs.
    pub(super) fn end_build(&self, build: &Build, owner: &Path) -> Result<()> {
        let name = owner.display();
        let is_other = owner != build.name();
        ensure!(
            !(is_other && has_lock_of_portage(build, owner)),
            "{name} is being built"
        );
        if self.has_lock_of_phase() {
            Listener::kill_all_of_build(&build.directory_of(owner).join("temp"));
        }
        let deadline = Instant::now() + SERVER_WAIT;
        while self.has_lock_of_phase() || self.is_used_by_cargo(build, owner) {
            ensure!(
                Instant::now() < deadline,
                "a process of the build of {name} is still running"
            );
            sleep(PAUSE);
        }
        Ok(())
    }

    fn has_lock_of_phase(&self) -> bool {
        is_locked(open_lock_file(&self.directory, LOCK))
    }

    /// Whether a cargo that a killed phase left is running. It has no lock of the phase if its parent closed
    /// the files that it didn't know, as Python does.
    fn is_used_by_cargo(&self, build: &Build, owner: &Path) -> bool {
        let open = || {
            let home = read_link(&self.directory, HOME)?;
            let workdir = build.directory_of(owner).join("work");
            let below = home.strip_prefix(workdir).ok()?;
            let workdir = build.open_workdir(owner).ok()?;
            open_directory_below(workdir, below).ok()
        };
        open().is_some_and(|home| is_locked(open_lock_file(home, LOCK_OF_CARGO)))
    }

    /// Removes the content, the owner first, so that what a kill leaves belongs to nobody.
    fn clear(&self) -> io::Result<()> {
        let _ = rustix::fs::unlinkat(&self.directory, OWNER, AtFlags::empty());
        for (name, kind) in entries(&self.directory)? {
            remove(&self.directory, &name, kind)?;
        }
        Ok(())
    }

    /// Removes the place, and the directories above it that are empty now.
    pub(super) fn remove(self, build: &Build) -> io::Result<()> {
        self.clear()?;
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

fn not_opened(build: &Build, error: Errno) -> Error {
    let place = build.place();
    match error {
        Errno::WOULDBLOCK => {
            Error::invalid(format!("another process keeps {} locked", place.display()))
        }
        error => Error::failed(format!("can't open {}", place.display()), error),
    }
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

fn open_lock_file(directory: impl AsFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
}

/// Whether another process has locked the file, or that can't be known.
fn is_locked(file: rustix::io::Result<OwnedFd>) -> bool {
    match file {
        Ok(file) => flock(file, FlockOperation::NonBlockingLockExclusive).is_err(),
        Err(error) => error != Errno::NOENT,
    }
}
