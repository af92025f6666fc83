//! Opening files whose paths other users choose or can change, and replacing files as a whole.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
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

/// Writes a file that any user can read. Other processes see the old content or the new one, never a
/// part, also after a crash.
///
/// # Errors
/// The folder can't be written, or the disk is full. The old file is unchanged then.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // In the same folder, because a rename works within a file system only. A hidden file without
    // the extension: a collector that reads the folder ignores it.
    let mut file = tempfile::Builder::new()
        .prefix(".sccache-report-")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)?;
    // Whatever the umask.
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
