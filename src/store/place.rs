//! The database's file and folder, before SQLite has to do with them.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::{Error, Result};

/// Tells apart what SQLite calls "unable to open" alike.
pub(super) fn readable(path: &Path) -> Result<()> {
    // Looked at before it is opened: opening a FIFO waits for somebody who writes into it.
    match fs::metadata(path).and_then(|what| match what.is_file() {
        true => fs::File::open(path).map(|_| true),
        false => Ok(false),
    }) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::NotAFile(path.to_path_buf())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::Missing(path.to_path_buf()))
        }
        Err(error) => Err(Error::NotReadable(path.to_path_buf(), error)),
    }
}

/// Makes folder and file where missing, readable for all whatever the umask.
pub(super) fn create(path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make_folder(folder).map_err(|error| Error::Folder(folder.to_path_buf(), error))?;
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path);
    match made {
        Ok(file) => file
            .set_permissions(fs::Permissions::from_mode(0o644))
            .map_err(|error| Error::NotWritable(path.to_path_buf(), error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::NotWritable(path.to_path_buf(), error.to_string())),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent().filter(|p| !p.as_os_str().is_empty()) {
        make_folder(parent)?;
    }
    match fs::DirBuilder::new().mode(0o755).create(folder) {
        Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(0o755)),
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}
