//! `sccache-collect import`: builds from Portage's logs, from before the hook was installed.
//!
//! # Which builds are the same
//! A build from a log has an id made from category, PF, the date in the log's name and the build's
//! place in the log: the same on every host, for a flat log, a split one and a compressed one, and
//! whatever a later version of this program reads out of it. Without a date in the name the text of
//! its statistics replaces it, so that a copy is known again, whatever its file's time. So
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
mod own;
mod recorded;
mod server_counts;
mod show;
mod unpack;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::Utc;
use uuid::Uuid;

use super::build_table::BuildTable;
use crate::portage::log::{BuildTime, LogName};
use crate::portage::{Build, printable};
use crate::store::{Pending, Store};
use build::LogBuilds;
pub use content::Content;
use content::Problem;
use recorded::{Presence, Seen};
use unpack::Text;

/// What came of an import.
#[derive(Debug, Default)]
pub struct Report {
    /// Logs read to their end.
    read: u64,
    /// Builds added, or with `--dry-run` that would be.
    added: u64,
    /// Builds that were there already.
    there: u64,
    /// Builds that `forget` removed from the database.
    forgotten: u64,
    /// Logs without statistics.
    without: u64,
    /// Logs with a problem, and why.
    troubles: Vec<(Trouble, PathBuf, String)>,
    unrecognized: Vec<String>,
    /// Builds that waited beside the database and are recorded now.
    waited: usize,
}

/// What became of a log with a problem; the worst is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
enum Trouble {
    /// Its statistics count more than its build.
    #[error("not imported")]
    RunningTotals,
    /// The whole or a part of it was not understood.
    #[error("not understood")]
    Misunderstood,
    #[error("not readable")]
    Unreadable,
}

impl Report {
    /// 0 all was read and imported, 1 some logs were not, 2 some could not be read.
    pub fn status(&self) -> u8 {
        match self.troubles.iter().map(|trouble| trouble.0).max() {
            None => 0,
            Some(Trouble::Unreadable) => 2,
            Some(_) => 1,
        }
    }

    fn trouble(&mut self, trouble: Trouble, path: &Path, why: impl ToString) {
        let why = printable(&why.to_string(), 400);
        self.troubles.push((trouble, path.into(), why));
    }

    fn unrecognized(&mut self, lines: Vec<String>) {
        for line in lines {
            if self.unrecognized.len() < 100 && !self.unrecognized.contains(&line) {
                self.unrecognized.push(line);
            }
        }
    }
}

/// How long builds that wait beside the database are recorded first: a person waits for this, and
/// no merge.
pub(super) const PENDING_TIME: Duration = Duration::from_secs(60);

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
pub fn import(options: Options, path: &Path, out: &mut dyn Write) -> Result<Report> {
    let store = match options.dry_run {
        false => Some(Store::open_for_recording(path)?),
        true => match Store::open_for_reading(path) {
            Err(crate::Error::MissingDatabase(_)) => None,
            other => Some(other?),
        },
    };
    let mut import = Import {
        store,
        options,
        seen: Seen::default(),
        messages: Some(Vec::new()),
        new: Vec::new(),
        bytes: 0,
        table: BuildTable::default(),
        report: Report::default(),
    };
    import.take_up(&Pending::of(path))?;
    let logs = files::find(&import.options.paths, &mut import.report);
    let has_terminal = io::stderr().is_terminal();
    for (index, log) in logs.iter().enumerate() {
        if has_terminal && index % 16 == 0 {
            eprint!("\r{}\x1b[K", show::bar(index, logs.len()));
        }
        import.add(log)?;
    }
    for log in import.messages.take().unwrap_or_default() {
        import.add(&log)?;
    }
    import.record()?;
    if has_terminal {
        eprint!("\r\x1b[K");
    }
    import.table.write(out)?;
    show::report(&import.report, import.options.dry_run, out)?;
    Ok(import.report)
}

struct Import {
    options: Options,
    /// `None` in a dry run without a database.
    store: Option<Store>,
    seen: Seen,
    /// Messages for people under other names, to be read after all build logs; then `None`.
    messages: Option<Vec<PathBuf>>,
    /// Builds to be recorded.
    new: Vec<Build>,
    /// How much text they were made from.
    bytes: usize,
    /// Builds that would be recorded.
    table: BuildTable,
    report: Report,
}

