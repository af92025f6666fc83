//! `sccache-collect import`: adds the builds of Portage's logs, from before the hook was installed.
//!
//! What a log doesn't contain is unknown, not 0. The host is this machine. The end is the log's last
//! change, or the start if the file was copied later. The numbers that a bashrc recipe
//! printed are `shared`, because its server was open to every process; those in the summary of
//! `sccache-collect record` are `exact`.

mod builds;
mod duplicates;
mod log;
mod log_text;
mod server_blocks;
mod summary;

use std::cmp::Reverse;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::build_list::BuildList;
use super::{Database, open_for_changes, print_error, renamed};
use crate::error::{Error, Result};
use crate::portage::Build;
use crate::portage::log::LogName;
use crate::store::{Pending, Store};
use duplicates::{Duplicates, Presence};
pub use log::Log;
use summary::{ImportSummary, Problem};

/// Builds from this many bytes of text are recorded in one transaction. They use up to 15 times the
/// memory. An import that is interrupted loses the last of them, and the next import adds these.
const BATCH_BYTES: usize = 256 * 1024;

const INCOMPLETE: &str = "the import is incomplete: run it again to add what is missing";

const EXIT_STATUS: &str = "\
Exit status: 0 if all logs were imported, 1 if some were not understood or hold running totals,
2 if some could not be read or another error occurred. The other logs are still imported.";

/// Import the builds of Portage's logs, from before the hook was installed
///
/// Reads logs in which a bashrc recipe or sccache-report printed sccache's statistics:
/// CATEGORY:PF:DATE.log or CATEGORY/PF:DATE.log. Directories are searched recursively, except those
/// named elog. Compressed logs are read through gzip, bzip2, xz, zstd, lz4, lzip, lzop, or unzip, if
/// installed. A log may hold up to 2 GiB of text. Builds that are already in the database are not
/// added again.
///
/// Dates in log names are UTC. For a name without a date, the file's modification time is used. A
/// recipe's numbers are marked as shared, because other builds may have used the same server. They
/// are imported if sccache printed in the same log that it stopped that server. If the server kept
/// running, only the difference between two blocks is imported. A single block of a running server
/// holds running totals and is not imported.
///
/// Builds in FILE.pending are recorded first. Without a LOG, only these are recorded. An older
/// database is upgraded.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// Show what would be added, without adding it
    #[arg(long)]
    dry_run: bool,
    /// Also import builds that were removed with `forget`
    #[arg(long)]
    restore: bool,
    /// Logs, or directories of logs such as /var/log/portage
    #[arg(value_name = "LOG|DIR")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    database: Database,
}

/// Imports logs, and the logs in folders, or with `--dry-run` only shows what would be added. Writes
/// the summary to `out`, and returns the exit status.
///
/// # Errors
/// The database can't be read or written, or `out` is closed. A log that can't be read is not an
/// error: it is in the summary.
pub(super) fn run(args: Args, out: &mut dyn Write) -> Result<u8> {
    let path = &args.database.path();
    let mut import = Import {
        args,
        ..Import::default()
    };
    if !import.args.dry_run {
        let (store, done) = open_for_changes(path)?;
        import.summary.pending = done.recorded as u64;
        for reason in done.broken {
            let pending = Pending::for_database(path);
            import.add_problem(pending.folder(), Error::Invalid(renamed(&reason)));
        }
        import.store = Some(store);
    } else if path.exists() {
        import.store = Some(Store::open_for_reading(path)?);
    }
    let logs = import.find_logs();
    for (done, log) in logs.iter().enumerate() {
        summary::show_progress(done, logs.len());
        import.find_new_builds(log, false)?;
    }
    for log in std::mem::take(&mut import.elogs) {
        import.find_new_builds(&log, true)?;
    }
    summary::show_progress(logs.len(), logs.len());
    import.record_new_builds()?;
    import.list.write(out)?;
    import.summary.write(import.args.dry_run, out)?;
    Ok(import.summary.status())
}

