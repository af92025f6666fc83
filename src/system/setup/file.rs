//! Files that are edited: whole or not at all, with their owner and mode.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// A file's content; nothing where there is none.
pub(super) fn content(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

/// Gives the file this content at once, or leaves it. Behind a symbolic link it is the target that
/// changes. A new file is root's, for all to read.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = match path.symlink_metadata() {
        Ok(_) => path.canonicalize()?,
        Err(_) => path.to_path_buf(),
    };
    let folder = target.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new()
        .prefix(".sccache-report")
        .tempfile_in(folder)?;
    file.write_all(content)?;
    match fs::metadata(&target) {
        Ok(old) => {
            std::os::unix::fs::fchown(file.as_file(), Some(old.uid()), Some(old.gid()))?;
            file.as_file().set_permissions(old.permissions())?;
        }
        Err(_) => file
            .as_file()
            .set_permissions(Permissions::from_mode(0o644))?,
    }
    file.as_file().sync_all()?;
    file.persist(&target)?;
    File::open(folder)?.sync_all()
}

/// Where a copy of the file goes: `FILE.bak`, or the next name that is free.
pub(super) fn backup_name(path: &Path) -> PathBuf {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = |number: u32| -> PathBuf {
        let mut name: OsString = target.clone().into();
        name.push(".bak");
        if number > 0 {
            name.push(format!(".{number}"));
        }
        name.into()
    };
    let is_free = |path: &PathBuf| path.symlink_metadata().is_err();
    (0..).map(name).find(is_free).unwrap_or(target)
}

/// Copies a file with its owner and mode.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    let what = fs::metadata(from)?;
    chown(to, Some(what.uid()), Some(what.gid()))?;
    File::open(to)?.sync_all()
}
