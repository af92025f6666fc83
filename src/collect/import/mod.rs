//! `sccache-collect import`: builds from Portage's logs, from before the hook was installed.
//!
//! # Which builds are the same
//! A build from a log has an id made of category, PF, the date in the log's name and the build's
//! place in the log: the same on every host, for a flat log, a split one and a compressed one, and
//! whatever a later version of this program reads out of it. Without a date in the name the log's
//! whole text stands for it, so that a copy is known again, whatever its file's time. So
//! importing twice adds nothing.
//!
//! A build that the hook recorded has another id. It is the same build if package, version and
//! counts are equal and it began while the log was written, in whichever way the log's date can be
//! read; each recorded build answers for one log. Logs are read newest first, so that of two
//! builds with equal numbers the right one is found.
//!
//! # What can't be known
//! - Host: a log doesn't name it; it is the one that imports.
//! - The end: the log's last change, unless that is more than two days after its begin (the file
//!   was copied): then the end is the begin.
//! - Whose the numbers are: the recipe's server was open to all, so they count as `shared`. This
//!   project's own lines are `exact`.
//! - Brief lines say hits, misses and errors; all else is unknown, not 0.

mod build;
mod content;
mod files;
mod gzip;
mod identity;
mod own;
mod recorded;
mod show;

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::Utc;
use rustix::fs::{Mode, OFlags};
use uuid::Uuid;

use crate::portage::log::{FileTimes, LogName, Start};
use crate::portage::{Build, printable};
use crate::store::{Pending, Store};
pub use content::Content;
use identity::Identified;
use recorded::Known;

/// What came of an import.
#[derive(Debug, Default)]
pub struct Report {
    /// Logs read to their end.
    pub read: u64,
    /// Builds added, or with `--dry-run` that would be.
    pub added: u64,
    /// Builds that were there already.
    pub there: u64,
    /// Logs without statistics.
    pub without: u64,
    /// Logs not understood, whole or in part, and why: a name and a reason each.
    pub not_understood: Vec<(PathBuf, String)>,
    /// Files that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Logs with blocks of a server that counted on.
    counted_on: u64,
    unrecognized: Vec<String>,
    /// Builds that waited beside the database and are recorded now.
    waited: usize,
}

impl Report {
    /// 0 all was read and understood, 1 some logs were not understood, 2 some could not be read.
    pub fn status(&self) -> u8 {
        match (self.unreadable.is_empty(), self.not_understood.is_empty()) {
            (false, _) => 2,
            (true, false) => 1,
            (true, true) => 0,
        }
    }
}

/// How long builds that wait beside the database are recorded first: a person waits for this, and
/// no merge.
const PENDING_TIME: Duration = Duration::from_secs(60);

/// So many builds are recorded in one transaction. An import that is cut off loses the last of them
/// at most, and the next one adds these.
const AT_ONCE: usize = 256;

