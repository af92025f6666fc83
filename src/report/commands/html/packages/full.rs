//! Full details of a package.

use std::collections::HashSet;

use uuid::Uuid;

use super::{BUILDS, Sources, unexplained};
use crate::error::Result;
use crate::report::commands::builds::{self, Details as BuildDetails};
use crate::report::commands::html::trend::chart_of_counts;
use crate::report::html::Chart;
use crate::report::html::page::{Details, FullDetails};
use crate::report::table::{Column, HtmlTable, Importance::*};
use crate::report::{miss_reasons, text, verdict};
use crate::store::{BuildRow, Filter, PackageParts, PackageRow, PartCounts, ReasonSum};

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

/// Items of lists.
const LISTED: usize = 3;

impl Sources<'_> {
    pub(super) fn full(&self, row: &PackageRow) -> Result<Details> {
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
            facts.push(("Verdict, newest 50 builds".to_string(), summary));
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

    #[test]
    fn misses_without_a_list_are_counted() {
        let reasons = [super::super::tests::path_misses()];
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
