//! Man pages and shell completions, made from the definition of a command line.
//!
//! `PROGRAM --generate man|bash|zsh|fish` prints them: for `make install` and packages, so
//! `--help` doesn't tell. They come out of the program itself and need no file or tool beside it.
//! This module knows clap and roff, and none of the rooms.

mod page;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;

pub use clap_complete::Shell;
pub use page::{page, terms};

/// Answers `PROGRAM --generate WHAT` and returns the exit status: 0, or 2 where there is no such
/// WHAT. `None` where something else is asked for.
pub fn generate(
    args: &[OsString],
    page: impl FnOnce() -> String,
    completion: impl FnOnce(Shell) -> String,
) -> Option<ExitCode> {
    let [_, option, what] = args else {
        return None;
    };
    if option != "--generate" {
        return None;
    }
    let text = match what.to_str() {
        Some("man") => Ok(page()),
        Some(shell) => Shell::from_str(shell).map(completion),
        None => Err(String::new()),
    };
    let written = match text {
        Ok(text) => std::io::stdout().write_all(text.as_bytes()),
        Err(_) => {
            eprintln!("--generate can do: man bash zsh fish");
            return Some(ExitCode::from(2));
        }
    };
    Some(match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("can't write: {error}");
            ExitCode::from(2)
        }
    })
}

/// A completion script that knows the options and paths, and asks nobody.
pub fn fixed_completion(mut command: clap::Command, shell: Shell) -> String {
    let name = command.get_name().to_string();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
