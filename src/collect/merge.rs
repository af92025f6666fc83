//! `sccache-collect merge`: adds the builds of other databases.

use std::io::Write;
use std::path::PathBuf;

use super::{Database, open_for_changes, print_error, renamed};
use crate::error::{Error, Result};
use crate::store::{MergeError, MergeResult, PendingResult, Store};
use crate::text::{plural, printable};

const EXIT_STATUS: &str = "\
Exit status: 0 if all databases were merged, 2 if some could not be read, rows were skipped, or another
error occurred. The other databases are still merged.";

/// Add the builds of other hosts' databases
///
/// Adds each build that isn't in the database yet, with everything that was recorded about it, and what
/// compiling objects cost on each host. Merging the same databases again, or in another order, gives the
/// same reports. Builds that were removed from this database with `forget` stay away. The time saved by
/// a build is that of its own host: it is copied as recorded. A log that was imported on several hosts
/// is one build.
///
/// A DATABASE is never changed. It is copied first, to $TMPDIR, so it may be in use, or of an older
/// version. Its pending builds are not read. Rows with impossible values are skipped, and the first is
/// reported. A transaction writes for about a second, or for 100 ms if another process waits for the database:
/// Portage's merges can record builds at the same time. This command needs write access to the database,
/// which is created if it is missing. docs/fleet.md shows how to collect from many hosts.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// Show what would be added, without adding it
    #[arg(long)]
    dry_run: bool,
    /// Databases of other hosts
    #[arg(value_name = "DATABASE", required = true)]
    databases: Vec<PathBuf>,
    #[command(flatten)]
    database: Database,
}

/// Merges the databases, or with `--dry-run` only into a copy. Returns the exit status.
///
/// # Errors
/// The database can't be written.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<u8> {
    let path = args.database.path();
    let (mut store, pending) = if args.dry_run {
        (Store::open_scratch_copy(&path)?, PendingResult::default())
    } else {
        open_for_changes(&path)?
    };
    for reason in &pending.broken {
        print_error(&renamed(reason));
    }
    let mut status = 0;
    for source in &args.databases {
        let name = printable(&source.display().to_string(), 4096);
        let (result, failure) = match store.merge(source) {
            Ok(result) => (result, None),
            Err(MergeError::Target(error)) => return Err(error),
            Err(MergeError::Source(error, result)) => (*result, Some(error)),
        };
        let is_empty = result == MergeResult::default();
        if failure.is_none() || !is_empty {
            writeln!(out, "{name}: {}", summary(&result, args.dry_run))?;
        }
        if let Some(problem) = result.problem {
            print_error(&format!("{name}: {problem}"));
            status = 2;
        }
        if let Some(error) = failure {
            let rest = if is_empty { "" } else { "the rest of " };
            print_error(&format!("{rest}{name} can't be merged: {error}"));
            if let Some(hint) = hint(&error) {
                print_error(hint);
            }
            status = 2;
        }
    }
    Ok(status)
}

/// Returns the next step for an error of another database.
fn hint(error: &Error) -> Option<&str> {
    match error {
        Error::MissingDatabase(_)
        | Error::EmptyDatabase(_)
        | Error::NotWritable(..)
        | Error::QueryTimeout(_) => None,
        Error::NotADatabase(_) | Error::ForeignDatabase(_) => Some("check the path"),
        error => error.hint(),
    }
}

fn summary(result: &MergeResult, is_dry_run: bool) -> String {
    let verb = if is_dry_run {
        "would be added"
    } else {
        "added"
    };
    let MergeResult {
        added,
        recorded,
        forgotten,
        invalid,
        ..
    } = result;
    let builds = plural(*added, "build");
    let mut text = format!("{added} {builds} {verb}, {recorded} already there");
    if *forgotten > 0 {
        text.push_str(&format!(", {forgotten} skipped: removed with `forget`"));
    }
    if *invalid > 0 {
        let rows = plural(*invalid, "row");
        text.push_str(&format!(", {invalid} {rows} skipped: impossible values"));
    }
    text
}
