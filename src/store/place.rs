//! The database's file and folder, before SQLite opens anything.
//!
//! SQLite trusts whatever lies beside a database: it rolls back a journal, deletes the file that a
//! super-journal record names, and waits for a FIFO's writer. So it only opens files in folders that
//! nobody else can change; of other databases, readers get a private copy.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::{Error, Result};

/// Opens a regular file without ever waiting for another process or setting a device going.
///
/// # Errors
/// Those of opening, and [`io::ErrorKind::InvalidInput`] for what isn't a regular file.
pub(super) fn open_regular(path: &Path) -> io::Result<fs::File> {
    let regular = |what: Metadata| match what.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        )),
    };
    // Checked before, because opening a device may have effects, and after, because the file may
    // have been replaced.
    regular(fs::metadata(path)?)?;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)?;
    regular(file.metadata()?)?;
    Ok(file)
}

/// Tells apart what SQLite reports as "unable to open" alike.
pub(super) fn check_readable(path: &Path) -> Result<()> {
    let error = match open_regular(path) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    Err(match error.kind() {
        io::ErrorKind::InvalidInput => Error::NotAFile(path.to_path_buf()),
        io::ErrorKind::NotFound => Error::MissingDatabase(path.to_path_buf()),
        _ => Error::NotReadable(path.to_path_buf(), error),
    })
}

/// Checks that nobody but root, the user of this process and the owner of the Gentoo Prefix can
/// change or replace the file at `path`, whether or not it exists.
///
/// # Errors
/// [`Error::Untrusted`] with the file or folder that somebody else can change, [`Error::CreateFolder`]
/// where that can't be found out.
pub fn check_trusted(path: &Path) -> Result<()> {
    let owners = Owners::of_this_system();
    let absolute =
        std::path::absolute(path).map_err(|e| Error::CreateFolder(path.to_path_buf(), e))?;
    let real = resolve(&absolute);
    for path in [&absolute, &real] {
        for part in path.ancestors() {
            let what = match part.symlink_metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(|error| Error::CreateFolder(part.to_path_buf(), error))?,
            };
            // In a sticky folder others can create files, but not replace ours.
            let sticky = what.mode() & 0o1000 != 0 && Some(part) != path.parent();
            if !owners.alone_can_change(&what, sticky) {
                return Err(Error::Untrusted(path.clone(), part.to_path_buf()));
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

    fn alone_can_change(&self, what: &Metadata, sticky: bool) -> bool {
        let is_owner = |(uid, _): &(u32, Option<u32>)| *uid == what.uid();
        let is_group = |(_, gid): &(u32, Option<u32>)| *gid == Some(what.gid());
        let everybody = what.mode() & 0o002 != 0;
        let group = what.mode() & 0o020 != 0 && !self.0.iter().any(is_group);
        let closed = sticky || what.is_symlink() || !(everybody || group);
        self.0.iter().any(is_owner) && closed
    }
}

/// Makes folder and file where missing, readable for all whatever the umask.
pub(super) fn create(path: &Path) -> Result<()> {
    check_trusted(path)?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make_folder(folder).map_err(|error| Error::CreateFolder(folder.to_path_buf(), error))?;
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path);
    match made {
        Ok(file) => file
            .set_permissions(fs::Permissions::from_mode(0o644))
            .map_err(|error| Error::NotWritable(path.to_path_buf(), error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::NotWritable(path.to_path_buf(), error.to_string())),
    }
}

pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent().filter(|p| !p.as_os_str().is_empty()) {
        make_folder(parent)?;
    }
    match fs::DirBuilder::new().mode(0o755).create(folder) {
        Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(0o755)),
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// The path of what SQLite keeps beside the database at `path`, such as `-journal`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
