//! The vendored crates, shown in the place: a directory for each, with links to what is in it.
//!
//! The directories are real because cargo starts rustc in them: the kernel reports the directory of a
//! process with links resolved, and sccache's key contains that.

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Stat, Timespec, Timestamps};
use serde::Deserialize;

use super::directory::{entries, open_or_create_directory, remove};
use crate::files::{open_directory, open_regular_at};

/// Links and directories get this modification time. For cargo, a link is as new as the newer of itself
/// and its target (`mtime_recursive` in cargo-util 0.2), and new files make build scripts run again.
const OLD: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

const OLD_TIMES: Timestamps = Timestamps {
    last_access: OLD,
    last_modification: OLD,
};

/// A longer checksum file has been made by something else than cargo.
const MAX_CHECKSUM_BYTES: u64 = 16 << 20;

/// Seconds and nanoseconds since 1970.
pub(super) type Time = (i64, i64);

/// A crate in the vendored directory.
struct Crate {
    name: CString,
    /// The files and directories in it. `None` if its name and version don't determine them: then the
    /// crate keeps a path with the package's version.
    files: Option<Vec<CString>>,
}

/// Shows the crates of the directory `vendor`, which is at `path`, in the directory `shown`, unless an
/// earlier phase did. A crate that changed after `unpacked` (the first time that all crates can have been
/// there, and the last) is one link.
pub(super) fn show(
    vendor: &OwnedFd,
    path: &Path,
    shown: &OwnedFd,
    unpacked: (Time, Time),
) -> io::Result<()> {
    let mut crates = find_crates(vendor, unpacked.0)?;
    // The configuration was written before the crates were unpacked.
    if crates.iter().all(|found| found.files.is_none()) {
        crates = find_crates(vendor, unpacked.1)?;
    }
    let mut earlier: HashMap<CString, FileType> = entries(shown)?.into_iter().collect();
    for Crate { name, files } in crates {
        let path = path.join(to_path(&name));
        match (earlier.remove(&name), files) {
            (None, Some(files)) => show_files(shown, &name, &path, &files)?,
            (None, None) => rustix::fs::symlinkat(path, shown, name)?,
            (Some(FileType::Directory), None) => {
                remove(shown, &name)?;
                rustix::fs::symlinkat(path, shown, name)?;
            }
            (Some(_), _) => {}
        }
    }
    Ok(())
}

