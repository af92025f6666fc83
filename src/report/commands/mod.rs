//! The command line of `sccache-report`: one file per subcommand.

mod advise;
mod builds;
mod doctor;
mod emerges;
mod explain;
mod hosts;
mod html;
mod metrics;
mod overview;
mod packages;
mod show;
mod sums;
mod target;
mod trend;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::options::{BuildFilter, Database, ListArgs, OutputFormat, RowOptions, RowOrder};
use super::{Status, text};
use crate::error::{Error, Result};
use crate::savings::TIME_SAVED;
use crate::setup;
use crate::text::closest;

/// Show how much sccache speeds up the packages that Portage builds
///
/// Without arguments, shows an overview. With a PATTERN, shows the matching packages, or everything
/// about the package if only one matches.
#[derive(Debug, Parser)]
#[command(name = "sccache-report", version, after_long_help = after_help())]
pub(super) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: ListArgs,

    #[command(flatten)]
    database: Database,
}

#[derive(Debug, Subcommand)]
enum Command {
    Overview(overview::Args),
    /// Show one row per package
    Packages(ListArgs),
    /// Show one row per build, the newest last
    Builds(ListArgs),
    /// Show one row per emerge command, the newest last
    Emerges(ListArgs),
    Trend(trend::Args),
    Show(show::Args),
    Explain(explain::Args),
    Advise(advise::Args),
    Html(html::Args),
    Metrics(metrics::Args),
    Doctor(doctor::Args),
    Setup(setup::Args),
}

fn after_help() -> String {
    let time_saved = text::wrap(&format!("Time saved: {TIME_SAVED}"), Some(80), "  ");
    format!("{TERMS}\n\n{time_saved}\n\n{EXAMPLES}\n\n{ENVIRONMENT}")
}

const TERMS: &str = "\
Terms:
  hit rate     hits / (hits + misses)
  coverage     (hits + misses) / (executed + non-cacheable calls): the share of
               compiler calls that the cache could answer
  newest rate  hit rate of the newest build; the arrow compares it with the earlier
               builds: at least 5 points up or down, or about the same
  note         failed, interrupted, or incomplete builds, or a shared server
  -            unknown, or a rate with nothing to divide by; never 0";

const EXAMPLES: &str = "\
Examples:
  sccache-report                                 overview of the last 30 days
  sccache-report emlop                           everything about one package
  sccache-report 'dev-rust/*' --since '2 weeks ago'
  sccache-report packages --sort misses --limit 10 --min-builds 3
  sccache-report builds --format json | jq '.rows[].hit_rate'";

const ENVIRONMENT: &str = "\
Environment:
  SCCACHE_REPORT_DB  database, unless --db names one
  EPREFIX            Gentoo Prefix of the default database
  NO_COLOR           disables colors, unless --color always is given
  TZ                 time zone of dates, days and weeks

Exit status: 0 if something was shown, 1 if nothing matched, 2 after an error.";

/// The definition of the command line, for man pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
}

/// The definition for completions, without PATTERN: zsh's script would take it for the subcommand.
pub(super) fn completable() -> clap::Command {
    let command = Database::augment_args(clap::Command::new("sccache-report"));
    let command = RowOptions::augment_args(BuildFilter::augment_args(command));
    Command::augment_subcommands(OutputFormat::augment_args(command))
}

/// Parses the command line. Options of the overview are not accepted before a subcommand, which
/// would ignore them.
pub(super) fn parse(args: Vec<OsString>) -> clap::error::Result<Cli> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(args);
    let matches = matches.map_err(with_name_of_html)?;
    if let Some((name, _)) = matches.subcommand() {
        let is_misplaced = |arg: &&clap::Arg| {
            let source = matches.value_source(arg.get_id().as_str());
            !arg.is_global_set() && source == Some(ValueSource::CommandLine)
        };
        let misplaced = command.get_arguments().find(is_misplaced);
        let message = misplaced.map(|arg| {
            let subcommand = command.find_subcommand(name).into_iter();
            let mut supported = subcommand.flat_map(clap::Command::get_arguments);
            if supported.any(|other| other.get_id() == arg.get_id()) {
                format!("`{arg}` must come after `{name}`")
            } else {
                format!("`{arg}` can't be used with `{name}`")
            }
        });
        if let Some(message) = message {
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
    }
    Cli::from_arg_matches(&matches)
}

/// Adds to the error for `--format html` that the page has a command of its own.
fn with_name_of_html(mut error: clap::Error) -> clap::Error {
    let has = |kind, text: &str| match error.get(kind) {
        Some(ContextValue::String(value)) => value.starts_with(text),
        _ => false,
    };
    if has(ContextKind::InvalidArg, "--format") && has(ContextKind::InvalidValue, "html") {
        let tip = "`sccache-report html` writes a page".into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

impl Cli {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<Status> {
        let database = &self.database;
        match &self.command {
            Some(Command::Overview(args)) => overview::run(args, database, out),
            Some(Command::Packages(args)) => packages::run(args, database, out),
            Some(Command::Builds(args)) => builds::run(args, database, out),
            Some(Command::Emerges(args)) => emerges::run(args, database, out),
            Some(Command::Trend(args)) => trend::run(args, database, out),
            Some(Command::Show(args)) => show::run(args, database, out),
            Some(Command::Explain(args)) => explain::run(args, database, out),
            Some(Command::Advise(args)) => advise::run(args, database, out),
            Some(Command::Html(args)) => html::run(args, database, out),
            Some(Command::Metrics(args)) => metrics::run(args, database, out),
            Some(Command::Doctor(args)) => doctor::run(args, database.named(), out),
            Some(Command::Setup(args)) => {
                setup::run(args, database.named(), out).map(|()| Status::Success)
            }
            None => self.run_without_command(out),
        }
    }

    fn run_without_command(&self, out: &mut dyn Write) -> Result<Status> {
        let list = &self.list;
        if list.rows != RowOptions::default() {
            return packages::run(list, &self.database, out);
        }
        let [first, ..] = list.packages.patterns.as_slice() else {
            return overview::report(&list.filter, &list.output, &self.database, out);
        };
        let (store, filter) = match list.open(&self.database) {
            Ok(selected) => selected,
            Err(Error::NoMatch(why)) => {
                let error = Error::NoMatch(why + &similar_command(first));
                return list.write(
                    packages::all_columns(BTreeMap::new()),
                    Err(error),
                    RowOrder::Ranked,
                    out,
                );
            }
            Err(error) => return Err(error),
        };
        let rows = store.packages(&filter)?;
        if rows.len() == 1 {
            return show::show_package(&store, &rows[0].package, filter, &list.output, out);
        }
        packages::write(list, &store, rows, out)
    }
}

/// The name of a subcommand that a word may be a misspelling of, as the end of a message.
fn similar_command(word: &str) -> String {
    let command = Cli::command();
    let names = command.get_subcommands().map(clap::Command::get_name);
    match closest(word, names, 1).first() {
        Some(name) => format!("; or did you mean the command `{name}`?"),
        None => String::new(),
    }
}
