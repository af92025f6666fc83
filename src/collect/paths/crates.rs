//! The vendored crates in the place: a directory for each, with links to what is in it.
//!
//! The directories are real because cargo starts rustc in them: the kernel reports the directory of a
//! process with links resolved, and sccache's key contains that.
//!
//! This takes most of the time of `enter`, and a large package has 500 crates with 30,000 files, so the
//! number of system calls matters (docs/performance.md).

use std::ffi::{CStr, CString, OsStr};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;

use rustix::fs::{AtFlags, FileType, Stat, Timespec, Timestamps};
use serde::Deserialize;

use super::directory::{entries, open_or_create_directory};
use crate::files::{open_directory, open_regular_at};

/// Directories, and links to them, get this modification time. For cargo, a link to a directory is as new
/// as the newer of itself and its target (`mtime_recursive` in cargo-util 0.2), and new files make build
/// scripts run again.
const OLD: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

const OLD_TIMES: Timestamps = Timestamps {
    last_access: OLD,
    last_modification: OLD,
};

/// A longer checksum file was not written by cargo.
const MAX_CHECKSUM_BYTES: u64 = 16 << 20;

/// The most threads that make links.
const MAX_THREADS: usize = 8;

/// The least crates for which a thread is worth it.
const MIN_SHARE: usize = 20;

/// Seconds and nanoseconds since 1970.
pub(super) type Time = (i64, i64);

/// How to recognize an unmodified crate of a registry.
#[derive(Clone, Copy)]
pub(super) struct Unchanged {
    /// Nothing in them changed after this moment.
    pub(super) since: Time,
    /// Whether crates of git repositories are among them, whose name and version don't say what they are.
    pub(super) has_git: bool,
}

