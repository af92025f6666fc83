//! The build that a phase belongs to, and where its files are.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::directory::entries;
use crate::config::variable;
use crate::error::{Error, Result, ensure};
use crate::files::open_directory_below;
use crate::portage::{Environment, check_name};

/// The directory of all places, beside those of the categories.
const PLACES: &str = "sccache-report";

/// A build of Portage, and one of the places of its package.
pub(super) struct Build {
    environment: Environment,
    slot: String,
    /// `CATEGORY/PF`.
    name: PathBuf,
    /// `PORTAGE_BUILDDIR`.
    pub(super) directory: PathBuf,
    /// `WORKDIR`.
    pub(super) workdir: PathBuf,
}

impl Build {
    /// Reads the environment of the process. The place is that of `slot`, which may contain a subslot.
    ///
    /// # Errors
    /// This is not a phase, or Portage's directories are not where they are expected.
    pub(super) fn read(slot: &str) -> Result<Self> {
        let environment = Environment::read(Some(slot.to_owned()))?;
        let slot = environment.slot.as_deref();
        let slot = slot.and_then(|slot| slot.split('/').next());
        let slot = slot.ok_or_else(|| Error::invalid("SLOT is not a name"))?;
        let slot = slot.to_owned();
        let name = PathBuf::from(format!("{}-{}", environment.package, environment.version));
        let directory = PathBuf::from(variable("PORTAGE_BUILDDIR").unwrap_or_default());
        ensure!(
            directory.is_absolute() && directory.ends_with(&name),
            "PORTAGE_BUILDDIR is not a directory {}",
            name.display()
        );
        Ok(Self {
            workdir: directory.join("work"),
            directory,
            name,
            slot,
            environment,
        })
    }

    /// Returns the package and its version, `CATEGORY/PF`, as Portage names it and its directory.
    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    pub(super) fn phase(&self) -> &str {
        &self.environment.phase
    }

    /// Returns the name of the directory in the place for cargo's configuration. Another build has
    /// another, so that a link that a killed phase left doesn't lead to it.
    pub(super) fn config_name(&self) -> String {
        let version = self.name.file_name().unwrap_or_default();
        format!("config-{}", version.display())
    }

    /// Returns `${PORTAGE_TMPDIR}/portage`. What is below belongs to the build user.
    fn root(&self) -> &Path {
        self.directory.ancestors().nth(2).unwrap_or(&self.directory)
    }

    /// Opens `${PORTAGE_TMPDIR}/portage`, which an administrator may have replaced by a link.
    pub(super) fn open_root(&self) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(CWD, self.root(), flags, Mode::empty())
    }

    /// Opens the working directory of this build, or of another version (`CATEGORY/PF`).
    pub(super) fn open_workdir(&self, build: &Path) -> rustix::io::Result<OwnedFd> {
        open_directory_below(self.open_root()?, &build.join("work"))
    }

    /// Returns `PORTAGE_BUILDDIR` of a build (`CATEGORY/PF`).
    pub(super) fn directory_of(&self, build: &Path) -> PathBuf {
        self.root().join(build)
    }

    /// Returns the names of the directories below the root that lead to the package's places.
    fn package_names(&self) -> impl Iterator<Item = &str> {
        [PLACES]
            .into_iter()
            .chain(self.environment.package.split('/'))
    }

    /// Returns the names of the directories below the root that lead to the place.
    pub(super) fn place_names(&self) -> impl Iterator<Item = &str> {
        self.package_names().chain([&*self.slot])
    }

    /// Returns the directory of links, which has the same path in all versions of this slot.
    pub(super) fn place(&self) -> PathBuf {
        let mut place = self.root().to_owned();
        place.extend(self.place_names());
        place
    }
}

/// Returns the slots of the package that have a place.
///
/// # Errors
/// As [`Build::read`].
pub(super) fn slots() -> Result<Vec<String>> {
    let build = Build::read("0")?;
    let path: PathBuf = build.package_names().collect();
    let places = build
        .open_root()
        .and_then(|root| open_directory_below(root, &path));
    let places = match places {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        places => entries(&places?)?,
    };
    let slots = places.into_iter();
    let slots = slots.filter(|(_, kind)| *kind == FileType::Directory);
    let slots = slots.filter_map(|(name, _)| name.into_string().ok());
    Ok(slots.filter(|slot| check_name(slot).is_ok()).collect())
}

/// Gives what root created to the owner of `directory`, so that user `portage` can change it in another
/// phase.
pub(super) fn give_to_owner_of(directory: impl AsFd, created: impl AsFd) -> rustix::io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = rustix::fs::fstat(directory)?;
    let (user, group) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
    rustix::fs::fchown(created, Some(user), Some(group))
}
