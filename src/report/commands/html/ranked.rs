//! The packages that the cache serves best and worst.

use std::collections::HashSet;

use chrono::TimeDelta;

use super::Verdicts;
use super::misses::Reasons;
use crate::error::Result;
use crate::report::commands::overview;
use crate::report::html::page::{Ranked, RankedList};
use crate::report::{miss_reasons, text, verdict};
use crate::savings::verdict::{Kind, Verdict};
use crate::store::{Filter, PackageRow, Store, Sums};

/// Packages in each list.
const RANKED: usize = 5;

/// The most bytes of the names of other packages that cost time.
const NAMES_BYTES: usize = 200;

/// Returns the packages that save most time, and those below the average hit rate whose misses took most.
pub(super) fn lists(
    store: &Store,
    filter: &Filter,
    rows: &[PackageRow],
    sums: &Sums,
    verdicts: &Verdicts,
    reasons: &Reasons,
) -> Result<Vec<RankedList>> {
    let average = sums.hit_rate();
    let costs = |row: &PackageRow| {
        let verdict = verdicts.get(&row.package);
        loss(&row.sums) < TimeDelta::zero()
            || verdict.is_some_and(|verdict| verdict.kind == Kind::Costs)
    };
    let is_bad =
        |row: &PackageRow| row.sums.hits.is_some() && (costs(row) || is_below(row, average));
    let best = overview::best(rows.iter().filter(|row| !is_bad(row)), RANKED);
    let names: Vec<&str> = rows.iter().map(|row| &*row.package).collect();
    let built_again: HashSet<String> = store
        .built_again(&names, filter.until)?
        .into_iter()
        .collect();
    let bad = rows.iter().filter(|row| is_bad(row));
    let mut worst = worst(bad.filter(|row| built_again.contains(&row.package)));
    let others = worst.split_off(RANKED.min(worst.len()));
    let costing: Vec<&str> = others
        .into_iter()
        .filter(|row| costs(row))
        .map(|row| &*row.package)
        .collect();
    let is_left_out = |row: &&PackageRow| is_bad(row) && !built_again.contains(&row.package);
    let once = rows.iter().filter(is_left_out).count() as u64;
    let mut lists = vec![
        best_list(&best, average, verdicts),
        worst_list(
            &worst,
            worst_note(average, once, &costing),
            verdicts,
            reasons,
        ),
    ];
    if rows.iter().all(|row| row.sums.hits.is_none()) {
        for list in &mut lists {
            (list.note, list.none) = (String::new(), "No build was measured.");
        }
    }
    let packages = lists.iter_mut().flat_map(|list| &mut list.packages);
    for (number, package) in (1..).zip(packages) {
        package.anchor = format!("p{number}");
    }
    Ok(lists)
}

/// Whether the hit rate is below the average. Nothing is below an average of 0.
fn is_below(row: &PackageRow, average: Option<f64>) -> bool {
    let rates = row.sums.hit_rate().zip(average);
    rates.is_some_and(|(rate, average)| rate < average || rate == 0.0)
}

fn best_list(rows: &[PackageRow], average: Option<f64>, verdicts: &Verdicts) -> RankedList {
    let has_time = rows.iter().any(|row| row.sums.time_saved.is_some());
    let ranked = rows.iter().map(|row| Ranked {
        package: row.package.clone(),
        name: text::sanitize(&row.package),
        value: saved_and_rate(row),
        why: why_it_saves(row, verdicts.get(&row.package)),
        ..Ranked::default()
    });
    RankedList {
        id: "best",
        title: "Served best",
        note: format!(
            "Packages at or above the average hit rate of {} {}.",
            text::percent_or_dash(average),
            if has_time {
                "that saved the most time"
            } else {
                "with the most hits; the time saved is unknown"
            }
        ),
        none: "No package at or above the average hit rate saved time.",
        packages: ranked.collect(),
    }
}

/// Returns how the worst are chosen. `once`: the others that were measured only once. `costing`: those that cost time,
/// but are not listed.
fn worst_note(average: Option<f64>, once: u64, costing: &[&str]) -> String {
    let average = text::percent_or_dash(average);
    let mut note = format!(
        "Packages below the average hit rate of {average}, or that cost time: those with the most time spent on misses."
    );
    if !costing.is_empty() {
        let names = costing.iter().map(|name| text::sanitize(name));
        let names = text::listed(&names.collect::<Vec<_>>(), NAMES_BYTES, |n| {
            format!(", and {n} more")
        });
        note.push_str(&format!(" Other packages that cost time: {names}."));
    }
    if once > 0 {
        let were = if once == 1 { "was" } else { "were" };
        note.push_str(&format!(
            " Without {}, which {were} measured only once: a first build can only fill the cache.",
            text::count(once, "package")
        ));
    }
    note
}

