//! The packages that the cache serves best and worst.

use std::cmp::Ordering;
use std::collections::HashSet;

use chrono::TimeDelta;

use super::fetch::Verdicts;
use super::misses::Reasons;
use crate::error::Result;
use crate::report::commands::overview;
use crate::report::html::page::{Ranked, RankedList};
use crate::report::{miss_reasons, text, verdict};
use crate::savings::verdict::Kind;
use crate::store::{Filter, PackageRow, Store, Sums};

/// Packages in each list.
const RANKED: usize = 5;

/// Returns the packages that save most time, and those with the lowest hit rates.
pub(super) fn lists(
    store: &Store,
    filter: &Filter,
    rows: &[PackageRow],
    sums: &Sums,
    verdicts: &Verdicts,
    reasons: &Reasons,
) -> Result<Vec<RankedList>> {
    let best = overview::best(rows, RANKED);
    let names: Vec<&str> = rows.iter().map(|row| &*row.package).collect();
    let built_again: HashSet<String> = store
        .built_again(&names, filter.until)?
        .into_iter()
        .collect();
    let others = rows.iter().filter(|row| {
        built_again.contains(&row.package) && !best.iter().any(|best| best.package == row.package)
    });
    let costs = |row: &PackageRow| {
        let verdict = verdicts.get(&row.package);
        loss(&row.sums) < TimeDelta::zero()
            || verdict.is_some_and(|verdict| verdict.kind == Kind::Costs)
    };
    let worst = worst(others, sums.hit_rate(), costs);
    let title = if worst.iter().any(|row| costs(row)) {
        "Served worst"
    } else {
        "Lowest hit rates"
    };
    let worst = worst.into_iter().map(|row| Ranked {
        name: text::sanitize(&row.package),
        value: saved_and_rate(row),
        why: why_it_misses(row, verdicts, reasons),
    });
    let average = text::percent_or_dash(sums.hit_rate());
    let mut lists = vec![
        best_list(&best),
        RankedList {
            id: "worst",
            title,
            note: format!(
                "Of the other packages that have been built more than once since recording began, those that \
                 cost time, then those below the average hit rate of {average}."
            ),
            none: "No other package that has been built more than once costs time, or is below the average \
                   hit rate.",
            packages: worst.collect(),
        },
    ];
    if rows.iter().all(|row| row.sums.hits.is_none()) {
        lists
            .iter_mut()
            .for_each(|list| list.none = "No build was measured.");
    }
    Ok(lists)
}

fn best_list(rows: &[PackageRow]) -> RankedList {
    let has_time = rows.iter().any(|row| row.sums.time_saved.is_some());
    let ranked = rows.iter().map(|row| Ranked {
        name: text::sanitize(&row.package),
        value: saved_and_rate(row),
        why: why_it_saves(row),
    });
    RankedList {
        id: "best",
        title: "Served best",
        note: if has_time {
            "The most time saved in total, whatever the hit rate.".into()
        } else {
            "The most hits: the time saved is unknown.".into()
        },
        none: "The cache saved no time.",
        packages: ranked.collect(),
    }
}

/// Returns the packages that cost time, those that lost most first, then those below the average hit rate.
fn worst<'a>(
    rows: impl Iterator<Item = &'a PackageRow>,
    average: Option<f64>,
    costs: impl Fn(&PackageRow) -> bool,
) -> Vec<&'a PackageRow> {
    let is_below_average = |row: &PackageRow| {
        let rates = row.sums.hit_rate().zip(average);
        rates.is_some_and(|(rate, average)| rate < average)
    };
    let mut worst: Vec<&PackageRow> = rows
        .filter(|row| costs(row) || is_below_average(row))
        .collect();
    worst.sort_by(|a, b| {
        costs(b)
            .cmp(&costs(a))
            .then_with(|| by_loss(&a.sums, &b.sums))
            .then_with(|| a.package.cmp(&b.package))
    });
    worst.truncate(RANKED);
    worst
}

/// Orders by the time lost, then by the hit rate, then by the misses.
fn by_loss(a: &Sums, b: &Sums) -> Ordering {
    let rate = |sums: &Sums| sums.hit_rate().unwrap_or_default();
    let by_rate = rate(a).total_cmp(&rate(b));
    loss(a)
        .cmp(&loss(b))
        .then(by_rate)
        .then(b.misses.cmp(&a.misses))
}

/// Returns the time saved if it is visibly negative, else 0.
fn loss(sums: &Sums) -> TimeDelta {
    let saved = sums.time_saved.unwrap_or_default();
    if text::is_negligible(saved.as_seconds_f64()) {
        return TimeDelta::zero();
    }
    saved.min(TimeDelta::zero())
}

