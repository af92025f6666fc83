//! Columns of rows that add up builds.

use super::super::table::{
    Column,
    Importance::{High, Low, Medium},
    Tone, Value,
};
use super::super::text;
use crate::store::{EmergeRow, PackageRow, Sums};

/// A row that adds up builds.
pub(super) trait HasSums: 'static {
    fn sums(&self) -> &Sums;
}

impl HasSums for PackageRow {
    fn sums(&self) -> &Sums {
        &self.sums
    }
}

impl HasSums for EmergeRow {
    fn sums(&self) -> &Sums {
        &self.sums
    }
}

pub(super) fn builds<R: HasSums>() -> Column<R> {
    Column::shown("builds", Medium, |row: &R| Value::Count(row.sums().builds))
}

/// Hits, misses, hit rate, coverage and time saved.
pub(super) fn numbers<R: HasSums>() -> [Column<R>; 5] {
    [
        Column::shown("hits", Low, |row: &R| row.sums().hits.into()),
        Column::shown("misses", Low, |row: &R| row.sums().misses.into()),
        Column::shown("hit_rate", High, |row: &R| row.sums().hit_rate().into())
            .tone(|row| Tone::of_hit_rate(row.sums().hit_rate())),
        Column::shown("coverage", Low, |row: &R| row.sums().coverage().into()),
        Column::shown("time_saved_seconds", High, |row: &R| {
            row.sums().time_saved.into()
        }),
    ]
}

/// How many builds limit what the numbers say.
pub(super) fn remarks<R: HasSums>() -> [Column<R>; 5] {
    [
        Column::terminal_only("note", Medium, |row: &R| note(row.sums()))
            .truncate_to(10)
            .tone(|_| Tone::Warning),
        Column::on_request("failed", |row: &R| Value::Count(row.sums().failed)),
        Column::on_request("interrupted", |row: &R| {
            Value::Count(row.sums().interrupted)
        }),
        Column::on_request("incomplete", |row: &R| Value::Count(incomplete(row.sums()))),
        Column::on_request("shared", |row: &R| Value::Count(row.sums().shared)),
    ]
}

/// Builds with at least one phase that was not measured.
fn incomplete(sums: &Sums) -> u64 {
    sums.builds.saturating_sub(sums.measured)
}

/// `2 failed, 1 shared`: what limits the numbers.
pub(super) fn note(sums: &Sums) -> String {
    let counts = [
        (sums.failed, "failed"),
        (sums.interrupted, "interrupted"),
        (incomplete(sums), "incomplete"),
        (sums.shared, "shared"),
    ];
    let notes: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", text::number(count)))
        .collect();
    notes.join(", ")
}
