//! One row per host, for databases of several.

use super::super::table::{Column, Importance::*, Value};
use super::super::text;
use super::sums;
use crate::error::Result;
use crate::store::{Filter, HostRow, Store};

/// Returns a row per host; none if only one host matches.
pub(super) fn several(store: &Store, filter: &Filter) -> Result<Vec<HostRow>> {
    if store.host_names()?.len() < 2 {
        return Ok(Vec::new());
    }
    let mut rows = store.hosts(filter)?;
    if rows.len() < 2 {
        rows.clear();
    }
    Ok(rows)
}

pub(super) fn columns() -> Vec<Column<HostRow>> {
    type Col = Column<HostRow>;
    let mut columns = vec![
        Col::data("host", |row| Value::text(&row.host))
            .shown(Key)
            .heading("by host"),
        Col::data("last_at", |row| Value::Time(row.last_at))
            .shown(Low)
            .heading("last build")
            .display(|row| text::date(row.last_at)),
    ];
    columns.extend(sums::columns(|row: &HostRow| &row.sums));
    columns.push(sums::note_column(|row| &row.sums));
    columns
}
