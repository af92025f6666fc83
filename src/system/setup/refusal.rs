//! Why a file or folder can't be changed, and what to do about it.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::fs::{IFlags, StatVfsMountFlags};

use super::super::shell;

/// Why setup doesn't go on: for people, who also want to know what to do.
#[derive(Debug)]
pub struct Refusal {
    /// What is wrong, with the file's name.
    pub cause: String,
    /// What to do; may be empty.
    pub cure: String,
}

impl Refusal {
    pub(super) fn new(cause: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            cure: cure.into(),
        }
    }

    /// Of what the system said about this path, with what can be seen of the reason.
    pub(super) fn of(path: &Path, error: io::Error) -> Self {
        let (shown, word) = (path.display(), shell::path(path));
        if let Some(target) = dangling(path) {
            let cause = format!(
                "{shown} is a link to {}, which is not there",
                target.display()
            );
            return Self::new(cause, format!("make that, or remove the link: `rm {word}`"));
        }
        match error.kind() {
            ErrorKind::IsADirectory => {
                return Self::new(
                    format!("{shown} is a folder, not a file"),
                    format!(
                        "move it away: `mv {word} {}`",
                        shell::path(&path.with_extension("folder"))
                    ),
                );
            }
            ErrorKind::NotFound => return Self::new(format!("{shown}: {error}"), ""),
            ErrorKind::ResourceBusy => {
                return Self::new(
                    format!("{shown} is mounted by itself, and can't be replaced"),
                    format!("edit what is mounted there, or take the mount away: `umount {word}`"),
                );
            }
            _ => {}
        }
        // The folder's word counts as well: a file is replaced, not written over.
        let places = [path, path.parent().unwrap_or(path)];
        if let Some(at) = places.iter().find(|at| is_immutable(at)) {
            let cause = format!("{} is immutable", at.display());
            return Self::new(cause, format!("`chattr -i {}`", shell::path(at)));
        }
        if places.iter().any(|at| is_read_only(at)) {
            return Self::new(
                format!("{shown} lies where a file system is mounted read-only"),
                format!("make it writable (`findmnt -T {word}` shows the mount)"),
            );
        }
        let cure = match error.kind() {
            ErrorKind::PermissionDenied => "run it as root",
            _ => "",
        };
        Self::new(format!("{shown}: {error}"), cure)
    }

    /// Somebody was here between the plan and the deed.
    pub(super) fn changed(path: &Path) -> Self {
        Self::new(
            format!("{} was changed in the meantime", path.display()),
            "run it again and look at what it shows then",
        )
    }
}

/// Where the link leads that leads nowhere.
pub(super) fn dangling(path: &Path) -> Option<PathBuf> {
    let target = fs::read_link(path).ok()?;
    (!path.exists()).then_some(target)
}

fn is_immutable(path: &Path) -> bool {
    let flags = File::open(path).map(rustix::fs::ioctl_getflags);
    matches!(flags, Ok(Ok(flags)) if flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND))
}

fn is_read_only(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|stat| stat.f_flag.contains(StatVfsMountFlags::RDONLY))
}
