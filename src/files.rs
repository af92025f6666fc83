//! Opening files whose paths other users choose or can change.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::path::Arg;

/// Opens a directory, relative to `folder`. A symbolic link as the last part of `path` is an error.
pub(crate) fn open_directory(folder: impl AsFd, path: impl Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(folder, path, flags, Mode::empty())
}

/// Opens a directory below `folder`. A symbolic link as any part of `path` is an error.
pub(crate) fn open_directory_below(folder: OwnedFd, path: &Path) -> rustix::io::Result<OwnedFd> {
    path.iter().try_fold(folder, open_directory)
}

/// Opens a regular file for reading. Follows symbolic links.
///
/// # Errors
/// The file can't be opened, or isn't a regular file ([`io::ErrorKind::InvalidInput`]).
pub(crate) fn open_regular(path: impl Arg) -> io::Result<File> {
    open(CWD, path, OFlags::empty())
}

/// Opens a regular file for reading, relative to `folder`. A symbolic link as its last part is an
/// error.
///
/// # Errors
/// As [`open_regular`].
pub(crate) fn open_regular_at(folder: impl AsFd, path: impl Arg) -> io::Result<File> {
    open(folder, path, OFlags::NOFOLLOW)
}

fn open(folder: impl AsFd, path: impl Arg, flags: OFlags) -> io::Result<File> {
    // O_PATH neither opens devices nor waits at FIFOs. What is opened below is the file that was
    // checked, even if another takes its name.
    let flags = flags | OFlags::PATH | OFlags::CLOEXEC;
    let checked = rustix::fs::openat(folder, path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&checked)?;
    let problem = match FileType::from_raw_mode(stat.st_mode) {
        // Files of the kernel, such as /proc/kmsg, are regular and without a size. Reading one can
        // wait forever, and other readers miss what was read.
        FileType::RegularFile if stat.st_size == 0 => return File::open("/dev/null"),
        FileType::RegularFile => {
            return File::open(format!("/proc/self/fd/{}", checked.as_raw_fd()));
        }
        FileType::Symlink => "a symbolic link",
        _ => "not a regular file",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
}
