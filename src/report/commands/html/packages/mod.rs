//! The table of all packages, with their histories and details.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;
use uuid::Uuid;

use super::fetch::Verdicts;
use super::misses::Reasons;
use super::trend::chart_of_counts;
use crate::error::{Error, Result};
use crate::report::commands::builds::{self, Details as BuildDetails};
use crate::report::commands::packages;
use crate::report::html::Chart;
use crate::report::html::page::{Details, Expandable, FullDetails, Page};
use crate::report::table::{Column, HtmlTable, Importance::*};
use crate::report::{miss_reasons, text, verdict};
use crate::store::{
    BuildRow, Filter, PackageBuild, PackageParts, PackageRow, PartCounts, ReasonSum, Store,
};

/// The columns of the table, the most important first: a narrow window scrolls to the last ones.
const COLUMNS: [&str; 6] = [
    "package",
    "builds",
    "hit_rate",
    "time_saved_seconds",
    "coverage",
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
const BUILDS: usize = 12;

/// Items of other lists in full details.
const LISTED: usize = 3;

/// The most packages with full details, so that a page of thousands of packages takes no longer.
const DETAILED: usize = 20;

/// The bound of a page: so many bytes for so many packages, and some for each package more, so that 5,000 fit in 1.5 MB.
const PAGE_BYTES: usize = 150_000;
const BYTES_PER_PACKAGE: usize = 293;
const PACKAGES: usize = 400;

/// The bytes of a brief package that aren't text: five tags.
const BRIEF_TAGS: usize = 5 * "<p>".len();

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
        "builds" => super::opener(column, |row| row.sums.builds),
        _ => column,
    };
    let columns = super::selected(packages::all_columns(verdicts.clone()), &COLUMNS);
    let columns: Vec<_> = columns.into_iter().map(show).collect();
    Expandable {
        note: note(true),
        ..Expandable::new(HtmlTable::new("", &columns, rows))
    }
}

/// Explains the order and what the packages open to.
fn note(has_brief: bool) -> String {
    let mut note =
        "Sorted by time saved. Open the builds of a package for its history.".to_string();
    if has_brief {
        note.push_str(
            " In short lists, `9+1` means 9 hits and 1 miss, `*` the first build of a version (cold), `-` not \
             measured, and `…4` four others, which `sccache-report show NAME` has. The costliest misses are in \
             `sccache-report explain NAME`.",
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
    let mut room = page_size(rows.len()).saturating_sub(page.size().map_err(failed)?);
    let briefs: Vec<Brief> = rows.iter().map(|row| sources.brief(row)).collect();
    let wanted: Vec<usize> = briefs.iter().map(Brief::wanted).collect();
    // The rest is for full details.
    let shares = text::share(room / 10 * 9, &wanted);
    let mut sizes = Vec::new();
    for ((shown, brief), share) in page.packages.rows.iter_mut().zip(&briefs).zip(shares) {
        shown.details = brief.details(share);
        sizes.push(shown.details.size().map_err(failed)?);
    }
    room = room.saturating_sub(sizes.iter().sum());
    let (mut full, mut smallest) = (0, 0);
    for index in by_relevance(rows, &ranked(page)).into_iter().take(DETAILED) {
        // Reading details that won't fit would only take time.
        if room + sizes[index] < smallest {
            break;
        }
        let details = sources.full(&rows[index])?;
        let size = details.size().map_err(failed)?;
        smallest = if smallest == 0 {
            size
        } else {
            smallest.min(size)
        };
        if size <= room + sizes[index] {
            room = room + sizes[index] - size;
            page.packages.rows[index].details = details;
            full += 1;
        }
    }
    page.packages.note = note(full < rows.len());
    Ok(())
}

/// Returns the names in the lists above the table.
fn ranked(page: &Page) -> HashSet<String> {
    let packages = page.ranked.iter().flat_map(|list| &list.packages);
    packages.map(|package| package.name.clone()).collect()
}

/// Returns the order in which packages get full details: those of the lists above the table, then by time, gained or
/// lost, then by builds.
fn by_relevance(rows: &[PackageRow], ranked: &HashSet<String>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&index| {
        let sums = &rows[index].sums;
        let is_ranked = ranked.contains(&text::sanitize(&rows[index].package));
        let time = sums.time_saved.map(|saved| saved.abs());
        Reverse((is_ranked, time, sums.builds))
    });
    order
}

/// The texts of brief details.
struct Brief<'a> {
    history: &'a [PackageBuild],
    /// The number of all builds.
    builds: u64,
    lists: [Vec<String>; 4],
}

/// The positions of the lists of brief details.
const LANGUAGES: usize = 0;
const PHASES: usize = 1;
const NOT_CACHED: usize = 2;
const REASONS: usize = 3;

