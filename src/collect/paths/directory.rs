//! Directories whose names other users can change: they are opened one by one, never through links.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, Mode, RawDir, SeekFrom};
use rustix::io::Errno;

use super::build::give_to_owner_of;
use crate::files::open_directory;

/// Deeper directories are not removed.
const MAX_DEPTH: usize = 64;

/// Creates a directory, and makes its parent's owner its own.
pub(super) fn open_or_create_directory(
    parent: &OwnedFd,
    name: impl rustix::path::Arg + Copy,
) -> rustix::io::Result<OwnedFd> {
    match rustix::fs::mkdirat(parent, name, Mode::from(0o755)) {
        Ok(()) => {
            let created = open_directory(parent, name)?;
            give_to_owner_of(parent, &created)?;
            Ok(created)
        }
        Err(Errno::EXIST) => open_directory(parent, name),
        Err(error) => Err(error),
    }
}

/// Returns what a link contains; `None` if it isn't one.
pub(super) fn read_link(directory: &OwnedFd, name: impl rustix::path::Arg) -> Option<PathBuf> {
    let target = rustix::fs::readlinkat(directory, name, Vec::new()).ok()?;
    Some(PathBuf::from(target.into_string().ok()?))
}

/// Removes a directory with its content, or a file, of the kind that [`entries`] returned.
pub(super) fn remove(directory: &OwnedFd, name: &CStr, kind: FileType) -> io::Result<()> {
    remove_below(directory, name, kind, 0)
}

fn remove_below(directory: &OwnedFd, name: &CStr, kind: FileType, depth: usize) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other("directories are nested too deeply"));
    }
    if kind != FileType::Directory {
        return Ok(rustix::fs::unlinkat(directory, name, AtFlags::empty())?);
    }
    let inner = open_directory(directory, name)?;
    for (name, kind) in entries(&inner)? {
        remove_below(&inner, &name, kind, depth + 1)?;
    }
    Ok(rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR)?)
}

/// Returns the entries of a directory, without `.` and `..`.
pub(super) fn entries(directory: &OwnedFd) -> io::Result<Vec<(CString, FileType)>> {
    let mut found = Vec::new();
    rustix::fs::seek(directory, SeekFrom::Start(0))?;
    // `Dir` would open the directory again. There are thousands of them.
    let mut buffer = [const { MaybeUninit::uninit() }; 8192];
    let mut read = RawDir::new(directory, &mut buffer);
    while let Some(entry) = read.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        // Some file systems don't report the type here.
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode)
            }
            kind => kind,
        };
        found.push((name.to_owned(), kind));
    }
    Ok(found)
}
