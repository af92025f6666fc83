//! The packages that the cache serves best and worst.

use std::collections::HashSet;

use chrono::TimeDelta;

use super::super::super::html::page::{Ranked, RankedList};
use super::super::super::{miss_reasons, text, verdict};
use super::super::overview;
use super::fetch::Verdicts;
use crate::error::Result;
use crate::savings::verdict::Kind;
use crate::store::{Filter, PackageRow, Store, sum_reasons};

/// Packages in each list.
const RANKED: usize = 5;

pub(super) fn lists(
    store: &Store,
    filter: &Filter,
    rows: &[PackageRow],
    verdicts: &Verdicts,
) -> Result<Vec<RankedList>> {
    let best = overview::best(rows, RANKED);
    let worst = worst(store, filter, rows, &best, verdicts)?;
    let saved = |row: &PackageRow| row.sums.time_saved.map(TimeDelta::as_seconds_f64);
    let best = best.iter().map(|row| Ranked {
        name: text::sanitize(&row.package),
        value: saved(row).map_or("-".into(), |saved| {
            format!("{} saved", text::duration(saved))
        }),
        why: counts_and_verdict(row, verdicts),
    });
    let best = best.collect();
    let mut worst_entries = Vec::new();
    for row in worst {
        worst_entries.push(Ranked {
            name: text::sanitize(&row.package),
            value: format!("hit rate {}", text::percent_or_dash(row.sums.hit_rate())),
            why: counts_and_verdict(row, verdicts) + &costliest_misses(store, filter, row)?,
        });
    }
    Ok(vec![
        RankedList {
            id: "best",
            title: "Served best",
            note: "The most time saved.",
            none: "The cache saved no time.",
            packages: best,
        },
        RankedList {
            id: "worst",
            title: "Served worst",
            note: "Of the other packages that were built again: losses first, then the lowest hit rate.",
            none: "There are none.",
            packages: worst_entries,
        },
    ])
}

/// Returns the packages with the largest losses, then those with the lowest hit rate. The first build of a
/// package only fills the cache: a package counts only if it was measured again.
fn worst<'a>(
    store: &Store,
    filter: &Filter,
    rows: &'a [PackageRow],
    best: &[PackageRow],
    verdicts: &Verdicts,
) -> Result<Vec<&'a PackageRow>> {
    let names: Vec<&str> = rows.iter().map(|row| &*row.package).collect();
    let built_again = store.built_again(&names, filter.until)?;
    let built_again: HashSet<&str> = built_again.iter().map(String::as_str).collect();
    let is_candidate = |row: &&PackageRow| {
        row.sums.hit_rate().is_some()
            && built_again.contains(&*row.package)
            && !best.iter().any(|best| best.package == row.package)
    };
    // A loss in this period is none if the cache pays in general.
    let loss = |row: &PackageRow| {
        let verdict = verdicts.get(&row.package);
        let pays = verdict.is_some_and(|verdict| verdict.kind == Kind::Pays);
        let saved = row.sums.time_saved.filter(|_| !pays);
        saved.unwrap_or_default().min(TimeDelta::zero())
    };
    let rate = |row: &PackageRow| row.sums.hit_rate().unwrap_or_default();
    let mut worst: Vec<&PackageRow> = rows.iter().filter(is_candidate).collect();
    worst.sort_by(|a, b| {
        let by_loss = loss(a).cmp(&loss(b));
        let by_misses = b.sums.misses.cmp(&a.sums.misses);
        by_loss.then(rate(a).total_cmp(&rate(b))).then(by_misses)
    });
    worst.truncate(RANKED);
    Ok(worst)
}

fn counts_and_verdict(row: &PackageRow, verdicts: &Verdicts) -> String {
    let counts = row.sums.hits.zip(row.sums.misses);
    let counts = counts.map_or_else(
        || "Not measured".to_string(),
        |(hits, misses)| text::hits_and_misses(hits, misses),
    );
    let verdict = verdicts.get(&row.package).map(verdict::summary);
    let verdict = verdict.map_or_else(String::new, |verdict| format!(" {verdict}."));
    format!("{counts}.{verdict}")
}

/// Returns the reason of the misses that cost most, after a space, if it is known.
fn costliest_misses(store: &Store, filter: &Filter, row: &PackageRow) -> Result<String> {
    let package = Filter {
        packages: Some(vec![row.package.clone()]),
        ..filter.clone()
    };
    let reasons = sum_reasons(store.miss_reasons(&package)?.values().flatten());
    let costliest = reasons.first().map(|sum| {
        let misses = miss_reasons::summary(&[*sum]);
        let meaning = miss_reasons::meaning(sum.reason);
        format!(" Costliest misses: {misses}. {meaning}")
    });
    Ok(costliest.unwrap_or_default())
}
