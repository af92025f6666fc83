//! `sccache-collect`: records builds for Portage's hook, and changes the database on request.

mod build_table;
pub mod forget;
pub mod import;
mod own_server;
mod phase;
mod record;
mod recorder;
mod shared_server;
mod summary;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config;
use crate::error::{Error, Result};
use crate::text::printable;

/// The longest warning, in bytes.
const MAX_WARNING: usize = 2048;

/// Collect sccache's statistics from Portage's builds
///
/// Portage's hook runs `phase` and `record`. They never fail a merge: on an error, they print one
/// line that begins with "warning: " and exit with status 0. `import` and `forget` are for manual
/// use.
#[derive(Parser)]
#[command(name = "sccache-collect", version, propagate_version = true)]
#[command(after_long_help = "See sccache-report(5) for the settings in make.conf.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Phase(phase::Args),
    Record(record::Args),
    /// Import the builds of Portage's logs, from before the hook was installed
    ///
    /// Reads logs in which a bashrc recipe or sccache-report printed sccache's statistics:
    /// CATEGORY:PF:DATE.log or CATEGORY/PF:DATE.log. Directories are searched recursively, except
    /// those named elog. Compressed logs are read through gzip, bzip2, xz, zstd, lz4, lzip,
    /// lzop, or unzip, if installed. A log may hold up to 2 GiB of text. Builds that are already
    /// in the database are not added again.
    ///
    /// Dates in log names are UTC. For a name without a date, the file's modification time is
    /// used. A recipe's numbers are marked as shared, because other builds may have used the
    /// same server. They are imported if sccache printed in the same log that it stopped that
    /// server. If the server kept running, only the difference between two blocks is imported.
    /// A single block of a running server holds running totals and is not imported.
    ///
    /// Builds in FILE.pending are recorded first. Without a LOG, only these are recorded. An
    /// older database is upgraded.
    #[command(after_help = IMPORT_STATUS)]
    Import {
        #[command(flatten)]
        options: import::Options,
        #[command(flatten)]
        database: Database,
    },
    /// Remove builds from the database
    ///
    /// Removes the matching builds and everything that was recorded about them. Sums and
    /// estimates are then the same as if these builds had never been recorded. A removed build
    /// is not recorded again from a log or from another database. `import --restore` imports it
    /// from its log. This command needs write access to the database.
    #[command(after_help = FORGET_STATUS)]
    Forget {
        #[command(flatten)]
        options: forget::Options,
        #[command(flatten)]
        database: Database,
    },
}

const IMPORT_STATUS: &str = "\
Exit status: 0 if all logs were imported, 1 if some were not understood or hold running totals,
2 if some could not be read or another error occurred. The other logs are still imported.";

const FORGET_STATUS: &str = "\
Exit status: 0 if builds were removed, 1 if nothing matched, 2 after an error.";

#[derive(Debug, clap::Args)]
struct Database {
    /// Database [default: $SCCACHE_REPORT_DB, or /var/lib/sccache-report/stats.db]
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
}

impl Database {
    fn path(&self) -> PathBuf {
        config::database_path(self.db.as_deref())
    }
}

/// Lines for the merge log.
#[derive(Debug, Default)]
struct Messages {
    /// The hook prints these with `einfo`.
    info: Vec<String>,
    /// The hook prints these with `ewarn`.
    warnings: Vec<String>,
}

impl Messages {
    fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Prints the lines. Ignores errors, because a merge must not fail if the hook is gone.
    fn print(&self) {
        for line in &self.info {
            let _ = writeln!(io::stdout(), "{line}");
        }
        for line in &self.warnings {
            let line = printable(line, MAX_WARNING);
            let _ = writeln!(io::stderr(), "warning: {line}");
        }
    }
}

/// Runs `sccache-collect` with these arguments, the program's name first. Returns its exit status.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(status) = crate::generate::run(&args, Cli::command, Cli::command) {
        return status;
    }
    let is_run_by_hook = args
        .get(1)
        .is_some_and(|command| command == "phase" || command == "record");
    match Cli::try_parse_from(&args) {
        Ok(cli) => run(cli.command),
        // The hook can be of another version than this program.
        Err(error) if error.use_stderr() && is_run_by_hook => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            let message = line.strip_prefix("error: ").unwrap_or(line);
            finish_hook(Err(Error::Invalid(message.to_owned())))
        }
        Err(error) => error.exit(),
    }
}

fn run(command: Command) -> ExitCode {
    let out = &mut io::stdout().lock();
    match command {
        Command::Phase(args) => finish_hook(phase::run(&args)),
        Command::Record(args) => finish_hook(record::run(args)),
        Command::Import { options, database } => {
            let report = import::import(options, &database.path(), out);
            finish(report.map(|report| report.status()))
        }
        Command::Forget { options, database } => {
            let found = forget::forget(&options, &database.path(), out);
            finish(found.map(|found| u8::from(!found)))
        }
    }
}

/// Prints the messages of a command that the hook runs, which always succeeds.
fn finish_hook(result: Result<Messages>) -> ExitCode {
    let messages = result.unwrap_or_else(|error| Messages {
        info: Vec::new(),
        warnings: vec![error.to_string()],
    });
    messages.print();
    ExitCode::SUCCESS
}

/// Returns the exit status of `import` or `forget`, and prints its error with the hint. A closed
/// pipe is not an error.
fn finish(result: Result<u8>) -> ExitCode {
    match result {
        Ok(status) => ExitCode::from(status),
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let message = printable(&error.message(), MAX_WARNING);
            eprintln!("sccache-collect: {message}");
            if let Some(hint) = error.hint() {
                eprintln!("  {}", printable(hint, MAX_WARNING));
            }
            ExitCode::from(error.exit_status())
        }
    }
}
