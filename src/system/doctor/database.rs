//! The database: readable for all, writable for root, whole, of this version, nothing waiting.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::Access;

use super::super::{Machine, shell};
use super::Finding;
use crate::store::{Error, Filter, Pending, Store};

const READ: &str = "database";
const WRITE: &str = "database-write";
const WHOLE: &str = "database-whole";
const SCHEMA: &str = "database-schema";
const PENDING: &str = "pending";

pub(super) fn findings(machine: &Machine) -> Vec<Finding> {
    let path = &machine.database;
    let opened = Store::open_for_reading(path);
    vec![
        readable(machine, path, &opened),
        writable(machine, path),
        whole(path, &opened),
        schema(path, &opened),
        pending(path),
    ]
}

fn readable(machine: &Machine, path: &Path, opened: &Result<Store, Error>) -> Finding {
    let shown = path.display();
    match opened {
        Err(Error::Missing(_)) => Finding::green(READ, format!("{shown}: nothing recorded yet")),
        Err(error @ Error::NotReadable(..)) => {
            open_up(machine, Finding::red(READ, error.to_string()), path)
        }
        Err(error @ (Error::NotADatabase(_) | Error::NotOurs(_))) => {
            Finding::red(READ, error.to_string()).cure(move_away(path))
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
fn elsewhere(machine: &Machine, finding: Finding, path: &Path) -> Finding {
    let to = machine.settings.below("var/lib/sccache-report/stats.db");
    if to == path {
        return finding;
    }
    let folder = to.parent().unwrap_or(Path::new("/"));
    finding
        .cure(format!("install -d {}", shell::path(folder)))
        .cure(format!("mv -n {} {}", shell::path(path), shell::path(&to)))
        .set(machine, "SCCACHE_REPORT_DB", &to.to_string_lossy())
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
            Ok(faults) if faults.is_empty() => sums(path, store),
            Ok(faults) => damaged(&crate::portage::printable(&faults[0], 120)),
            Err(error @ Error::Damaged(..)) => damaged(&error.to_string()),
            Err(error) => Finding::unknown(WHOLE, error.to_string()),
        },
        Err(Error::Damaged(_, why)) => damaged(why),
        Err(Error::Missing(_)) => Finding::green(WHOLE, "nothing recorded yet"),
        Err(_) => Finding::unknown(WHOLE, "it can't be opened"),
    }
}

/// Of so many builds the kept sums are compared: 100,000 take about 2 s, 1 M more than a minute where
/// the file isn't in memory (SQLite's own check of that is half a minute).
const COMPARED: u64 = 200_000;

/// Whether the sums that are kept for speed are those of the builds.
fn sums(path: &Path, store: &Store) -> Finding {
    let import = format!("sccache-collect import --db {}", shell::path(path));
    match store.sums(&Filter::default()) {
        Ok(all) if all.builds > COMPARED => {
            let message = format!(
                "SQLite finds nothing broken. Whether the kept sums are those of the {} builds \
                 was not looked at, which takes a minute or more: `{import}` does",
                all.builds
            );
            return Finding::green(WHOLE, message);
        }
        Ok(_) => {}
        Err(error) => return Finding::unknown(WHOLE, error.to_string()),
    }
    let drift = match store.drift() {
        Ok(drift) => drift,
        Err(error) => return Finding::unknown(WHOLE, error.to_string()),
    };
    let told = |lines: &[String]| {
        let first = crate::portage::printable(&lines[0], 120);
        match lines.len() - 1 {
            0 => first,
            more => format!("{first} and {more} more"),
        }
    };
    if !drift.sums.is_empty() {
        let told = told(&drift.sums);
        let message = format!("kept sums are not those of the builds, and reports wrong: {told}");
        return Finding::red(WHOLE, message).cure(import);
    }
    if !drift.costs.is_empty() {
        // Yellow: estimates rest on builds that somebody deleted; what was counted is true.
        let message = format!(
            "estimates of time saved rest on what the builds don't say: {}",
            told(&drift.costs)
        );
        return Finding::yellow(WHOLE, message).cure(import);
    }
    Finding::green(WHOLE, "SQLite finds nothing broken, and the sums are right")
}

fn schema(path: &Path, opened: &Result<Store, Error>) -> Finding {
    match opened {
        Ok(_) => Finding::green(SCHEMA, "this version's"),
        Err(Error::Missing(_)) => Finding::green(SCHEMA, "nothing recorded yet"),
        Err(error @ Error::Older(..)) => {
            let message = format!("{error}: the next recorded build upgrades it");
            // Yellow: nothing is lost, and it goes by itself.
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
            // Yellow: nothing is lost, and it goes by itself.
            Finding::yellow(PENDING, message)
                .cure(format!("sccache-collect import --db {}", shell::path(path)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::super::State;
    use super::*;
    use crate::portage::Settings;

    #[test]
    fn a_prefix_in_a_private_home_is_its_owners() {
        let home = tempfile::tempdir().unwrap();
        let prefix = home.path().join("gentoo");
        let folder = prefix.join("var/lib/sccache-report");
        fs::create_dir_all(&folder).unwrap();
        let mut machine = Machine::look(Some(folder.join("stats.db")));
        machine.settings = Settings::of(&[("EPREFIX", &prefix.to_string_lossy())]);
        drop(Store::open_for_recording(&machine.database).unwrap());
        if machine.is_root {
            for at in [home.path(), &prefix, &prefix.join("var"), &folder] {
                std::os::unix::fs::chown(at, Some(1234), Some(1234)).unwrap();
            }
        }
        fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
        let found = findings(&machine);
        let states: Vec<State> = found.iter().map(|one| one.state).collect();
        assert_eq!(states, [State::Green; 5], "{found:#?}");
        // Closed in the prefix itself: it is opened there, and doesn't move to where it is.
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        let found = findings(&machine);
        assert_eq!(found[0].cure, [format!("chmod a+x {}", folder.display())]);
        machine.settings = Settings::of(&[("EPREFIX", "/home/u/gentoo")]);
        let is_private = |path: &str| machine.is_private(Path::new(path));
        assert!(is_private("/home/u/x") && !is_private("/home/u/gentoo/x"));
        let database = machine.settings.below("var/lib/sccache-report/stats.db");
        let found = elsewhere(&machine, Finding::red(READ, ""), &database);
        assert_eq!(found.cure, [""; 0]);
    }
}
