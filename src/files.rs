//! Opening files whose paths other users choose or can change, and replacing files as a whole.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
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

/// Replaces a file with what `write` writes. Other processes see the old content or the new one, never a part,
/// also after a crash. The file's mode is `mode`, or 0666 less the umask.
///
/// # Errors
/// The directory or the file can't be written; for root also: a part of the directory's path is a symbolic
/// link. The old file is unchanged then.
pub(crate) fn replace(
    path: &Path,
    mode: Option<u32>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let absolute = std::path::absolute(path)?;
    // Everything happens in this directory, whatever takes its name later. In the same directory, because a
    // rename works within a file system only.
    let folder = open_output_directory(absolute.parent().unwrap_or(Path::new("/")))?;
    let folder = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    // A hidden file without the extension: a collector that reads the directory ignores it.
    let mut file = tempfile::Builder::new()
        .prefix(".sccache-report-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(&folder)
        // tempfile adds the path of its file.
        .map_err(|error| io::Error::from(error.kind()))?;
    if let Some(mode) = mode {
        file.as_file()
            .set_permissions(Permissions::from_mode(mode))?;
    }
    let mut out = BufWriter::new(file.as_file_mut());
    write(&mut out)?;
    out.into_inner()?.sync_all()?;
    file.persist(folder.join(name))?;
    Ok(())
}

/// Opens the directory of an output file. Root follows no symbolic link: another user may have put it where a
/// directory was, to have root write elsewhere.
fn open_output_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if !rustix::process::geteuid().is_root() {
        return Ok(rustix::fs::open(path, flags, Mode::empty())?);
    }
    let mut folder = rustix::fs::open("/", flags, Mode::empty())?;
    for part in path.iter().skip(1) {
        let link = || rustix::fs::readlinkat(&folder, part, Vec::new());
        folder = match rustix::fs::openat(&folder, part, flags | OFlags::NOFOLLOW, Mode::empty()) {
            Err(Errno::NOTDIR | Errno::LOOP) if link().is_ok() => {
                let part = part.display();
                return Err(io::Error::other(format!(
                    "root doesn't follow the symbolic link {part}"
                )));
            }
            opened => opened?,
        };
    }
    Ok(folder)
}
