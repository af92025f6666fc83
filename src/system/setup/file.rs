//! Files that are edited: whole or not at all, with their owner, mode and extended attributes.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::XattrFlags;

use super::Refusal;

/// A file's content; nothing where there is none.
pub(super) fn content(path: &Path) -> Result<Vec<u8>, Refusal> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => Ok(Vec::new()),
        other => other.map_err(|error| Refusal::of(path, error)),
    }
}

/// Gives the file this content at once, or leaves it. Behind a symbolic link it is the target that
/// changes. A new file belongs to whom its folder belongs, for all to read.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), Refusal> {
    let target = target(path);
    write(&target, content, &As::File(&target)).map_err(|error| Refusal::of(path, error))
}

/// Gives a file of our own this content at once, or leaves it: it is this user's and this group's
/// whatever was there, a link included.
pub(super) fn put(path: &Path, content: &[u8], owner: (u32, u32)) -> Result<(), Refusal> {
    write(path, content, &As::Own(owner)).map_err(|error| Refusal::of(path, error))
}

/// Copies a file with its owner, mode and extended attributes: all of it, or there is no copy.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Refusal> {
    write(to, &content(from)?, &As::File(from)).map_err(|error| Refusal::of(to, error))
}

/// Makes a symbolic link, also in the place of one.
pub(super) fn link(path: &Path, to: &Path) -> io::Result<()> {
    let aside = aside(path);
    remove(&aside)?;
    symlink(to, &aside)?;
    at_once(&aside, path)
}

/// Takes away what a process that was killed had not yet put in this file's place.
pub(super) fn sweep(path: &Path) -> Result<(), Refusal> {
    let aside = aside(&target(path));
    remove(&aside).map_err(|error| Refusal::of(&aside, error))
}

/// Removes a file, unless it is gone already: of a file system that is mounted read-only Linux says
/// that, whether the file is there or not.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    match fs::remove_file(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(())
        }
        other => other,
    }
}

fn target(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// Where something is made before it takes its name, always the same, so that it is found after a
/// crash. Portage, the sandbox and `*.sh` of bashrc.d pass over what begins with a dot.
pub(super) fn aside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".sccache-report");
    path.with_file_name(name)
}

/// Whose a file becomes.
enum As<'a> {
    /// As this one is, with its mode and attributes, if it is there.
    File(&'a Path),
    /// This user's and group's, for all to read.
    Own((u32, u32)),
}

fn write(target: &Path, content: &[u8], like: &As<'_>) -> io::Result<()> {
    let aside = aside(target);
    remove(&aside)?;
    let made = fill(&aside, content, like).and_then(|()| at_once(&aside, target));
    if made.is_err() {
        let _ = remove(&aside);
    }
    made
}

fn fill(path: &Path, content: &[u8], like: &As<'_>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    let ids = |what: &fs::Metadata| (what.uid(), what.gid());
    let (owner, mode) = match like {
        As::Own(owner) => (*owner, 0o644),
        As::File(like) => match fs::metadata(like) {
            Ok(old) => (ids(&old), old.mode() & 0o7777),
            Err(_) => (ids(&fs::metadata(folder(path))?), 0o644),
        },
    };
    if ids(&file.metadata()?) != owner {
        fchown(&file, Some(owner.0), Some(owner.1))?;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    if let As::File(like) = like {
        copy_attributes(like, &file);
    }
    file.sync_all()
}

fn at_once(aside: &Path, target: &Path) -> io::Result<()> {
    fs::rename(aside, target)?;
    File::open(folder(target))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// Where a copy of the file goes: `FILE.bak`, or the next name that is free. In a folder of which all
/// is read, it is `.FILE~`: Portage passes over `.*` and `*~` (`_recursive_basename_filter` in 3.0.83),
/// but not over `*.bak`, and the sandbox over `.*` alone.
pub(super) fn backup_name(path: &Path) -> PathBuf {
    let target = target(path);
    let is_read_whole = |path: &Path| {
        let folder = folder(path).file_name().unwrap_or_default();
        folder == "make.conf" || folder.to_string_lossy().ends_with(".d")
    };
    let hidden = is_read_whole(path) || is_read_whole(&target);
    let name = |number: u32| -> PathBuf {
        let number = match number {
            0 => String::new(),
            number => format!(".{number}"),
        };
        let file = target.file_name().unwrap_or_default();
        let mut name = OsString::from(if hidden { "." } else { "" });
        name.push(file);
        name.push(match hidden {
            true => format!("{number}~"),
            false => format!(".bak{number}"),
        });
        target.with_file_name(name)
    };
    let is_free = |path: &PathBuf| path.symlink_metadata().is_err();
    (0..).map(name).find(is_free).unwrap_or_default()
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
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        for path in [path, backup] {
            let mut value = [0; 8];
            let length = rustix::fs::getxattr(&path, "user.mine", &mut value[..]).unwrap();
            assert_eq!(&value[..length], b"x", "{}", path.display());
        }
    }

    #[test]
    fn where_all_is_read_a_backup_is_hidden() {
        let root = tempfile::tempdir().unwrap();
        for (path, backup) in [
            ("etc/portage/make.conf", "etc/portage/make.conf.bak"),
            ("etc/portage/bashrc", "etc/portage/bashrc.bak"),
            ("x/make.conf/sccache-report", "x/make.conf/.sccache-report~"),
            ("etc/sandbox.d/20sccache", "etc/sandbox.d/.20sccache~"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            let first = backup_name(&path);
            assert_eq!(first, root.path().join(backup));
            fs::write(&first, "").unwrap();
            assert_ne!(backup_name(&path), first);
        }
    }
}
