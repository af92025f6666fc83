//! Changes to files and folders that nobody but root (or a Gentoo Prefix's owner) can swap meanwhile.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, XattrFlags};

use super::{Error, at};

/// Numbers of a user and a group.
pub(super) type Owner = (u32, u32);

/// Follows the links in a path, whether what it names exists or not.
///
/// # Errors
/// Where a link leads nowhere, or others than root and `keeper` can change a folder on the way.
pub(super) fn resolve(path: &Path, keeper: Owner) -> Result<PathBuf, Error> {
    let mut real = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => real.push(name),
            Component::ParentDir => drop(real.pop()),
            _ => {}
        }
        if let Ok(target) = real.read_link() {
            if let Err(error) = real.metadata() {
                let problem = format!("is a link to {}: {error}", target.display());
                return Err(Error::new(&real, &problem, "correct or remove the link"));
            }
            real.pop();
            real = resolve(&real.join(target), keeper)?;
        }
        if let Ok(what) = real.metadata() {
            check_owner(&real, &what, keeper)?;
        }
    }
    Ok(real)
}

fn check_owner(path: &Path, what: &Metadata, keeper: Owner) -> Result<(), Error> {
    if !what.is_dir() {
        return Ok(());
    }
    let problem = if ![0, keeper.0].contains(&what.uid()) {
        format!("belongs to user {}", what.uid())
    } else if what.mode() & 0o022 != 0 {
        format!(
            "can be written by others (mode {:04o})",
            what.mode() & 0o7777
        )
    } else {
        return Ok(());
    };
    let problem = format!("{problem}: setup doesn't change what other users can replace");
    let hint = "choose a place that only root can change, or correct owner and mode by hand";
    Err(Error::new(path, &problem, hint))
}

/// Creates a folder for `owner`, and those above it for `keeper`.
pub(super) fn create_folder(path: &Path, owner: Owner, keeper: Owner) -> Result<(), Error> {
    let (Some(parent), Some(name), false) = (path.parent(), path.file_name(), path.is_dir()) else {
        return Ok(());
    };
    create_folder(parent, keeper, keeper)?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || Ok(File::from(rustix::fs::open(parent, flags, Mode::empty())?));
    let held = at(parent, open())?;
    check_owner(parent, &at(parent, held.metadata())?, keeper)?;
    let create = || {
        rustix::fs::mkdirat(&held, name, Mode::RWXU)?;
        let folder = File::from(rustix::fs::openat(&held, name, flags, Mode::empty())?);
        give(&folder, owner, 0o755)
    };
    at(path, create())
}

/// Gives a file its new content at once, with owner, mode and extended attributes of the file `like`.
/// If that doesn't exist, the file becomes `keeper`'s, for all to read.
pub(super) fn write(path: &Path, content: &[u8], like: &Path, keeper: Owner) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    create_folder(parent, keeper, keeper)?;
    let write = || -> io::Result<()> {
        // Portage and sandbox ignore names that start with a dot.
        let mut builder = tempfile::Builder::new();
        let mut file = builder.prefix(".sccache-report-").tempfile_in(parent)?;
        file.write_all(content)?;
        if let Ok(like) = File::open(like) {
            let old = like.metadata()?;
            give(file.as_file(), (old.uid(), old.gid()), old.mode() & 0o7777)?;
            copy_attributes(&like, file.as_file());
        } else {
            give(file.as_file(), keeper, 0o644)?;
        }
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(parent)?.sync_all()
    };
    at(path, write())
}

fn give(file: &File, owner: Owner, mode: u32) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != owner {
        fchown(file, Some(owner.0), Some(owner.1))?;
    }
    file.set_permissions(Permissions::from_mode(mode))
}

/// Copies what can be copied, access control lists among it, as `cp --preserve=all` does.
fn copy_attributes(from: &File, to: &File) {
    // The kernel's limits for the list and for a value (xattr(7)).
    let (mut names, mut value) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let length = rustix::fs::flistxattr(from, &mut names[..]).unwrap_or(0);
    for name in names[..length].split(|&byte| byte == 0) {
        if let Ok(length) = rustix::fs::fgetxattr(from, name, &mut value[..]) {
            let _ = rustix::fs::fsetxattr(to, name, &value[..length], XattrFlags::empty());
        }
    }
}

/// Reads a regular file; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Ok(what) if !what.is_file() => Err(Error::new(path, "is not a file", "move it away")),
        _ => at(path, fs::read(path)).map(Some),
    }
}
