//! `sccache-collect`: what Portage's hook calls. It takes a server's numbers at the end
//! of each src phase, and records a build at its end.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use sccache_report::collect;
use sccache_report::portage::Outcome;

/// Collects sccache's statistics from Portage's builds
///
/// Portage's hook calls it; by hand there is only `import`. Whatever goes wrong in the hook, a
/// merge goes on: it says so in one line that begins with "warning: " and exits with 0.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// At the end of a src phase: take the numbers of the build's server, and stop it
    ///
    /// The server is the one at SCCACHE_SERVER_UDS, if the hook chose that address. The
    /// numbers go into ${T}/.sccache-report, for `record`.
    Phase {
        /// When the phase began, in seconds since 1970
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        started: Option<DateTime<Utc>>,
        /// The sccache program
        #[arg(long, value_name = "PROGRAM", default_value = "sccache")]
        sccache: PathBuf,
    },
    /// At the end of a build: record it in the database
    ///
    /// Sums what the phases left in ${T}/.sccache-report. How much it prints is up to
    /// SCCACHE_REPORT_OUTPUT: full (sccache's whole block of statistics), brief or none.
    Record {
        /// What came of the build
        #[arg(long, value_enum, default_value = "merged")]
        outcome: Outcome,
        /// The ebuild's SLOT, which Portage doesn't export
        #[arg(long)]
        slot: Option<String>,
        /// The database
        #[arg(long, value_name = "FILE", env = "SCCACHE_REPORT_DB")]
        db: Option<PathBuf>,
    },
    /// Record the builds of Portage's logs, from before the hook was installed
    ///
    /// Reads logs in which a bashrc recipe or sccache-report printed sccache's statistics:
    /// CATEGORY:PF:DATE.log, plain or gzipped, or CATEGORY/PF:DATE.log; of folders all that is in
    /// them. Importing again, or what the hook recorded already, adds nothing.
    ///
    /// The date is local time, unless the file itself shows that it is UTC. Numbers of a
    /// recipe's server count as shared: others may have used it.
    #[command(after_help = IMPORT_HELP)]
    Import {
        /// Show what would be added, and add nothing
        #[arg(long)]
        dry_run: bool,
        /// The database
        #[arg(long, value_name = "FILE", env = "SCCACHE_REPORT_DB")]
        db: Option<PathBuf>,
        /// Logs, or folders of logs such as /var/log/portage
        #[arg(value_name = "LOG|DIR", required = true)]
        paths: Vec<PathBuf>,
    },
}

const IMPORT_HELP: &str = "\
Exit status: 0 all logs were read and understood, 1 some were not understood, 2 an error, or
some could not be read. The others are imported all the same.";

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Import { dry_run, db, paths } => return import(&paths, db, dry_run),
        Command::Phase { started, sccache } => collect::phase(sccache, started),
        Command::Record { outcome, slot, db } => collect::record(outcome, slot, db),
    };
    match done {
        Ok(said) => {
            said.info.iter().for_each(|line| println!("{line}"));
            said.warnings
                .iter()
                .for_each(|line| eprintln!("warning: {line}"));
        }
        Err(error) => eprintln!("warning: {error:#}"),
    }
    ExitCode::SUCCESS
}

/// A person's command, unlike the hook's: it fails where something failed.
fn import(paths: &[PathBuf], db: Option<PathBuf>, dry_run: bool) -> ExitCode {
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
