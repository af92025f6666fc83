//! The user that builds, and what it may do with a file.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::access_list::{self, Entry, Who};
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

    /// Returns the numbers of all the user's groups, separated by commas: a build has the same.
    pub fn groups(&self) -> String {
        let groups: Vec<String> = self.groups.iter().map(u32::to_string).collect();
        groups.join(",")
    }

    /// Whether it is this user's own, as far as rights go: root's rights are those of all owners.
    pub fn owns(&self, uid: u32) -> bool {
        self.uid == 0 || self.uid == uid
    }

    /// Whether the mode of a file of this owner and group allows it `wanted`, all of it.
    pub fn may(&self, wanted: u32, uid: u32, gid: u32, mode: u32) -> bool {
        let shift = match () {
            // Root runs what anybody may run (capabilities(7), CAP_DAC_OVERRIDE).
            () if self.uid == 0 => {
                let is_folder = mode & 0o170_000 == 0o040_000;
                return wanted & EXECUTE == 0 || is_folder || mode & 0o111 != 0;
            }
            () if self.uid == uid => 6,
            () if self.groups.contains(&gid) => 3,
            () => 0,
        };
        (mode >> shift) & wanted == wanted
    }

    /// Whether owner, mode and access list of what is at `path` allow it `wanted`. A file system that
    /// is mounted read-only, or has rules of its own (NFS), may still refuse.
    ///
    /// # Errors
    /// Where it can't be looked at.
    pub fn may_at(&self, wanted: u32, path: &Path) -> io::Result<bool> {
        let what = fs::metadata(path)?;
        let list = (!self.owns(what.uid())).then(|| access_list::of(path));
        Ok(match list.flatten() {
            Some(list) => self.may_by(&list, wanted, what.gid()),
            None => self.may(wanted, what.uid(), what.gid(), what.mode()),
        })
    }

    /// As acl(5) has it for who isn't the owner: its own entry, else any of its groups' that has all
    /// of `wanted`, else, where no group is its own, the others'.
    fn may_by(&self, list: &[Entry], wanted: u32, gid: u32) -> bool {
        let rights = |who: &dyn Fn(Who) -> bool| -> Vec<u32> {
            let found = list.iter().filter(|entry| who(entry.who));
            found.map(|entry| entry.rights).collect()
        };
        let mask = rights(&|who| who == Who::Mask)
            .first()
            .copied()
            .unwrap_or(7);
        let has = |rights: &u32| rights & mask & wanted == wanted;
        let own = rights(&|who| who == Who::User(self.uid));
        let groups = rights(&|who| match who {
            Who::OwnGroup => self.groups.contains(&gid),
            Who::Group(group) => self.groups.contains(&group),
            _ => false,
        });
        match (own.first(), groups.is_empty()) {
            (Some(own), _) => has(own),
            (None, false) => groups.iter().any(has),
            (None, true) => rights(&|who| who == Who::Others)
                .iter()
                .any(|rights| rights & wanted == wanted),
        }
    }

    /// What keeps it from `wanted` at `path`: each folder on the way that it can't pass, from the top,
    /// and the thing itself, as they are called without links. What this process can't look at is the
    /// last that is told.
    pub fn kept_from(&self, wanted: u32, path: &Path) -> Vec<PathBuf> {
        let way = way(path);
        let mut obstacles = Vec::new();
        for at in &way {
            let wanted = if Some(at) == way.last() {
                wanted
            } else {
                EXECUTE
            };
            let may = self.may_at(wanted, at);
            if !matches!(may, Ok(true)) && !obstacles.contains(at) {
                obstacles.push(at.clone());
            }
            if may.is_err() {
                break;
            }
        }
        obstacles
    }
}

