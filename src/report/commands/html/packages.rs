//! The table of all packages, and their details.

use std::cmp::Reverse;

use askama::Template;
use chrono::TimeDelta;

use super::super::super::html::page::{Details, Expandable, Page};
use super::super::super::html::{Chart, Shapes};
use super::super::super::table::{Column, HtmlTable, Importance::*, Value};
use super::super::super::{breakdown, text, verdict};
use super::super::builds::{self, Details as BuildDetails};
use super::super::show::build::{explain_not_cached, part_columns, phase_columns};
use super::super::{packages, show::versions};
use super::fetch::Verdicts;
use crate::error::{Error, Result};
use crate::portage::Phase;
use crate::store::{BuildRow, Filter, MissedUnit, PackageRow, Store, sum_reasons};

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

/// The newest builds that the history shows and the breakdown counts, and the builds that are listed.
const HISTORY: u32 = 50;
const LISTED: usize = 5;

/// Lines of each other table.
const LINES: usize = 5;

/// Says which packages have details.
pub(super) const NOTE: &str = "Those that gain most come first. The packages with the largest gains and losses open to \
    all details, as far as the size of the page allows; a page of fewer packages has them for more.";

/// The most packages with full details, so that a page of thousands of packages takes no longer.
const DETAILED: usize = 60;

/// Returns the size in bytes that full details may fill the page up to.
fn page_size(packages: usize) -> usize {
    (280 * packages).max(145_000)
}

/// Returns the table without full details, and sorts the packages as it does: those that gain most first.
pub(super) fn table(rows: &mut [PackageRow], verdicts: &Verdicts) -> Expandable {
    let seconds = |row: &PackageRow| {
        let saved = row.sums.time_saved;
        saved.map_or(0.0, TimeDelta::as_seconds_f64)
    };
    rows.sort_by(|a, b| {
        let by_time = seconds(b).total_cmp(&seconds(a));
        by_time.then_with(|| a.package.cmp(&b.package))
    });
    let mut columns = packages::all_columns(verdicts.clone());
    columns.retain(|column| COLUMNS.contains(&column.name));
    let show = |column: Column<PackageRow>| match column.name {
        "verdict" => column.shown(Medium),
        _ => column,
    };
    let columns: Vec<_> = columns.into_iter().map(show).collect();
    Expandable::new(HtmlTable::new("", &columns, rows), rows.iter().map(summary))
}

/// Adds full details of the most relevant packages, as far as the size of the page allows. `rows` are those
/// of the table.
pub(super) fn add_details(
    store: &Store,
    filter: &Filter,
    rows: &[PackageRow],
    verdicts: &Verdicts,
    page: &mut Page,
) -> Result<()> {
    let failed = |error| Error::failed("the page", error);
    let mut room = page_size(rows.len()).saturating_sub(page.render().map_err(failed)?.len());
    for index in by_relevance(rows).into_iter().take(DETAILED) {
        let mut details = details(store, filter, &rows[index], verdicts)?;
        if let Some(chart) = &mut details.history {
            chart.id = format!("h{index}");
        }
        let details = details.render().map_err(failed)?;
        if details.len() > room {
            break;
        }
        room -= details.len();
        page.packages.rows[index].details = details;
    }
    Ok(())
}

/// Returns the order in which packages get details: by time, gained or lost, then by builds.
fn by_relevance(rows: &[PackageRow]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&index| {
        let sums = &rows[index].sums;
        Reverse((sums.time_saved.map(|saved| saved.abs()), sums.builds))
    });
    order
}

/// Returns the columns that the table doesn't have.
fn summary(row: &PackageRow) -> String {
    let counts = row.sums.hits.zip(row.sums.misses);
    let counts = counts.map_or_else(
        || "not measured".into(),
        |(hits, misses)| text::hits_and_misses(hits, misses),
    );
    format!("{counts}, version {}", text::sanitize(&row.last_version))
}

fn details(
    store: &Store,
    filter: &Filter,
    row: &PackageRow,
    verdicts: &Verdicts,
) -> Result<Details> {
    let package = Filter {
        packages: Some(vec![row.package.clone()]),
        ..filter.clone()
    };
    let newest = Filter {
        last: Some(filter.last.map_or(HISTORY, |last| last.min(HISTORY))),
        ..package.clone()
    };
    let builds = store.builds(&newest)?;
    let phases: Vec<Phase> = {
        let mut by_build = store.phases(&newest)?;
        builds
            .iter()
            .filter_map(|build| by_build.remove(&build.id))
            .flatten()
            .collect()
    };
    Ok(Details {
        verdict: verdicts
            .get(&row.package)
            .map_or_else(String::new, verdict::sentence),
        history: history(&builds),
        tables: tables(store, &newest, &package, builds, &phases)?,
    })
}

