//! What emerge merged, against what was recorded.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{Machine, shell};
use super::Finding;
use crate::portage::compiles_rust;
use crate::portage::emerge_log::{Merge, merges};
use crate::store::{BuildRow, Error, Filter, Pending, Store};

const RECORDED: &str = "recorded";
const UNCACHED: &str = "rust-packages";

/// How far back merges are looked at.
const DAYS: i64 = 30;

/// emerge.log has whole seconds.
const SLACK: TimeDelta = TimeDelta::seconds(2);

/// So many packages are named.
const NAMED: usize = 5;

pub(super) fn findings(machine: &Machine) -> [Finding; 2] {
    match look(machine) {
        Ok(look) => [recorded(machine, &look), uncached(&look)],
        Err(why) => [
            Finding::unknown(RECORDED, why.clone()),
            Finding::unknown(UNCACHED, why),
        ],
    }
}

/// Builds of Rust packages, and what the database has of them.
struct Look {
    /// How many were merged.
    merged: usize,
    /// The last merge of each that has no record, though the time for it was there.
    missing: Vec<Merge>,
    /// The first record and the last of this time.
    records: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// When the newest build began that was ever recorded.
    newest: Option<DateTime<Utc>>,
}

fn look(machine: &Machine) -> Result<Look, String> {
    let since = Utc::now() - TimeDelta::days(DAYS);
    let log = machine.settings.emerge_log();
    let merges = match merges(&log, since) {
        Ok(merges) => merges,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(format!("{} can't be read: {error}", log.display())),
    };
    let (builds, newest) = match Store::open_for_reading(&machine.database) {
        Ok(store) => {
            let since = Some(since - TimeDelta::days(1));
            let filter = Filter {
                since,
                ..Filter::default()
            };
            let read = store.builds(&filter);
            let read = read.and_then(|builds| Ok((builds, store.newest(&Filter::default())?)));
            read.map_err(|error| error.to_string())?
        }
        Err(Error::Missing(_)) => (Vec::new(), None),
        Err(_) => return Err("the database can't be read".to_owned()),
    };
    let installed = machine.settings.installed();
    let rust =
        |merge: &Merge| compiles_rust(&installed, &merge.package, &merge.version) == Some(true);
    // The last of each package: what was built again since is as good as recorded.
    let mut last = BTreeMap::new();
    for merge in merges.into_iter().filter(rust) {
        last.insert(merge.package.clone(), merge);
    }
    let is_missing = |merge: &Merge| !builds.iter().any(|build| is_of(build, merge));
    Ok(Look {
        merged: last.len(),
        missing: last.into_values().filter(is_missing).collect(),
        records: builds
            .iter()
            .map(|build| build.finished_at)
            .min()
            .zip(builds.iter().map(|build| build.finished_at).max()),
        newest,
    })
}

fn is_of(build: &BuildRow, merge: &Merge) -> bool {
    build.package == merge.package
        && build.version == merge.version
        && build.finished_at >= merge.started_at - SLACK
        && build.finished_at <= merge.finished_at + SLACK
}

/// Since the last record, or where there is none since bashrc was changed last: perhaps recording
/// itself is broken.
fn recorded(machine: &Machine, look: &Look) -> Finding {
    let bashrc = fs::metadata(machine.settings.config().join("bashrc"));
    let changed = bashrc
        .and_then(|what| what.modified())
        .map(DateTime::<Utc>::from);
    let last = look.records.map(|(_, last)| last).or(look.newest);
    let Some(from) = last.or(changed.ok()) else {
        return Finding::unknown(RECORDED, "there is no bashrc, and nothing recorded");
    };
    let since: Vec<&Merge> = look
        .missing
        .iter()
        .filter(|merge| merge.started_at > from)
        .collect();
    let last = last.map(|last| last.with_timezone(&chrono::Local));
    let last = last.map_or("nothing recorded yet".to_owned(), |last| {
        last.format("last on %F %R").to_string()
    });
    let waiting = Pending::of(&machine.database).count();
    match since.len() {
        0 => Finding::green(
            RECORDED,
            format!("{last}; no Rust package was merged since without a record"),
        ),
        count if count <= waiting => {
            let wait = if waiting == 1 { "waits" } else { "wait" };
            let message = format!(
                "{last}; {} {wait} to be recorded",
                super::count(waiting, "build")
            );
            Finding::green(RECORDED, message)
        }
        count => {
            let (s, were) = if count == 1 {
                ("", "was")
            } else {
                ("s", "were")
            };
            let message = format!(
                "{last}; {count} build{s} of Rust packages since {were} not recorded: {}",
                names(&since)
            );
            // Red: nothing says that recording still works.
            Finding::red(RECORDED, message).cure(again(&since))
        }
    }
}

/// Between the first record and the last: recording worked, so these went past sccache. Of what was
/// merged outside that time nobody knows.
fn uncached(look: &Look) -> Finding {
    let between = |merge: &&Merge| {
        look.records
            .is_some_and(|(first, last)| merge.started_at > first && merge.started_at <= last)
    };
    let (past, unknown): (Vec<_>, Vec<_>) = look.missing.iter().partition(between);
    if past.is_empty() {
        return Finding::green(UNCACHED, none_past(look.merged, unknown.len()));
    }
    let message = format!(
        "compiled Rust in the last {DAYS} days and used no sccache: {}",
        names(&past)
    );
    // Yellow: recording works, and a package may go without on purpose (package.env).
    Finding::yellow(UNCACHED, message).cure(again(&past))
}

/// `unknown` of the `merged` ones are not recorded, at a time when nothing else was.
fn none_past(merged: usize, unknown: usize) -> String {
    let packages = |count| super::count(count, "Rust package");
    let unseen = "while no build was recorded: not known whether through sccache";
    match (merged - unknown, unknown) {
        (0, 0) => format!("emerge merged no package in {DAYS} days that is known to compile Rust"),
        (0, _) => format!("{} merged in {DAYS} days, {unseen}", packages(unknown)),
        (seen, 0) => format!(
            "{} merged in {DAYS} days, none past sccache",
            packages(seen)
        ),
        (seen, _) => format!(
            "{} merged in {DAYS} days, none past sccache; {unknown} more {unseen}",
            packages(seen)
        ),
    }
}

fn names(merges: &[&Merge]) -> String {
    let named: Vec<String> = merges
        .iter()
        .take(NAMED)
        .map(|merge| format!("{}-{}", merge.package, merge.version))
        .collect();
    match merges.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Builds them again, the named ones.
fn again(merges: &[&Merge]) -> String {
    let packages: Vec<String> = merges
        .iter()
        .take(NAMED)
        .map(|merge| shell::quote(&merge.package).into_owned())
        .collect();
    format!("emerge -1 {}", packages.join(" "))
}
