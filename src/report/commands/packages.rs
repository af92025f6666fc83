//! `sccache-report packages`: one row per package.

use std::collections::BTreeMap;
use std::io::Write;

use super::super::options::{Database, ListArgs, RowOptions, RowOrder};
use super::super::table::{Column, Importance::*, Value};
use super::super::{Status, text, verdict};
use super::sums;
use crate::error::Result;
use crate::savings::verdict::Verdict;
use crate::store::{Filter, PackageRow, Store};

/// The column of the host.
const HOST: &str = "host";

pub(super) fn run(args: &ListArgs, database: &Database, out: &mut dyn Write) -> Result<Status> {
    match args.open(database) {
        Ok((store, filter)) => write(args, &store, fetch(&store, &filter, &args.rows)?, out),
        Err(error) => args.write(
            requested_columns(BTreeMap::new(), &args.rows),
            Err(error),
            RowOrder::Ranked,
            out,
        ),
    }
}

/// Returns a row per package, or per package and host if the options name that column.
pub(super) fn fetch(
    store: &Store,
    filter: &Filter,
    options: &RowOptions,
) -> Result<Vec<PackageRow>> {
    if options.names(HOST) {
        store.packages_by_host(filter)
    } else {
        store.packages(filter)
    }
}

/// Writes rows, with verdicts if they are part of the output.
pub(super) fn write(
    args: &ListArgs,
    store: &Store,
    rows: Vec<PackageRow>,
    out: &mut dyn Write,
) -> Result<Status> {
    let has_verdicts = !args.output.is_table() && args.rows.includes("verdict");
    let verdicts = if has_verdicts || args.rows.names("verdict") {
        let packages: Vec<&str> = rows.iter().map(|row| row.package.as_str()).collect();
        store.verdicts(&packages)?
    } else {
        BTreeMap::new()
    };
    args.write(
        requested_columns(verdicts, &args.rows),
        Ok(rows),
        RowOrder::Ranked,
        out,
    )
}

/// Returns all columns, and that of the host if the options name it, because it splits rows.
fn requested_columns(
    verdicts: BTreeMap<String, Verdict>,
    options: &RowOptions,
) -> Vec<Column<PackageRow>> {
    let mut columns = all_columns(verdicts);
    if options.names(HOST) {
        let host = Column::data(HOST, |row: &PackageRow| row.host.as_deref().into());
        columns.insert(1, host.shown(High));
    }
    columns
}

/// Returns the columns of a package on all hosts.
pub(super) fn all_columns(verdicts: BTreeMap<String, Verdict>) -> Vec<Column<PackageRow>> {
    let mut columns = columns();
    columns.push(Column::data("verdict", move |row: &PackageRow| {
        verdicts.get(&row.package).map(verdict::word).into()
    }));
    columns
}

/// Returns the columns without verdicts.
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
