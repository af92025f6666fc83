//! The table of all packages, with their histories and details.

use std::cmp::Reverse;
use std::collections::HashSet;

use askama::Template;
use chrono::TimeDelta;
use uuid::Uuid;

use super::super::super::html::page::{Details, Expandable, Page};
use super::super::super::html::{Chart, Shapes};
use super::super::super::table::{Column, HtmlTable, Importance::*};
use super::super::super::{breakdown, miss_reasons, text, verdict};
use super::super::builds::{self, Details as BuildDetails};
use super::super::packages;
use super::fetch::Verdicts;
use crate::error::{Error, Result};
use crate::portage::Phase;
use crate::store::{BuildRow, Filter, PackageBuild, PackageRow, Store, sum_reasons};

/// The columns of the table; the rest is in the details.
const COLUMNS: [&str; 7] = [
    "package",
    "last_at",
    "builds",
    "hit_rate",
    "coverage",
    "time_saved_seconds",
    "verdict",
];

/// The columns of the builds of a package.
const BUILD_COLUMNS: [&str; 7] = [
    "version",
    "outcome",
    "started_at",
    "hits",
    "misses",
    "hit_rate",
    "time_saved_seconds",
];

/// The most builds in a history.
const BUILDS: u32 = 12;

/// Items of each other list.
const LISTED: usize = 3;

/// The most packages with full details, so that a page of thousands of packages takes no longer.
const DETAILED: usize = 60;

/// Explains what the packages open to.
pub(super) const NOTE: &str = "Those that gain most come first. Each opens to its newest builds: hits+misses by version, \
    the newest first; * is a version's first build (cold), - is unmeasured. Those with the largest gains and losses open \
    to all details, as far as the size of the page allows; a page of fewer packages has more.";

/// Returns the size in bytes that histories and details may fill the page up to: less than 150 kB for 400
/// packages and 1.5 MB for 5,000.
fn page_size(packages: usize) -> usize {
    (32_000 + 293 * packages).max(148_000)
}

/// Returns the table without histories, and sorts the packages as it does: those that gain most first.
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
        "verdict" => column.shown(High),
        _ => column,
    };
    let columns: Vec<_> = columns.into_iter().map(show).collect();
    let no_notes = rows.iter().map(|_| String::new());
    Expandable::new(HtmlTable::new("", &columns, rows), no_notes)
}

