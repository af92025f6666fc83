//! The section on why compilations missed, by cost, over time; and the same by package.

use std::collections::BTreeMap;

use chrono::{DateTime, Local, TimeDelta};

use super::trend::labels;
use crate::error::Result;
use crate::report::commands::trend::{self, Period};
use crate::report::html::page::Charts;
use crate::report::html::{Chart, Shapes};
use crate::report::table::{Column, HtmlTable, Importance::*, Value};
use crate::report::{miss_reasons, text};
use crate::sccache::compilations::MissReason;
use crate::store::{Filter, ReasonSum, Store, Sums, sum_reasons};
use crate::when::PeriodLength;

/// Why compilations missed, as far as builds have lists of their compilations.
#[derive(Default)]
pub(super) struct Reasons {
    by_period: BTreeMap<String, BTreeMap<MissReason, ReasonSum>>,
    by_package: BTreeMap<String, BTreeMap<MissReason, ReasonSum>>,
}

impl Reasons {
    pub(super) fn read(store: &Store, filter: &Filter, by: PeriodLength) -> Result<Reasons> {
        let mut reasons = Reasons::default();
        // The reasons of a build follow each other.
        let mut period = (DateTime::UNIX_EPOCH, String::new());
        store.each_miss_reason(filter, |package, started_at, sum| {
            if period.0 != started_at || period.1.is_empty() {
                let day = started_at.with_timezone(&Local).date_naive();
                period = (started_at, trend::name(by, day));
            }
            add(&mut reasons.by_period, &period.1, &sum);
            add(&mut reasons.by_package, package, &sum);
        })?;
        Ok(reasons)
    }

    /// Returns the reasons of a package, the costliest first.
    pub(super) fn of_package(&self, package: &str) -> Vec<ReasonSum> {
        let sums = self.by_package.get(package).into_iter();
        sum_reasons(sums.flat_map(BTreeMap::values))
    }
}

fn add(
    sums: &mut BTreeMap<String, BTreeMap<MissReason, ReasonSum>>,
    name: &str,
    added: &ReasonSum,
) {
    if !sums.contains_key(name) {
        sums.insert(name.to_string(), BTreeMap::new());
    }
    let Some(sums) = sums.get_mut(name) else {
        return;
    };
    match sums.get_mut(&added.reason) {
        Some(sum) => sum.add(added),
        None => {
            sums.insert(added.reason, *added);
        }
    }
}

/// The misses of a period.
struct Misses {
    period: String,
    /// `None` if no build was measured.
    misses: Option<u64>,
    reasons: BTreeMap<MissReason, ReasonSum>,
}

impl Misses {
    /// Returns the misses whose reasons are known.
    fn explained(&self) -> u64 {
        let misses = self.reasons.values().map(|sum| sum.misses);
        misses.fold(0, u64::saturating_add)
    }

    /// Returns what the misses with that reason cost: 0 if all of those that are known have other reasons, and
    /// `None` if no reason is known.
    fn cost(&self, reason: MissReason) -> Option<TimeDelta> {
        let is_known = !self.reasons.is_empty() || self.misses == Some(0);
        let cost = self.reasons.get(&reason).map(|sum| sum.compile_time);
        is_known.then(|| cost.unwrap_or_default())
    }
}

/// Returns a chart for each reason, the costliest first, over the periods.
pub(super) fn charts(
    reasons: &Reasons,
    by: PeriodLength,
    periods: &[Period],
    sums: &Sums,
) -> Charts {
    let row = |period: &Period| Misses {
        period: period.name.clone(),
        misses: period.sums.misses,
        reasons: reasons
            .by_period
            .get(&period.name)
            .cloned()
            .unwrap_or_default(),
    };
    let rows: Vec<Misses> = periods.iter().map(row).collect();
    let total = sum_reasons(rows.iter().flat_map(|row| row.reasons.values()));
    let costs = |reason| -> Vec<Option<f64>> {
        let costs = rows.iter().map(|row| row.cost(reason));
        costs
            .map(|cost| cost.map(TimeDelta::as_seconds_f64))
            .collect()
    };
    let highest = total
        .iter()
        .flat_map(|sum| costs(sum.reason).into_iter().flatten())
        .fold(0.0, f64::max);
    let chart = |sum: &ReasonSum| {
        let bars: Vec<_> = costs(sum.reason)
            .iter()
            .map(|cost| cost.map(|cost| vec![cost]))
            .collect();
        let cost = text::duration(sum.compile_time.as_seconds_f64());
        Chart {
            title: format!(
                "{} ({})",
                miss_reasons::title(sum.reason),
                sum.reason.word()
            ),
            description: format!(
                "{cost} for {}. {}",
                text::misses(sum.misses),
                miss_reasons::meaning(sum.reason)
            ),
            class: "mini",
            table: "miss-table",
            shapes: Shapes::stacked(&["cost"], &bars, highest),
            ..Chart::default()
        }
    };
    let mut charts: Vec<Chart> = total.iter().map(chart).collect();
    if let Some(first) = charts.first_mut() {
        first.scale = vec![text::duration(highest), "0".into()];
    }
    if let Some(last) = charts.last_mut() {
        last.labels = labels(periods);
    }
    Charts {
        note: note(&total, sums),
        charts,
        table_title: format!("Table: processor time spent on misses per {}", by.noun()),
        table: HtmlTable::new("", &columns(&total), &rows),
    }
}