impl Brief<'_> {
    /// Returns the length of everything.
    fn wanted(&self) -> usize {
        let lists = self.lists.iter().map(|list| list.join(", ").len());
        self.history(usize::MAX).len() + lists.sum::<usize>() + BRIEF_TAGS
    }

    fn history(&self, most: usize) -> String {
        history(self.history, self.builds, most)
    }

    /// Returns the details in about so many bytes, the newest build at least. Lists that have room for an item share
    /// the rest, the important ones first.
    fn details(&self, most: usize) -> Details {
        let rest = |list: &[String]| text::listed(list, 0, short_rest).len();
        let mut sizes: Vec<usize> = self.lists.iter().map(|list| rest(list)).collect();
        let newest = self.history(0).len();
        let mut room = most.saturating_sub(BRIEF_TAGS + newest + sizes.iter().sum::<usize>());
        for index in [REASONS, LANGUAGES, NOT_CACHED, PHASES] {
            let needed = match &self.lists[index][..] {
                [] => 0,
                [only] => only.len(),
                [first, rest @ ..] => first.len() + short_rest(rest.len() as u64).len(),
            };
            let added = needed.saturating_sub(sizes[index]);
            if added <= room {
                room -= added;
                sizes[index] += added;
            }
        }
        let full = self.lists.iter().map(|list| list.join(", ").len());
        // What stands for the rest can be longer than the rest.
        let older = self.history(usize::MAX).len().saturating_sub(newest);
        let missing: Vec<usize> = [older]
            .into_iter()
            .chain(
                full.zip(&sizes)
                    .map(|(full, size)| full.saturating_sub(*size)),
            )
            .collect();
        let shares = text::share(room, &missing);
        let mut texts = vec![self.history(newest + shares[0])];
        for ((list, size), share) in self.lists.iter().zip(sizes).zip(&shares[1..]) {
            texts.push(text::listed(list, size + share, short_rest));
        }
        Details::Brief(texts)
    }
}

/// Returns the builds, the newest first, in at most so many bytes if that is enough for one: `1.1 9+1 0+10*; 1.0 8+1
/// …14`.
fn history(builds: &[PackageBuild], total: u64, most: usize) -> String {
    let more = |shown: usize| match total.saturating_sub(shown as u64) {
        0 => String::new(),
        rest => short_rest(rest),
    };
    let mut history = String::new();
    let mut version = None;
    for (shown, build) in builds.iter().enumerate() {
        let mut next = String::new();
        if version != Some(&build.version) {
            let separator = if version.is_some() { "; " } else { "" };
            let shown = text::shortened(&text::sanitize(&build.version), 20);
            next = format!("{separator}{shown}");
        }
        version = Some(&build.version);
        next.push(' ');
        next.push_str(&short_counts(build.counts));
        if build.is_cold {
            next.push('*');
        }
        if shown > 0 && history.len() + next.len() + more(shown + 1).len() > most {
            return history + &more(shown);
        }
        history.push_str(&next);
    }
    history + &more(builds.len())
}

/// Returns the end of a list that is cut: ` …14`.
fn short_rest(rest: u64) -> String {
    format!(" …{}", text::number(rest))
}

/// Returns `9+1`: hits and misses.
fn short_counts(counts: Option<(u64, u64)>) -> String {
    counts.map_or_else(
        || "-".to_string(),
        |(hits, misses)| format!("{}+{}", text::number(hits), text::number(misses)),
    )
}

/// Returns `C/C++ 9+1` for each part.
fn short_parts(parts: &[PartCounts]) -> Vec<String> {
    let parts = parts.iter();
    parts
        .map(|part| {
            format!(
                "{} {}",
                text::sanitize(&part.name),
                short_counts(part.counts)
            )
        })
        .collect()
}

/// Returns the number of misses of which no list of compilations shows the reason.
fn unexplained(reasons: &[ReasonSum], misses: Option<u64>) -> u64 {
    let explained = reasons.iter().map(|sum| sum.misses);
    let explained = explained.fold(0, u64::saturating_add);
    misses.unwrap_or(0).saturating_sub(explained)
}

/// Returns `40 evicted` for each reason, the costliest first.
fn short_reasons(reasons: &[ReasonSum], misses: Option<u64>) -> Vec<String> {
    let entry = |sum: &ReasonSum| format!("{} {}", text::number(sum.misses), sum.reason.word());
    let mut entries: Vec<String> = reasons.iter().map(entry).collect();
    match unexplained(reasons, misses) {
        0 => {}
        rest => entries.push(format!("{} without a list", text::number(rest))),
    }
    entries
}

/// Returns `40 evicted (31 s); 3 without a list of compilations`.
fn reason_text(reasons: &[ReasonSum], misses: Option<u64>) -> String {
    let mut text = miss_reasons::summary(reasons);
    let rest = unexplained(reasons, misses);
    if rest > 0 {
        let separator = if text.is_empty() { "" } else { "; " };
        let rest = text::number(rest);
        text.push_str(&format!("{separator}{rest} without a list of compilations"));
    }
    text
}

