//! A look at every file of a local cache: how much there is, and what a user can't use.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::cache_folder::DEPTH;

/// So many of what is out of the user's reach are named.
const NAMED: usize = 3;

/// Where the look stops.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Files and folders looked at.
    pub entries: u64,
    /// Time it may take.
    pub time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            time: Duration::from_secs(10),
        }
    }
}

/// A file or folder of the cache, as far as it matters to who may use it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permissions, and what it is.
    pub mode: u32,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// What there is in the cache's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Files, among them those of no use.
    pub files: u64,
    /// The sum of their lengths.
    pub bytes: u64,
    /// Files and folders that the user can't use.
    pub out_of_reach: u64,
    /// The first of them.
    pub named: Vec<PathBuf>,
    /// Whose they are, by number.
    pub owners: BTreeSet<u32>,
    /// Folders that this process itself can't look into: what is in them isn't counted.
    pub unseen: u64,
    /// Why it ended before it had seen all: then the numbers say "at least".
    pub stopped: Option<String>,
}

/// Looks at `folder` and all below, once. `reaches` says whether the user may use a file or folder.
///
/// # Errors
/// Where the folder itself can't be opened.
pub fn survey(
    folder: &Path,
    bounds: Bounds,
    reaches: &dyn Fn(&Entry<'_>) -> bool,
) -> io::Result<Survey> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty())?;
    let mut surveyor = Surveyor {
        bounds,
        until: Instant::now() + bounds.time,
        entries: 0,
        reaches,
        survey: Survey::default(),
    };
    surveyor.walk(&opened, folder, 0);
    Ok(surveyor.survey)
}

struct Surveyor<'a> {
    bounds: Bounds,
    until: Instant,
    entries: u64,
    reaches: &'a dyn Fn(&Entry<'_>) -> bool,
    survey: Survey,
}

impl Surveyor<'_> {
    fn walk(&mut self, folder: &OwnedFd, path: &Path, depth: u32) {
        let Ok(entries) = Dir::read_from(folder) else {
            self.survey.unseen += 1;
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if self.is_enough() {
                return;
            }
            let Ok(stat) = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let below = path.join(OsStr::from_bytes(name.to_bytes()));
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => {
                    self.survey.files += 1;
                    self.survey.bytes += u64::try_from(stat.st_size).unwrap_or(0);
                    self.judge(&stat, &below, false);
                }
                FileType::Directory if depth < DEPTH => {
                    self.judge(&stat, &below, true);
                    let flags =
                        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    match rustix::fs::openat(folder, name, flags, Mode::empty()) {
                        Ok(opened) => self.walk(&opened, &below, depth + 1),
                        Err(_) => self.survey.unseen += 1,
                    }
                }
                _ => {}
            }
        }
    }

    fn is_enough(&mut self) -> bool {
        self.entries += 1;
        if self.survey.stopped.is_some() {
            return true;
        }
        if self.entries > self.bounds.entries {
            self.survey.stopped = Some(format!("after {} files", self.bounds.entries));
        } else if self.entries.is_multiple_of(1024) && Instant::now() > self.until {
            self.survey.stopped = Some(format!("after {} s", self.bounds.time.as_secs()));
        }
        self.survey.stopped.is_some()
    }

    fn judge(&mut self, stat: &Stat, path: &Path, is_folder: bool) {
        let entry = Entry {
            path,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mode: stat.st_mode,
            is_folder,
        };
        if (self.reaches)(&entry) {
            return;
        }
        self.survey.out_of_reach += 1;
        self.survey.owners.insert(stat.st_uid);
        if self.survey.named.len() < NAMED {
            self.survey.named.push(path.to_path_buf());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn everything_is_seen_once_and_no_more_than_the_bound() {
        let cache = tempfile::tempdir().unwrap();
        for name in ["a/b/one", "a/c/two", "preprocessor/a/b/c/three"] {
            let path = cache.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "12345").unwrap();
        }
        std::os::unix::fs::symlink("/", cache.path().join("link")).unwrap();
        let all = survey(cache.path(), Bounds::default(), &|entry| entry.is_folder).unwrap();
        assert_eq!((all.files, all.bytes, all.out_of_reach), (3, 15, 3));
        assert_eq!((all.named.len(), all.stopped), (3, None));
        let entries = 2;
        let some = Bounds {
            entries,
            ..Bounds::default()
        };
        let some = survey(cache.path(), some, &|_| true).unwrap();
        assert_eq!(some.stopped.as_deref(), Some("after 2 files"));
    }
}
