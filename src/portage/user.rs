//! The user that builds, and what it may do with a file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::child;

/// To read a file.
pub const READ: u32 = 4;
/// To write a file, or to make and remove what is in a folder.
pub const WRITE: u32 = 2;
/// To run a program, or to pass through a folder.
pub const EXECUTE: u32 = 1;

/// A user with its groups.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its own group.
    pub gid: u32,
    groups: Vec<u32>,
}

impl User {
    /// Looks the user up by `id`, which knows more than `/etc/passwd`; `None` where there is none.
    pub fn named(name: &str) -> Option<Self> {
        let numbers = |option: &str| -> Option<Vec<u32>> {
            let mut command = Command::new("id");
            command.args([option, "--", name]);
            let output = child::run(&mut command, Duration::from_secs(10)).ok()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let numbers = text.split_whitespace().map(|n| n.parse().ok()).collect();
            output.status.success().then_some(numbers)?
        };
        Some(Self {
            name: name.to_owned(),
            uid: *numbers("-u")?.first()?,
            gid: *numbers("-g")?.first()?,
            groups: numbers("-G")?,
        })
    }

    /// Whether the mode of a file of this owner and group allows it `wanted`, all of it.
    pub fn may(&self, wanted: u32, uid: u32, gid: u32, mode: u32) -> bool {
        let shift = match () {
            () if self.uid == 0 => return true,
            () if self.uid == uid => 6,
            () if self.groups.contains(&gid) => 3,
            () => 0,
        };
        (mode >> shift) & wanted == wanted
    }

    /// What keeps it from `wanted` at `path`: the first folder that it can't pass, or the thing itself;
    /// `None` where nothing does. By owner and mode; access lists are not looked at.
    pub fn kept_from(&self, wanted: u32, path: &Path) -> Option<PathBuf> {
        let may = |path: &Path, wanted| {
            fs::metadata(path)
                .is_ok_and(|what| self.may(wanted, what.uid(), what.gid(), what.mode()))
        };
        let folders: Vec<&Path> = path.ancestors().skip(1).collect();
        let mut folders = folders.iter().rev().filter(|f| !f.as_os_str().is_empty());
        folders
            .find(|folder| !may(folder, EXECUTE))
            .map(|folder| folder.to_path_buf())
            .or_else(|| (!may(path, wanted)).then(|| path.to_path_buf()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_the_group_then_the_others() {
        let user = User {
            name: "portage".into(),
            uid: 250,
            gid: 250,
            groups: vec![250, 251],
        };
        assert!(user.may(WRITE | EXECUTE, 250, 0, 0o300));
        assert!(!user.may(WRITE, 250, 250, 0o077));
        assert!(user.may(WRITE, 0, 251, 0o020));
        assert!(!user.may(WRITE, 0, 251, 0o002));
        assert!(user.may(READ, 0, 0, 0o644));
        let root = User { uid: 0, ..user };
        assert!(root.may(READ, 1, 1, 0));
    }
}
