//! `sccache-report packages`: one row per package.

use std::io::Write;

use super::super::options::{Database, Keep, ListArgs};
use super::super::table::{
    Column,
    Importance::{Key, Low, Medium},
    Value,
};
use super::super::{Status, text};
use super::sums;
use crate::error::Error;
use crate::store::PackageRow;

/// Show one row per package
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) list: ListArgs,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status, Error> {
    let selected = args.list.open(database);
    let rows = selected.and_then(|(store, filter)| store.packages(&filter));
    args.list.write(columns(), rows, Keep::First, out)
}

pub(super) fn columns() -> Vec<Column<PackageRow>> {
    type Col = Column<PackageRow>;
    let mut columns = vec![
        Col::shown("package", Key, |row| Value::text(&row.package)).truncate_to(18),
        sums::builds(),
        Col::data("first_at", |row| Value::Time(row.first_at)),
        Col::shown("last_at", Low, |row| Value::Time(row.last_at))
            .heading("last build")
            .display(|row| text::date(row.last_at)),
    ];
    columns.extend(sums::numbers());
    columns.extend([
        Col::shown("last_version", Low, |row| Value::text(&row.last_version))
            .heading("version")
            .truncate_to(7),
        Col::shown("last_hit_rate", Medium, |row| row.last_hit_rate().into())
            .heading("last rate")
            .display(last_rate),
    ]);
    columns.extend(sums::remarks());
    columns
}

/// A change of the hit rate that an arrow marks.
const NOTABLE_CHANGE: f64 = 0.05;

/// The newest build's hit rate, and whether it is above or below the earlier builds'.
fn last_rate(row: &PackageRow) -> String {
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
