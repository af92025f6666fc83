//! `sccache-report emerges`: one row per emerge command.

use std::io::Write;

use super::super::options::{Database, Keep, ListArgs};
use super::super::table::{
    Column,
    Importance::{High, Key, Low},
    Value,
};
use super::super::{Status, text};
use super::sums;
use crate::error::Error;
use crate::store::EmergeRow;

/// Show one row per emerge command, the newest last
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) list: ListArgs,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status, Error> {
    let rows = fetch(args, database);
    args.list.write(columns(), rows, Keep::Last, out)
}

fn fetch(args: &Args, database: &Database) -> Result<Vec<EmergeRow>, Error> {
    let (store, filter) = args.list.open(database)?;
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
        Col::shown("id", Low, |row| Value::Id(row.id)).display(|row| text::short_id(row.id)),
        Col::data("host", |row| Value::text(&row.host)),
        Col::shown("command", Key, |row| Value::text(&row.command)).truncate_to(20),
        Col::shown("started_at", High, |row| Value::Time(row.started_at)),
        sums::builds(),
        Col::data("failed", |row| Value::Count(row.sums.failed)),
    ];
    let is_emerge_column = |column: &Column<EmergeRow>| column.name != "coverage";
    columns.extend(sums::numbers().into_iter().filter(is_emerge_column));
    let is_remark = |column: &Column<EmergeRow>| column.name != "failed";
    columns.extend(sums::remarks().into_iter().filter(is_remark));
    columns
}