/// Adds the histories of all packages, and full details of the most relevant ones, as far as the size of the
/// page allows. `rows` are those of the table.
pub(super) fn add_details(
    store: &Store,
    filter: &Filter,
    rows: &[PackageRow],
    verdicts: &Verdicts,
    page: &mut Page,
) -> Result<()> {
    let failed = |error| Error::failed("the page", error);
    let histories = store.histories(filter, BUILDS)?;
    let mut room = page_size(rows.len()).saturating_sub(page.render().map_err(failed)?.len());
    // The rest is for details.
    let most = room * 4 / 5 / rows.len().max(1);
    for (row, shown) in rows.iter().zip(&mut page.packages.rows) {
        let builds = histories.get(&row.package).map_or(&[][..], Vec::as_slice);
        shown.note = history(builds, most);
        room = room.saturating_sub(shown.note.len());
    }
    for index in by_relevance(rows).into_iter().take(DETAILED) {
        let package = &rows[index].package;
        let builds = histories.get(package).map_or(&[][..], Vec::as_slice);
        let mut details = details(store, filter, package, builds)?;
        let verdict = verdicts.get(package);
        details.verdict = verdict.map_or_else(String::new, verdict::sentence);
        let details = details.render().map_err(failed)?;
        let shown = &mut page.packages.rows[index];
        room += shown.note.len();
        if details.len() > room {
            break;
        }
        room -= details.len();
        (shown.note, shown.details) = (String::new(), details);
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

/// Returns the builds as [`NOTE`] explains, in at most so many bytes: `1.1 9+1 0+10*; 1.0 8+1`.
fn history(builds: &[PackageBuild], most: usize) -> String {
    let mut history = String::new();
    let mut version = None;
    for build in builds {
        let mut next = String::new();
        if version != Some(&build.version) {
            let separator = if version.is_some() { "; " } else { "" };
            next = format!("{separator}{}", text::sanitize(&build.version));
        }
        version = Some(&build.version);
        next.push(' ');
        match build.counts {
            Some((hits, misses)) => {
                next.push_str(&format!("{}+{}", text::number(hits), text::number(misses)));
            }
            None => next.push('-'),
        }
        if build.is_cold {
            next.push('*');
        }
        if history.len() + next.len() > most {
            break;
        }
        history.push_str(&next);
    }
    history
}

/// Returns the details without the verdict.
fn details(
    store: &Store,
    filter: &Filter,
    package: &str,
    builds: &[PackageBuild],
) -> Result<Details> {
    let newest = Filter {
        packages: Some(vec![package.to_string()]),
        last: Some(BUILDS),
        ..filter.clone()
    };
    let cold = builds.iter().filter(|build| build.is_cold);
    let cold: HashSet<Uuid> = cold.map(|build| build.id).collect();
    let builds = store.builds(&newest)?;
    Ok(Details {
        verdict: String::new(),
        history: chart(&builds),
        facts: facts(store, &newest, &builds)?,
        builds: HtmlTable::new("", &build_columns(cold), &builds),
    })
}

fn chart(builds: &[BuildRow]) -> Option<Chart> {
    let count = |build: &BuildRow| Some(vec![build.hits? as f64, build.misses? as f64]);
    let bars: Vec<Option<Vec<f64>>> = builds.iter().map(count).collect();
    (bars.len() > 1).then(|| Chart {
        title: "Hits and misses per build".into(),
        summary: "The builds of the table; hits are filled, misses outlined.".into(),
        class: "mini",
        shapes: Shapes::stacked(&["hit", "miss"], &bars),
        ..Chart::default()
    })
}

fn build_columns(cold: HashSet<Uuid>) -> Vec<Column<BuildRow>> {
    let temperature = move |row: &BuildRow| match row.hits {
        Some(_) if cold.contains(&row.id) => "cold".to_string(),
        Some(_) => "warm".to_string(),
        None => "-".to_string(),
    };
    let columns = builds::columns(BuildDetails::default()).into_iter();
    let columns = columns.filter(|column| BUILD_COLUMNS.contains(&column.name));
    let mut columns: Vec<_> = columns
        .map(|column| match column.name {
            "version" => column.shown(Key),
            "outcome" | "hit_rate" => column.shown(Medium),
            // The numbers of the chart.
            "hits" | "misses" => column.shown(High),
            _ => column,
        })
        .collect();
    columns.insert(1, Column::note("kind", temperature).shown(High));
    columns
}

/// Returns languages, phases, and reasons of the builds, each with its name.
fn facts(
    store: &Store,
    newest: &Filter,
    builds: &[BuildRow],
) -> Result<Vec<(&'static str, String)>> {
    let mut by_build = store.phases(newest)?;
    let phases = builds.iter().filter_map(|build| by_build.remove(&build.id));
    let phases: Vec<Phase> = phases.flatten().collect();
    let mut facts = Vec::new();
    if let Some(sum) = Phase::total(&phases) {
        let languages = sum.by_language().into_iter();
        facts.push((
            "Languages",
            parts(languages.map(|part| (part.name, Some((part.hits, part.misses))))),
        ));
        let mut calls: Vec<(String, u64)> = sum.not_cached.into_iter().collect();
        calls.sort_by_key(|(_, calls)| Reverse(*calls));
        let calls = calls.iter().map(|(reason, calls)| {
            format!("{} `{}`", text::number(*calls), text::sanitize(reason))
        });
        facts.push(("Not cached", listed(calls)));
    }
    let runs = breakdown::by_name(&phases).into_iter().map(|phase| {
        let counts = phase.number(|sum| Some((sum.hits.total, sum.misses.total)));
        (phase.name, counts)
    });
    facts.push(("Phases", parts(runs)));
    let reasons = store.miss_reasons(newest)?;
    let sum = sum_reasons(reasons.values().flatten());
    facts.push(("Why it missed", miss_reasons::summary(&sum)));
    if let Some(build) = builds.iter().rfind(|build| reasons.contains_key(&build.id)) {
        let units = store.missed_units(build.id)?.units;
        let units = units.iter().map(|unit| {
            let time = unit
                .compile_time
                .map(|time| text::duration(time.as_seconds_f64()));
            let time = time.map_or_else(String::new, |time| format!(", {time}"));
            format!(
                "{} ({}{time})",
                text::sanitize(&unit.unit),
                unit.reason.word()
            )
        });
        facts.push(("Costliest misses, newest build", listed(units)));
    }
    facts.retain(|(_, text)| !text.is_empty());
    Ok(facts)
}

/// Returns the first items, separated by commas.
fn listed(items: impl Iterator<Item = String>) -> String {
    items.take(LISTED).collect::<Vec<_>>().join(", ")
}

/// Returns `Rust 9 hits, 1 miss; C/C++ -`.
fn parts(parts: impl Iterator<Item = (String, Option<(u64, u64)>)>) -> String {
    let parts = parts.map(|(name, counts)| {
        let counts = counts.map_or("-".into(), |(hits, misses)| {
            text::hits_and_misses(hits, misses)
        });
        format!("{} {counts}", text::sanitize(&name))
    });
    parts.collect::<Vec<_>>().join("; ")
}