impl Sources<'_> {
    fn brief(&self, row: &PackageRow) -> Brief<'_> {
        let no_parts = PackageParts::default();
        let parts = self.parts.get(&row.package).unwrap_or(&no_parts);
        let calls = parts.not_cached.iter();
        let calls = calls
            .map(|(reason, calls)| format!("{} {}", text::number(*calls), text::sanitize(reason)));
        Brief {
            history: self.history(&row.package),
            builds: row.sums.builds,
            lists: [
                short_parts(&parts.languages),
                short_parts(&parts.phases),
                calls.collect(),
                short_reasons(&self.reasons.of_package(&row.package), row.sums.misses),
            ],
        }
    }

    fn history(&self, package: &str) -> &[PackageBuild] {
        self.histories.get(package).map_or(&[], Vec::as_slice)
    }

    fn full(&self, row: &PackageRow) -> Result<Details> {
        let cold = self
            .history(&row.package)
            .iter()
            .filter(|build| build.is_cold);
        let cold: HashSet<Uuid> = cold.map(|build| build.id).collect();
        let builds = self.store.builds(&Filter {
            packages: Some(vec![row.package.clone()]),
            last: Some(BUILDS as u32),
            ..self.filter.clone()
        })?;
        let (shown, all) = (builds.len() as u64, row.sums.builds);
        let builds_title = match all {
            1 => "The only build".to_string(),
            _ if shown < all => format!("The newest {shown} of {}", text::count(all, "build")),
            _ => format!("All {}", text::count(all, "build")),
        };
        Ok(Details::Full(Box::new(FullDetails {
            builds_title,
            history: chart(&builds),
            facts: self.facts(row, &builds)?,
            builds: HtmlTable::new("", &build_columns(cold), &builds),
        })))
    }

    /// Returns the verdict, and languages, phases, and reasons of all builds, each with its name.
    fn facts(&self, row: &PackageRow, newest: &[BuildRow]) -> Result<Vec<(String, String)>> {
        let no_parts = PackageParts::default();
        let parts = self.parts.get(&row.package).unwrap_or(&no_parts);
        let all = match row.sums.builds {
            1 => String::new(),
            builds => format!(", {}", text::count(builds, "build")),
        };
        let calls = parts.not_cached.iter().map(|(reason, calls)| {
            format!(
                "{} `{}`",
                text::number(*calls),
                text::sanitize(reason).replace('`', "'")
            )
        });
        let reasons = self.reasons.of_package(&row.package);
        let mut facts = Vec::new();
        if let Some(verdict) = self.verdicts.get(&row.package) {
            let summary = format!("{}.", verdict::summary(verdict));
            facts.push(("Verdict, all recorded builds".to_string(), summary));
        }
        facts.extend(
            [
                ("Languages", part_texts(&parts.languages).join("; ")),
                ("Phases", part_texts(&parts.phases).join("; ")),
                ("Not cached", first_items(calls)),
                ("Why it missed", reason_text(&reasons, row.sums.misses)),
            ]
            .map(|(name, text)| (format!("{name}{all}"), text)),
        );
        facts.extend(self.costliest_misses(newest)?);
        facts.retain(|(_, text)| !text.is_empty());
        Ok(facts)
    }

    /// Returns the costliest misses of the newest build whose misses are known.
    fn costliest_misses(&self, builds: &[BuildRow]) -> Result<Option<(String, String)>> {
        for build in builds.iter().rev().filter(|build| build.misses > Some(0)) {
            let units = self.store.missed_units(build.id)?.units;
            if units.is_empty() {
                continue;
            }
            let units = units.iter().map(|unit| {
                let time = unit.compile_time.map_or_else(String::new, |time| {
                    format!(", {}", text::duration(time.as_seconds_f64()))
                });
                let name = text::sanitize(&unit.unit);
                format!("{name} ({}{time})", unit.reason.word())
            });
            let version = text::sanitize(&build.version);
            let name = format!(
                "Costliest misses, {version} of {}",
                text::date(build.started_at)
            );
            return Ok(Some((name, first_items(units))));
        }
        Ok(None)
    }
}

fn chart(builds: &[BuildRow]) -> Chart {
    let counts = builds.iter().map(|build| build.hits.zip(build.misses));
    let chart = chart_of_counts(&counts.collect::<Vec<_>>());
    Chart {
        title: "Hits and misses per build".into(),
        description: format!("The oldest first. {}", chart.description),
        class: "mini",
        ..chart
    }
}

