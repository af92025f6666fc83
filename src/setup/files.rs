//! Changes files and folders that only root or the owner of a Gentoo Prefix can replace.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, XattrFlags};

use crate::error::{Error, Result};

/// A user id and a group id.
pub(super) type Owner = (u32, u32);

/// One change.
pub(super) struct Step {
    /// The lines that show it.
    pub(super) lines: Vec<String>,
    pub(super) run: Box<dyn Fn() -> Result<()>>,
}

impl Step {
    pub(super) fn new(path: &Path, action: &str, run: impl Fn() -> Result<()> + 'static) -> Self {
        let (lines, run) = (vec![format!("{}: {action}", path.display())], Box::new(run));
        Self { lines, run }
    }
}

/// Creates an error about a file, with the problem and a hint.
pub(super) fn path_error(path: &Path, problem: &str, hint: &str) -> Error {
    Error::usage(format!("{} {problem}", path.display()), hint)
}

/// Adds the path to an error of the operating system.
pub(super) fn with_path<T>(path: &Path, result: io::Result<T>) -> Result<T> {
    result.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => "run setup as root; `lsattr` shows immutable files",
            ErrorKind::ReadOnlyFilesystem => "mount the file system writable",
            ErrorKind::ResourceBusy => "it is a mount point: unmount it first",
            _ => "fix this, and run setup again",
        };
        path_error(path, &format!("can't be used: {error}"), hint)
    })
}

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
            with_path(&real, real.metadata())?;
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
    Err(path_error(path, &problem, hint))
}

/// Creates a folder for `owner`, and the folders above it for `system_owner`.
pub(super) fn create_folder(path: &Path, owner: Owner, system_owner: Owner) -> Result<()> {
    let (Some(parent), Some(name), false) = (path.parent(), path.file_name(), path.is_dir()) else {
        return Ok(());
    };
    create_folder(parent, system_owner, system_owner)?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || Ok(File::from(rustix::fs::open(parent, flags, Mode::empty())?));
    let held = with_path(parent, open())?;
    check_owner(parent, &with_path(parent, held.metadata())?, system_owner)?;
    let create = || {
        rustix::fs::mkdirat(&held, name, Mode::RWXU)?;
        let folder = File::from(rustix::fs::openat(&held, name, flags, Mode::empty())?);
        set_owner(&folder, owner, 0o755)
    };
    with_path(path, create())
}

/// Creates a file, or replaces it atomically. It gets the owner, mode and extended attributes of
/// the file `like`; if that doesn't exist, `system_owner` and mode 0644.
pub(super) fn write(path: &Path, content: &[u8], like: &Path, system_owner: Owner) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    create_folder(parent, system_owner, system_owner)?;
    let write = || -> io::Result<()> {
        // Portage and sandbox ignore hidden files.
        let mut builder = tempfile::Builder::new();
        let mut file = builder.prefix(".sccache-report-").tempfile_in(parent)?;
        file.write_all(content)?;
        match File::open(like) {
            Ok(like) => copy_attributes(&like, file.as_file())?,
            Err(_) => set_owner(file.as_file(), system_owner, 0o644)?,
        }
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(parent)?.sync_all()
    };
    with_path(path, write())
}

/// Copies the owner, the mode, and all extended attributes that can be copied.
fn copy_attributes(from: &File, to: &File) -> io::Result<()> {
    // The kernel's limits for the list and for a value (xattr(7)).
    let (mut names, mut value) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let length = rustix::fs::flistxattr(from, &mut names[..]).unwrap_or(0);
    let names = names[..length].split(|&byte| byte == 0);
    for name in names.filter(|name| !name.is_empty()) {
        let length = rustix::fs::fgetxattr(from, name, &mut value[..])?;
        let result = rustix::fs::fsetxattr(to, name, &value[..length], XattrFlags::empty());
        // Without its ACL, the mode would give rights to the file's group.
        if name == b"system.posix_acl_access" {
            result?;
        }
    }
    let old = from.metadata()?;
    set_owner(to, (old.uid(), old.gid()), old.mode() & 0o7777)
}

fn set_owner(file: &File, owner: Owner, mode: u32) -> io::Result<()> {
    fchown(file, Some(owner.0), Some(owner.1))?;
    file.set_permissions(Permissions::from_mode(mode))
}

/// Reads a regular file. Returns `None` if it doesn't exist.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Ok(metadata) if !metadata.is_file() => {
            Err(path_error(path, "is not a file", "move it away"))
        }
        _ => with_path(path, fs::read(path)).map(Some),
    }
}
