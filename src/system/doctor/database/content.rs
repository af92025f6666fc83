//! What is in the database: whole, of this version, nothing waiting.

use std::path::Path;

use super::super::super::{Machine, shell};
use super::super::{Finding, count};
use super::move_away;
use crate::store::{Error, Pending, Store};

const WHOLE: &str = "database-whole";
const SCHEMA: &str = "database-schema";
const PENDING: &str = "pending";

pub(super) fn whole(path: &Path, opened: &Result<Store, Error>) -> Finding {
    let damaged = |what: &str| {
        let message = format!(
            "{} is damaged: {what}. What `sqlite3 FILE .recover` saves of it, \
             and the merge logs (sccache-collect import), is left",
            path.display()
        );
        Finding::red(WHOLE, message).cures(move_away(path))
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

pub(super) fn schema(machine: &Machine, opened: &Result<Store, Error>) -> Finding {
    match opened {
        Ok(_) => Finding::green(SCHEMA, "this version's"),
        Err(Error::Missing(_)) => Finding::green(SCHEMA, "nothing recorded yet"),
        Err(error @ Error::Older(..)) => {
            let message = format!("{error}: the next recorded build upgrades it");
            // Yellow: nothing is lost, and it goes by itself.
            Finding::yellow(SCHEMA, message).cure(format!(
                "sccache-collect import --db {}",
                shell::path(&machine.database)
            ))
        }
        Err(error @ Error::Newer(..)) => {
            let newer = machine.install_again().replace("emerge -1", "emerge -u1");
            Finding::red(SCHEMA, error.to_string()).cure(newer)
        }
        Err(_) => Finding::unknown(SCHEMA, "it can't be opened"),
    }
}

pub(super) fn pending(path: &Path) -> Finding {
    let pending = Pending::of(path);
    let folder = pending.folder().display();
    match pending.count() {
        0 => Finding::green(PENDING, "no build waits to be recorded"),
        waiting => {
            let (wait, them) = if waiting == 1 {
                ("waits", "it")
            } else {
                ("wait", "them")
            };
            let message = format!(
                "{} {wait} in {folder}: the next that is recorded takes {them} along",
                count(waiting, "build")
            );
            // Yellow: nothing is lost, and it goes by itself.
            Finding::yellow(PENDING, message)
                .cure(format!("sccache-collect import --db {}", shell::path(path)))
        }
    }
}
