//! What a shell offers for a half-typed command: options, and the packages that are recorded.
//!
//! The scripts for bash, zsh and fish ask this program, by clap's own engine: so one definition
//! serves all three, and a new option or column needs no change here. That interface between
//! script and program isn't stable from one version of clap to the next; both come out of the
//! same build and are installed together, which is all it needs. (Fixed scripts can't name
//! packages, and patching them would take code in three shells' languages.)

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use super::manual::reports;
use crate::manual::Shell;
use crate::store::{Store, default_path};

/// The scripts set it to their shell's name when they ask.
const VARIABLE: &str = "SCCACHE_REPORT_COMPLETE";

const PROGRAM: &str = "sccache-report";

/// Answers a shell's question, if this is one.
///
/// # Errors
/// Where the answer can't be written, or that shell isn't known.
pub(super) fn answer(args: &[OsString]) -> clap::error::Result<bool> {
    let database = database(args);
    CompleteEnv::with_factory(move || completable(database.clone()))
        .var(VARIABLE)
        .try_complete(
            args.iter().cloned(),
            std::env::current_dir().ok().as_deref(),
        )
}

/// The script that a shell reads.
pub(super) fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&shell.to_string()) {
        // Into memory, which takes all.
        let _ = shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script);
    }
    let mut script = String::from_utf8_lossy(&script).trim_start().to_string();
    if shell == Shell::Zsh {
        // In a folder of $fpath zsh runs the file as the function that completes.
        script.push_str(
            "[[ $funcstack[1] != _sccache-report ]] || \
             _clap_dynamic_completer_sccache_report \"$@\"\n",
        );
    }
    script
}

/// The command line with what completes its values: an argument called PATTERN or PACKAGE takes
/// packages, one called COLUMN those of its report.
fn completable(database: PathBuf) -> Command {
    let mut command = super::command();
    // Hands the common options down to the subcommands, where each gets its own columns.
    command.build();
    for (report, names) in reports() {
        let columns: Vec<String> = names
            .iter()
            .filter(|name| !name.nested)
            .map(|name| name.name.to_string())
            .collect();
        let database = database.clone();
        let with = |sub: Command| values(sub, &database, &columns);
        command = match report {
            "overview" => with(command),
            sub => command.mut_subcommand(sub, with),
        };
    }
    command
}

fn values(command: Command, database: &std::path::Path, columns: &[String]) -> Command {
    command.mut_args(|arg| {
        let value = arg.get_value_names().and_then(|names| names.first());
        match value.map(|name| name.as_str()) {
            Some("PATTERN" | "PACKAGE" | "PACKAGE|BUILD-ID") => {
                let database = database.to_path_buf();
                arg.add(ArgValueCompleter::new(move |word: &OsStr| {
                    let word = word.to_string_lossy();
                    candidates(&packages(&database), &word)
                }))
            }
            Some("COLUMN" | "COLUMN,...") => {
                let columns = columns.to_vec();
                arg.add(ArgValueCompleter::new(move |word: &OsStr| {
                    starting_with(columns.iter().map(String::as_str), &word.to_string_lossy())
                }))
            }
            _ => arg,
        }
    })
}

/// The packages of the database. Where it can't be read there is nothing to offer, and the
/// command itself says why.
fn packages(database: &std::path::Path) -> Vec<String> {
    let names = Store::open_for_reading(database).and_then(|store| store.package_names());
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_+.".contains(c);
    let mut names = names.unwrap_or_default();
    // The shell reads them: nothing that it could take for more than a name.
    names.retain(|name| name.chars().all(plain));
    names
}

/// CATEGORY/PN as far as the word goes along with it, or else PN alone.
fn candidates(packages: &[String], word: &str) -> Vec<CompletionCandidate> {
    let mut found = starting_with(packages.iter().map(String::as_str), word);
    if !word.is_empty() && !word.contains('/') {
        let mut names: Vec<&str> = packages
            .iter()
            .filter_map(|package| Some(package.split_once('/')?.1))
            .collect();
        names.sort_unstable();
        names.dedup();
        found.extend(starting_with(names.into_iter(), word));
    }
    found
}

fn starting_with<'a>(all: impl Iterator<Item = &'a str>, word: &str) -> Vec<CompletionCandidate> {
    all.filter(|name| name.starts_with(word))
        .map(CompletionCandidate::new)
        .collect()
}

/// The database of the command that is being typed.
fn database(args: &[OsString]) -> PathBuf {
    let mut words = args.iter().filter_map(|arg| arg.to_str());
    let mut named = None;
    while let Some(word) = words.next() {
        match word.strip_prefix("--db") {
            Some("") => named = words.next().map(PathBuf::from),
            Some(rest) => named = rest.strip_prefix('=').map(PathBuf::from).or(named),
            None => {}
        }
    }
    named
        .or_else(|| std::env::var_os("SCCACHE_REPORT_DB").map(PathBuf::from))
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or_else(default_path)
}
