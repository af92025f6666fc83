//! Files that are edited: whole or not at all, with their owner, mode and extended attributes.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::XattrFlags;

/// A file's content; nothing where there is none.
pub(super) fn content(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.is_symlink() {
            false => Ok(Vec::new()),
            true => Err(named(path, error)),
        },
        other => other.map_err(|error| named(path, error)),
    }
}

fn named(path: &Path, error: io::Error) -> io::Error {
    let what = match path.is_symlink() && !path.exists() {
        true => "a link to nothing".to_owned(),
        false => error.to_string(),
    };
    io::Error::new(error.kind(), format!("{}: {what}", path.display()))
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
            copy_attributes(&target, file.as_file());
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

/// Copies a file with its owner, mode and extended attributes.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    let what = fs::metadata(from)?;
    chown(to, Some(what.uid()), Some(what.gid()))?;
    let copied = File::open(to)?;
    copy_attributes(from, &copied);
    copied.sync_all()
}

/// ACLs among them (`system.posix_acl_access`). What the file system or a security module doesn't
/// let anybody set is left out, as `cp --preserve=all` does.
fn copy_attributes(from: &Path, to: &File) {
    // The kernel's limit for the list and for a value (xattr(7)).
    let (mut names, mut value) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let Ok(length) = rustix::fs::listxattr(from, &mut names[..]) else {
        return;
    };
    for name in names[..length].split(|&byte| byte == 0) {
        if !name.is_empty()
            && let Ok(length) = rustix::fs::getxattr(from, name, &mut value[..])
        {
            let _ = rustix::fs::fsetxattr(to, name, &value[..length], XattrFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_keeps_what_else_belongs_to_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, backup) = (folder.path().join("f"), folder.path().join("f.bak"));
        fs::write(&path, "a").unwrap();
        if rustix::fs::setxattr(&path, "user.mine", b"x", XattrFlags::empty()).is_err() {
            eprintln!("not tested: {} has no attributes", folder.path().display());
            return;
        }
        copy(&path, &backup).unwrap();
        replace(&path, b"b").unwrap();
        for path in [path, backup] {
            let mut value = [0; 8];
            let length = rustix::fs::getxattr(&path, "user.mine", &mut value[..]).unwrap();
            assert_eq!(&value[..length], b"x", "{}", path.display());
        }
    }
}
