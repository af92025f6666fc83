//! `sccache-collect forget`: removes builds from the database.

use std::collections::HashSet;
use std::io::Write;

use chrono::{DateTime, Utc};
use clap::builder::NonEmptyStringValueParser;

use super::build_list::BuildList;
use super::{Database, open_for_changes, print_error};
use crate::error::{Error, Result};
use crate::store::{BuildRow, Filter, Patterns, Store};
use crate::text::plural;
use crate::when::{self, PeriodEnd};

const EXIT_STATUS: &str = "\
Exit status: 0 if builds were removed, 1 if nothing matched, 2 after an error.";

/// Remove builds from the database
///
/// Removes the matching builds and everything that was recorded about them, including their
/// compilations. Sums are then the same as if these builds had never been recorded. The time saved by
/// other builds and the known costs of objects don't change. A removed build is not recorded again
/// from a log or from another database. `import --restore` imports it from its log. The counters of
/// `sccache-report metrics` still include it. This command needs write access to the database.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    /// Show what would be removed, without removing it
    #[arg(long)]
    dry_run: bool,
    /// Only builds that started at WHEN or later: 2026-11-01, "last month", 3d
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true,
        value_parser = |text: &str| when::parse_option(text, PeriodEnd::Since))]
    since: Option<DateTime<Utc>>,
    /// Only builds that started before the end of WHEN
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true,
        value_parser = |text: &str| when::parse_option(text, PeriodEnd::Until))]
    until: Option<DateTime<Utc>>,
    /// PATTERN is a regular expression, matched anywhere in CATEGORY/PN
    #[arg(short = 'e', long)]
    regex: bool,
    /// Packages (PN or CATEGORY/PN, with optional shell wildcards; '*' for all), or builds by ID (at
    /// least its first 8 characters)
    #[arg(value_name = "BUILD-ID|PATTERN", required = true,
        value_parser = NonEmptyStringValueParser::new())]
    builds: Vec<String>,
    #[command(flatten)]
    database: Database,
}

/// Removes the builds that match, or with `--dry-run` only shows them. Returns the exit status.
///
/// # Errors
/// The options contradict each other, or the database can't be read or written.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<u8> {
    when::check_period(args.since, args.until)?;
    let path = args.database.path();
    let mut store = if args.dry_run || !path.exists() {
        Store::open_for_reading(&path)?
    } else {
        open_for_changes(&path)?.0
    };
    let rows = find_builds(&store, args)?;
    if rows.is_empty() {
        return Ok(1);
    }
    let (mut count, mut removed) = (rows.len(), "would be removed");
    if !args.dry_run {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        (count, removed) = (store.forget(&ids)?, "removed");
    }
    let mut list = BuildList::default();
    rows.iter().for_each(|row| list.add_row(row));
    list.write(out)?;
    writeln!(out, "{count} {} {removed}", plural(count as u64, "build"))?;
    Ok(0)
}

/// Returns the builds of the period that match, each once. Warns about each pattern that matches
/// nothing.
fn find_builds(store: &Store, args: &Args) -> Result<Vec<BuildRow>> {
    let (mut rows, mut seen) = (Vec::new(), HashSet::new());
    for text in &args.builds {
        let patterns = Patterns::parse(&[text], args.regex)?;
        let packages = store.matching_packages(&patterns)?;
        let mut ids = Vec::new();
        if packages.is_empty() {
            ids = store.builds_with_id(text, 2)?;
        }
        if ids.len() > 1 {
            let problem = format!("build ID `{text}` is ambiguous");
            return Err(Error::usage(problem, "add more characters of the ID"));
        }
        let found = store.builds(&Filter {
            since: args.since,
            until: args.until,
            build: ids.first().copied(),
            packages: ids.is_empty().then_some(packages),
            ..Filter::default()
        })?;
        if found.is_empty() {
            print_error(&format!("no build matches `{text}`"));
        }
        rows.extend(found.into_iter().filter(|row| seen.insert(row.id)));
    }
    Ok(rows)
}
