//! The command line of `sccache-report`.

use std::ffi::OsString;
use std::io::Write;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::common::{Common, Selection};
use super::format::Format;
use super::layout::OF_ROWS;
use super::{
    Shown, Trouble, advise, builds, doctor, emerges, overview, packages, show, text, trend,
};
use crate::portage::saving::TIME_SAVED;
use crate::setup;

/// What sccache did for the packages that Portage built.
///
/// Without a command (or as `overview`): what the cache did lately. With a PATTERN: the
/// packages that match; where just one does, everything about it.
#[derive(Debug, Parser)]
#[command(name = "sccache-report", version, after_help = after_help())]
pub(super) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Packages: PN, CATEGORY/PN, with shell wildcards if you like (`dev-rust/*`)
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Command {
    Packages(packages::Args),
    Builds(builds::Args),
    Emerges(emerges::Args),
    Trend(trend::Args),
    Show(show::Args),
    Advise(advise::Args),
    Setup(setup::Args),
    Doctor(doctor::Args),
}

/// What `--help` tells at its end, the estimate's formula in the words of where it is made.
fn after_help() -> String {
    let time_saved = format!("Time saved: {TIME_SAVED}");
    let time_saved = text::wrap(&time_saved, Some(HELP_WIDTH), "  ");
    format!("{WORDS}\n\n{time_saved}\n\n{EXAMPLES}")
}

const HELP_WIDTH: usize = 80;

