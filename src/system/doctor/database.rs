//! The database: readable for all, writable for root, whole, of this version, nothing waiting.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::Access;

use super::super::{Machine, shell};
use super::Finding;
use crate::store::{Error, Pending, Store};

const READ: &str = "database";
const WRITE: &str = "database-write";
const WHOLE: &str = "database-whole";
const SCHEMA: &str = "database-schema";
const PENDING: &str = "pending";

pub(super) fn findings(machine: &Machine) -> Vec<Finding> {
    let path = &machine.database;
    let opened = Store::open_for_reading(path);
    vec![
        readable(path, &opened),
        writable(machine, path),
        whole(path, &opened),
        schema(path, &opened),
        pending(path),
    ]
}

fn readable(path: &Path, opened: &Result<Store, Error>) -> Finding {
    let shown = path.display();
    match opened {
        Err(Error::Missing(_)) => Finding::green(READ, format!("{shown}: nothing recorded yet")),
        Err(error @ Error::NotReadable(..)) => open_up(Finding::red(READ, error.to_string()), path),
        Err(error @ (Error::NotADatabase(_) | Error::NotOurs(_))) => {
            Finding::red(READ, error.to_string()).cure(move_away(path))
        }
        Err(error @ Error::Busy(_)) => Finding::unknown(READ, error.to_string()),
        _ => match closed_to_others(path) {
            None => Finding::green(READ, format!("{shown}, which any user can read")),
            Some(at) => {
                let message = format!(
                    "not every user can read {shown}: {} keeps them out",
                    at.display()
                );
                open_up(Finding::yellow(READ, message), path)
            }
        },
    }
}

/// What keeps an ordinary user from it: a mode without others' rights.
fn closed_to_others(path: &Path) -> Option<&Path> {
    let mode = |path: &Path| {
        path.metadata()
            .map_or(0o777, |what| what.permissions().mode())
    };
    let mut folders = path
        .ancestors()
        .skip(1)
        .filter(|folder| !folder.as_os_str().is_empty());
    match mode(path) & 0o004 {
        0 => Some(path),
        _ => folders.find(|folder| mode(folder) & 0o001 == 0),
    }
}

fn open_up(finding: Finding, path: &Path) -> Finding {
    let folder = path.parent().unwrap_or(Path::new("/"));
    finding
        .cure(format!("chmod a+rx {}", shell::path(folder)))
        .cure(format!("chmod a+r {}", shell::path(path)))
}

fn move_away(path: &Path) -> String {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".damaged");
    format!(
        "mv {} {}",
        shell::path(path),
        shell::path(Path::new(&aside))
    )
}

/// By root, who alone records.
fn writable(machine: &Machine, path: &Path) -> Finding {
    let shown = path.display();
    if !path.is_absolute() {
        return Finding::red(
            WRITE,
            format!("{shown} is not an absolute path: nothing can be recorded there"),
        );
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
    if let Ok(what) = folder.metadata()
        && (what.uid() != 0 || what.mode() & 0o022 != 0)
        && Some(folder) == path.parent()
    {
        let message = format!(
            "others than root can write {}, and change what is recorded",
            folder.display()
        );
        let shown = shell::path(folder);
        return Finding::yellow(WRITE, message)
            .cure(format!("chown root:root {shown}"))
            .cure(format!("chmod go-w {shown}"));
    }
    if !machine.is_root {
        return Finding::unknown(
            WRITE,
            "only root records, and only root sees whether it can",
        );
    }
    let refused = [folder, there]
        .into_iter()
        .find(|at| rustix::fs::access(*at, Access::WRITE_OK).is_err());
    match refused {
        None => Finding::green(WRITE, format!("root can write {}", folder.display())),
        Some(at) => Finding::red(WRITE, format!("root can't write {}", at.display()))
            .cure(format!("chattr -i {}", shell::path(at)))
            .cure(format!("chmod u+w {}", shell::path(at))),
    }
}

fn whole(path: &Path, opened: &Result<Store, Error>) -> Finding {
    let damaged = |what: &str| {
        let message = format!(
            "{} is damaged: {what}. What `sqlite3 FILE .recover` saves of it, \
             and the merge logs (sccache-collect import), is left",
            path.display()
        );
        Finding::red(WHOLE, message).cure(move_away(path))
    };
    match opened {
        Ok(store) => match store.faults() {
            Ok(faults) if faults.is_empty() => Finding::green(WHOLE, "SQLite finds nothing broken"),
            Ok(faults) => damaged(&crate::portage::printable(&faults[0], 120)),
            Err(error @ Error::Damaged(..)) => damaged(&error.to_string()),
            Err(error) => Finding::unknown(WHOLE, error.to_string()),
        },
        Err(Error::Damaged(_, why)) => damaged(why),
        Err(Error::Missing(_)) => Finding::green(WHOLE, "nothing recorded yet"),
        Err(_) => Finding::unknown(WHOLE, "it can't be opened"),
    }
}

fn schema(path: &Path, opened: &Result<Store, Error>) -> Finding {
    match opened {
        Ok(_) => Finding::green(SCHEMA, "this version's"),
        Err(Error::Missing(_)) => Finding::green(SCHEMA, "nothing recorded yet"),
        Err(error @ Error::Older(..)) => {
            let message = format!("{error}: the next recorded build upgrades it");
            Finding::yellow(SCHEMA, message)
                .cure(format!("sccache-collect import --db {}", shell::path(path)))
        }
        Err(error @ Error::Newer(..)) => {
            Finding::red(SCHEMA, error.to_string()).cure("emerge -u1 app-portage/sccache-report")
        }
        Err(_) => Finding::unknown(SCHEMA, "it can't be opened"),
    }
}

fn pending(path: &Path) -> Finding {
    let pending = Pending::of(path);
    let folder = pending.folder().display();
    match pending.count() {
        0 => Finding::green(PENDING, "no build waits to be recorded"),
        count => {
            let message =
                format!("{count} builds wait in {folder}: the next recorded one takes them along");
            Finding::yellow(PENDING, message)
                .cure(format!("sccache-collect import --db {}", shell::path(path)))
        }
    }
}
