//! Changes files and folders that only root or the owner of a Gentoo Prefix can replace.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::{at, refuse};
use crate::error::Result;

/// A user id and a group id.
pub(super) type Owner = (u32, u32);

/// Follows the links in a path. Its last parts may be missing.
///
/// # Errors
/// A link is broken, or others than root and `system_owner` can write a folder in the path.
pub(super) fn resolve(path: &Path, system_owner: Owner) -> Result<PathBuf> {
    let mut real = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => real.push(name),
            Component::ParentDir => drop(real.pop()),
            _ => {}
        }
        if let Ok(target) = real.read_link() {
            at(&real, real.metadata())?;
            real.pop();
            real = resolve(&real.join(target), system_owner)?;
        }
        if let Ok(found) = real.metadata() {
            check_owner(&real, &found, system_owner)?;
        }
    }
    Ok(real)
}

/// Fails if the path is a folder that others than root and `system_owner` can write.
fn check_owner(path: &Path, found: &Metadata, system_owner: Owner) -> Result<()> {
    let (uid, mode) = (found.uid(), found.mode());
    let is_foreign = ![0, system_owner.0].contains(&uid);
    if !found.is_dir() || (!is_foreign && mode & 0o022 == 0) {
        return Ok(());
    }
    let mut problem = format!("can be written by others (mode {:04o})", mode & 0o7777);
    if is_foreign {
        problem = format!("belongs to user {uid}");
    }
    let problem = format!("{problem}: setup doesn't change files that other users can replace");
    let hint = "choose a directory that only root can change, or fix its owner and mode";
    Err(refuse(path, &problem, hint))
}

/// Creates a folder for `owner`, and the folders above it for `system_owner`.
pub(super) fn create_folder(path: &Path, owner: Owner, system_owner: Owner) -> Result<()> {
    let (Some(parent), Some(name), false) = (path.parent(), path.file_name(), path.is_dir()) else {
        return Ok(());
    };
    create_folder(parent, system_owner, system_owner)?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || Ok(File::from(rustix::fs::open(parent, flags, Mode::empty())?));
    let held = at(parent, open())?;
    check_owner(parent, &at(parent, held.metadata())?, system_owner)?;
    let create = || {
        rustix::fs::mkdirat(&held, name, Mode::RWXU)?;
        let folder = File::from(rustix::fs::openat(&held, name, flags, Mode::empty())?);
        set_owner(&folder, owner, 0o755)
    };
    at(path, create())
}

/// Creates a file, or replaces it atomically. It keeps its owner and mode; a new file gets
/// `system_owner` and mode 0644.
pub(super) fn write(path: &Path, content: &[u8], system_owner: Owner) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    create_folder(parent, system_owner, system_owner)?;
    let write = || -> io::Result<()> {
        // Portage and sandbox ignore hidden files.
        let mut builder = tempfile::Builder::new();
        let mut file = builder.prefix(".sccache-report-").tempfile_in(parent)?;
        file.write_all(content)?;
        let (owner, mode) = match path.metadata() {
            Ok(old) => ((old.uid(), old.gid()), old.mode() & 0o7777),
            Err(_) => (system_owner, 0o644),
        };
        set_owner(file.as_file(), owner, mode)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(parent)?.sync_all()
    };
    at(path, write())
}

fn set_owner(file: &File, owner: Owner, mode: u32) -> io::Result<()> {
    fchown(file, Some(owner.0), Some(owner.1))?;
    file.set_permissions(Permissions::from_mode(mode))
}

/// Reads a regular file. Returns `None` if it doesn't exist.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Ok(metadata) if !metadata.is_file() => Err(refuse(path, "is not a file", "move it away")),
        _ => at(path, fs::read(path)).map(Some),
    }
}