fn build_columns(cold: HashSet<Uuid>) -> Vec<Column<BuildRow>> {
    let is_first = move |row: &BuildRow| match row.hits {
        Some(_) if cold.contains(&row.id) => "yes (cold)".to_string(),
        Some(_) => "no (warm)".to_string(),
        None => "-".to_string(),
    };
    let columns = builds::columns(BuildDetails::default()).into_iter();
    let columns = columns.filter(|column| BUILD_COLUMNS.contains(&column.name));
    let mut columns: Vec<_> = columns
        .map(|column| match column.name {
            "version" => column.shown(Key),
            // The numbers of the chart.
            "hits" | "misses" => column.shown(High),
            _ => column,
        })
        .collect();
    columns.insert(1, Column::note("first of version", is_first).shown(High));
    columns
}

/// Returns the first items, and how many there are more.
fn first_items(items: impl ExactSizeIterator<Item = String>) -> String {
    let count = items.len();
    let mut shown: Vec<String> = items.take(LISTED).collect();
    if count > LISTED {
        shown.push(format!(
            "and {} more",
            text::number((count - LISTED) as u64)
        ));
    }
    shown.join(", ")
}

/// Returns `Rust 9 hits, 1 miss` for each part.
fn part_texts(parts: &[PartCounts]) -> Vec<String> {
    let parts = parts.iter().map(|part| {
        let counts = part.counts.map_or_else(
            || "not measured".to_string(),
            |(hits, misses)| text::hits_and_misses(hits, misses),
        );
        format!("{} {counts}", text::sanitize(&part.name))
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builds(versions: &[&str]) -> Vec<PackageBuild> {
        let versions = versions.iter().enumerate();
        let builds = versions.map(|(n, version)| PackageBuild {
            id: Uuid::from_u128(n as u128),
            version: (*version).to_string(),
            is_cold: n % 2 == 1,
            counts: (n != 2).then_some((10 * n as u64, 1)),
        });
        builds.collect()
    }

    #[test]
    fn a_history_that_is_cut_says_so() {
        let builds = builds(&["1.1", "1.1", "1.0", "0.9"]);
        let all = "1.1 0+1 10+1*; 1.0 -; 0.9 30+1*";
        assert_eq!(history(&builds, 4, usize::MAX), all);
        assert_eq!(history(&builds, 4, all.len()), all);
        assert_eq!(history(&builds, 18, 99), format!("{all} …14"));
        assert_eq!(history(&builds, 4, 20), "1.1 0+1 10+1* …2");
        assert_eq!(history(&builds, 4, 0), "1.1 0+1 …3");
        let long = "9".repeat(300);
        let history = history(&self::builds(&[&long]), 1, 10);
        assert_eq!(history, format!("{}… 0+1", "9".repeat(19)));
    }

    #[test]
    fn brief_details_have_every_list_and_say_what_they_cut() {
        let history = builds(&["1.1", "1.0", "0.9"]);
        let list =
            |name: &str, count: usize| (0..count).map(|n| format!("{name}{n} 9+1")).collect();
        let brief = Brief {
            history: &history,
            builds: 3,
            lists: [list("C", 2), list("compile", 1), list("-E", 9), Vec::new()],
        };
        let texts = |most| match brief.details(most) {
            Details::Brief(texts) => texts,
            Details::Full(_) => panic!(),
        };
        let all = texts(brief.wanted());
        assert_eq!(all[0], "1.1 0+1; 1.0 10+1*; 0.9 -");
        assert_eq!(all[1..3], ["C0 9+1, C1 9+1", "compile0 9+1"]);
        assert_eq!(all[4], "");
        let cut = texts(72);
        assert_eq!(cut[0], "1.1 0+1 …2");
        assert!(cut[1].starts_with("C0 9+1"), "{cut:?}");
        assert_eq!(cut[2..], ["compile0 9+1", "-E0 9+1 …8", ""]);
        assert_eq!(texts(0), ["1.1 0+1 …2", "…2", "…1", "…9", ""]);
        for most in 60..200 {
            let length = texts(most).iter().map(String::len).sum::<usize>() + BRIEF_TAGS;
            assert!(length <= most, "{most}: {length}");
        }
    }

    #[test]
    fn misses_without_a_list_are_counted() {
        let reasons = [ReasonSum {
            reason: crate::sccache::compilations::MissReason::Path,
            misses: 4,
            compile_time: TimeDelta::seconds(31),
        }];
        assert_eq!(
            short_reasons(&reasons, Some(7)),
            ["4 path", "3 without a list"]
        );
        assert_eq!(short_reasons(&reasons, Some(4)), ["4 path"]);
        assert_eq!(
            reason_text(&reasons, Some(7)),
            "4 path (31 s); 3 without a list of compilations"
        );
        assert_eq!(
            reason_text(&[], Some(3)),
            "3 without a list of compilations"
        );
        assert_eq!(reason_text(&[], None), "");
    }
}