/// Imports the logs, and the logs in the folders, into the database at `path`; with `dry_run` only
/// shows what would be added. Table and sums go to `out`, progress to a terminal on standard error.
///
/// # Errors
/// Where the database can't be read or written, or `out` is closed. A log that can't be read
/// is no error: it is in the report.
pub fn import(
    paths: &[PathBuf],
    path: &Path,
    dry_run: bool,
    out: &mut dyn Write,
) -> Result<Report> {
    let mut report = Report::default();
    let logs = files::find(paths, &mut report);
    let mut store = match dry_run {
        false => Some(Store::open_for_recording(path)?),
        true => match Store::open_for_reading(path) {
            Err(crate::store::Error::Missing(_)) => None,
            other => Some(other?),
        },
    };
    if let (Some(store), false) = (&mut store, dry_run) {
        // A build that waits may have its log among these: recorded first, it is known.
        let pending = Pending::of(path);
        let taken = pending.take_up(store, Instant::now() + PENDING_TIME)?;
        report.waited = taken.recorded;
        let broken = taken.broken.into_iter();
        report.not_understood.extend(broken.map(|why| {
            let why = format!("set aside as *.bad, holds no build that can be recorded: {why}");
            (pending.folder().to_owned(), why)
        }));
    }
    let mut known = Known::default();
    let mut new = Vec::new();
    let mut table = show::Table::default();
    let progress = io::stderr().is_terminal();
    for (index, log) in logs.iter().enumerate() {
        if progress && index % 16 == 0 {
            eprint!("\r{}\x1b[K", show::bar(index, logs.len()));
        }
        for (build, possible) in one(log, &mut report) {
            if known.has(store.as_ref(), &build, &possible)? {
                report.there += 1;
                continue;
            }
            report.added += 1;
            if dry_run {
                table.add(&build);
            } else {
                new.push(build);
            }
        }
        if new.len() >= AT_ONCE {
            record(&mut store, &mut new)?;
        }
    }
    record(&mut store, &mut new)?;
    if progress {
        eprint!("\r\x1b[K");
    }
    table.write(out)?;
    show::report(&report, dry_run, out)?;
    Ok(report)
}

/// Records the new builds, and leaves none of them in the list.
fn record(store: &mut Option<Store>, new: &mut Vec<Build>) -> Result<()> {
    if let Some(store) = store
        && !new.is_empty()
    {
        let recorded = store.record_all(new);
        recorded.context(
            "the import was not finished: do it again, and what is there stays as it is",
        )?;
        new.clear();
    }
    Ok(())
}

/// A build of a log, and how the log's date can be read.
type Dated = (Build, Start);

/// The builds of one log; what is wrong with it goes into the report.
fn one(path: &Path, report: &mut Report) -> Vec<Dated> {
    let log = match read(path) {
        Ok(read) => read,
        Err(error) => {
            report.unreadable.push((path.into(), error.to_string()));
            return Vec::new();
        }
    };
    report.read += 1;
    report.counted_on += u64::from(log.content.counted_on);
    let name = LogName::of(path);
    let start = Start::new(name.date, log.times);
    let mut found = build::builds(&name, &start, log.text, log.content);
    found.why_not.extend(log.broken);
    for line in found.unrecognized {
        if report.unrecognized.len() < 100 && !report.unrecognized.contains(&line) {
            report.unrecognized.push(line);
        }
    }
    if build::may_be_running(&found.builds, &start, Utc::now()) {
        let why = "its build may still be running: import it later";
        report.not_understood.push((path.into(), why.into()));
        return Vec::new();
    }
    if !found.why_not.is_empty() {
        let why = printable(&found.why_not.join("; "), 400);
        report.not_understood.push((path.into(), why));
    } else if found.builds.is_empty() {
        report.without += 1;
    }
    let dated = |build| (build, start.clone());
    found.builds.into_iter().map(dated).collect()
}

/// A log that was read.
struct Log {
    content: Content,
    times: FileTimes,
    /// Made of its text, if its name has no date.
    text: Uuid,
    /// Why it could be read no further.
    broken: Option<String>,
}

/// Reads a plain or gzipped log to its end, or as far as it isn't broken.
fn read(path: &Path) -> io::Result<Log> {
    // NONBLOCK: a FIFO among the logs must not keep us waiting for a writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let what = file.metadata()?;
    if !what.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut magic = Vec::new();
    (&mut file).take(2).read_to_end(&mut magic)?;
    let whole = magic.as_slice().chain(file);
    let named = path.extension().is_some_and(|extension| extension == "gz");
    let text = gzip::Text::new(whole, named || magic == gzip::MAGIC);
    let mut text = Identified::new(text, LogName::of(path).date.is_none());
    let content = Content::read(&mut text)?;
    Ok(Log {
        content,
        times: FileTimes::of(&what),
        text: text.id(),
        broken: text.from.broken(),
    })
}