impl Import {
    /// A build that waits may have its log among these: recorded first, it is known.
    fn take_up(&mut self, pending: &Pending) -> Result<()> {
        if let Some(store) = self.writable_store() {
            let taken = pending.take_up(store, Instant::now() + PENDING_TIME)?;
            self.report.waited = taken.recorded;
            for why in taken.broken {
                let why = format!("set aside as *.bad, holds no build that can be recorded: {why}");
                let folder = pending.folder();
                self.report.trouble(Trouble::Misunderstood, folder, why);
            }
        }
        Ok(())
    }

    fn writable_store(&mut self) -> Option<&mut Store> {
        self.store.as_mut().filter(|_| !self.options.dry_run)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let Some(log) = Log::read(path, &mut self.messages, &mut self.report) else {
            return Ok(());
        };
        self.bytes += log.bytes;
        for build in &log.builds {
            match self.seen.presence(self.store.as_ref(), build, &log)? {
                Presence::Recorded => self.report.there += 1,
                Presence::Forgotten(_) if !self.options.restore => self.report.forgotten += 1,
                // A copy of a log without a date in its name.
                _ if log.name.date.is_none() && self.seen.texts.contains(&log.text_id) => {
                    self.report.there += 1;
                }
                presence => {
                    self.report.added += 1;
                    self.new.push(build.clone());
                    // Together, so that an interruption doesn't leave a build that is neither.
                    if let (Presence::Forgotten(id), Some(store)) =
                        (presence, self.writable_store())
                    {
                        store.restore(&[id])?;
                        self.record()?;
                    }
                }
            }
        }
        self.seen.texts.insert(log.text_id);
        if self.new.len() >= AT_ONCE || self.bytes > MAX_BYTES {
            self.record()?;
        }
        Ok(())
    }

    /// Records the new builds, and leaves none of them in the list.
    fn record(&mut self) -> Result<()> {
        let new = std::mem::take(&mut self.new);
        self.bytes = 0;
        match self.writable_store() {
            Some(store) => drop(
                store
                    .record_all(&new)
                    .context("the import is incomplete: run it again, it adds what is missing")?,
            ),
            None => new.iter().for_each(|build| self.table.add_build(build)),
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
    /// Identifies that text.
    text_id: Uuid,
}

impl Log {
    /// Reads a log; what is wrong with it goes into the report.
    fn read(path: &Path, messages: &mut Option<Vec<PathBuf>>, report: &mut Report) -> Option<Self> {
        let mut name = LogName::of(path);
        let read = || -> io::Result<_> {
            let (mut text, modified) = Text::open(path)?;
            Ok((Content::read(&mut text)?, text, modified))
        };
        let (mut content, text, modified) = match read() {
            Ok(read) => read,
            Err(error) => {
                report.trouble(Trouble::Unreadable, path, error);
                return None;
            }
        };
        if content.is_elog && !name.is_elog {
            if let Some(messages) = messages {
                messages.push(path.into());
                return None;
            }
            name.is_elog = true;
        }
        report.read += 1;
        let mut problems = Vec::from_iter(text.problem.clone());
        if text.is_refused() {
            content = Content::default();
        }
        let running_totals = content.problems.take(&Problem::RunningTotals);
        problems.extend(content.problems.iter().map(Problem::to_string));
        let (bytes, text_id, now) = (content.bytes, content.text_id, Utc::now());
        let time = match BuildTime::new(name.date, modified, now) {
            Ok(time) => time,
            Err(why) => {
                report.trouble(Trouble::Misunderstood, path, why);
                return None;
            }
        };
        let found = LogBuilds::new(&name, &time, content);
        problems.extend(found.problems);
        report.unrecognized(found.unrecognized);
        let may_be_running = build::may_be_running(&found.builds, &time, now);
        if may_be_running {
            problems = vec!["its build may still run: import it later".to_owned()];
        }
        if !problems.is_empty() {
            report.trouble(Trouble::Misunderstood, path, problems.join("; "));
        } else if let Some(problem) = running_totals {
            report.trouble(Trouble::RunningTotals, path, problem);
        } else if found.builds.is_empty() {
            report.without += 1;
        }
        (!may_be_running).then_some(Self {
            name,
            time,
            builds: found.builds,
            bytes,
            text_id,
        })
    }
}