const WORDS: &str = "\
Words:
  hit rate   hits / (hits + misses): how often the cache had what it was asked for
  coverage   (hits + misses) / (executed + non-cacheable calls): how much of the
             compiling the cache could answer at all; links, for one, it can't
  last rate  the last build's hit rate; the arrow compares it with the builds before
             it: more than 5 points up, down, or neither
  notes      failed, interrupted, partial or unmeasured (some or all numbers are
             missing), incomplete (builds that are partial or unmeasured), shared (a
             shared server's numbers): what keeps a row from being the whole truth
  -          no data: not measured, or nothing to divide. It is never 0";

const EXAMPLES: &str = "\
Examples:
  sccache-report                                 what the cache did lately
  sccache-report emlop                           everything about one package
  sccache-report 'dev-rust/*' --since '2 weeks ago'
  sccache-report packages --sort misses --limit 10 --min-builds 3
  sccache-report packages --language rust --columns package,hit_rate,misses
  sccache-report trend --by month --since 'last year'
  sccache-report builds --last 20 --outcome failed
  sccache-report builds --format json | jq '.rows[].hit_rate'

Exit status: 0 something shown, 1 nothing matched, 2 an error.";

/// What the report without a command is called.
const OVERVIEW: &str = "overview";

/// Commands about this machine, not about builds.
const OF_THE_MACHINE: [&str; 2] = ["setup", "doctor"];

/// The command line as it is read: as it is defined, but that commands don't tell of options that
/// they refuse.
pub(super) fn parse(args: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    let named = |arg: &OsString| OF_THE_MACHINE.iter().any(|name| *arg == **name);
    if args.iter().any(named) {
        // Hands the common options down.
        command.build();
        for name in OF_THE_MACHINE {
            command = command.mut_subcommand(name, |sub| {
                sub.mut_args(|arg| {
                    let hidden = arg.is_hide_set() || is_refused(name, arg.get_id().as_str());
                    arg.hide(hidden)
                })
            });
        }
    }
    Cli::from_arg_matches(&command.try_get_matches_from(args)?)
}

/// The built command line with the machine's commands as they are: without the options that they
/// refuse, which completion would offer even hidden where nothing else matches.
pub(super) fn without_refused(mut command: clap::Command) -> clap::Command {
    for name in OF_THE_MACHINE {
        command = command.mut_subcommand(name, |sub| {
            let args = sub.get_arguments();
            let taken = args.filter(|arg| !is_refused(name, arg.get_id().as_str()));
            let bare = clap::Command::new(name).disable_help_flag(true);
            let about = sub.get_about().cloned().unwrap_or_default();
            bare.about(about).args(taken)
        });
    }
    command
}

/// Whether the machine's command refuses the option with this id.
fn is_refused(command: &str, id: &str) -> bool {
    Common::is_of_builds(id) || (command == "setup" && id == "format")
}

impl Cli {
    /// Makes the report that was asked for.
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<Shown, Trouble> {
        let common = &self.common;
        match &self.command {
            Some(Command::Packages(args)) => packages::run(args, common, out),
            Some(Command::Builds(args)) => builds::run(args, common, out),
            Some(Command::Emerges(args)) => emerges::run(args, common, out),
            Some(Command::Trend(args)) => trend::run(args, common, out),
            Some(Command::Show(args)) => {
                common.refuse_table_options("`show` prints sections, not rows")?;
                show::run(args, common, out)
            }
            Some(Command::Advise(args)) => {
                common.refuse_table_options("advice is text, not rows")?;
                advise::run(args, common, out)
            }
            Some(Command::Setup(args)) => self.setup(args, out),
            Some(Command::Doctor(args)) => doctor::run(args, common, out),
            None if self.wants_overview() => {
                common.refuse_table_options("the overview is no list of rows")?;
                overview::run(common, out)
            }
            None => self.bare(out),
        }
    }

    fn setup(&self, args: &setup::Args, out: &mut dyn Write) -> Result<Shown, Trouble> {
        let common = &self.common;
        common.refuse_filters("`setup` is about this machine")?;
        common.refuse(OF_ROWS, "`setup` has no rows")?;
        if common.format != Format::Table {
            let problem = "`setup` is interactive and doesn't support --format";
            return Err(Trouble::Request(
                problem.into(),
                "leave --format out".into(),
            ));
        }
        match setup::run(args, common.named_database(), out) {
            Ok(setup::Outcome::Done) => Ok(Shown::Something),
            Ok(setup::Outcome::Declined) => Ok(Shown::Nothing("nothing was changed".into())),
            Err(setup::Error::Refused { problem, hint }) => {
                // What it was about to do comes before why it didn't.
                out.flush()?;
                Err(Trouble::Request(problem, hint))
            }
            Err(setup::Error::Output(error)) => Err(error.into()),
        }
    }

    /// Also by its name, as if it were a command: `packages overview` has packages of that name.
    fn wants_overview(&self) -> bool {
        self.patterns.is_empty() || self.patterns == [OVERVIEW]
    }

    /// One package that matches is shown with all that is known, unless rows are asked for.
    fn bare(&self, out: &mut dyn Write) -> Result<Shown, Trouble> {
        let definition = Cli::command();
        let commands = definition.get_subcommands().map(clap::Command::get_name);
        let commands: Vec<&str> = commands.chain([OVERVIEW]).collect();
        let found = match self.common.select_or(&self.patterns, &commands)? {
            Selection::Nothing(why) => {
                return self.common.nothing(packages::sheet(vec![]), why, out);
            }
            Selection::Builds(store, filter) if !self.common.wants_rows() => {
                let rows = store.packages(&filter)?;
                (rows.len() == 1).then(|| rows[0].package.clone())
            }
            Selection::Builds(..) => None,
        };
        match found {
            Some(package) => show::package(&package, &self.common, out),
            None => {
                let patterns = self.patterns.clone();
                packages::run(&packages::Args { patterns }, &self.common, out)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        super::super::command().debug_assert();
    }

    #[test]
    fn help_tells_of_no_option_that_is_refused() {
        let help = |command: &str| {
            let args = ["sccache-report", command, "--help"].map(OsString::from);
            parse(args.to_vec()).unwrap_err().to_string()
        };
        for refused in ["--since", "--regex", "--sort", "--columns"] {
            assert!(!help("setup").contains(refused) && !help("doctor").contains(refused));
            assert!(help("builds").contains(refused));
        }
        assert!(!help("setup").contains("--format") && help("doctor").contains("--format"));
        assert!(help("setup").contains("--db") && help("doctor").contains("--color"));
    }
}
