//! `sccache-collect import`: builds from Portage's logs, from before the hook was installed.
//!
//! # Which builds are the same
//! A build from a log has an id made from category, PF, the date in the log's name and the build's
//! place in the log: the same on every host, for a flat log, a split one and a compressed one, and
//! whatever a later version of this program reads out of it. Without a date in the name the log's
//! whole text replaces it, so that a copy is known again, whatever its file's time. So
//! importing twice adds nothing.
//!
//! A build that the hook recorded has another id. It is the same build if package, version, hits
//! and misses are equal and it began while the log was written; each recorded build belongs to one
//! log. Logs are read newest first, so that of two builds with equal numbers the right one is
//! found. Portage's messages for people (`elog`) come last, because their builds may have a log.
//!
//! # What can't be known
//! - Host: a log doesn't name it; it is the one that imports.
//! - The end: the log's last change, unless that is more than two days after its start (the file
//!   was copied): then the end is the start.
//! - Whose the numbers are: anybody could use the recipe's server, so they count as `shared`. This
//!   project's own lines are `exact`.
//! - Brief lines say hits, misses and errors; all else is unknown, not 0.

mod build;
mod content;
mod files;
mod identity;
mod own;
mod recorded;
mod server_counts;
mod show;
mod unpack;

use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::Utc;

use super::build_table::BuildTable;
use crate::portage::log::{BuildTime, LogName};
use crate::portage::{Build, printable};
use crate::store::{Pending, Store};
use build::LogBuilds;
pub use content::Content;
use content::Problem;
use identity::Identified;
use recorded::{Presence, Seen};
use unpack::Text;

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
    /// Logs with statistics that count more than their build, and why.
    pub not_imported: Vec<(PathBuf, String)>,
    /// Files that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Builds that `forget` removed from the database.
    pub forgotten: u64,
    unrecognized: Vec<String>,
    /// Builds that waited beside the database and are recorded now.
    waited: usize,
    /// The kept sums were not those of the builds, and are now.
    mended: bool,
}

impl Report {
    /// 0 all was read and imported, 1 some logs were not, 2 some could not be read.
    pub fn status(&self) -> u8 {
        if !self.unreadable.is_empty() {
            2
        } else {
            u8::from(!self.not_understood.is_empty() || !self.not_imported.is_empty())
        }
    }

    fn refuse(&mut self, path: &Path, problems: &[String]) {
        let why = printable(&problems.join("; "), 400);
        self.not_understood.push((path.into(), why));
    }
}

/// How long builds that wait beside the database are recorded first: a person waits for this, and
/// no merge.
const PENDING_TIME: Duration = Duration::from_secs(60);

/// So many builds are recorded in one transaction. An import that is cut off loses the last of them
/// at most, and the next one adds these.
const AT_ONCE: usize = 256;

/// Builds made from so much text are recorded, however few they are: they take 15 times as much
/// memory at most.
const MAX_BYTES: usize = 1 << 20;

/// What people ask of an import.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// Show what would be added, and add nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Also import builds that were removed with `forget`
    #[arg(long)]
    pub restore: bool,
    /// Logs, or folders of logs such as /var/log/portage
    #[arg(value_name = "LOG|DIR")]
    pub paths: Vec<PathBuf>,
}

