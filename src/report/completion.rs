//! What a shell offers for a half-typed command: options, and what is recorded that their values
//! can name.
//!
//! The scripts for bash, zsh and fish ask this program, by clap's own engine: so one definition
//! serves all three, and a new option or column needs no change here. That interface between
//! script and program isn't stable from one version of clap to the next; both come out of the
//! same build and are installed together, which is all it needs. (Fixed scripts can't name
//! packages, and patching them would take code in three shells' languages.)

mod recorded;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use super::cli::without_refused;
use super::manual::reports;
use crate::manual::Shell;
use crate::store::default_path;

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
    match shell {
        // In a folder of $fpath zsh runs the file as the function that completes.
        Shell::Zsh => script.push_str(
            "[[ $funcstack[1] != _sccache-report ]] || \
             _clap_dynamic_completer_sccache_report \"$@\"\n",
        ),
        Shell::Bash => script.push_str(WHOLE_WORDS),
        _ => {}
    }
    script
}

/// Bash ends words at `=` and `:`, which stand within `--sort=COLUMN:desc`: it is put together for
/// the program, and what bash has of it already is taken off the answers.
const WHOLE_WORDS: &str = r#"
_sccache_report() {
    local i word end=x
    local -a whole=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        [[ $word == [=:]* || $i -lt $COMP_CWORD ]] || word=$2
        if [[ $word == [=:]* || $end == [=:] ]] && ((${#whole[@]} > 1)); then
            whole[${#whole[@]} - 1]+=$word
        else
            whole+=("$word")
        fi
        end=${word: -1}
    done
    word=${whole[${#whole[@]} - 1]}
    local COMP_CWORD=$((${#whole[@]} - 1))
    local -a COMP_WORDS=("${whole[@]}")
    _clap_complete_sccache_report "$1" "$word" "$3"
    COMPREPLY=("${COMPREPLY[@]#"${word%"$2"}"}")
}
complete -o nospace -o bashdefault -o nosort -F _sccache_report sccache-report 2>/dev/null ||
    complete -o nospace -o bashdefault -F _sccache_report sccache-report
"#;

/// The command line with what completes its values, each report's columns among them.
fn completable(database: PathBuf) -> Command {
    let mut command = super::command();
    // Hands the common options down to the subcommands, where each gets its own columns.
    command.build();
    let mut command = without_refused(command);
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

/// Arguments are known by what their value is called, and where that says too little, by their name.
fn values(command: Command, database: &Path, columns: &[String]) -> Command {
    command.mut_args(|arg| {
        let value = arg.get_value_names().and_then(|names| names.first());
        let value = value.map_or("", |name| name.as_str());
        let of_database = |offer: fn(&Path, &str) -> Vec<CompletionCandidate>| {
            let database = database.to_path_buf();
            completer(move |word| offer(&database, word))
        };
        let columns = columns.to_vec();
        let completer = match (arg.get_id().as_str(), value) {
            ("repository", _) => of_database(recorded::repositories),
            ("language", _) => of_database(recorded::languages),
            (_, "PATTERN" | "PACKAGE") => of_database(recorded::packages),
            (_, "PACKAGE|BUILD-ID") => of_database(recorded::packages_and_builds),
            (_, "COLUMN") => completer(move |word| sort(&columns, word)),
            (_, "COLUMN,...") => {
                completer(move |word| starting_with(columns.iter().map(String::as_str), word))
            }
            _ => return arg,
        };
        arg.add(completer)
    })
}

fn completer(
    offer: impl Fn(&str) -> Vec<CompletionCandidate> + Send + Sync + 'static,
) -> ArgValueCompleter {
    ArgValueCompleter::new(move |word: &OsStr| offer(&word.to_string_lossy()))
}

/// Columns; once the column is there, its directions.
fn sort(columns: &[String], word: &str) -> Vec<CompletionCandidate> {
    match word.contains(':') {
        false => starting_with(columns.iter().map(String::as_str), word),
        true => {
            let directed = columns.iter();
            let directed = directed.flat_map(|c| [format!("{c}:asc"), format!("{c}:desc")]);
            let directed: Vec<String> = directed.collect();
            starting_with(directed.iter().map(String::as_str), word)
        }
    }
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
