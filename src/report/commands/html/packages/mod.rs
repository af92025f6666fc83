//! The table of all packages, with their histories and details.

mod brief;
mod full;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use chrono::TimeDelta;

use super::Verdicts;
use super::misses::Reasons;
use crate::error::{Error, Result};
use crate::report::commands::packages;
use crate::report::html::page::{Expandable, Page};
use crate::report::table::{Column, HtmlTable, Importance::*};
use crate::report::text;
use crate::store::{Filter, PackageBuild, PackageParts, PackageRow, ReasonSum, Store};
use brief::Brief;

/// The columns of the table, the most important first: a narrow window scrolls to the last ones.
const COLUMNS: [&str; 6] = [
    "package",
    "builds",
    "hit_rate",
    "time_saved_seconds",
    "coverage",
    "verdict",
];

/// The column that the table is sorted by, descending.
const SORTED: &str = "time_saved_seconds";

/// The most builds in a history.
const BUILDS: usize = 12;

/// The most packages with full details, so that a page of thousands of packages takes no longer.
const DETAILED: usize = 20;

/// The bound of a page: so many bytes for so many packages, and some for each package more, so that 5,000 fit in 1.5 MB.
const PAGE_BYTES: usize = 150_000;
const BYTES_PER_PACKAGE: usize = 293;
const PACKAGES: usize = 400;

/// Returns the size in bytes that details may fill the page up to.
fn page_size(packages: usize) -> usize {
    PAGE_BYTES + BYTES_PER_PACKAGE * packages.saturating_sub(PACKAGES)
}

/// Returns the table without details, and sorts the packages as it does: those that gain most first.
pub(super) fn table(rows: &mut [PackageRow], verdicts: &Verdicts) -> Expandable {
    let seconds = |row: &PackageRow| {
        let saved = row.sums.time_saved;
        saved.map_or(0.0, TimeDelta::as_seconds_f64)
    };
    rows.sort_by(|a, b| {
        let by_time = seconds(b).total_cmp(&seconds(a));
        by_time.then_with(|| a.package.cmp(&b.package))
    });
    let show = |column: Column<PackageRow>| match column.name {
        "verdict" => column.shown(High),
        _ => column,
    };
    let columns = super::selected(packages::all_columns(verdicts.clone()), &COLUMNS);
    let columns: Vec<_> = columns.into_iter().map(show).collect();
    let heading = columns.iter().find(|column| column.name == SORTED);
    let heading = heading.map(|column| column.heading.clone());
    let table = HtmlTable::new("", &columns, rows);
    let sorted = table
        .headings
        .iter()
        .position(|shown| Some(shown) == heading.as_ref());
    Expandable {
        note: note(true),
        sorted,
        ..Expandable::new(table)
    }
}

/// Explains what the packages open to.
fn note(has_brief: bool) -> String {
    let mut note = "Open a package for its history.".to_string();
    if has_brief {
        note.push_str(
            " Short lists are the newest builds with their versions, languages, phases, calls not cached, and reasons of \
             misses: `9+1` means 9 hits and 1 miss, `*` the first build of a version (cold), `-` not measured, and `…4` \
             four others, which `sccache-report show NAME` has. The costliest misses are in `sccache-report explain NAME`.",
        );
    }
    note
}

/// What the details of all packages are made from.
struct Sources<'a> {
    store: &'a Store,
    filter: &'a Filter,
    verdicts: &'a Verdicts,
    reasons: &'a Reasons,
    histories: BTreeMap<String, Vec<PackageBuild>>,
    parts: BTreeMap<String, PackageParts>,
}

/// Adds brief details of all packages, and full details of the most relevant ones, as far as the size of the page
/// allows. `rows` are those of the table.
pub(super) fn add_details(
    store: &Store,
    filter: &Filter,
    rows: &[PackageRow],
    verdicts: &Verdicts,
    reasons: &Reasons,
    page: &mut Page,
) -> Result<()> {
    let failed = |error| Error::failed("the page", error);
    let sources = Sources {
        store,
        filter,
        verdicts,
        reasons,
        histories: store.histories(filter, BUILDS)?,
        parts: store.package_parts(filter)?,
    };
    let anchors = anchors(page);
    for (shown, row) in page.packages.rows.iter_mut().zip(rows) {
        shown.anchor = anchors.get(&row.package).cloned().unwrap_or_default();
    }
    let mut room = page_size(rows.len()).saturating_sub(page.size().map_err(failed)?);
    let briefs: Vec<Brief> = rows.iter().map(|row| sources.brief(row)).collect();
    let wanted: Vec<usize> = briefs.iter().map(Brief::wanted).collect();
    // The rest is for full details.
    let shares = text::share(room / 20 * 19, &wanted);
    let mut sizes = Vec::new();
    for ((shown, brief), share) in page.packages.rows.iter_mut().zip(&briefs).zip(shares) {
        shown.details = brief.details(share);
        sizes.push(shown.details.size().map_err(failed)?);
    }
    room = room.saturating_sub(sizes.iter().sum());
    let (mut full, mut smallest) = (0, None::<usize>);
    for index in by_relevance(rows, &anchors).into_iter().take(DETAILED) {
        // Reading details that won't fit would only take time.
        if smallest.is_some_and(|smallest| room + sizes[index] < smallest) {
            break;
        }
        let details = sources.full(&rows[index])?;
        let size = details.size().map_err(failed)?;
        smallest = Some(smallest.map_or(size, |smallest| smallest.min(size)));
        if size <= room + sizes[index] {
            room = room + sizes[index] - size;
            page.packages.rows[index].details = details;
            full += 1;
        }
    }
    page.packages.note = note(full < rows.len());
    Ok(())
}

/// Returns the anchors of the packages in the lists above the table, which link to their rows.
fn anchors(page: &Page) -> HashMap<String, String> {
    let packages = page.ranked.iter().flat_map(|list| &list.packages);
    packages
        .map(|package| (package.package.clone(), package.anchor.clone()))
        .collect()
}

/// Returns the order in which packages get full details: those of the lists above the table, then by time, gained or
/// lost, then by builds.
fn by_relevance(rows: &[PackageRow], anchors: &HashMap<String, String>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&index| {
        let sums = &rows[index].sums;
        let is_ranked = anchors.contains_key(&rows[index].package);
        let time = sums.time_saved.map(|saved| saved.abs());
        Reverse((is_ranked, time, sums.builds))
    });
    order
}

impl Sources<'_> {
    fn history(&self, package: &str) -> &[PackageBuild] {
        self.histories.get(package).map_or(&[], Vec::as_slice)
    }
}

/// Returns the number of misses of which no list of compilations shows the reason.
fn unexplained(reasons: &[ReasonSum], misses: Option<u64>) -> u64 {
    let explained = reasons.iter().map(|sum| sum.misses);
    let explained = explained.fold(0, u64::saturating_add);
    misses.unwrap_or(0).saturating_sub(explained)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::sccache::compilations::MissReason;

    /// Four misses with the reason `path`, which took 31 s.
    pub(super) fn path_misses() -> ReasonSum {
        ReasonSum {
            reason: MissReason::Path,
            misses: 4,
            compile_time: TimeDelta::seconds(31),
        }
    }
}
