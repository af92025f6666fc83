//! `sccache-report html`: the reports as one page.

mod emerges;
mod fetch;
mod figures;
mod misses;
mod output;
mod packages;
mod ranked;
mod trend;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use crate::error::Result;
use crate::report::options::{BuildFilter, Database, PackagePatterns, limit_to_recent};
use crate::report::table::Column;
use crate::report::{Status, text};
use crate::savings::verdict::Verdict;

/// The verdicts on packages, by their names.
type Verdicts = BTreeMap<String, Verdict>;

/// Write a page for a browser: one HTML file that needs nothing else
///
/// The page has the key figures, the packages that the cache serves best and worst, the trend, a calendar,
/// why compilations missed, all packages with their histories, the newest emerge commands, and advice.
///
/// By default, the page is about the 365 days before the newest build, so that its trend and its calendar have a year. On a
/// terminal, it is written to
/// sccache-report.html in the current directory, otherwise to standard output.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    packages: PackagePatterns,

    #[command(flatten)]
    filter: BuildFilter,

    /// Write to FILE; `-` is standard output
    ///
    /// The page is written to a temporary file beside FILE, which then replaces FILE. Only an empty file
    /// or an earlier page is replaced.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

/// The default period: days before the newest build.
const DAYS: i64 = 365;

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status> {
    let (store, mut filter) = args.filter.open(&args.packages, database)?;
    let is_default_period = args.filter.is_any_time();
    if is_default_period {
        limit_to_recent(&store, &mut filter, DAYS)?;
    }
    let mut page = fetch::fetch_page(&store, &filter, is_default_period)?;
    drop(store);
    let conditions = args.filter.conditions(&args.packages);
    if !conditions.is_empty() {
        page.scope
            .push_str(&format!("; only {}", text::sanitize(&conditions)));
    }
    output::write(&page, args.output.as_deref(), out)?;
    Ok(Status::Success)
}

/// Returns the named columns, in that order.
fn selected<R>(columns: Vec<Column<R>>, names: &[&str]) -> Vec<Column<R>> {
    let position = |column: &Column<R>| names.iter().position(|name| *name == column.name);
    let mut selected: Vec<_> = columns
        .into_iter()
        .filter_map(|column| Some((position(&column)?, column)))
        .collect();
    selected.sort_by_key(|(position, _)| *position);
    selected.into_iter().map(|(_, column)| column).collect()
}
