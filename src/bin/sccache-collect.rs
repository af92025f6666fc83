//! `sccache-collect`: what Portage's hook calls, and what people change the database with.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{CommandFactory, Parser, Subcommand};
use sccache_report::collect::{self, PhaseOptions, forget, import};
use sccache_report::config::database_path;
use sccache_report::generate;
use sccache_report::portage::{Outcome, printable};

/// Bytes of the longest warning.
const MAX_WARNING: usize = 2048;

/// Collects sccache's statistics from Portage's builds
///
/// Portage's hook calls `phase` and `record`. Whatever goes wrong there, a merge goes on: they
/// print one line that begins with "warning: " and exit with 0. `import` and `forget` are for
/// people.
#[derive(Parser)]
#[command(name = "sccache-collect", version, propagate_version = true)]
#[command(after_long_help = "See sccache-report(5) for the settings in make.conf.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// At the end of a src phase: save the numbers of the build's server, and stop it
    ///
    /// The server is the one at SCCACHE_SERVER_UDS or SCCACHE_SERVER_PORT. The numbers go into ${T}/.sccache-report, for `record`.
    Phase {
        /// When the phase began, in seconds since 1970
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        started: Option<DateTime<Utc>>,
        /// The sccache program
        #[arg(long, value_name = "PROGRAM", default_value = "sccache")]
        sccache: PathBuf,
        /// The user chose this server: query it, never stop it
        #[arg(long)]
        shared: bool,
        /// At the start of a phase: print the current counts of the shared server
        #[arg(long, requires = "shared")]
        begin: bool,
        /// The file to which the phase's servers log
        #[arg(long, value_name = "FILE")]
        log: Option<PathBuf>,
    },
    /// At the end of a build: record it in the database
    ///
    /// Sums what the phases left in ${T}/.sccache-report. How much it prints is up to
    /// SCCACHE_REPORT_OUTPUT: full (sccache's whole block of statistics), brief or none.
    /// A build that the database can't take waits beside it, in FILE.pending, for the next
    /// one; where that can't be written either, it is printed as one line, for the log.
    Record {
        /// The outcome of the build
        #[arg(long, value_enum, default_value = "merged")]
        outcome: Outcome,
        /// The ebuild's SLOT, which Portage doesn't export
        #[arg(long)]
        slot: Option<String>,
        /// The database [default: SCCACHE_REPORT_DB, or /var/lib/sccache-report/stats.db]
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,
    },
    /// Record the builds of Portage's logs, from before the hook was installed
    ///
    /// Reads logs in which a bashrc recipe or sccache-report printed sccache's statistics:
    /// CATEGORY:PF:DATE.log or CATEGORY/PF:DATE.log. Folders are searched recursively, except
    /// those named elog. Logs may be compressed: gzip needs no program, other formats need
    /// bzip2, xz, zstd, lz4, lzip, lzop or unzip. A log may hold up to 2 GiB of text. Builds
    /// that are already in the database are not added again.
    ///
    /// Dates in log names are UTC. For a name without a date, the file's modification time is
    /// used. A recipe's numbers are marked as shared, because other builds may have used the
    /// same server. They are imported if sccache printed in the same log that it stopped that
    /// server. If the server kept running, only the difference between two blocks is imported.
    /// A single block of a running server holds running totals and is not imported.
    ///
    /// Builds in FILE.pending are recorded first. Without a LOG, only these are recorded. An
    /// older database is upgraded.
    #[command(after_help = IMPORT_HELP)]
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
    #[command(after_help = FORGET_HELP)]
    Forget {
        #[command(flatten)]
        options: forget::Options,
        #[command(flatten)]
        database: Database,
    },
}

#[derive(clap::Args)]
struct Database {
    /// The database [default: SCCACHE_REPORT_DB, or /var/lib/sccache-report/stats.db]
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
}

const IMPORT_HELP: &str = "\
Exit status: 0 all logs were read and imported, 1 some were not understood or hold running totals,
2 an error, or some could not be read. The remaining logs are still imported.";

const FORGET_HELP: &str = "\
Exit status: 0 builds were removed, 1 nothing matched, 2 an error.";

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(status) = generate::run(
        &words,
        Arguments::command,
        Arguments::command,
        |_, script| script,
    ) {
        return status;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && is_hooks(&words) => {
            // The hook may be of another version than this program.
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            warn(line.strip_prefix("error: ").unwrap_or(line));
            return ExitCode::SUCCESS;
        }
        Err(error) => error.exit(),
    };
    let done = match arguments.command {
        Command::Import { options, database } => {
            return person(|out| {
                let path = database_path(database.db.as_deref());
                let report = import::import(options, &path, out)?;
                Ok(report.status())
            });
        }
        Command::Forget { options, database } => {
            return person(|out| {
                let path = database_path(database.db.as_deref());
                let found = forget::forget(&options, &path, out)?;
                Ok(u8::from(!found))
            });
        }
        Command::Phase {
            begin: true,
            sccache,
            ..
        } => collect::begin(&sccache),
        Command::Phase {
            started,
            sccache,
            shared,
            log,
            ..
        } => collect::phase(&PhaseOptions {
            started,
            program: sccache,
            shared,
            log,
        }),
        Command::Record { outcome, slot, db } => collect::record(outcome, slot, db),
    };
    match done {
        Ok(said) => {
            // The hook may be gone, and a merge is not to fail for that.
            let mut out = std::io::stdout();
            said.info
                .iter()
                .for_each(|line| drop(writeln!(out, "{line}")));
            said.warnings.iter().for_each(|line| warn(line));
        }
        Err(error) => warn(&format!("{error:#}")),
    }
    ExitCode::SUCCESS
}

/// One line, whatever is quoted in it: it goes to root's terminal.
fn warn(line: &str) {
    let _ = writeln!(
        std::io::stderr(),
        "warning: {}",
        printable(line, MAX_WARNING)
    );
}

/// Whether the command is one that the hook runs, which never fails.
fn is_hooks(words: &[OsString]) -> bool {
    words
        .get(1)
        .is_some_and(|word| word == "phase" || word == "record")
}

/// Runs a person's command, which, unlike the hook's, fails where something failed.
fn person(command: impl FnOnce(&mut dyn Write) -> anyhow::Result<u8>) -> ExitCode {
    match command(&mut std::io::stdout().lock()) {
        Ok(status) => ExitCode::from(status),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sccache-collect: {error:#}");
            let error = error.downcast_ref::<sccache_report::Error>();
            if let Some(hint) = error.and_then(sccache_report::Error::hint) {
                eprintln!("  {hint}");
            }
            ExitCode::from(2)
        }
    }
}

/// Who looks at the first lines only has closed the pipe: all is recorded by then.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn seconds(text: &str) -> Result<DateTime<Utc>, String> {
    let seconds = text.parse().map_err(|_| "not a number of seconds")?;
    DateTime::from_timestamp_secs(seconds).ok_or_else(|| "no such time".into())
}