fn worst_list(
    rows: &[&PackageRow],
    note: String,
    verdicts: &Verdicts,
    reasons: &Reasons,
) -> RankedList {
    let worst = rows.iter().map(|row| Ranked {
        package: row.package.clone(),
        name: text::sanitize(&row.package),
        value: spent_and_rate(row),
        why: why_it_misses(row, verdicts, reasons),
        ..Ranked::default()
    });
    RankedList {
        id: "worst",
        title: "Served worst",
        note,
        none: "No package that was measured more than once costs time, or is below the average hit rate.",
        packages: worst.collect(),
    }
}

/// Returns the packages in another order, those first whose misses took most time: a low rate of a package that
/// compiles in no time costs nothing.
fn worst<'a>(rows: impl Iterator<Item = &'a PackageRow>) -> Vec<&'a PackageRow> {
    let mut worst: Vec<&PackageRow> = rows.collect();
    worst.sort_by(|a, b| {
        let by_cost = b.sums.miss_cost.cmp(&a.sums.miss_cost);
        by_cost
            .then_with(|| loss(&a.sums).cmp(&loss(&b.sums)))
            .then_with(|| b.sums.misses.cmp(&a.sums.misses))
            .then_with(|| a.package.cmp(&b.package))
    });
    worst
}

/// Returns the time saved if it is visibly negative, else 0.
fn loss(sums: &Sums) -> TimeDelta {
    let saved = sums.time_saved.unwrap_or_default();
    if text::is_negligible(saved.as_seconds_f64()) {
        return TimeDelta::zero();
    }
    saved.min(TimeDelta::zero())
}

/// Returns what the best packages are sorted by, and the hit rate.
fn saved_and_rate(row: &PackageRow) -> String {
    let rate = text::percent_or_dash(row.sums.hit_rate());
    let saved = row.sums.time_saved.map_or_else(
        || "time saved unknown".to_string(),
        |saved| format!("{} saved", text::duration(saved.as_seconds_f64())),
    );
    format!("{saved}, hit rate {rate}")
}

/// Returns what the worst packages are sorted by, and the hit rate.
fn spent_and_rate(row: &PackageRow) -> String {
    let rate = text::percent_or_dash(row.sums.hit_rate());
    let spent = row.sums.miss_cost.map_or_else(
        || "time spent on misses unknown".to_string(),
        |spent| format!("{} on misses", text::duration(spent.as_seconds_f64())),
    );
    format!("{spent}, hit rate {rate}")
}

fn compilations(row: &PackageRow) -> String {
    let builds = text::count(row.sums.builds, "build");
    let counts = row.sums.hits.zip(row.sums.misses);
    counts.map_or_else(
        || format!("Not measured in {builds}"),
        |(hits, misses)| format!("{} in {builds}", text::hits_and_misses(hits, misses)),
    )
}

/// Returns the counts, what a hit saves, and which builds hit.
fn why_it_saves(row: &PackageRow, verdict: Option<&Verdict>) -> String {
    let sums = &row.sums;
    let saved = sums.time_saved.filter(|_| sums.estimated_hits > 0);
    let per_hit = saved.map_or_else(String::new, |saved| {
        let per_hit = saved.as_seconds_f64() / sums.estimated_hits as f64;
        format!("; a hit saves {} on average", text::duration(per_hit))
    });
    let which = verdict.map_or_else(String::new, which_builds_hit);
    format!("{}{per_hit}.{which}", compilations(row))
}

/// Returns how often rebuilds and new versions hit, if that is known.
fn which_builds_hit(verdict: &Verdict) -> String {
    let new = verdict.new_version_hits.map(text::percent);
    let rates = match (verdict.rebuild_hits.map(text::percent), new) {
        (Some(again), Some(new)) => format!("Rebuilds hit {again} on average, new versions {new}"),
        (Some(again), None) => format!("Rebuilds hit {again} on average"),
        (None, Some(new)) => format!("New versions hit {new} on average"),
        (None, None) => return String::new(),
    };
    // Not those of the period.
    let builds = text::count(verdict.builds, "complete build");
    format!(" {rates} (by cost, the newest {builds}).")
}

