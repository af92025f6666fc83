//! The folder of a local cache: `a/b/KEY` for a key that begins with "ab" (`make_key_path` in sccache's
//! `src/cache/disk.rs`, 0.16.0), and `preprocessor/a/b/c/KEY` (`normalize_key` there).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid};

use super::Stats;

/// `preprocessor/a/b/c`; nothing of sccache's lies deeper.
pub(super) const DEPTH: u32 = 4;

impl Stats {
    /// The folder of the cache, where it is a local one: `Local disk: "/var/cache/sccache"`.
    pub fn cache_folder(&self) -> Option<PathBuf> {
        cache_folder(self.cache_location.as_deref()?)
    }
}

/// The folder in a location as sccache prints it, where it is a local one.
pub fn cache_folder(location: &str) -> Option<PathBuf> {
    let quoted = location.strip_prefix("Local disk: ")?;
    let folder = PathBuf::from(quoted.trim().strip_prefix('"')?.strip_suffix('"')?);
    folder.is_absolute().then_some(folder)
}

/// Gives what root wrote below `folder` since then to the folder's owner; returns how many files
/// and folders that were. In a folder of root's that its group may write (`root:portage`, mode 2775)
/// they go to `user`, who builds there: the group's rights alone don't do, for sccache sets an
/// object's times when it is used, which only its owner may. Else root's folder is left alone.
///
/// The owner may put anything there to be given to them, so only what root made is: a regular file
/// of one name, held by a descriptor while it is looked at and given, or a folder.
///
/// # Errors
/// Where the folder can't be opened; single files that can't be given are left.
pub fn give_back(folder: &Path, user: Uid, since: SystemTime) -> io::Result<u64> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&folder)?;
    let since = since
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let of_a_group = stat.st_uid == 0 && stat.st_gid != 0 && stat.st_mode & 0o020 != 0;
    let owner = if of_a_group {
        user
    } else {
        Uid::from_raw(stat.st_uid)
    };
    let mut giver = Giver {
        owner,
        group: Gid::from_raw(stat.st_gid),
        since: i64::try_from(since).unwrap_or(i64::MAX),
        given: 0,
    };
    if !giver.owner.is_root() {
        giver.walk(&folder, &stat, 0);
    }
    Ok(giver.given)
}

struct Giver {
    owner: Uid,
    group: Gid,
    /// Seconds since 1970.
    since: i64,
    given: u64,
}

impl Giver {
    fn walk(&mut self, folder: &OwnedFd, stat: &Stat, depth: u32) {
        let changed = stat.st_mtime >= self.since;
        // Two links: no folder in it. (Some file systems don't count them, and say 1.)
        if !changed && stat.st_nlink == 2 {
            return;
        }
        let Ok(entries) = Dir::read_from(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_bytes().starts_with(b".") && name.to_bytes().len() <= 2 {
                continue;
            }
            match entry.file_type() {
                FileType::Directory if depth < DEPTH => self.enter(folder, name, depth),
                FileType::RegularFile if changed => self.give_file(folder, name),
                _ => {}
            }
        }
    }

    fn enter(&mut self, parent: &OwnedFd, name: &std::ffi::CStr, depth: u32) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(folder) = rustix::fs::openat(parent, name, flags, Mode::empty()) else {
            return;
        };
        let Ok(stat) = rustix::fs::fstat(&folder) else {
            return;
        };
        self.walk(&folder, &stat, depth + 1);
        if self.is_roots(&stat) {
            self.give(&folder);
        }
    }

    fn give_file(&mut self, folder: &OwnedFd, name: &std::ffi::CStr) {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::openat(folder, name, flags, Mode::empty()) else {
            return;
        };
        let Ok(stat) = rustix::fs::fstat(&file) else {
            return;
        };
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if regular && stat.st_nlink == 1 && self.is_roots(&stat) {
            self.give(&file);
        }
    }

    fn is_roots(&self, stat: &Stat) -> bool {
        stat.st_uid == 0 && stat.st_ctime >= self.since
    }

    fn give(&mut self, file: impl AsFd) {
        let (owner, group) = (Some(self.owner), Some(self.group));
        let given = rustix::fs::chownat(file, "", owner, group, AtFlags::EMPTY_PATH);
        self.given += u64::from(given.is_ok());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use super::*;

    fn portage() -> Uid {
        Uid::from_raw(250)
    }

    #[test]
    fn a_local_cache_has_a_folder() {
        let folder = |location: &str| {
            let cache_location = Some(location.to_owned());
            Stats {
                cache_location,
                ..Stats::default()
            }
            .cache_folder()
        };
        assert_eq!(
            folder("Local disk: \"/var/cache/sccache\""),
            Some("/var/cache/sccache".into())
        );
        assert_eq!(folder("Local disk: \"relative\""), None);
        assert_eq!(folder("Redis, name: redis://127.0.0.1"), None);
    }

    /// Runs as root only: nobody else can give files away.
    #[test]
    fn only_what_root_made_is_given() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("NOT RUN, needs root: only_what_root_made_is_given");
            return;
        }
        let cache = tempfile::tempdir().unwrap();
        let at = |path: &str| cache.path().join(path);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::create_dir_all(at("preprocessor/c/d")).unwrap();
        for file in ["a/b/key", "preprocessor/c/d/key", "a/b/two-names"] {
            fs::write(at(file), "").unwrap();
        }
        // A secret of root's, linked into the cache by its owner.
        let secret = tempfile::NamedTempFile::new_in("/tmp").unwrap();
        std::os::unix::fs::symlink(secret.path(), at("a/b/link")).unwrap();
        fs::hard_link(at("a/b/two-names"), at("other-name")).unwrap();
        chown(cache.path(), Some(250), Some(250)).unwrap();
        let old = SystemTime::now() + std::time::Duration::from_secs(60);
        assert_eq!(
            give_back(cache.path(), portage(), old).unwrap(),
            0,
            "nothing is that new"
        );
        let since = SystemTime::now() - std::time::Duration::from_secs(60);
        // Four folders of a/b and preprocessor/c/d, and preprocessor; two files.
        assert_eq!(give_back(cache.path(), portage(), since).unwrap(), 7);
        for (path, owner) in [
            ("a/b/key", 250),
            ("preprocessor/c", 250),
            ("a/b/two-names", 0),
        ] {
            assert_eq!(fs::metadata(at(path)).unwrap().uid(), owner, "{path}");
        }
        assert_eq!(secret.as_file().metadata().unwrap().uid(), 0);
    }
    /// As `install -d -g portage -m 2775` makes it.
    #[test]
    fn a_folder_of_a_group_gives_to_who_builds() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("NOT RUN, needs root: a_folder_of_a_group_gives_to_who_builds");
            return;
        }
        let cache = tempfile::tempdir().unwrap();
        let at = |path: &str| cache.path().join(path);
        chown(cache.path(), Some(0), Some(250)).unwrap();
        let since = SystemTime::now() - std::time::Duration::from_secs(60);
        for (may, given) in [(0o755, 0), (0o2775, 3)] {
            fs::set_permissions(cache.path(), fs::Permissions::from_mode(may)).unwrap();
            fs::create_dir_all(at("a/b")).unwrap();
            fs::write(at("a/b/key"), "").unwrap();
            assert_eq!(give_back(cache.path(), portage(), since).unwrap(), given);
        }
        for path in ["a", "a/b", "a/b/key"] {
            let metadata = fs::metadata(at(path)).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (250, 250), "{path}");
        }
    }
}
