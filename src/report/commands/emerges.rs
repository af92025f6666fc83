//! `sccache-report emerges`: one row per emerge command.

use std::io::Write;

use super::super::Status;
use super::super::options::{Database, ListArgs, RowOrder};
use super::super::table::{Column, Importance::*, Value};
use super::sums;
use crate::error::{Error, Result};
use crate::store::EmergeRow;

pub(super) fn run(args: &ListArgs, database: &Database, out: &mut dyn Write) -> Result<Status> {
    args.write(
        columns(),
        fetch(args, database),
        RowOrder::Chronological,
        out,
    )
}

fn fetch(args: &ListArgs, database: &Database) -> Result<Vec<EmergeRow>> {
    let (store, filter) = args.open(database)?;
    let rows = store.emerges(&filter)?;
    if rows.is_empty() {
        let why = "no matching build belongs to a known emerge command (imported builds never do)";
        return Err(Error::NoMatch(why.into()));
    }
    Ok(rows)
}

pub(super) fn columns() -> Vec<Column<EmergeRow>> {
    type Col = Column<EmergeRow>;
    let mut columns = vec![
        Col::data("id", |row| Value::Id(row.id)).shown(Low),
        Col::data("host", |row| Value::text(&row.host)),
        Col::data("command", |row| Value::text(&row.command)).shown(Key),
        Col::data("started_at", |row| Value::Time(row.started_at)).shown(High),
    ];
    columns.extend(sums::columns(|row: &EmergeRow| &row.sums));
    columns.push(sums::note_column(|row| &row.sums));
    columns
}
