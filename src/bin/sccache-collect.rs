//! `sccache-collect`: what Portage's hook calls. It takes a server's numbers at the end
//! of each src phase, and records a build at its end.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{CommandFactory, Parser, Subcommand};
use sccache_report::collect::{self, PhaseOptions};
use sccache_report::generate;
use sccache_report::portage::{Outcome, printable};

/// Bytes of the longest warning.
const MAX_WARNING: usize = 2048;

/// Collects sccache's statistics from Portage's builds
///
/// Portage's hook calls it; by hand there is only `import`. Whatever goes wrong in the hook, a
/// merge goes on: it says so in one line that begins with "warning: " and exits with 0.
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
    /// The server is the one at SCCACHE_SERVER_UDS or SCCACHE_SERVER_PORT, if the hook chose that
    /// address. The numbers go into ${T}/.sccache-report, for `record`.
    Phase {
        /// When the phase began, in seconds since 1970
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        started: Option<DateTime<Utc>>,
        /// The sccache program
        #[arg(long, value_name = "PROGRAM", default_value = "sccache")]
        sccache: PathBuf,
        /// The server at the address can only be this phase's, whatever its name
        #[arg(long)]
        own: bool,
        /// The server is one that the user chose: ask it, never stop it
        #[arg(long, conflicts_with = "own")]
        shared: bool,
        /// At the phase's start: print what the shared server has counted by now
        #[arg(long, requires = "shared")]
        begin: bool,
        /// A server was started ahead of the first client
        #[arg(long)]
        ahead: bool,
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
    /// CATEGORY:PF:DATE.log, plain or gzipped, or CATEGORY/PF:DATE.log; of folders all that is in
    /// them. Importing again, or what the hook recorded already, adds nothing.
    ///
    /// The date in a name is taken as local time, unless the file's own times show that it is UTC,
    /// in which Portage 3 writes it. Without one the build has the file's time. Numbers of a
    /// recipe's server count as shared: others may have used it. Where they grow from block to
    /// block, and no server was stopped in between, they count as one server's.
    ///
    /// Builds that wait in FILE.pending are recorded first, without a LOG only those; and an
    /// older database is upgraded.
    #[command(after_help = IMPORT_HELP)]
    Import {
        /// Show what would be added, and add nothing
        #[arg(long)]
        dry_run: bool,
        /// The database [default: SCCACHE_REPORT_DB, or /var/lib/sccache-report/stats.db]
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,
        /// Logs, or folders of logs such as /var/log/portage
        #[arg(value_name = "LOG|DIR")]
        paths: Vec<PathBuf>,
    },
}

const IMPORT_HELP: &str = "\
Exit status: 0 all logs were read and understood, 1 some were not understood, 2 an error, or
some could not be read. The others are imported all the same.";

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
        // --help and --version; anything else is a hook of another version than this program's.
        Err(error)
            if !error.use_stderr()
                || std::env::args()
                    .nth(1)
                    .is_some_and(|first| first == "import") =>
        {
            error.exit()
        }
        Err(error) => {
            let text = error.to_string();
            warn(text.lines().next().unwrap_or_default());
            return ExitCode::SUCCESS;
        }
    };
    let done = match arguments.command {
        Command::Import { dry_run, db, paths } => {
            return import(&paths, &collect::database(db), dry_run);
        }
        Command::Phase {
            begin: true,
            sccache,
            ..
        } => collect::begin(&sccache),
        Command::Phase {
            started,
            sccache,
            own,
            shared,
            ahead,
            log,
            ..
        } => collect::phase(&PhaseOptions {
            started,
            program: sccache,
            own,
            shared,
            ahead,
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

/// A person's command, unlike the hook's: it fails where something failed.
fn import(paths: &[PathBuf], db: &Path, dry_run: bool) -> ExitCode {
    match collect::import::import(paths, db, dry_run, &mut std::io::stdout().lock()) {
        Ok(report) => ExitCode::from(report.status()),
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