#[derive(Default)]
struct Import {
    args: Args,
    /// `None` in a dry run without a database.
    store: Option<Store>,
    duplicates: Duplicates,
    /// Files that are read after all logs.
    elogs: Vec<PathBuf>,
    /// Logs with builds to record, each with the start of the first and the builds' ids.
    new: Vec<(DateTime<Utc>, PathBuf, Vec<Uuid>)>,
    /// Forgotten builds that are among these.
    restored: Vec<Uuid>,
    /// The builds that a dry run found.
    list: BuildList,
    summary: ImportSummary,
}

impl Import {
    fn add_problem(&mut self, path: &Path, problem: impl Into<Problem>) {
        self.summary
            .problems
            .push((path.to_owned(), problem.into()));
    }

    /// Returns the named files, and the logs in the named folders and below, the newest first.
    /// Links to folders are not followed. Folders named elog are skipped, because Portage keeps
    /// messages of the same builds there.
    fn find_logs(&mut self) -> Vec<PathBuf> {
        let paths = self.args.paths.iter().cloned();
        let (mut folders, mut logs): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let entries = entries.unwrap_or_else(|error| {
                self.add_problem(&folder, error);
                Vec::new()
            });
            for entry in entries {
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_folder && entry.file_name() != "elog" {
                    folders.push(entry.path());
                } else if !is_folder && LogName::parse(&entry.path()).is_log {
                    logs.push(entry.path());
                }
            }
        }
        logs.sort_by_cached_key(|path| (Reverse(LogName::parse(path).date), path.clone()));
        logs.dedup();
        logs
    }

    /// Finds the builds of a log that aren't recorded. An elog file waits until all logs are read: its
    /// builds can have logs, which contain more.
    fn find_new_builds(&mut self, path: &Path, reads_elogs: bool) -> Result<()> {
        let mut log = match Log::read(path) {
            Ok(log) => log,
            Err(problem) => {
                self.add_problem(path, problem);
                return Ok(());
            }
        };
        if log.name.is_elog && !reads_elogs {
            self.elogs.push(path.to_owned());
            return Ok(());
        }
        self.summary.logs += 1;
        // The text is all that identifies a log without a date.
        let is_copy = log.name.date.is_none() && self.duplicates.seen.contains(&log.text_id);
        let mut new = Vec::new();
        for build in &log.builds {
            match self.duplicates.find(self.store.as_ref(), build, &log)? {
                Presence::Recorded => self.summary.recorded += 1,
                Presence::Forgotten(_) if !self.args.restore => self.summary.forgotten += 1,
                _ if is_copy => self.summary.recorded += 1,
                presence => {
                    if let Presence::Forgotten(id) = presence {
                        self.restored.push(id);
                    }
                    self.summary.added += 1;
                    new.push(build.id);
                    if self.args.dry_run {
                        self.list.add_build(build);
                    }
                }
            }
        }
        if let Some(first) = log.builds.first().filter(|_| !new.is_empty()) {
            self.new.push((first.started_at, path.to_owned(), new));
        }
        self.duplicates.seen.insert(log.text_id);
        if let Some(problem) = log.problem.take() {
            self.add_problem(path, problem);
        } else if log.builds.is_empty() {
            self.summary.without_statistics += 1;
        }
        Ok(())
    }

    /// Reads the logs with new builds again and records these, the oldest first: what a build saved
    /// rests on the builds before it. The newest log has to be read first to find which builds are new.
    fn record_new_builds(&mut self) -> Result<()> {
        let mut logs = std::mem::take(&mut self.new);
        let Some(store) = self.store.as_mut().filter(|_| !self.args.dry_run) else {
            return Ok(());
        };
        logs.sort_unstable();
        let (mut builds, mut bytes) = (Vec::new(), 0);
        let last = logs.len().saturating_sub(1);
        for (index, (_, path, new)) in logs.into_iter().enumerate() {
            match Log::read(&path) {
                Ok(log) => {
                    bytes += log.bytes;
                    let is_new = |build: &Build| new.contains(&build.id);
                    builds.extend(log.builds.into_iter().filter(is_new));
                }
                Err(problem) => self.summary.problems.push((path, problem)),
            }
            if bytes > BATCH_BYTES || index == last {
                store
                    .record_restored(&builds, &self.restored)
                    .inspect_err(|_| print_error(INCOMPLETE))?;
                self.restored.clear();
                builds.clear();
                bytes = 0;
            }
        }
        Ok(())
    }
}
