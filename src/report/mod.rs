//! What people look at: `sccache-report`.
//!
//! One file per subcommand, each with its arguments beside its `run`. A subcommand
//! fetches rows from the store, lets go of the database, describes its columns once
//! (`sheet`), and any of the formats (`format`) writes them. Only this room knows a
//! column's heading.

mod advise;
mod arrange;
mod breakdown;
mod builds;
mod chart;
mod cli;
mod close;
mod common;
mod completion;
mod doctor;
mod duration;
mod emerges;
mod fill;
mod filters;
mod format;
mod history;
mod lately;
mod layout;
mod manual;
mod meanings;
mod output;
mod overview;
mod packages;
mod sections;
mod sheet;
mod show;
mod show_package;
mod text;
mod trend;
mod unknown;
mod value;
mod verdict;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::CommandFactory;

use crate::{manual::generate, store};

/// The definition of the command line, for man pages and completions.
pub fn command() -> clap::Command {
    cli::Cli::command()
}

/// Runs `sccache-report` with these arguments (the program's name first), and returns
/// its exit status: 0 something shown, 1 nothing matched, 2 an error.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    match completion::answer(&args) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(_) => return ExitCode::from(2), // in the midst of a command line that somebody types
    }
    if let Some(status) = generate(&args, manual::manual, completion::script) {
        return status;
    }
    let cli = match cli::parse(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let result = cli.run(&mut out).and_then(|shown| {
        out.flush()?;
        Ok(shown)
    });
    match result {
        Ok(Shown::Something) => ExitCode::SUCCESS,
        Ok(Shown::Bad) => ExitCode::from(1),
        Ok(Shown::Nothing(why)) => {
            say(&why);
            ExitCode::from(1)
        }
        Err(Trouble::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            let (cause, cure) = trouble.tell();
            say(&cause);
            if !cure.is_empty() {
                tell(&format!("  {}", text::clean(&cure)));
            }
            ExitCode::from(2)
        }
    }
}

/// Says something about the report, on standard error.
fn say(what: &str) {
    tell(&format!("sccache-report: {}", text::clean(what)));
}

/// A line on standard error, broken between words on a terminal. Nobody can be told that
/// nobody listens, so that is no error.
fn tell(line: &str) {
    let width = output::width_of(io::stderr());
    let _ = writeln!(io::stderr(), "{}", text::wrap(line, width, "  "));
}

/// Whether there was something to show.
#[derive(Debug)]
enum Shown {
    Something,
    /// There was, and it says that something is wrong.
    Bad,
    /// And why not, in one line.
    Nothing(String),
}

/// Why a report could not be made.
#[derive(Debug)]
enum Trouble {
    Store(store::Error),
    Output(io::Error),
    /// What is wrong with what was asked, and what to ask instead.
    Request(String, String),
}

impl Trouble {
    /// The cause, and what to do.
    fn tell(self) -> (String, String) {
        match self {
            Trouble::Store(error) => (error.to_string(), error.hint().to_string()),
            Trouble::Output(error) => (format!("can't write the report: {error}"), String::new()),
            Trouble::Request(cause, cure) => (cause, cure),
        }
    }
}

impl From<store::Error> for Trouble {
    fn from(error: store::Error) -> Self {
        Trouble::Store(error)
    }
}

impl From<arrange::NoColumn> for Trouble {
    fn from(error: arrange::NoColumn) -> Self {
        let cure = match error.names.is_empty() {
            true => String::new(),
            false => format!("the columns are: {}", error.names.join(", ")),
        };
        Trouble::Request(error.why, cure)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Trouble::Output(error)
    }
}
