//! The command line of `sccache-report`.

use std::io::Write;

use clap::{Parser, Subcommand};

use super::common::{Common, Selection};
use super::{
    Shown, Trouble, advise, builds, doctor, emerges, overview, packages, setup, show, trend,
};

/// What sccache did for the packages that Portage built.
///
/// Without a command: an overview of what the cache did lately. With a PATTERN: the
/// packages that match; where just one does, everything about it.
#[derive(Debug, Parser)]
#[command(name = "sccache-report", version, after_help = AFTER_HELP)]
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

const AFTER_HELP: &str = "\
Words:
  hit rate   hits / (hits + misses): how often the cache had what it was asked for
  coverage   (hits + misses) / (executed + non-cacheable calls): how much of the
             compiling the cache could answer at all; links, for one, it can't
  last rate  the last build's hit rate; the arrow compares it with the builds before
             it: more than 5 points up, down, or neither
  failed, interrupted, partial, unmeasured, incomplete (some builds partial or
             unmeasured), shared (a shared server's numbers): what keeps a row from
             being the whole truth
  -          no data: not measured, or nothing to divide. It is never 0

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
            Some(Command::Setup(args)) => setup::run(args, common, out),
            Some(Command::Doctor(args)) => doctor::run(args, common, out),
            None if self.patterns.is_empty() => {
                common.refuse_table_options("the overview is no list of rows")?;
                overview::run(common, out)
            }
            None => self.bare(out),
        }
    }

    /// One package that matches is shown with all that is known, unless rows are asked for.
    fn bare(&self, out: &mut dyn Write) -> Result<Shown, Trouble> {
        let found = match self.common.select(&self.patterns)? {
            Selection::Builds(store, filter) if !self.common.wants_rows() => {
                let rows = store.packages(&filter)?;
                (rows.len() == 1).then(|| rows[0].package.clone())
            }
            _ => None,
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
    #[test]
    fn the_definition_is_sound() {
        super::super::command().debug_assert();
    }
}