/// Makes a directory in `linked` for each crate of the directory `vendor`, which is at `path`. A crate
/// that is not unchanged becomes one link.
pub(super) fn link(
    vendor: &OwnedFd,
    path: &Path,
    linked: &OwnedFd,
    unchanged: Unchanged,
) -> io::Result<()> {
    let crates = entries(vendor)?;
    // The time is the kernel's, which changes different directories at the same time.
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let share = crates
        .len()
        .div_ceil(processors.min(MAX_THREADS))
        .max(MIN_SHARE);
    thread::scope(|scope| {
        let link_share = |share| move || link_crates(share, vendor, path, linked, unchanged);
        let threads: Vec<_> = crates
            .chunks(share)
            .map(|share| scope.spawn(link_share(share)))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            let result = thread.join();
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

fn link_crates(
    crates: &[(CString, FileType)],
    vendor: &OwnedFd,
    path: &Path,
    linked: &OwnedFd,
    unchanged: Unchanged,
) -> io::Result<()> {
    for (name, kind) in crates {
        let path = path.join(to_path(name));
        let content = match kind {
            FileType::Directory => unchanged.content(&open_directory(vendor, &**name)?)?,
            _ => None,
        };
        match content {
            Some(content) => link_content(linked, name, &path, &content)?,
            None => rustix::fs::symlinkat(path, linked, &**name)?,
        }
    }
    Ok(())
}

/// Makes the directory of one crate.
fn link_content(
    linked: &OwnedFd,
    name: &CStr,
    path: &Path,
    content: &[(CString, FileType)],
) -> io::Result<()> {
    let directory = open_or_create_directory(linked, name)?;
    for (name, kind) in content {
        // Absolute, because a build script may copy the link.
        rustix::fs::symlinkat(path.join(to_path(name)), &directory, &**name)?;
        if *kind == FileType::Directory {
            // Without it, build scripts run again, and nothing else happens.
            let _ =
                rustix::fs::utimensat(&directory, &**name, &OLD_TIMES, AtFlags::SYMLINK_NOFOLLOW);
        }
    }
    Ok(rustix::fs::futimens(&directory, &OLD_TIMES)?)
}

/// Moves what build scripts created beside the links into the vendored crates, where it would be without
/// them, and links to it. What can't be moved stays.
pub(super) fn return_new_files(linked: &OwnedFd, vendor: &OwnedFd, path: &Path) -> io::Result<()> {
    for (name, kind) in entries(linked)? {
        if kind != FileType::Directory {
            continue;
        }
        let directory = open_directory(linked, &*name)?;
        if modified(&rustix::fs::fstat(&directory)?) == (OLD.tv_sec, OLD.tv_nsec) {
            continue;
        }
        let original = open_directory(vendor, &*name)?;
        for (file, kind) in entries(&directory)? {
            if kind != FileType::Symlink
                && rustix::fs::renameat(&directory, &*file, &original, &*file).is_ok()
            {
                let target = path.join(to_path(&name)).join(to_path(&file));
                rustix::fs::symlinkat(target, &directory, &*file)?;
            }
        }
    }
    Ok(())
}

impl Unchanged {
    /// Returns what is in a crate, if it is unchanged.
    fn content(self, directory: &OwnedFd) -> io::Result<Option<Vec<(CString, FileType)>>> {
        if self.has_git && !is_from_registry(directory)
            || self.has_changed(&rustix::fs::fstat(directory)?)
        {
            return Ok(None);
        }
        let content = entries(directory)?;
        for (name, kind) in &content {
            let has_changed = match kind {
                FileType::Directory => self.has_changed_below(directory, name)?,
                _ => self.has_changed(&stat(directory, name)?),
            };
            if has_changed {
                return Ok(None);
            }
        }
        Ok(Some(content))
    }

    /// Whether this directory, or one below it, changed. An editor that replaces a file, as `patch` and
    /// `sed -i` do, changes the directory. A file that was written in place is not seen here: the compiler
    /// tells sccache which files it read, and the key contains their content.
    fn has_changed_below(self, parent: &OwnedFd, name: &CStr) -> io::Result<bool> {
        let stat = stat(parent, name)?;
        if self.has_changed(&stat) {
            return Ok(true);
        }
        // Each directory in it would be one link more. Btrfs, which doesn't count them, says 1.
        if stat.st_nlink == 2 {
            return Ok(false);
        }
        let directory = open_directory(parent, name)?;
        for (name, kind) in entries(&directory)? {
            if kind == FileType::Directory && self.has_changed_below(&directory, &name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Programs can set the modification time (`cp -p`, `tar`), but not the time of the last change of the
    /// inode.
    fn has_changed(self, stat: &Stat) -> bool {
        (stat.st_ctime, stat.st_ctime_nsec as i64) > self.since
    }
}

fn stat(directory: &OwnedFd, name: &CStr) -> rustix::io::Result<Stat> {
    rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// Whether the crate has the checksum of a registry. `cargo vendor` writes none for a git crate.
fn is_from_registry(directory: &OwnedFd) -> bool {
    #[derive(Deserialize)]
    struct Checksum {
        package: Option<String>,
    }
    let Ok(file) = open_regular_at(directory, ".cargo-checksum.json") else {
        return false;
    };
    let mut text = Vec::new();
    let length = file.take(MAX_CHECKSUM_BYTES).read_to_end(&mut text);
    let checksum = serde_json::from_slice::<Checksum>(&text);
    length.is_ok() && checksum.is_ok_and(|checksum| checksum.package.is_some())
}

/// Returns the modification time.
pub(super) fn modified(stat: &Stat) -> Time {
    (stat.st_mtime, stat.st_mtime_nsec as i64)
}

fn to_path(name: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(name.to_bytes()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use rustix::fs::CWD;

    use super::*;

    const REGISTRY: &str = r#"{"files": {"a": "b"}, "package": "c"}"#;

    /// Two directories below a temporary one: of vendored crates, and of links to them.
    struct Folders {
        directory: tempfile::TempDir,
        unpacked: Time,
    }

    impl Folders {
        fn new(crates: &[(&str, &str)]) -> Self {
            let directory = tempfile::tempdir().unwrap();
            for (name, checksum) in crates {
                let folder = directory.path().join("vendor").join(name);
                fs::create_dir_all(folder.join("src/inner")).unwrap();
                fs::write(folder.join("src/inner/lib.rs"), "").unwrap();
                fs::write(folder.join(".cargo-checksum.json"), checksum).unwrap();
            }
            fs::create_dir(directory.path().join("linked")).unwrap();
            // The kernel's clock for times of files advances in steps of some milliseconds.
            let probe = directory.path().join("probe");
            let changed = || {
                fs::write(&probe, "").unwrap();
                let stat = rustix::fs::stat(&probe).unwrap();
                (stat.st_ctime, stat.st_ctime_nsec as i64)
            };
            let unpacked = changed();
            while changed() == unpacked {}
            Self {
                directory,
                unpacked,
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn open(&self, name: &str) -> OwnedFd {
            open_directory(CWD, self.path(name)).unwrap()
        }

        /// Links the crates, and returns the names of those that are one link.
        fn links(&self, has_git: bool) -> Vec<String> {
            let unchanged = Unchanged {
                since: self.unpacked,
                has_git,
            };
            let path = self.path("vendor");
            link(&self.open("vendor"), &path, &self.open("linked"), unchanged).unwrap();
            let linked = fs::read_dir(self.path("linked")).unwrap();
            let links = linked
                .map(Result::unwrap)
                .filter(|entry| entry.file_type().unwrap().is_symlink());
            let mut links: Vec<String> = links
                .map(|link| link.file_name().into_string().unwrap())
                .collect();
            links.sort();
            links
        }
    }

    #[test]
    fn unchanged_crates_are_directories() {
        let folders = Folders::new(&["a", "b", "c", "d", "e"].map(|name| (name, REGISTRY)));
        let lib = |name: &str| folders.path(&format!("vendor/{name}/src/inner/lib.rs"));
        fs::write(lib("a"), "the key contains this").unwrap();
        let edited = folders.path("vendor/b/src/inner/new");
        fs::write(&edited, "edited").unwrap();
        fs::rename(edited, lib("b")).unwrap();
        fs::remove_file(lib("c")).unwrap();
        fs::write(folders.path("vendor/d/.cargo-checksum.json"), "edited").unwrap();
        symlink("e", folders.path("vendor/link")).unwrap();
        assert_eq!(folders.links(false), ["b", "c", "d", "link"]);
        let linked = folders.path("linked/a");
        let target = fs::read_link(linked.join("src")).unwrap();
        assert_eq!(target, folders.path("vendor/a/src"));
        for path in [linked.join("src"), linked] {
            let stat = rustix::fs::lstat(&path).unwrap();
            assert_eq!(modified(&stat), (1, 0), "{}", path.display());
        }
    }

    #[test]
    fn crates_of_git_repositories_are_links() {
        let git = r#"{"files": {}, "package": null}"#;
        let folders = Folders::new(&[("a", REGISTRY), ("git", git), ("none", "")]);
        assert_eq!(folders.links(true), ["git", "none"]);
    }

    #[test]
    fn new_files_are_moved_to_the_crates() {
        let folders = Folders::new(&[("a", REGISTRY), ("b", REGISTRY)]);
        folders.links(false);
        let (linked, vendor) = (folders.open("linked"), folders.open("vendor"));
        let path = folders.path("vendor");
        let return_new_files = || return_new_files(&linked, &vendor, &path).unwrap();
        fs::create_dir(folders.path("linked/a/generated")).unwrap();
        fs::write(folders.path("linked/a/generated/x"), "x").unwrap();
        fs::write(folders.path("linked/a/src/inner/y"), "y").unwrap();
        return_new_files();
        assert!(folders.path("vendor/a/generated/x").exists());
        assert!(folders.path("vendor/a/src/inner/y").exists());
        let link = fs::read_link(folders.path("linked/a/generated")).unwrap();
        assert_eq!(link, folders.path("vendor/a/generated"));
        // A directory can't replace one with files.
        fs::remove_file(folders.path("linked/a/generated")).unwrap();
        fs::create_dir(folders.path("linked/a/generated")).unwrap();
        return_new_files();
        assert!(folders.path("linked/a/generated").is_dir());
    }
}
