//! The database's file and folder, before SQLite opens them.
//!
//! SQLite trusts the files beside a database: it rolls back a journal, deletes the file that a
//! super-journal record names, and waits for the writer of a FIFO. Therefore SQLite only opens files
//! that no other user can change, and private copies of all others.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Error, Result};
use crate::files::open_regular;

/// Opens the file for reading, because SQLite reports every reason why it can't be read as "unable to open".
pub(super) fn open_readable(path: &Path) -> Result<File> {
    open_regular(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => Error::NotAFile(path.to_path_buf()),
        io::ErrorKind::NotFound => Error::MissingDatabase(path.to_path_buf()),
        _ => Error::NotReadable(path.to_path_buf(), error),
    })
}

/// Checks that only root, the user of this process and the owner of the Gentoo Prefix can change or
/// replace the file at `path`, which may be missing.
///
/// # Errors
/// [`Error::Untrusted`] with the file or folder that other users can change; [`Error::CreateFolder`]
/// if that can't be found out.
pub fn check_trusted(path: &Path) -> Result<()> {
    let owners = Owners::of_this_system();
    let failed = |path: &Path, error| Error::CreateFolder(path.to_path_buf(), error);
    let absolute = std::path::absolute(path).map_err(|error| failed(path, error))?;
    let resolved = resolve(&absolute);
    for path in [absolute, resolved] {
        for part in path.ancestors() {
            let metadata = match part.symlink_metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata.map_err(|error| failed(part, error))?,
            };
            // In a sticky folder others can create files, but not replace ours.
            let is_sticky = metadata.mode() & 0o1000 != 0 && Some(part) != path.parent();
            if !owners.alone_can_change(&metadata, is_sticky) {
                let part = part.to_path_buf();
                return Err(Error::Untrusted(path, part));
            }
        }
    }
    Ok(())
}

/// Returns the path with the links in its existing part resolved.
fn resolve(path: &Path) -> PathBuf {
    let existing = path.ancestors().find_map(|part| {
        let rest = path.strip_prefix(part).ok()?;
        let real = part.canonicalize().ok()?;
        Some(real.components().chain(rest.components()).collect())
    });
    existing.unwrap_or_else(|| path.to_path_buf())
}

/// Users (and, in a Gentoo Prefix, their groups) that a database may belong to.
struct Owners(Vec<(u32, Option<u32>)>);

impl Owners {
    fn of_this_system() -> Self {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        // A user's umask may give a folder to the user's own group; root's never does.
        let with_group = |uid: u32, gid: u32| (uid, (uid != 0).then_some(gid));
        let mut owners = vec![(0, None), with_group(uid.as_raw(), gid.as_raw())];
        if let Ok(prefix) = crate::config::eprefix().metadata() {
            owners.push(with_group(prefix.uid(), prefix.gid()));
        }
        Self(owners)
    }

    fn alone_can_change(&self, metadata: &Metadata, is_sticky: bool) -> bool {
        let is_owner = self.0.iter().any(|(uid, _)| *uid == metadata.uid());
        let is_group = self.0.iter().any(|(_, gid)| *gid == Some(metadata.gid()));
        let others = metadata.mode() & 0o002 != 0;
        let group = metadata.mode() & 0o020 != 0 && !is_group;
        is_owner && (is_sticky || metadata.is_symlink() || !(others || group))
    }
}

/// Creates the folder and the file if they are missing, readable for all whatever the umask.
pub(super) fn create(path: &Path) -> Result<()> {
    check_trusted(path)?;
    let folder = path.parent().unwrap_or(path);
    make_folder(folder).map_err(|error| Error::CreateFolder(folder.to_path_buf(), error))?;
    let created = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)
        .and_then(|file| file.set_permissions(Permissions::from_mode(0o644)));
    match created {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::NotWritable(path.to_path_buf(), error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Creates the folder and those above it if they are missing, readable for all whatever the umask.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folder(parent)?;
    }
    match fs::DirBuilder::new().mode(0o755).create(folder) {
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(0o755)),
        // Another process was faster.
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns the path of a file that SQLite keeps beside the database, such as `-journal`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