/// Returns the counts, the time saved, the costliest reason, which builds hit, the time lost, and the verdict if the
/// cache doesn't pay.
fn why_it_misses(row: &PackageRow, verdicts: &Verdicts, reasons: &Reasons) -> String {
    let mut why = compilations(row);
    let saved = row.sums.time_saved.map(TimeDelta::as_seconds_f64);
    if let Some(saved) = saved.filter(|saved| *saved > 0.0 && !text::is_negligible(*saved)) {
        why.push_str(&format!("; {} saved", text::duration(saved)));
    }
    why.push('.');
    let costliest = reasons.of_package(&row.package).into_iter().next();
    why.push_str(&match costliest {
        Some(sum) => format!(
            " {} ({}) {}.",
            text::misses(sum.misses),
            text::duration(sum.compile_time.as_seconds_f64()),
            miss_reasons::because(sum.reason)
        ),
        None if row.sums.misses == Some(0) => String::new(),
        None => " No build has a list of its compilations, so the reasons are unknown.".into(),
    });
    let verdict = verdicts.get(&row.package);
    why.push_str(&verdict.map_or_else(String::new, which_builds_hit));
    let lost = -loss(&row.sums).as_seconds_f64();
    if lost > 0.0 {
        let lost = text::duration(lost);
        why.push_str(&format!(" The cache cost {lost} more than it saved."));
    }
    if let Some(verdict) = verdict.filter(|verdict| verdict.kind == Kind::Costs) {
        why.push_str(&format!(" Verdict: {}.", verdict::mean_saved(verdict)));
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, hits: u64, misses: u64, saved: Option<i64>) -> PackageRow {
        let mut package = overview::tests::package(name, hits, misses, saved);
        package.sums.estimated_hits = hits;
        package
    }

    /// Returns a package whose misses took so many seconds.
    fn spent(seconds: i64, package: PackageRow) -> PackageRow {
        let sums = Sums {
            miss_cost: Some(TimeDelta::seconds(seconds)),
            ..package.sums
        };
        PackageRow { sums, ..package }
    }

    fn names(rows: &[PackageRow]) -> Vec<&str> {
        let worst = worst(rows.iter()).into_iter();
        worst.map(|row| &*row.package).collect()
    }

    #[test]
    fn those_whose_misses_took_most_come_first() {
        let rows = [
            spent(2, package("a/trivial", 0, 1, Some(0))),
            spent(600, package("a/low", 40, 60, Some(50))),
            spent(60, package("a/lower", 5, 95, Some(50))),
            spent(70, package("a/loses", 90, 10, Some(-5))),
            package("a/unknown", 20, 80, None),
            package("a/more", 10, 90, None),
            package("a/equal", 20, 80, None),
        ];
        assert_eq!(
            names(&rows),
            [
                "a/low",
                "a/loses",
                "a/lower",
                "a/trivial",
                "a/more",
                "a/equal",
                "a/unknown"
            ]
        );
        let below = |hits, misses| is_below(&package("a/b", hits, misses, None), Some(0.6));
        assert!(below(59, 41) && !below(60, 40) && !below(0, 0));
        assert!(is_below(&package("a/b", 0, 9, None), Some(0.0)));
    }

    #[test]
    fn lists_show_what_they_are_sorted_by() {
        let saved = |saved| saved_and_rate(&package("a/b", 1, 3, saved));
        assert_eq!(saved(Some(65)), "1 min 05 s saved, hit rate 25.0 %");
        assert_eq!(saved(None), "time saved unknown, hit rate 25.0 %");
        let row = package("a/b", 1, 3, None);
        assert_eq!(
            spent_and_rate(&row),
            "time spent on misses unknown, hit rate 25.0 %"
        );
        assert_eq!(
            spent_and_rate(&spent(65, row)),
            "1 min 05 s on misses, hit rate 25.0 %"
        );
    }

    #[test]
    fn packages_built_once_are_counted() {
        let note = |once| worst_note(Some(0.5), once, &[]);
        assert!(note(12).contains(" Without 12 packages, which were measured only once: "));
        assert!(note(1).contains(" Without 1 package, which was measured only once: "));
        assert!(!note(0).contains("once"));
        let note = worst_note(Some(0.5), 0, &["a/b", "a/c"]);
        assert!(
            note.ends_with(" on misses. Other packages that cost time: a/b, a/c."),
            "{note}"
        );
    }

    #[test]
    fn a_package_without_misses_has_no_reasons() {
        let why = |misses| {
            let row = package("a/b", 100, misses, Some(-60));
            why_it_misses(&row, &Verdicts::default(), &Reasons::default())
        };
        assert_eq!(
            why(0),
            "100 hits, 0 misses in 3 builds. The cache cost 1 min 00 s more than it saved."
        );
        assert!(why(1).contains(" so the reasons are unknown."));
    }

    #[test]
    fn the_best_have_what_a_hit_saves_and_which_builds_hit() {
        let why = |again, new| {
            let verdict = Verdict {
                builds: 12,
                rebuild_hits: again,
                new_version_hits: new,
                ..Verdict::default()
            };
            let why = why_it_saves(&package("a/b", 10, 3, Some(65)), Some(&verdict));
            let counts = "10 hits, 3 misses in 3 builds; a hit saves 6.5 s on average.";
            why.strip_prefix(counts).unwrap().to_string()
        };
        let of = " (by cost, the newest 12 complete builds).";
        assert_eq!(
            why(Some(0.962), Some(0.41)),
            format!(" Rebuilds hit 96.2 % on average, new versions 41.0 %{of}")
        );
        assert_eq!(
            why(Some(0.962), None),
            format!(" Rebuilds hit 96.2 % on average{of}")
        );
        assert_eq!(
            why(None, Some(0.41)),
            format!(" New versions hit 41.0 % on average{of}")
        );
        assert_eq!(why(None, None), "");
    }
}