/// Shows the files and directories of one crate.
fn show_files(shown: &OwnedFd, name: &CStr, path: &Path, files: &[CString]) -> io::Result<()> {
    let directory = open_or_create_directory(shown, name)?;
    for file in files {
        rustix::fs::symlinkat(path.join(to_path(file)), &directory, &**file)?;
        rustix::fs::utimensat(&directory, &**file, &OLD_TIMES, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(rustix::fs::futimens(&directory, &OLD_TIMES)?)
}

/// Moves what build scripts created beside the links into the vendored crates, where it would be without
/// them.
pub(super) fn return_new_files(shown: &OwnedFd, vendor: &OwnedFd) -> io::Result<()> {
    for (name, kind) in entries(shown)? {
        if kind != FileType::Directory {
            continue;
        }
        let directory = open_directory(shown, &*name)?;
        if modified(&rustix::fs::fstat(&directory)?) == (OLD.tv_sec, OLD.tv_nsec) {
            continue;
        }
        let original = open_directory(vendor, &*name)?;
        for (file, kind) in entries(&directory)? {
            if kind != FileType::Symlink {
                rustix::fs::renameat(&directory, &*file, &original, &*file)?;
            }
        }
    }
    Ok(())
}

fn find_crates(vendor: &OwnedFd, unpacked: Time) -> io::Result<Vec<Crate>> {
    let crates = entries(vendor)?.into_iter();
    crates
        .map(|(name, kind)| {
            let files = match kind {
                FileType::Directory => unchanged_files(open_directory(vendor, &*name)?, unpacked)?,
                _ => None,
            };
            Ok(Crate { name, files })
        })
        .collect()
}

/// Returns what is in a crate, if it comes from a registry and nothing in it changed after `unpacked`.
fn unchanged_files(directory: OwnedFd, unpacked: Time) -> io::Result<Option<Vec<CString>>> {
    if !is_from_registry(&directory) || has_changed(&directory, unpacked)? {
        return Ok(None);
    }
    let names = entries(&directory)?.into_iter().map(|(name, _)| name);
    Ok(Some(names.collect()))
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

/// Whether the directory, or anything below it, changed after a time. Programs can set the modification
/// time (`cp -p`, `tar`), but not the time of the last change of the inode.
fn has_changed(directory: &OwnedFd, since: Time) -> io::Result<bool> {
    let changed = |stat: &Stat| (stat.st_ctime, stat.st_ctime_nsec as i64) > since;
    if changed(&rustix::fs::fstat(directory)?) {
        return Ok(true);
    }
    for (name, kind) in entries(directory)? {
        let has_changed = match kind {
            FileType::Directory => has_changed(&open_directory(directory, &*name)?, since)?,
            _ => changed(&rustix::fs::statat(
                directory,
                &*name,
                AtFlags::SYMLINK_NOFOLLOW,
            )?),
        };
        if has_changed {
            return Ok(true);
        }
    }
    Ok(false)
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

    use rustix::fs::CWD;

    use super::*;

    const REGISTRY: &str = r#"{"files": {"a": "b"}, "package": "c"}"#;

    /// Two directories below a temporary one: of vendored crates, and of what is shown of them.
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
            fs::create_dir(directory.path().join("shown")).unwrap();
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

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.directory.path().join(name)
        }

        fn open(&self, name: &str) -> OwnedFd {
            open_directory(CWD, self.path(name)).unwrap()
        }

        /// Shows the crates, and returns the names of those that are links.
        fn links(&self, unpacked: (Time, Time)) -> Vec<String> {
            let (vendor, path) = (self.open("vendor"), self.path("vendor"));
            show(&vendor, &path, &self.open("shown"), unpacked).unwrap();
            let shown = fs::read_dir(self.path("shown"))
                .unwrap()
                .map(Result::unwrap);
            let links = shown.filter(|entry| entry.file_type().unwrap().is_symlink());
            let mut links: Vec<String> = links
                .map(|link| link.file_name().into_string().unwrap())
                .collect();
            links.sort();
            links
        }
    }

    #[test]
    fn unchanged_crates_of_a_registry_are_directories() {
        let crates = ["a", "b", "c", "d", "e"].map(|name| (name, REGISTRY));
        let folders =
            Folders::new(&[&crates[..], &[("git", r#"{"files": {}, "package": null}"#)]].concat());
        fs::write(folders.path("vendor/b/src/inner/lib.rs"), "edited").unwrap();
        fs::remove_file(folders.path("vendor/c/src/inner/lib.rs")).unwrap();
        fs::remove_file(folders.path("vendor/d/.cargo-checksum.json")).unwrap();
        symlink("e", folders.path("vendor/link")).unwrap();
        let links = folders.links((folders.unpacked, folders.unpacked));
        assert_eq!(links, ["b", "c", "d", "git", "link"]);
        let shown = folders.path("shown/a");
        let target = fs::read_link(shown.join("src")).unwrap();
        assert_eq!(target, folders.path("vendor/a/src"));
        for path in [shown.join("src"), shown] {
            let stat = rustix::fs::lstat(&path).unwrap();
            assert_eq!(modified(&stat), (1, 0), "{}", path.display());
        }
    }

    #[test]
    fn a_later_phase_shows_what_changed_since() {
        let folders = Folders::new(&[("a", REGISTRY), ("b", REGISTRY)]);
        let unpacked = (folders.unpacked, folders.unpacked);
        assert_eq!(folders.links(unpacked), Vec::<String>::new());
        fs::write(folders.path("vendor/b/src/inner/lib.rs"), "edited").unwrap();
        assert_eq!(folders.links(unpacked), ["b"]);
        assert!(folders.path("shown/a/src").is_symlink());
    }

    #[test]
    fn crates_that_all_changed_were_unpacked_later() {
        let folders = Folders::new(&[("a", REGISTRY), ("b", REGISTRY)]);
        let links = folders.links(((0, 0), folders.unpacked));
        assert_eq!(links, Vec::<String>::new());
    }

    #[test]
    fn new_files_are_moved_to_the_crates() {
        let folders = Folders::new(&[("a", REGISTRY), ("b", REGISTRY)]);
        folders.links((folders.unpacked, folders.unpacked));
        fs::create_dir(folders.path("shown/a/generated")).unwrap();
        fs::write(folders.path("shown/a/generated/x"), "x").unwrap();
        fs::write(folders.path("shown/a/src/inner/y"), "y").unwrap();
        let (shown, vendor) = (folders.open("shown"), folders.open("vendor"));
        return_new_files(&shown, &vendor).unwrap();
        assert!(folders.path("vendor/a/generated/x").exists());
        assert!(folders.path("vendor/a/src/inner/y").exists());
        assert!(!folders.path("shown/a/generated").exists());
        assert!(folders.path("shown/a/src").is_symlink());
    }
}
