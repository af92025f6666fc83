//! Builds that could not be recorded: kept beside the database, and recorded later.
//!
//! Each is a file `ID.json` in the folder `DATABASE.pending`. It appears whole or not at all, and
//! is deleted when the database has the build. After a crash in between, both have it, and the
//! build's id prevents a second row.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::CWD;

use super::location::{beside, check_trusted};
use super::{Recorded, Store};
use crate::error::{Error, Result, ensure};
use crate::files::open_regular_at;
use crate::portage::Build;

/// The longest file in bytes. An ordinary one has 2 to 20 KB, and 20 bytes per compilation.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What [`Pending::record`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PendingResult {
    /// How many builds were added to the database.
    pub recorded: usize,
    /// Files without a valid build, which were renamed to `*.bad`, each with the reason.
    pub broken: Vec<String>,
}

/// The builds that could not be recorded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    folder: PathBuf,
}

impl Pending {
    /// Returns the pending builds of the database at this path, which may be missing.
    pub fn for_database(database: &Path) -> Self {
        let folder = beside(database, ".pending");
        Self { folder }
    }

    /// Returns their folder, which may be missing.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the number of pending builds; `None` if their folder can't be read.
    pub fn count(&self) -> Option<usize> {
        match self.files() {
            Ok(files) => Some(files.len()),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Some(0),
                _ => None,
            },
        }
    }

    /// Saves a build durably, and returns its file. If the file would be too long, the compilations are
    /// left out.
    ///
    /// # Errors
    /// The folder or the file can't be written, or other users can change them.
    pub fn save(&self, build: &Build) -> Result<PathBuf> {
        check_trusted(&self.folder)?;
        self.make_folder()?;
        self.check_folder()?;
        let path = self.folder.join(format!("{}.json", build.id));
        let mut file = tempfile::Builder::new()
            .prefix(".")
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(&self.folder)?;
        let mut content = serde_json::to_vec(build)?;
        if content.len() as u64 > MAX_BYTES {
            content = serde_json::to_vec(&build.without_compilations())?;
        }
        file.write_all(&content)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(path)
    }

    fn make_folder(&self) -> io::Result<()> {
        match fs::DirBuilder::new().mode(0o755).create(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            created => created?,
        }
        // Whatever the umask: reports count the files.
        fs::set_permissions(&self.folder, Permissions::from_mode(0o755))?;
        match self.folder.parent() {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    }

    /// Checks that no other user can change the files in the folder.
    fn check_folder(&self) -> Result<()> {
        check_trusted(&self.folder.join("build"))
    }

    /// Records the pending builds, oldest first, until `deadline`. The others stay pending.
    ///
    /// # Errors
    /// As [`Store::record`], except that a build with [`Error::Invalid`] counts as a broken file.
    pub fn record(&self, store: &mut Store, deadline: Instant) -> Result<PendingResult> {
        let mut result = PendingResult::default();
        if self.check_folder().is_err() {
            return Ok(result);
        }
        for path in self.files().unwrap_or_default() {
            if Instant::now() >= deadline {
                break;
            }
            match record_file(&path, store) {
                Ok(Recorded::New) => result.recorded += 1,
                Ok(Recorded::AlreadyRecorded) => {}
                Err(error @ (Error::Invalid(_) | Error::Io(_))) => {
                    let _ = fs::rename(&path, beside(&path, ".bad"));
                    result.broken.push(format!("{}: {error}", path.display()));
                    continue;
                }
                Err(error) => return Err(error),
            }
            let _ = fs::remove_file(&path);
        }
        Ok(result)
    }

    /// Returns the files of the pending builds, oldest first.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let path = entry.path();
            // Another process may just have recorded it.
            let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else {
                continue;
            };
            if path.extension() == Some(OsStr::new("json")) {
                files.push((modified, path));
            }
        }
        files.sort_unstable();
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }
}

fn record_file(path: &Path, store: &mut Store) -> Result<Recorded> {
    match read(path)? {
        Some(build) => Ok(store.record(&build)?),
        None => Ok(Recorded::AlreadyRecorded),
    }
}

/// Reads a pending build; `None` if another process has recorded it. It is checked like any input,
/// because the database may be in a folder that isn't root's.
fn read(path: &Path) -> Result<Option<Build>> {
    let file = match open_regular_at(CWD, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| Error::failed("can't be opened", error))?,
    };
    let mut content = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut content)?;
    let length = content.len() as u64;
    ensure!(length <= MAX_BYTES, "longer than {MAX_BYTES} bytes");
    let build: Build = crate::portage::parse_json(&content)?;
    build.check()?;
    let name = build.id.to_string();
    ensure!(
        path.file_stem() == Some(OsStr::new(&name)),
        "its name doesn't match its id"
    );
    Ok(Some(build))
}
