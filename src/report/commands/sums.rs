//! Columns of rows that add up builds. `sums` returns the sums of a row.

use super::super::table::{Column, Importance::*, Value, WARNING, tone_of_hit_rate};
use super::super::text;
use crate::store::Sums;

pub(super) fn columns<R: 'static>(sums: fn(&R) -> &Sums) -> [Column<R>; 10] {
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

/// Hit rate and coverage, with the counts they are computed from.
pub(super) fn rates(
    counts: Option<(u64, u64)>,
    hit_rate: Option<f64>,
    coverage: Option<f64>,
) -> String {
    let Some((hits, misses)) = counts else {
        return "not measured".into();
    };
    let counts = text::hits_and_misses(hits, misses);
    let [hit_rate, coverage] = [hit_rate, coverage].map(text::percent_or_dash);
    format!("{hit_rate} ({counts}), coverage {coverage}")
}
