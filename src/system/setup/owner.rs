//! Whose a file or folder is.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, fchown};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

/// Who owns a file or folder, and its mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `USER:GROUP`, for people.
    pub name: String,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The permissions, without the file's kind.
    pub mode: u32,
}

impl Owner {
    /// Of what there is.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let what = fs::metadata(path)?;
        Ok(Self {
            name: format!("{}:{}", what.uid(), what.gid()),
            uid: what.uid(),
            gid: what.gid(),
            mode: what.mode() & 0o7777,
        })
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.uid, self.gid, self.mode) == (other.uid, other.gid, other.mode)
    }

    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        let now = fs::metadata(path)?;
        if (now.uid(), now.gid()) != (self.uid, self.gid) {
            chown(path, Some(self.uid), Some(self.gid))?;
        }
        fs::set_permissions(path, Permissions::from_mode(self.mode))
    }

    /// Makes a folder of theirs. It is held while it is given: where others may rename in the folder
    /// above, what has its name by then may be a link of theirs to anything.
    pub(super) fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let now = folder.metadata()?;
        if (now.uid(), now.gid()) != (self.uid, self.gid) {
            fchown(&folder, Some(self.uid), Some(self.gid))?;
        }
        folder.set_permissions(Permissions::from_mode(self.mode))
    }

    pub(super) fn shown(&self) -> String {
        format!("{}, mode {:04o}", self.name, self.mode)
    }

    /// Gives it back to whose it `was`, unless somebody else gave it away; says so.
    pub(super) fn take_back(&self, path: &Path, was: &Self) -> io::Result<Option<String>> {
        // A process that was killed, here or there, may have changed the owner, but not yet the mode.
        let is_ours = |now: &Self| {
            let ids = |one: &Self| (one.uid, one.gid);
            [self, was].map(ids).contains(&ids(now)) && [self.mode, was.mode].contains(&now.mode)
        };
        match Self::of(path) {
            Ok(now) if now.is_same(was) => Ok(None),
            Ok(now) if is_ours(&now) => was.give(path).map(|()| None),
            Ok(now) => Ok(Some(format!("{} stays {}", path.display(), now.shown()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
