//! Builds that the database could not take: kept beside it, and recorded later.
//!
//! One file each, `ID.json` in the folder `FILE.pending` (of the database, so that two
//! databases in one folder don't get each other's builds). It appears whole or not at
//! all, and goes when the database has the build. A crash in between leaves both: the
//! build's id sees to it that it is recorded once.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};

use super::place::check_trusted;
use super::{Error, Recorded, Store};
use crate::portage::Build;

/// A build of a hundred phases; an ordinary one is 2 to 20 KB.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What a killed collector had not finished is rubbish after this long.
const UNFINISHED: Duration = Duration::from_secs(3600);

/// What became of the builds that waited.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TakenUp {
    /// So many are in the database now, and weren't before.
    pub recorded: usize,
    /// Files that hold no build, set aside as `*.bad`: which, and why.
    pub broken: Vec<String>,
}

/// The builds that wait for one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    folder: PathBuf,
}

impl Pending {
    /// Those of the database at this path, whether or not there is one.
    pub fn of(database: &Path) -> Self {
        let mut folder = database.as_os_str().to_owned();
        folder.push(".pending");
        Self {
            folder: folder.into(),
        }
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many wait; 0 also where that can't be seen.
    pub fn count(&self) -> usize {
        self.files().map_or(0, |files| files.len())
    }

    /// Keeps a build. When this returns, it survives a power cut. Returns its file.
    ///
    /// # Errors
    /// Where folder or file can't be written, or somebody else can change them.
    pub fn keep(&self, build: &Build) -> io::Result<PathBuf> {
        self.make_folder()?;
        self.check_trusted()?;
        let mut file = tempfile::Builder::new()
            .prefix(".")
            .permissions(fs::Permissions::from_mode(0o644))
            .tempfile_in(&self.folder)?;
        file.write_all(&serde_json::to_vec(build)?)?;
        file.as_file().sync_all()?;
        let path = self.folder.join(format!("{}.json", build.id));
        file.persist(&path)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(path)
    }

    /// Only a folder that nobody else can change is one to read builds from or to write to.
    fn check_trusted(&self) -> io::Result<()> {
        check_trusted(&self.folder.join("build")).map_err(io::Error::other)
    }

    fn make_folder(&self) -> io::Result<()> {
        check_trusted(&self.folder).map_err(io::Error::other)?;
        match fs::DirBuilder::new().mode(0o755).create(&self.folder) {
            Ok(()) => {
                // Whatever the umask: reports count what waits.
                fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o755))?;
                self.folder
                    .parent()
                    .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Records what waits, the oldest first, until `deadline` is over. The rest waits on.
    ///
    /// # Errors
    /// Those of [`Store::record`] but for [`Error::Invalid`], which makes a file a broken one.
    pub fn take_up(&self, store: &mut Store, deadline: Instant) -> super::Result<TakenUp> {
        let mut taken = TakenUp::default();
        if self.check_trusted().is_err() {
            return Ok(taken);
        }
        let _ = self.tidy();
        // None to be seen, none to be taken up: a merge has no use for that error.
        for (_, path) in self.files().unwrap_or_default() {
            if Instant::now() >= deadline {
                break;
            }
            let recorded = match read(&path) {
                Ok(Some(build)) => match store.record(&build) {
                    Ok(recorded) => Ok(usize::from(recorded == Recorded::New)),
                    Err(error @ Error::Invalid(_)) => Err(error.into()),
                    Err(error) => return Err(error),
                },
                // Another collector was faster.
                Ok(None) => continue,
                Err(error) => Err(error),
            };
            match recorded {
                Ok(new) => {
                    let _ = fs::remove_file(&path);
                    taken.recorded += new;
                }
                Err(error) => {
                    let mut aside = path.clone().into_os_string();
                    aside.push(".bad");
                    let _ = fs::rename(&path, aside);
                    taken.broken.push(format!("{}: {error:#}", path.display()));
                }
            }
        }
        Ok(taken)
    }

    /// Takes away what killed collectors had not finished.
    fn tidy(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let modified = entry.metadata().and_then(|what| what.modified())?;
            if hidden && modified.elapsed().is_ok_and(|age| age > UNFINISHED) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// The waiting files, the oldest first.
    fn files(&self) -> io::Result<Vec<(SystemTime, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let path = entry.path();
            // One that another collector has just recorded is no error.
            let Ok(modified) = entry.metadata().and_then(|what| what.modified()) else {
                continue;
            };
            if path.extension() == Some(OsStr::new("json")) {
                files.push((modified, path));
            }
        }
        files.sort_unstable();
        Ok(files)
    }
}

/// Reads a kept build; `None` where the file has gone. It is checked like any input: the
/// database may lie in a folder that is not root's.
fn read(path: &Path) -> Result<Option<Build>> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.context("can't be opened")?,
    };
    ensure!(file.metadata()?.is_file(), "not a regular file");
    let mut content = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut content)?;
    ensure!(
        content.len() as u64 <= MAX_BYTES,
        "longer than {MAX_BYTES} bytes"
    );
    let build: Build = crate::portage::parse_json(&content)?;
    build.check()?;
    let named = path.file_stem() == Some(OsStr::new(&build.id.to_string()));
    ensure!(named, "not named for its id");
    Ok(Some(build))
}