/// Explains the charts, and which misses they have.
fn note(total: &[ReasonSum], sums: &Sums) -> String {
    let Some(misses) = sums.misses else {
        return "No build was measured, so the misses are unknown.".into();
    };
    let explained = total
        .iter()
        .map(|sum| sum.misses)
        .fold(0, u64::saturating_add);
    match (explained, misses) {
        (0, 0) => "There are no misses.".into(),
        (0, _) => "The reasons are unknown: no build has a list of its compilations.".into(),
        _ => {
            let shown = if explained < misses {
                let (explained, misses) = (text::number(explained), text::misses(misses));
                format!("{explained} of {misses}; the others have no list of compilations.")
            } else {
                format!("all {}.", text::misses(misses))
            };
            format!(
                "Processor time spent on {shown} All charts have the same scale, and gaps where no reason is known."
            )
        }
    }
}

fn columns(reasons: &[ReasonSum]) -> Vec<Column<Misses>> {
    let mut columns = vec![
        Column::data("period", |row: &Misses| Value::text(&row.period)).shown(Key),
        Column::data("misses", |row: &Misses| row.misses.into()).shown(High),
        Column::data("with a reason", |row: &Misses| {
            row.misses.map(|_| row.explained()).into()
        })
        .shown(High),
    ];
    for sum in reasons {
        let reason = sum.reason;
        columns.push(
            Column::data(reason.word(), move |row: &Misses| row.cost(reason).into()).shown(High),
        );
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(reason: MissReason, misses: u64, seconds: i64) -> ReasonSum {
        ReasonSum {
            reason,
            misses,
            compile_time: TimeDelta::seconds(seconds),
        }
    }

    #[test]
    fn a_reason_that_no_miss_had_costs_nothing_and_an_unknown_one_is_unknown() {
        let row = |misses, reasons: &[ReasonSum]| Misses {
            period: String::new(),
            misses,
            reasons: reasons.iter().map(|sum| (sum.reason, *sum)).collect(),
        };
        let path = row(Some(9), &[sum(MissReason::Path, 7, 60)]);
        assert_eq!(path.cost(MissReason::Path), Some(TimeDelta::seconds(60)));
        assert_eq!(path.cost(MissReason::First), Some(TimeDelta::zero()));
        assert_eq!(path.explained(), 7);
        assert_eq!(
            row(Some(0), &[]).cost(MissReason::First),
            Some(TimeDelta::zero())
        );
        assert_eq!(row(Some(9), &[]).cost(MissReason::First), None);
        assert_eq!(row(None, &[]).cost(MissReason::First), None);
    }

    #[test]
    fn misses_without_a_reason_are_counted() {
        let sums = |misses| Sums {
            misses: Some(misses),
            ..Sums::default()
        };
        let total = [
            sum(MissReason::Path, 1000, 60),
            sum(MissReason::First, 520, 6),
        ];
        assert!(
            note(&total, &sums(1523)).starts_with(
                "Processor time spent on 1,520 of 1,523 misses; the others have no list of compilations."
            )
        );
        assert!(!note(&total, &sums(1520)).contains("others"));
        assert!(note(&[], &sums(3)).starts_with("The reasons are unknown"));
        assert!(note(&[], &sums(0)).starts_with("There are no misses"));
    }

    #[test]
    fn sums_of_a_name_are_added_by_reason() {
        let mut sums = BTreeMap::new();
        for added in [
            sum(MissReason::Path, 1, 2),
            sum(MissReason::First, 3, 4),
            sum(MissReason::Path, 5, 6),
        ] {
            add(&mut sums, "a", &added);
        }
        let added: Vec<&ReasonSum> = sums["a"].values().collect();
        assert_eq!(
            added,
            [&sum(MissReason::First, 3, 4), &sum(MissReason::Path, 6, 8)]
        );
    }
}
