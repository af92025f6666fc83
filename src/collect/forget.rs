//! `sccache-collect forget`: removes builds from the database.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, Local, Utc};

use super::build_table::BuildTable;
use super::import::PENDING_TIME;
use crate::error::{Error, Result};
use crate::portage::printable;
use crate::store::{BuildRow, Filter, Patterns, Pending, Store};
use crate::text::plural;
use crate::when::{self, PeriodEnd};

/// Options of `forget`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Show what would be removed, without removing it
    #[arg(long)]
    pub dry_run: bool,
    /// Only builds that started at WHEN or later: 2026-11-01, "last month", 3d
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Only builds that started before the end of WHEN
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// PATTERN is a regular expression, matched anywhere in CATEGORY/PN
    #[arg(short = 'e', long)]
    pub regex: bool,
    /// Packages (PN or CATEGORY/PN, with optional shell wildcards; '*' for all), or builds by ID (at
    /// least its first 8 characters)
    #[arg(value_name = "BUILD-ID|PATTERN", required = true)]
    pub builds: Vec<String>,
}

/// Removes the builds that match, or with `dry_run` only shows them. Returns whether there are any.
///
/// # Errors
/// The options contradict each other, or the database can't be read or written.
pub fn forget(options: &Options, path: &Path, out: &mut dyn Write) -> Result<bool> {
    let period = parse_period(options)?;
    let mut store = if options.dry_run || !path.exists() {
        Store::open_for_reading(path)?
    } else {
        let mut store = Store::open_for_recording(path)?;
        Pending::of(path).record(&mut store, Instant::now() + PENDING_TIME)?;
        store
    };
    let rows = find_builds(&store, options, &period)?;
    if rows.is_empty() {
        return Ok(false);
    }
    let (mut count, mut removed) = (rows.len(), "would be removed");
    if !options.dry_run {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        (count, removed) = (store.forget(&ids)?, "removed");
    }
    let mut table = BuildTable::default();
    rows.iter().for_each(|row| table.add_row(row));
    table.write(out)?;
    writeln!(out, "{count} {} {removed}", plural(count as u64, "build"))?;
    Ok(true)
}

fn parse_period(options: &Options) -> Result<Filter> {
    let now = Local::now();
    let parse = |name, text: &Option<String>, edge| -> Result<Option<DateTime<Utc>>> {
        let time = text.as_ref().map(|text| when::parse(text, edge, now));
        time.transpose()
            .map_err(|error| Error::invalid(format!("{name}: {error}")))
    };
    let since = parse("--since", &options.since, PeriodEnd::Since)?;
    let until = parse("--until", &options.until, PeriodEnd::Until)?;
    if since
        .zip(until)
        .is_some_and(|(since, until)| since >= until)
    {
        return Err(Error::invalid("--since is later than --until"));
    }
    Ok(Filter {
        since,
        until,
        ..Filter::default()
    })
}

/// Returns the builds of the period that match, each once. Warns about each pattern that matches
/// nothing.
fn find_builds(store: &Store, options: &Options, period: &Filter) -> Result<Vec<BuildRow>> {
    let (mut rows, mut seen) = (Vec::new(), HashSet::new());
    for text in &options.builds {
        if text.trim().is_empty() {
            return Err(Error::invalid("empty pattern"));
        }
        let patterns = Patterns::parse(&[text], options.regex)
            .map_err(|error| Error::invalid(error.to_string()))?;
        let mut filter = period.clone();
        let packages = store.matching_packages(&patterns)?;
        let is_id = text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let mut ids = Vec::new();
        if packages.is_empty() && is_id {
            ids = store.builds_with_id(text, 2)?;
        }
        if ids.len() > 1 {
            let reason = format!("build ID `{text}` is ambiguous");
            return Err(Error::invalid(reason));
        }
        filter.build = ids.first().copied();
        if filter.build.is_none() {
            filter.packages = Some(packages);
        }
        let found = store.builds(&filter)?;
        if found.is_empty() {
            eprintln!(
                "sccache-collect: no build matches `{}`",
                printable(text, 80)
            );
        }
        rows.extend(found.into_iter().filter(|row| seen.insert(row.id)));
    }
    Ok(rows)
}
