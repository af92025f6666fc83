//! `sccache-report packages`: one row per package.

use std::io::Write;

use super::super::options::{Database, ListArgs, RowOrder};
use super::super::table::{Column, Importance::*, Value};
use super::super::{Status, text};
use super::sums;
use crate::error::Result;
use crate::store::PackageRow;

pub(super) fn run(args: &ListArgs, database: &Database, out: &mut dyn Write) -> Result<Status> {
    let selected = args.open(database);
    let rows = selected.and_then(|(store, filter)| store.packages(&filter));
    args.write(columns(), rows, RowOrder::Ranked, out)
}

pub(super) fn columns() -> Vec<Column<PackageRow>> {
    type Col = Column<PackageRow>;
    let mut columns = vec![
        Col::data("package", |row| Value::text(&row.package)).shown(Key),
        Col::data("first_at", |row| Value::Time(row.first_at)),
        Col::data("last_at", |row| Value::Time(row.last_at))
            .shown(Low)
            .heading("last build")
            .display(|row| text::date(row.last_at)),
    ];
    columns.extend(sums::columns(|row: &PackageRow| &row.sums));
    columns.extend([
        Col::data("last_version", |row| Value::text(&row.last_version))
            .shown(Low)
            .heading("version"),
        Col::data("last_hit_rate", |row| row.last_hit_rate().into())
            .shown(Medium)
            .heading("newest rate")
            .display(newest_rate),
        sums::note_column(|row| &row.sums),
    ]);
    columns
}

/// A change of the hit rate that an arrow marks.
const NOTABLE_CHANGE: f64 = 0.05;

/// The newest build's hit rate, and whether it is above or below the earlier builds'.
fn newest_rate(row: &PackageRow) -> String {
    let Some(last) = row.last_hit_rate() else {
        return "-".into();
    };
    let arrow = match row.earlier_hit_rate() {
        None => "",
        Some(earlier) if last - earlier >= NOTABLE_CHANGE => "↑ ",
        Some(earlier) if earlier - last >= NOTABLE_CHANGE => "↓ ",
        Some(_) => "→ ",
    };
    format!("{arrow}{}", text::percent(last))
}
