//! Who can read and write the database.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::Access;

use super::super::super::machine::DATABASE;
use super::super::super::{Machine, shell};
use super::super::Finding;
use super::move_away;
use crate::store::{Error, Store};

const READ: &str = "database";
const WRITE: &str = "database-write";

pub(super) fn readable(machine: &Machine, path: &Path, opened: &Result<Store, Error>) -> Finding {
    let shown = path.display();
    match opened {
        Err(Error::Missing(_)) => Finding::green(READ, format!("{shown}: nothing recorded yet")),
        Err(error @ Error::NotReadable(..)) => {
            open_up(machine, Finding::red(READ, error.to_string()), path)
        }
        Err(error @ (Error::NotADatabase(_) | Error::NotOurs(_))) => {
            Finding::red(READ, error.to_string()).cures(move_away(path))
        }
        Err(error @ Error::Busy(_)) => Finding::unknown(READ, error.to_string()),
        _ => match &closed_to_others(machine, path)[..] {
            [] => Finding::green(READ, format!("{shown}, which any user can read")),
            // Yellow: it is recorded, and root reads it.
            closed => {
                let keep = shell::keep(closed);
                let message = format!("not every user can read {shown}: {keep} them out");
                open_up(machine, Finding::yellow(READ, message), path)
            }
        },
    }
}

/// What keeps an ordinary user from it, from the top: modes without others' rights. What can't be
/// looked at for a closed folder above it isn't known, and not told. What lies above the prefix
/// that it is in is the owner's affair.
fn closed_to_others<'a>(machine: &Machine, path: &'a Path) -> Vec<&'a Path> {
    let lacks = |at: &Path, right: u32| {
        let mode = at.metadata().map(|what| what.permissions().mode());
        mode.is_ok_and(|mode| mode & right == 0)
    };
    let mut all: Vec<&Path> = path.ancestors().collect();
    let prefix = machine.settings.eprefix();
    let is_within = path.starts_with(&prefix);
    all.retain(|at| !at.as_os_str().is_empty() && (!is_within || at.starts_with(&prefix)));
    all.reverse();
    all.retain(|at| lacks(at, if *at == path { 0o004 } else { 0o001 }));
    all
}

/// Opened for reading is the file, and each folder above it: but never a private home.
fn open_up(machine: &Machine, finding: Finding, path: &Path) -> Finding {
    if machine.is_private(path) {
        return elsewhere(machine, finding, path);
    }
    let closed = closed_to_others(machine, path).into_iter();
    let open = closed.map(|at| {
        let right = if at == path { "a+r" } else { "a+x" };
        format!("chmod {right} {}", shell::path(at))
    });
    open.fold(finding, Finding::cure)
}

/// It moves to where databases lie.
pub(super) fn elsewhere(machine: &Machine, finding: Finding, path: &Path) -> Finding {
    let to = machine.default_database();
    if to == path {
        return finding;
    }
    let folder = to.parent().unwrap_or(Path::new("/"));
    finding
        .cure(format!("install -d {}", shell::path(folder)))
        .cure(format!("mv -n {} {}", shell::path(path), shell::path(&to)))
        .set(machine, DATABASE, &to.to_string_lossy())
}

/// By root, who alone records.
pub(super) fn writable(machine: &Machine, path: &Path) -> Finding {
    let shown = path.display();
    if !path.is_absolute() {
        let message = format!("{shown} is not an absolute path: nothing can be recorded there");
        let default = machine.default_database();
        let finding = Finding::red(WRITE, message);
        return finding.set(machine, DATABASE, &default.to_string_lossy());
    }
    // The nearest that there is: the rest is made when the first build is recorded.
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    let folder = path
        .ancestors()
        .skip(1)
        .find(|path| path.exists())
        .unwrap_or(there);
    for at in [folder, there] {
        if let Ok(stat) = rustix::fs::statvfs(at)
            && stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY)
        {
            let message = format!(
                "{} is on a file system that is mounted read-only",
                at.display()
            );
            let mounted = format!("\"$(findmnt -no TARGET -T {})\"", shell::path(at));
            return Finding::red(WRITE, message)
                .cure(format!("mount -o remount,rw,bind {mounted}"));
        }
    }
    let (uid, gid) = machine.keeper();
    let who = match uid {
        0 => "root".to_owned(),
        uid => format!("user {uid}"),
    };
    if let Ok(what) = folder.metadata()
        && (what.uid() != uid || what.mode() & 0o022 != 0)
        && Some(folder) == path.parent()
    {
        let message = format!(
            "others than {who} can write {}, and change what is recorded",
            folder.display()
        );
        let shown = shell::path(folder);
        // Yellow: it is recorded all the same.
        return Finding::yellow(WRITE, message)
            .cure(format!("chown {uid}:{gid} {shown}"))
            .cure(format!("chmod go-w {shown}"));
    }
    if !machine.is_root && rustix::process::geteuid().as_raw() != uid {
        let message = format!("only {who} records, and only {who} sees whether it can");
        return Finding::unknown(WRITE, message);
    }
    let refused = [folder, there]
        .into_iter()
        .find(|at| rustix::fs::access(*at, Access::WRITE_OK).is_err());
    match refused {
        None => Finding::green(WRITE, format!("{who} can write {}", folder.display())),
        Some(at) => Finding::red(WRITE, format!("{who} can't write {}", at.display()))
            .cure(format!("chattr -i {}", shell::path(at)))
            .cure(format!("chmod u+w {}", shell::path(at))),
    }
}
