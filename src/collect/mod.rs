//! `sccache-collect`: records builds for Portage's hook, and changes the database on request.

mod build_list;
mod forget;
pub mod import;
mod merge;
mod own_server;
mod paths;
mod phase;
mod record;
mod recorder;
mod redis;
mod shared_server;
mod summary;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{CommandFactory, Parser, Subcommand};

use crate::config;
use crate::error::{Error, Result};
use crate::store::{Pending, PendingResult, Store};
use crate::text::printable;

/// The longest line for the merge log, in bytes.
const MAX_LINE: usize = 2048;

/// The time limit for recording pending builds by hand. No merge waits for this.
const PENDING_TIME: Duration = Duration::from_secs(60);

/// Collect sccache's statistics from Portage's builds
///
/// Portage's hook runs `phase`, `record`, `paths`, and `redis`. They never fail a merge: on an error, they
/// print one line that begins with "warning: " and exit with status 0. `import`, `forget`, and
/// `merge` are for manual use.
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
    Paths(paths::Args),
    Redis(redis::Args),
    Import(import::Args),
    Forget(forget::Args),
    Merge(merge::Args),
}

#[derive(Debug, Default, clap::Args)]
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

/// Returns [`config::kept_builds`], or the default after a warning.
fn kept_builds(warn: impl FnOnce(String)) -> usize {
    config::kept_builds().unwrap_or_else(|error| {
        warn(error.to_string());
        config::KEPT_BUILDS
    })
}

/// Returns what happened to a pending file that `reason` keeps from being recorded.
fn renamed(reason: &impl std::fmt::Display) -> String {
    format!("renamed to *.bad because it can't be recorded: {reason}")
}

/// Opens a database for changes by hand, and records the pending builds, which can be among those to
/// change.
///
/// # Errors
/// The database can't be written.
fn open_for_changes(path: &Path) -> Result<(Store, PendingResult)> {
    let mut store = Store::open_for_recording(path)?;
    store.keep_compilations(kept_builds(|problem| print_error(&problem)));
    let deadline = Instant::now() + PENDING_TIME;
    let done = Pending::for_database(path).record(&mut store, deadline)?;
    Ok((store, done))
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
            let line = printable(line, MAX_LINE);
            let _ = writeln!(io::stdout(), "{line}");
        }
        for line in &self.warnings {
            let line = printable(line, MAX_LINE);
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
        .and_then(|command| command.to_str())
        .is_some_and(|command| ["phase", "record", "paths", "redis"].contains(&command));
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
        Command::Paths(args) => finish_hook(paths::run(&args)),
        Command::Redis(args) => finish_hook(redis::run(&args)),
        Command::Import(args) => finish(import::run(args, out)),
        Command::Forget(args) => finish(forget::run(&args, out)),
        Command::Merge(args) => finish(merge::run(&args, out)),
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

/// Prints an error or a warning of `import`, `forget`, or `merge`. Ignores errors, such as a closed stderr.
fn print_error(text: &str) {
    let text = printable(text, MAX_LINE);
    let _ = writeln!(io::stderr(), "sccache-collect: {text}");
}

/// Returns the exit status of `import`, `forget`, or `merge`, and prints its error with the hint. A closed
/// pipe is not an error.
fn finish(result: Result<u8>) -> ExitCode {
    match result {
        Ok(status) => ExitCode::from(status),
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error.message());
            if let Some(hint) = error.hint() {
                let _ = writeln!(io::stderr(), "  {}", printable(hint, MAX_LINE));
            }
            ExitCode::from(error.exit_status())
        }
    }
}