/// Returns both numbers that the lists are about.
fn saved_and_rate(row: &PackageRow) -> String {
    let rate = text::percent_or_dash(row.sums.hit_rate());
    let saved = match row.sums.time_saved.map(TimeDelta::as_seconds_f64) {
        None => "time saved unknown".to_string(),
        Some(lost) if lost < 0.0 && !text::is_negligible(lost) => {
            format!("{} lost", text::duration(-lost))
        }
        Some(saved) => format!("{} saved", text::duration(saved)),
    };
    format!("{saved}, hit rate {rate}")
}

fn compilations(row: &PackageRow) -> String {
    let builds = text::count(row.sums.builds, "build");
    let counts = row.sums.hits.zip(row.sums.misses);
    counts.map_or_else(
        || format!("Not measured in {builds}"),
        |(hits, misses)| format!("{} in {builds}", text::hits_and_misses(hits, misses)),
    )
}

/// Returns the counts, and what a hit saves.
fn why_it_saves(row: &PackageRow) -> String {
    let sums = &row.sums;
    let saved = sums.time_saved.filter(|_| sums.estimated_hits > 0);
    let per_hit = saved.map_or_else(String::new, |saved| {
        let per_hit = saved.as_seconds_f64() / sums.estimated_hits as f64;
        format!(": {} saved per hit", text::duration(per_hit))
    });
    format!("{}{per_hit}.", compilations(row))
}

/// Returns the counts, the costliest reason, and the verdict if the cache doesn't pay.
fn why_it_misses(row: &PackageRow, verdicts: &Verdicts, reasons: &Reasons) -> String {
    let mut why = format!("{}.", compilations(row));
    let costliest = reasons.of_package(&row.package).into_iter().next();
    why.push_str(&match costliest {
        Some(sum) => format!(
            " {} ({}) {}.",
            text::misses(sum.misses),
            text::duration(sum.compile_time.as_seconds_f64()),
            miss_reasons::because(sum.reason)
        ),
        None => " No build has a list of its compilations, so the reasons are unknown.".into(),
    });
    let verdict = verdicts.get(&row.package);
    if let Some(verdict) = verdict.filter(|verdict| verdict.kind == Kind::Costs) {
        why.push_str(&format!(
            " Of all recorded builds: {}.",
            verdict::mean_saved(verdict)
        ));
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

    fn names(rows: &[PackageRow], average: f64) -> Vec<&str> {
        let loses = |row: &PackageRow| loss(&row.sums) < TimeDelta::zero();
        let worst = worst(rows.iter(), Some(average), loses).into_iter();
        worst.map(|row| &*row.package).collect()
    }

    #[test]
    fn the_worst_cost_time_or_are_below_average() {
        let rows = [
            package("a/above", 61, 39, Some(-600)),
            package("a/average", 60, 40, Some(5)),
            package("a/low", 10, 90, Some(50)),
            package("a/lower", 5, 95, Some(50)),
            package("a/loses", 30, 70, Some(-5)),
            package("a/loses-more", 40, 60, Some(-50)),
            package("a/unknown", 20, 80, None),
            package("a/idle", 0, 0, Some(0)),
        ];
        assert_eq!(
            names(&rows, 0.6),
            ["a/above", "a/loses-more", "a/loses", "a/lower", "a/low"]
        );
        assert_eq!(
            names(&rows, 0.05),
            ["a/above", "a/loses-more", "a/loses"],
            "whatever the hit rate"
        );
        assert_eq!(names(&rows[1..4], 0.05), Vec::<&str>::new());
    }

    #[test]
    fn five_are_listed_and_equal_ones_by_their_misses_and_names() {
        let rows: Vec<PackageRow> = (0..9)
            .map(|n| package(&format!("a/{n}"), 0, if n == 7 { 9 } else { 3 }, Some(0)))
            .collect();
        assert_eq!(names(&rows, 0.5), ["a/7", "a/0", "a/1", "a/2", "a/3"]);
    }

    #[test]
    fn both_lists_have_the_same_numbers() {
        let text = |saved| saved_and_rate(&package("a/b", 1, 3, saved));
        assert_eq!(text(Some(65)), "1 min 05 s saved, hit rate 25.0 %");
        assert_eq!(text(Some(-65)), "1 min 05 s lost, hit rate 25.0 %");
        assert_eq!(text(None), "time saved unknown, hit rate 25.0 %");
        assert_eq!(
            why_it_saves(&package("a/b", 10, 3, Some(65))),
            "10 hits, 3 misses in 3 builds: 6.5 s saved per hit."
        );
    }
}
