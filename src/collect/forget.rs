//! `sccache-collect forget`: takes builds out of the database.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, anyhow, bail, ensure};
use chrono::{DateTime, Local, Utc};
use uuid::Uuid;

use super::build_table::BuildTable;
use super::import::PENDING_TIME;
use crate::portage::printable;
use crate::store::{BuildRow, Error, Filter, Patterns, Pending, Store};
use crate::text::plural;
use crate::when::{self, Edge};

/// Options of `forget`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only builds that started at WHEN or later: 2026-11-01, "last month", 3d
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Only builds that started before WHEN; a day, week, month or year is included whole
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Patterns are regular expressions, found anywhere in CATEGORY/PN
    #[arg(short = 'e', long)]
    pub regex: bool,
    /// A package (PN or CATEGORY/PN, also with shell wildcards), or a build's id or the first 8
    /// characters of it; '*' is every package
    #[arg(value_name = "BUILD-ID|PATTERN", required = true)]
    pub builds: Vec<String>,
}

/// Removes the builds that match, or with `dry_run` only shows them. Returns whether there were
/// any.
///
/// # Errors
/// The options contradict each other, or the database can't be read or written.
pub fn forget(options: &Options, path: &Path, out: &mut dyn Write) -> Result<bool> {
    let period = period(options)?;
    let pending = Pending::of(path);
    if !options.dry_run && pending.folder().is_dir() {
        let until = Instant::now() + PENDING_TIME;
        pending.take_up(&mut Store::open_for_recording(path)?, until)?;
    }
    let rows = match Store::open_for_reading(path) {
        // Whoever can remove builds can also upgrade the database.
        Err(Error::EmptyDatabase(_) | Error::OlderSchema(..)) if !options.dry_run => {
            matching(&Store::open_for_recording(path)?, options, &period)?
        }
        store => matching(&store?, options, &period)?,
    };
    if rows.is_empty() {
        return Ok(false);
    }
    let count = if options.dry_run {
        rows.len()
    } else {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        Store::open_for_recording(path)?.forget(&ids)?
    };
    let mut table = BuildTable::default();
    rows.iter().for_each(|row| table.add_row(row));
    table.write(out)?;
    let done = match options.dry_run {
        true => "would be removed",
        false => "removed",
    };
    writeln!(out, "{count} {} {done}", plural(count as u64, "build"))?;
    Ok(true)
}

fn period(options: &Options) -> Result<Filter> {
    let now = Local::now();
    let time = |name, text: &Option<String>, edge| -> Result<Option<DateTime<Utc>>> {
        let parsed = text.as_ref().map(|text| when::parse(text, edge, now));
        parsed.transpose().map_err(|why| anyhow!("{name}: {why}"))
    };
    let since = time("--since", &options.since, Edge::Since)?;
    let until = time("--until", &options.until, Edge::Until)?;
    ensure!(
        since.is_none() || until.is_none() || since < until,
        "--since is not before --until"
    );
    Ok(Filter {
        since,
        until,
        ..Filter::default()
    })
}

/// Returns the builds of the period that match, each once.
fn matching(store: &Store, options: &Options, period: &Filter) -> Result<Vec<BuildRow>> {
    let (mut rows, mut seen) = (Vec::new(), HashSet::new());
    for text in &options.builds {
        ensure!(
            !text.trim().is_empty(),
            "an empty pattern matches no package"
        );
        let patterns = match options.regex {
            true => Patterns::regexes(&[text]),
            false => Patterns::globs(&[text]),
        };
        let mut filter = period.clone();
        let packages = store.matching_packages(&patterns?)?;
        if packages.is_empty() {
            filter.build = match build_ids(store, text)?.as_slice() {
                [] => {
                    eprintln!("sccache-collect: nothing matches `{}`", printable(text, 80));
                    continue;
                }
                [id] => Some(*id),
                _ => bail!("several builds have an id that begins with {text}"),
            };
        } else {
            filter.packages = Some(packages);
        }
        let found = store.builds(&filter)?;
        if found.is_empty() {
            let text = printable(text, 80);
            eprintln!("sccache-collect: no build of this period matches `{text}`");
        }
        rows.extend(found.into_iter().filter(|row| seen.insert(row.id)));
    }
    Ok(rows)
}

/// Returns the builds whose id begins with the text, at most two.
fn build_ids(store: &Store, text: &str) -> Result<Vec<Uuid>> {
    let is_id = text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    Ok(match is_id {
        true => store.builds_with_id(text, 2)?,
        false => Vec::new(),
    })
}
