//! `sccache-collect`: what Portage's hook calls, and what people change the database with.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{CommandFactory, Parser, Subcommand};
use sccache_report::collect::{self, PhaseOptions, forget, import};
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
    /// At the end of a src phase: take the numbers of the build's server, and stop it
    ///
    /// The server is the one at SCCACHE_SERVER_UDS or SCCACHE_SERVER_PORT. The numbers go into ${T}/.sccache-report, for `record`.
    Phase {
        /// When the phase began, in seconds since 1970
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        started: Option<DateTime<Utc>>,
        /// The sccache program
        #[arg(long, value_name = "PROGRAM", default_value = "sccache")]
        sccache: PathBuf,
        /// The server is one that the user chose: ask it, never stop it
        #[arg(long)]
        shared: bool,
        /// At the phase's start: print what the shared server has counted by now
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
        /// What came of the build
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
    /// CATEGORY:PF:DATE.log or CATEGORY/PF:DATE.log; of folders all that is in them, except elog.
    /// Compressed logs are unpacked, those that aren't gzipped with the program that made them
    /// (bzip2, xz, zstd, lz4, lzip, lzop, unzip). At most 2 GiB of text are read of each log.
    /// Importing again, or what the hook recorded already, adds nothing.
    ///
    /// The date in a name is UTC. Without one the build has the file's time. The numbers of a
    /// recipe's server count as shared, because other builds may have used it. They count for
    /// the build if sccache printed in this log that it stopped that server; of a server that
    /// runs on, the difference between two blocks counts. A single block of such a server holds
    /// running totals and isn't imported.
    ///
    /// Builds that wait in FILE.pending are recorded first, without a LOG only those; and an
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
    /// Removes the builds that match and everything that was recorded about them. Sums and
    /// estimates are then as if they had never been recorded. They are not recorded again,
    /// neither from a log nor from another database, unless `import --restore` reads their log.
    /// Whoever can write the database may do this.
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
2 an error, or some could not be read. The others are imported all the same.";

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
            warn(text.lines().next().unwrap_or_default());
            return ExitCode::SUCCESS;
        }
        Err(error) => error.exit(),
    };
    let done = match arguments.command {
        Command::Import { options, database } => {
            return person(|out| {
                let path = collect::database(database.db);
                let report = import::import(options, &path, out)?;
                Ok(report.status())
            });
        }
        Command::Forget { options, database } => {
            return person(|out| {
                let path = collect::database(database.db);
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
            if let Some(store) = error.downcast_ref::<sccache_report::store::Error>() {
                eprintln!("  {}", store.hint());
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
