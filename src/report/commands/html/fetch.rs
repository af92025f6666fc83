//! Reads what the page shows, with the queries of the other reports.

use std::collections::BTreeMap;

use chrono::{DurationRound, TimeDelta, Utc};

use super::super::super::advice;
use super::super::super::headline::{headline, time_saved};
use super::super::super::html::Page;
use super::super::super::html::page::{Figure, PackageEntry, Packages, Ranked, RankedList};
use super::super::super::table::{HtmlTable, Importance::*};
use super::super::super::{suggest, text, verdict};
use super::super::{overview, packages, sums, trend as periods};
use super::trend;
use crate::error::Result;
use crate::savings::TIME_SAVED;
use crate::savings::verdict::Verdict;
use crate::store::{CacheState, Filter, PackageRow, Store, Sums};

/// Packages in each of the lists of the best and the worst.
const RANKED: usize = 5;

type Verdicts = BTreeMap<String, Verdict>;

/// Reads the page.
///
/// # Errors
/// [`crate::Error::NoMatch`] if no build passes the filter.
pub(super) fn page(store: &Store, filter: &Filter, is_default_period: bool) -> Result<Page> {
    let mut sample = filter.clone();
    let mut filter = filter.clone();
    if is_default_period {
        // As far back as `advise`, so that both give the same advice.
        let fewer = TimeDelta::days(super::DAYS - advice::DAYS);
        sample.since = filter.since.map(|since| since + fewer);
        // Whole hours are faster: the database has their sums.
        let hour = TimeDelta::hours(1);
        filter.since = filter
            .since
            .map(|since| since.duration_trunc(hour).unwrap_or(since));
    }
    let rows = store.packages(&filter)?;
    let first_at = rows.iter().map(|row| row.first_at).min();
    let last_at = rows.iter().map(|row| row.last_at).max();
    let Some((first_at, last_at)) = first_at.zip(last_at) else {
        return Err(suggest::no_build(&filter));
    };
    let mut sums = Sums::default();
    rows.iter().for_each(|row| sums.add(&row.sums));
    let evidence = store.evidence(&advice::limited(&sample))?;
    let cache = evidence.iter().rev().find_map(|build| build.cache.clone());
    let verdicts = verdicts(store, &rows)?;
    let advice = advice::advise(store, evidence)?;
    let days = (last_at - first_at).num_days() + 1;
    let period = format!("in {}", text::count(days as u64, "day"));
    Ok(Page {
        scope: format!(
            "{}, {}",
            text::period(first_at, last_at),
            text::count(rows.len() as u64, "package")
        ),
        headline: headline(&sums, &period, &advice),
        figures: figures(&sums, cache.as_ref()),
        ranked: vec![
            RankedList {
                id: "best",
                title: "Served best",
                none: "The cache saved no time.",
                packages: ranked(overview::best(&rows, RANKED), &verdicts),
            },
            RankedList {
                id: "worst",
                title: "Served worst",
                none: "The cache cost more than it saved for no package.",
                packages: ranked(overview::worst(store, &filter, &rows, RANKED)?, &verdicts),
            },
        ],
        trend: trend::charts(&periods::moments(store, &filter)?),
        packages: package_table(rows, verdicts),
        made_at: text::date_time(Utc::now()),
        version: env!("CARGO_PKG_VERSION"),
        time_saved: TIME_SAVED,
    })
}

fn verdicts(store: &Store, rows: &[PackageRow]) -> Result<Verdicts> {
    let names: Vec<&str> = rows.iter().map(|row| row.package.as_str()).collect();
    store.verdicts(&names)
}

fn figures(sums: &Sums, cache: Option<&CacheState>) -> Vec<Figure> {
    let counts = sums.hits.zip(sums.misses);
    let saved = sums
        .time_saved
        .map(|saved| text::duration(saved.as_seconds_f64()));
    let figure = |name, value, note| Figure { name, value, note };
    vec![
        figure("builds", text::number(sums.builds), sums::note(sums)),
        figure(
            "hit rate",
            text::percent_or_dash(sums.hit_rate()),
            counts.map_or_else(
                || "not measured".into(),
                |(hits, misses)| text::hits_and_misses(hits, misses),
            ),
        ),
        figure(
            "hit rate by cost",
            text::percent_or_dash(sums.hit_rate_by_cost()),
            String::new(),
        ),
        figure(
            "coverage",
            text::percent_or_dash(sums.coverage()),
            String::new(),
        ),
        figure(
            "time saved",
            saved.unwrap_or_else(|| "-".into()),
            time_saved(sums),
        ),
        figure(
            "cache fill",
            cache.map_or_else(|| "-".into(), |cache| text::percent_or_dash(cache.fill())),
            cache.map_or_else(String::new, text::cache_fill),
        ),
        figure("failed builds", text::number(sums.failed), String::new()),
    ]
}

fn ranked(rows: Vec<PackageRow>, verdicts: &Verdicts) -> Vec<Ranked> {
    let entry = |row: PackageRow| Ranked {
        value: row.sums.time_saved.map_or_else(
            || "-".into(),
            |saved| text::duration(saved.as_seconds_f64()),
        ),
        why: verdicts
            .get(&row.package)
            .map_or_else(String::new, verdict::sentence),
        name: text::sanitize(&row.package),
    };
    rows.into_iter().map(entry).collect()
}

/// The columns of the table; the rest is in the details.
const COLUMNS: [&str; 8] = [
    "package",
    "last_at",
    "builds",
    "hit_rate",
    "coverage",
    "time_saved_seconds",
    "last_hit_rate",
    "verdict",
];

fn package_table(mut rows: Vec<PackageRow>, verdicts: Verdicts) -> Packages {
    rows.sort_by_key(|row| std::cmp::Reverse(row.sums.time_saved));
    let mut columns = packages::all_columns(verdicts);
    columns.retain(|column| COLUMNS.contains(&column.name));
    let columns: Vec<_> = columns
        .into_iter()
        .map(|column| match column.name {
            "verdict" => column.shown(Medium),
            _ => column,
        })
        .collect();
    let table = HtmlTable::new("", &columns, &rows);
    let entries = table.rows.into_iter().zip(&rows).map(|(mut cells, row)| {
        let name = cells.remove(0);
        PackageEntry {
            name,
            cells,
            details: summary(row),
        }
    });
    Packages {
        classes: table.classes,
        headings: table.headings,
        rows: entries.collect(),
    }
}

/// Returns the columns that the table doesn't have.
fn summary(row: &PackageRow) -> String {
    let counts = row.sums.hits.zip(row.sums.misses);
    let counts = counts.map_or_else(
        || "not measured".into(),
        |(hits, misses)| text::hits_and_misses(hits, misses),
    );
    let (version, since) = (text::sanitize(&row.last_version), text::date(row.first_at));
    format!("{counts}, newest version {version}, first build {since}")
}
