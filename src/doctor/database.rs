//! The database: whole, of this version, root's alone, readable by all, nothing pending.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Context, Finding, State, count, quoted};
use crate::store::{Error, Pending, Store};

const CHECK: &str = "database";

pub(super) fn check(context: &Context) -> [Finding; 2] {
    let path = &context.machine.database;
    let parts = vec![content(context, path), place(context, path)];
    [Finding::merge(parts), pending(path)]
}

fn content(context: &Context, path: &Path) -> Finding {
    let shown = path.display();
    let finding = |state, message: String| Finding::new(CHECK, state, message);
    match Store::open_for_reading(path) {
        Ok(store) => match store.faults() {
            Ok(faults) if faults.is_empty() => finding(State::Green, format!("{shown} is whole")),
            Ok(faults) => damaged(path, &faults[0]),
            Err(error @ Error::Damaged(..)) => damaged(path, &error.to_string()),
            Err(error) => finding(State::Unknown, error.to_string()),
        },
        Err(Error::MissingDatabase(_)) => {
            finding(State::Green, format!("{shown}: nothing recorded yet"))
        }
        Err(Error::Damaged(_, reason)) => damaged(path, &reason),
        Err(error @ (Error::EmptyDatabase(_) | Error::OlderSchema(..))) => {
            let message = format!("{error}: the next recorded build upgrades it");
            finding(State::Yellow, message)
        }
        Err(error @ Error::NewerSchema(..)) => {
            finding(State::Red, error.to_string()).fix(context.machine.reinstall_command())
        }
        Err(error @ Error::Locked(_)) => finding(State::Unknown, error.to_string()),
        Err(error) => finding(State::Red, error.to_string()),
    }
}

fn damaged(path: &Path, fault: &str) -> Finding {
    let message = format!(
        "{} is damaged: {}. Move it away together with the files that begin like it; \
         `sqlite3 FILE .recover` may save a part of it",
        path.display(),
        quoted(fault)
    );
    Finding::new(CHECK, State::Red, message)
}

/// Returns the first folder, from the root down, that others than the database's owner can write:
/// they could put another database in its place.
fn folder_of_others<'a>(context: &Context, path: &'a Path) -> Option<&'a Path> {
    let keeper = context.machine.system_owner().0;
    let mut folders: Vec<&Path> = path.ancestors().skip(1).collect();
    folders.reverse();
    folders.into_iter().find(|folder| {
        folder.metadata().is_ok_and(|metadata| {
            let is_ours = metadata.uid() == 0 || metadata.uid() == keeper;
            !is_ours || metadata.mode() & 0o022 != 0
        })
    })
}

fn place(context: &Context, path: &Path) -> Finding {
    let finding = |state, message: String| Finding::new(CHECK, state, message);
    if !path.is_absolute() {
        let message = format!("{} isn't an absolute path", path.display());
        return finding(State::Red, message);
    }
    if let Some(folder) = folder_of_others(context, path) {
        let message = format!(
            "users other than root can write {}, above the database, and change what is recorded: \
             keep the database in a folder that only root can write",
            folder.display()
        );
        return finding(State::Red, message);
    }
    let lacks = |at: &Path, right: u32| at.metadata().is_ok_and(|it| it.mode() & right == 0);
    let prefix = context.machine.settings.eprefix();
    let mut folders = path.ancestors().skip(1);
    // What lies above a prefix is its owner's affair.
    let closed = folders.find(|at| at.starts_with(&prefix) && lacks(at, 0o001));
    if let Some(at) = closed.or_else(|| lacks(path, 0o004).then_some(path)) {
        let message = format!(
            "not every user can read the database: {} is closed",
            at.display()
        );
        return finding(State::Yellow, message);
    }
    let Some(folder) = path.ancestors().skip(1).find(|folder| folder.exists()) else {
        return finding(
            State::Green,
            "the first build creates its folder".to_owned(),
        );
    };
    if context.machine.can_change_system()
        && rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err()
    {
        let message = format!("{} can't be written: nothing is recorded", folder.display());
        return finding(State::Red, message);
    }
    finding(
        State::Green,
        "only root can write it, and every user can read it".to_owned(),
    )
}

fn pending(path: &Path) -> Finding {
    const CHECK: &str = "pending";
    let pending = Pending::of(path);
    match pending.count() as u64 {
        0 => Finding::new(CHECK, State::Green, "no builds are waiting to be recorded"),
        waiting => {
            let message = format!(
                "{} in {}: the next build to be recorded adds them",
                count(waiting, "build"),
                pending.folder().display()
            );
            Finding::new(CHECK, State::Yellow, message)
        }
    }
}