/// All folders that are passed on the way to `path`, link by link, and at last the thing itself.
fn way(path: &Path) -> Vec<PathBuf> {
    let parts = |path: &Path| -> Vec<OsString> {
        let parts = path.components().rev();
        parts.map(|part| part.as_os_str().to_owned()).collect()
    };
    let mut left = parts(&std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()));
    let (mut at, mut passed, mut links) = (PathBuf::new(), Vec::new(), 0);
    while let Some(part) = left.pop() {
        if part == ".." {
            at.pop();
            passed.push(at.clone());
            continue;
        }
        // An absolute path begins with the root, which takes the place of what was.
        let next = at.join(part);
        match next.read_link() {
            // As many as Linux follows (path_resolution(7)).
            Ok(target) if links < 40 => {
                links += 1;
                left.extend(parts(&target));
            }
            _ => {
                at = next;
                passed.push(at.clone());
            }
        }
    }
    passed
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn portage() -> User {
        User {
            name: "portage".into(),
            uid: 250,
            gid: 250,
            groups: vec![250, 251],
        }
    }

    #[test]
    fn the_owner_the_group_then_the_others() {
        let user = portage();
        assert!(user.may(WRITE | EXECUTE, 250, 0, 0o300));
        assert!(!user.may(WRITE, 250, 250, 0o077));
        assert!(user.may(WRITE, 0, 251, 0o020));
        assert!(!user.may(WRITE, 0, 251, 0o002));
        assert!(user.may(READ, 0, 0, 0o644));
        let root = User { uid: 0, ..user };
        assert!(root.may(READ, 1, 1, 0));
        assert!(!root.may(EXECUTE, 0, 0, 0o100_644) && root.may(EXECUTE, 1, 1, 0o100_001));
        assert!(root.may(EXECUTE, 1, 1, 0o040_000));
    }

    #[test]
    fn an_access_list_names_users_and_groups() {
        let may = |entries: &[(Who, u32)]| {
            let list: Vec<Entry> = { entries.iter() }
                .map(|&(who, rights)| Entry { who, rights })
                .collect();
            portage().may_by(&list, WRITE | EXECUTE, 0)
        };
        let all = (Who::Others, 7);
        assert!(may(&[(Who::User(250), 7), (Who::Mask, 7)]));
        assert!(!may(&[(Who::User(250), 7), (Who::Mask, 5), all]));
        assert!(!may(&[(Who::User(250), 4), (Who::Group(251), 7), all]));
        assert!(may(&[
            (Who::Group(250), 1),
            (Who::Group(251), 3),
            (Who::Mask, 7)
        ]));
        assert!(!may(&[(Who::Group(250), 1), (Who::Mask, 7), all]));
        assert!(may(&[(Who::OwnGroup, 0), (Who::Mask, 0), all]));
    }

    #[test]
    fn every_obstacle_on_the_way_is_told() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/c");
        fs::create_dir_all(&path).unwrap();
        let mode = |mode| Permissions::from_mode(mode);
        fs::set_permissions(root.path(), mode(0o755)).unwrap();
        fs::set_permissions(root.path().join("a"), mode(0o700)).unwrap();
        let user = User {
            uid: u32::MAX - 1,
            gid: u32::MAX - 1,
            groups: vec![],
            ..portage()
        };
        let kept = |wanted| user.kept_from(wanted, &path);
        assert_eq!(kept(EXECUTE), [root.path().join("a")]);
        assert_eq!(kept(WRITE), [root.path().join("a"), path.clone()]);
        // Behind links: one to a link that is relative, one in the middle.
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(to, root.path().join(name)).unwrap();
            root.path().join(name)
        };
        fs::create_dir(root.path().join("open")).unwrap();
        link("../a/b", "open/to-b");
        link("open/to-b", "b");
        for behind in [root.path().join("b/c"), link("b/c", "c")] {
            let kept = user.kept_from(EXECUTE, &behind);
            assert_eq!(kept, [root.path().join("a")], "{behind:?}");
        }
        let round = link("round", "round");
        assert_eq!(user.kept_from(EXECUTE, &round), [round]);
    }
}