fn history(builds: &[BuildRow]) -> Option<Chart> {
    let count = |build: &BuildRow| Some(vec![build.hits? as f64, build.misses? as f64]);
    let bars: Vec<Option<Vec<f64>>> = builds.iter().map(count).collect();
    (bars.len() > 1).then(|| Chart {
        title: "Hits and misses per build".into(),
        description: format!(
            "The newest on the right; {}.",
            text::count(bars.len() as u64, "build")
        ),
        class: "mini",
        shapes: Shapes::stacked(&["hit", "miss"], &bars),
        ..Chart::default()
    })
}

fn tables(
    store: &Store,
    newest: &Filter,
    package: &Filter,
    mut builds: Vec<BuildRow>,
    phases: &[Phase],
) -> Result<Vec<HtmlTable>> {
    let counts = store.build_counts(package)?;
    let whole_package = Filter {
        packages: package.packages.clone(),
        ..Filter::default()
    };
    let cold = versions::cold_builds(&store.build_counts(&whole_package)?);
    let mut versions = versions::versions(&counts, &cold);
    versions.drain(..versions.len().saturating_sub(LINES));
    let mut tables = vec![HtmlTable::new(
        "versions, cold and warm",
        &versions::columns(),
        &versions,
    )];
    if let Some(sum) = Phase::total(phases) {
        tables.push(HtmlTable::new(
            "languages",
            &part_columns("language"),
            &sum.by_language(),
        ));
        let not_cached: Vec<(u64, String)> =
            explain_not_cached(sum.not_cached.into_iter().collect());
        let not_cached = &not_cached[..not_cached.len().min(LINES)];
        tables.push(HtmlTable::new("not cached", &call_columns(), not_cached));
    }
    tables.push(HtmlTable::new(
        "phases",
        &phase_columns(),
        &breakdown::by_name(phases),
    ));
    let mut reasons = store.miss_reasons(newest)?;
    let all = sum_reasons(reasons.values().flatten());
    if let Some(build) = builds
        .iter()
        .rev()
        .find(|build| reasons.remove(&build.id).is_some())
    {
        let mut units = store.missed_units(build.id)?.units;
        units.truncate(LINES);
        let caption = format!("costliest misses of {}", text::date_time(build.started_at));
        tables.push(HtmlTable::new(caption, &unit_columns(), &units));
    }
    if !all.is_empty() {
        tables.push(HtmlTable::new("why it missed", &reason_columns(), &all));
    }
    let mut columns = builds::columns(BuildDetails::default());
    columns.retain(|column| column.name != "package");
    builds.drain(..builds.len().saturating_sub(LISTED));
    tables.push(HtmlTable::new("newest builds", &columns, &builds));
    tables.retain(|table| !table.rows.is_empty());
    Ok(tables)
}

fn call_columns() -> Vec<Column<(u64, String)>> {
    vec![
        Column::data("reason", |row: &(u64, String)| Value::text(&row.1)).shown(Key),
        Column::data("calls", |row: &(u64, String)| Value::Count(row.0)).shown(High),
    ]
}

fn reason_columns() -> Vec<Column<crate::store::ReasonSum>> {
    type Col = Column<crate::store::ReasonSum>;
    vec![
        Col::data("reason", |sum| Value::text(sum.reason.word())).shown(Key),
        Col::data("misses", |sum| Value::Count(sum.misses)).shown(High),
        Col::data("compile_seconds", |sum| Some(sum.compile_time).into())
            .shown(High)
            .heading("compile time"),
    ]
}

fn unit_columns() -> Vec<Column<MissedUnit>> {
    type Col = Column<MissedUnit>;
    vec![
        Col::data("unit", |unit| Value::text(&unit.unit)).shown(Key),
        Col::data("reason", |unit| Value::text(unit.reason.word())).shown(High),
        Col::data("compile_seconds", |unit| unit.compile_time.into())
            .shown(High)
            .heading("compile time"),
    ]
}
