//! The command line of `sccache-report`: one file per subcommand, its arguments beside `run`.

mod advise;
mod builds;
mod doctor;
mod emerges;
mod overview;
mod packages;
mod show;
mod sums;
mod trend;

use std::ffi::OsString;
use std::io::Write;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::options::{BuildFilter, Database, Keep, OutputFormat, RowOptions};
use super::{Status, text};
use crate::error::Error;
use crate::savings::TIME_SAVED;
use crate::setup;

/// Show what sccache did for the packages that Portage built
///
/// Without a command: an overview. With a PATTERN: the packages that match, or everything about
/// the package if only one does.
#[derive(Debug, Parser)]
#[command(name = "sccache-report", version, after_long_help = after_help())]
#[command(disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    packages: packages::Args,

    #[command(flatten)]
    database: Database,
}

#[derive(Debug, Subcommand)]
enum Command {
    Overview(overview::Args),
    Packages(packages::Args),
    Builds(builds::Args),
    Emerges(emerges::Args),
    Trend(trend::Args),
    Show(show::Args),
    Advise(advise::Args),
    Doctor(doctor::Args),
    Setup(setup::Args),
}

fn after_help() -> String {
    let time_saved = text::wrap(&format!("Time saved: {TIME_SAVED}"), Some(80), "  ");
    format!("{TERMS}\n\n{time_saved}\n\n{EXAMPLES}\n\n{ENVIRONMENT}")
}

const TERMS: &str = "\
Terms:
  hit rate   hits / (hits + misses)
  coverage   (hits + misses) / (executed + non-cacheable calls): how much of the
             compiling the cache could answer at all
  last rate  hit rate of the newest build; an arrow compares it with the earlier
             builds: at least 5 points up or down, or about the same
  note       builds that failed or were interrupted, have incomplete numbers, or
             used a shared server
  -          unknown, or nothing to divide; never 0";

const EXAMPLES: &str = "\
Examples:
  sccache-report                                 overview of the last 30 days
  sccache-report emlop                           everything about one package
  sccache-report 'dev-rust/*' --since '2 weeks ago'
  sccache-report packages --sort misses --limit 10 --min-builds 3
  sccache-report packages --language rust --columns package,hit_rate,misses
  sccache-report trend --by month --since 'last year'
  sccache-report builds --last 20 --outcome failed
  sccache-report builds --format json | jq '.rows[].hit_rate'";

const ENVIRONMENT: &str = "\
Environment:
  SCCACHE_REPORT_DB  database, unless --db names one
  EPREFIX            Gentoo Prefix that the default database is below; set it only
                     if the program is installed elsewhere
  NO_COLOR           no colors, unless --color always is given
  TZ                 time zone of dates, days and weeks

Exit status: 0 something was shown, 1 nothing matched, 2 an error occurred.";

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
pub(super) fn parse(args: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(args)?;
    if let Some((name, _)) = matches.subcommand() {
        let is_given = |arg: &&clap::Arg| {
            let source = matches.value_source(arg.get_id().as_str());
            !arg.is_global_set() && source == Some(ValueSource::CommandLine)
        };
        let misplaced = command
            .get_arguments()
            .find(is_given)
            .map(clap::Arg::to_string);
        if let Some(arg) = misplaced {
            let message = format!("`{arg}` must come after `{name}`");
            return Err(command.error(ErrorKind::ArgumentConflict, message));
        }
    }
    Cli::from_arg_matches(&matches)
}

impl Cli {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<Status, Error> {
        let database = &self.database;
        match &self.command {
            Some(Command::Overview(args)) => overview::run(args, database, out),
            Some(Command::Packages(args)) => packages::run(args, database, out),
            Some(Command::Builds(args)) => builds::run(args, database, out),
            Some(Command::Emerges(args)) => emerges::run(args, database, out),
            Some(Command::Trend(args)) => trend::run(args, database, out),
            Some(Command::Show(args)) => show::run(args, database, out),
            Some(Command::Advise(args)) => advise::run(args, database, out),
            Some(Command::Doctor(args)) => doctor::run(args, database.named(), out),
            Some(Command::Setup(args)) => run_setup(args, database, out),
            None => self.run_without_command(out),
        }
    }

    fn run_without_command(&self, out: &mut dyn Write) -> Result<Status, Error> {
        let packages::Args { list } = &self.packages;
        if !list.rows.is_empty() {
            return packages::run(&self.packages, &self.database, out);
        }
        if list.patterns.is_empty() {
            return overview::report(&list.filter, &list.output, &self.database, out);
        }
        let definition = Cli::command();
        let commands: Vec<&str> = definition
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        let selected = list.filter.open(&list.patterns, &self.database, &commands);
        let found = selected.and_then(|(store, filter)| store.packages(&filter));
        match found.as_deref() {
            Ok([row]) => show::package(
                &row.package,
                &list.filter,
                &list.output,
                &self.database,
                out,
            ),
            _ => list.write(packages::columns(), found, Keep::First, out),
        }
    }
}

fn run_setup(
    args: &setup::Args,
    database: &Database,
    out: &mut dyn Write,
) -> Result<Status, Error> {
    match setup::run(args, database.named(), out) {
        Ok(setup::Outcome::Done) => Ok(Status::Success),
        Ok(setup::Outcome::Declined) => Err(Error::NoMatch("nothing was changed".into())),
        Err(setup::Error::Refused { problem, hint }) => Err(Error::usage(problem, hint)),
        Err(setup::Error::Output(error)) => Err(error.into()),
    }
}
