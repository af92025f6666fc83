//! Columns of rows that add up builds. `sums` returns the sums of a row.

use std::io;

use super::super::table::{Column, Importance::*, Page, Value, WARNING, tone_of_hit_rate};
use super::super::{miss_reasons, text};
use crate::store::{BuildRow, ReasonSum, Sums};

pub(super) fn columns<R: 'static>(sums: fn(&R) -> &Sums) -> [Column<R>; 13] {
    type Col<R> = Column<R>;
    [
        Col::data("builds", move |r| Value::Count(sums(r).builds)).shown(Medium),
        Col::data("failed", move |r| Value::Count(sums(r).failed)),
        Col::data("interrupted", move |r| Value::Count(sums(r).interrupted)),
        Col::data("incomplete", move |r| Value::Count(incomplete(sums(r)))),
        Col::data("shared", move |r| Value::Count(sums(r).shared)),
        Col::data("hits", move |r| sums(r).hits.into()).shown(Low),
        Col::data("misses", move |r| sums(r).misses.into()).shown(Low),
        Col::data("hit_rate", move |r| sums(r).hit_rate().into())
            .shown(High)
            .tone(move |r| tone_of_hit_rate(sums(r).hit_rate())),
        Col::data("coverage", move |r| sums(r).coverage().into()).shown(Low),
        Col::data("time_saved_seconds", move |r| sums(r).time_saved.into()).shown(High),
        Col::data("hit_rate_by_cost", move |r| {
            sums(r).hit_rate_by_cost().into()
        }),
        Col::data("exact_share", move |r| sums(r).exact_share().into()),
        Col::data("evicted", move |r| sums(r).evicted_misses.into()),
    ]
}

/// A column that lists what limits the statistics.
pub(super) fn note_column<R: 'static>(sums: fn(&R) -> &Sums) -> Column<R> {
    Column::note("note", move |row| note(sums(row)))
        .shown(Medium)
        .tone(|_| WARNING)
}

/// Builds with at least one phase that was not measured.
fn incomplete(sums: &Sums) -> u64 {
    sums.builds.saturating_sub(sums.measured)
}

/// Returns what limits the statistics: `2 failed, 1 shared`.
pub(super) fn note(sums: &Sums) -> String {
    let mut notes = Vec::new();
    for (count, what) in [
        (sums.failed, "failed"),
        (sums.interrupted, "interrupted"),
        (incomplete(sums), "incomplete"),
        (sums.shared, "shared"),
    ] {
        if count > 0 {
            notes.push(format!("{} {what}", text::number(count)));
        }
    }
    notes.join(", ")
}

/// Returns hit rates by count and by cost, and coverage.
pub(super) fn rates(sums: &Sums) -> String {
    let rates = [sums.hit_rate(), sums.hit_rate_by_cost(), sums.coverage()];
    format_rates(sums.hits.zip(sums.misses), rates)
}

/// Returns the same as [`rates`], for one build.
pub(super) fn build_rates(build: &BuildRow) -> String {
    let rates = [build.hit_rate(), build.hit_rate_by_cost(), build.coverage()];
    format_rates(build.hits.zip(build.misses), rates)
}

fn format_rates(counts: Option<(u64, u64)>, rates: [Option<f64>; 3]) -> String {
    let Some((hits, misses)) = counts else {
        return "not measured".into();
    };
    let counts = text::hits_and_misses(hits, misses);
    let [hit_rate, _, coverage] = rates.map(text::percent_or_dash);
    let by_cost = rates[1].map_or_else(String::new, |rate| {
        format!(", {} by cost", text::percent(rate))
    });
    format!("{hit_rate} ({counts}){by_cost}, coverage {coverage}")
}

/// Writes why `misses` compilations missed in one line, as far as that is known. `target` is the argument for
/// `explain`.
pub(super) fn draw_misses(
    title: &str,
    (reasons, misses): (&[ReasonSum], u64),
    target: &str,
    page: &mut Page<'_>,
) -> io::Result<()> {
    if reasons.is_empty() {
        return Ok(());
    }
    let known = reasons.iter().map(|sum| sum.misses).sum();
    let rest = match misses.saturating_sub(known) {
        0 => String::new(),
        rest => format!(
            "; {} more without a list of compilations",
            text::number(rest)
        ),
    };
    let reasons = miss_reasons::summary(reasons);
    page.line(
        "  ",
        &format!("{title}: {reasons}{rest}; see `sccache-report explain {target}`"),
    )
}