/// Imports the logs, and the logs in the folders, into the database at `path`; with `dry_run` only
/// shows what would be added. Table and sums go to `out`, progress to a terminal on standard error.
///
/// # Errors
/// The database can't be read or written, or `out` is closed. A log that can't be read
/// is no error: it is in the report.
pub fn import(options: &Options, path: &Path, out: &mut dyn Write) -> Result<Report> {
    let dry_run = options.dry_run;
    let mut report = Report::default();
    let logs = files::find(&options.paths, &mut report);
    let store = match dry_run {
        false => Some(Store::open_for_recording(path)?),
        true => match Store::open_for_reading(path) {
            Err(crate::store::Error::Missing(_)) => None,
            other => Some(other?),
        },
    };
    let mut target = Target {
        store,
        new: Vec::new(),
        restored: Vec::new(),
        bytes: 0,
        table: dry_run.then(BuildTable::default),
    };
    if let (Some(store), false) = (&mut target.store, dry_run) {
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
    let mut seen = Seen::default();
    let progress = io::stderr().is_terminal();
    for (index, path) in logs.iter().enumerate() {
        if progress && index % 16 == 0 {
            eprint!("\r{}\x1b[K", show::bar(index, logs.len()));
        }
        let Some(log) = read_log(path, &mut report) else {
            continue;
        };
        target.bytes += log.bytes;
        for build in &log.builds {
            match seen.presence(target.store.as_ref(), build, &log)? {
                Presence::Recorded => report.there += 1,
                Presence::Forgotten(_) if !options.restore => report.forgotten += 1,
                Presence::Forgotten(id) => {
                    target.restored.push(id);
                    target.add(build, &mut report);
                }
                Presence::New => target.add(build, &mut report),
            }
        }
        if target.new.len() >= AT_ONCE || target.bytes > MAX_BYTES {
            target.record()?;
        }
    }
    target.record()?;
    // Without a log it is a person's call for a database in order; it reads all of it.
    if let (Some(store), true, false) = (&mut target.store, options.paths.is_empty(), dry_run) {
        report.mended = store.mend_sums()?;
    }
    if progress {
        eprint!("\r\x1b[K");
    }
    target.table.unwrap_or_default().write(out)?;
    show::report(&report, dry_run, out)?;
    Ok(report)
}

/// Where new builds go.
struct Target {
    /// `None` in a dry run without a database.
    store: Option<Store>,
    new: Vec<Build>,
    restored: Vec<uuid::Uuid>,
    /// How much text the new builds were made from.
    bytes: usize,
    /// In a dry run, what is shown instead.
    table: Option<BuildTable>,
}

impl Target {
    fn add(&mut self, build: &Build, report: &mut Report) {
        report.added += 1;
        match &mut self.table {
            Some(table) => table.add_build(build),
            None => self.new.push(build.clone()),
        }
    }

    /// Records the new builds, and leaves none of them in the list.
    fn record(&mut self) -> Result<()> {
        let new = std::mem::take(&mut self.new);
        let restored = std::mem::take(&mut self.restored);
        self.bytes = 0;
        if let Some(store) = &mut self.store
            && !new.is_empty()
        {
            store
                .restore(&restored)
                .and_then(|()| store.record_all(&new))
                .context("the import is incomplete: run it again, it adds what is missing")?;
        }
        Ok(())
    }
}

/// A log with its builds.
struct Log {
    name: LogName,
    time: BuildTime,
    builds: Vec<Build>,
    /// How much text they were made from.
    bytes: usize,
}

/// What was read of a log.
struct Contents {
    content: Content,
    /// Made from its text, if its name has no date.
    id: uuid::Uuid,
    /// When it was last written, in seconds since 1970.
    modified: i64,
    /// Why its end is missing.
    cut: Option<String>,
}

fn read(path: &Path, is_dated: bool) -> io::Result<Contents> {
    let (text, metadata) = Text::open(path)?;
    let mut text = Identified::new(text, !is_dated);
    let content = Content::read(&mut text)?;
    Ok(Contents {
        content: match text.from.is_too_long() {
            true => Content::default(),
            false => content,
        },
        id: text.id(),
        modified: metadata.mtime(),
        cut: text.from.problem().map(str::to_owned),
    })
}

/// Returns a log with its builds; what is wrong with it goes into the report.
fn read_log(path: &Path, report: &mut Report) -> Option<Log> {
    let name = LogName::of(path);
    let contents = match read(path, name.date.is_some()) {
        Ok(contents) => contents,
        Err(error) => {
            report.unreadable.push((path.into(), error.to_string()));
            return None;
        }
    };
    report.read += 1;
    let mut problems = Vec::from_iter(contents.cut);
    let (bytes, now) = (contents.content.bytes, Utc::now());
    let time = match BuildTime::new(name.date, contents.modified, now) {
        Ok(time) => time,
        Err(_) if contents.content.entries.is_empty() && problems.is_empty() => {
            report.without += 1;
            return None;
        }
        Err(why) => {
            problems.push(why.to_owned());
            report.refuse(path, &problems);
            return None;
        }
    };
    let found = LogBuilds::new(&name, &time, contents.id, contents.content);
    problems.extend(found.problems);
    for line in found.unrecognized {
        if report.unrecognized.len() < 100 && !report.unrecognized.contains(&line) {
            report.unrecognized.push(line);
        }
    }
    if build::may_be_running(&found.builds, &time, now) {
        report.refuse(
            path,
            &["its build may still run: import it later".to_owned()],
        );
        return None;
    }
    if !problems.is_empty() {
        report.refuse(path, &problems);
    } else if found.has_running_totals {
        let why = Problem::RunningTotals.text().to_owned();
        report.not_imported.push((path.into(), why));
    } else if found.builds.is_empty() {
        report.without += 1;
    }
    Some(Log {
        name,
        time,
        builds: found.builds,
        bytes,
    })
}
