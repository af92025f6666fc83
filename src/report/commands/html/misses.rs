//! The section on why compilations missed, by cost, over time.

use std::collections::BTreeMap;

use chrono::{Local, TimeDelta};

use super::super::super::html::page::Charts;
use super::super::super::html::{Chart, Shapes};
use super::super::super::table::{Column, HtmlTable, Importance::*, Value};
use super::super::super::{miss_reasons, text};
use super::super::trend::{self, Period};
use super::trend::labels;
use crate::error::Result;
use crate::sccache::compilations::MissReason;
use crate::store::{Filter, ReasonSum, Store, sum_reasons};
use crate::when::PeriodLength;

/// The misses of a period.
struct Misses {
    period: String,
    reasons: Vec<ReasonSum>,
}

impl Misses {
    fn cost(&self, reason: MissReason) -> Option<TimeDelta> {
        let found = self.reasons.iter().find(|sum| sum.reason == reason);
        found.map(|sum| sum.compile_time)
    }
}

/// Returns a chart for each reason, the costliest first, over the periods.
pub(super) fn charts(
    store: &Store,
    filter: &Filter,
    by: PeriodLength,
    periods: &[Period],
) -> Result<Charts> {
    let mut reasons: BTreeMap<String, Vec<ReasonSum>> = BTreeMap::new();
    store.each_miss_reason(filter, |started_at, sum| {
        let day = started_at.with_timezone(&Local).date_naive();
        let sums = reasons.entry(trend::name(by, day)).or_default();
        sums.push(sum);
        // At most one sum per reason is kept.
        if sums.len() > MissReason::ALL.len() {
            *sums = sum_reasons(&*sums);
        }
    })?;
    let row = |period: &Period| Misses {
        period: period.name.clone(),
        reasons: sum_reasons(reasons.get(&period.name).into_iter().flatten()),
    };
    let rows: Vec<Misses> = periods.iter().map(row).collect();
    let total = sum_reasons(rows.iter().flat_map(|row| &row.reasons));
    let seconds = |row: &Misses, reason| row.cost(reason).map_or(0.0, TimeDelta::as_seconds_f64);
    let costs = |reason| rows.iter().map(move |row| seconds(row, reason));
    let highest = total
        .iter()
        .flat_map(|sum| costs(sum.reason))
        .fold(0.0, f64::max);
    let chart = |sum: &ReasonSum| {
        let bars: Vec<f64> = costs(sum.reason).collect();
        let (word, misses) = (sum.reason.word(), text::misses(sum.misses));
        let cost = text::duration(sum.compile_time.as_seconds_f64());
        Chart {
            title: format!("{word}: {cost}, {misses}"),
            description: miss_reasons::meaning(sum.reason).into(),
            class: "mini",
            top: text::duration(highest),
            table: "miss-table",
            shapes: Shapes::bars(&bars, highest),
            ..Chart::default()
        }
    };
    let mut charts: Vec<Chart> = total.iter().map(chart).collect();
    if let Some(last) = charts.last_mut() {
        last.labels = labels(periods);
    }
    Ok(Charts {
        charts,
        table: HtmlTable::new("", &columns(&total), &rows),
    })
}

fn columns(reasons: &[ReasonSum]) -> Vec<Column<Misses>> {
    let mut columns =
        vec![Column::data("period", |row: &Misses| Value::text(&row.period)).shown(Key)];
    for sum in reasons {
        let reason = sum.reason;
        columns.push(
            Column::data(reason.word(), move |row: &Misses| row.cost(reason).into()).shown(High),
        );
    }
    columns
}
