//! Reports for people: `sccache-report`.
//!
//! Each subcommand in `commands` reads rows from the store, closes the database, and declares its
//! columns once. `table` writes them in every format.

mod advice;
mod breakdown;
mod chart;
mod commands;
mod exposition;
mod headline;
mod html;
mod miss_reasons;
mod options;
mod stable_paths;
mod suggest;
mod table;
mod text;
mod verdict;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

pub use self::commands::command;
use crate::error::Error;

/// Runs `sccache-report` with these arguments, the program's name first. Returns the exit status:
/// 0 if something was shown, 1 if nothing matched, 2 for an error.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(status) = crate::generate::run(&args, command, commands::completable) {
        return status;
    }
    let cli = match commands::parse(args) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed stderr is no reason to fail differently.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let result = cli.run(&mut out);
    let result = out.flush().map_err(Error::from).and(result);
    match result {
        Ok(Status::Success) => ExitCode::SUCCESS,
        Ok(Status::Problems) => ExitCode::from(1),
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            warn(&error.message());
            if let Some(hint) = error.hint() {
                print_error(&format!("  {}", text::sanitize(hint)));
            }
            ExitCode::from(error.exit_status())
        }
    }
}

/// How a command ended that wrote its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Success,
    /// The output reports that something is wrong: exit status 1.
    Problems,
}

/// Prints a message on standard error.
fn warn(message: &str) {
    print_error(&format!("sccache-report: {}", text::sanitize(message)));
}

/// Ignores errors: nobody reads a closed stderr.
fn print_error(line: &str) {
    let width = options::terminal_width(io::stderr());
    let _ = writeln!(io::stderr(), "{}", text::wrap(line, width, "  "));
}
