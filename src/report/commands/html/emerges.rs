//! The table of the newest emerge commands, with their builds.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::super::html::page::Expandable;
use super::super::super::table::HtmlTable;
use super::super::super::text;
use super::super::emerges;
use crate::error::Result;
use crate::store::{EmergeRow, Filter, Store};

/// Emerge commands in the table.
const SHOWN: u32 = 50;

/// The bytes that the builds of all of them take. Older commands have only the number of their builds.
const BUILD_BYTES: usize = 6_000;

const COLUMNS: [&str; 5] = [
    "command",
    "started_at",
    "builds",
    "hit_rate",
    "time_saved_seconds",
];

/// Returns the newest emerge commands, the newest first.
pub(super) fn table(store: &Store, filter: &Filter) -> Result<Expandable> {
    let mut rows = store.newest_emerges(filter, SHOWN)?;
    rows.reverse();
    let builds = builds(store, filter, &rows)?;
    let mut columns = emerges::columns();
    columns.retain(|column| COLUMNS.contains(&column.name));
    let mut room = BUILD_BYTES;
    let notes: Vec<String> = rows
        .iter()
        .map(|row| {
            let builds = builds.get(&row.id).map_or(&[][..], Vec::as_slice);
            let list = builds.join(", ");
            let is_listed = list.len() <= room;
            let list = if is_listed {
                list
            } else {
                text::count(builds.len() as u64, "build")
            };
            room = if is_listed { room - list.len() } else { 0 };
            list
        })
        .collect();
    let table = HtmlTable::new("", &columns, &rows);
    Ok(Expandable::new(table, notes))
}

/// Returns the builds of each command: package, version, and hit rate.
fn builds(
    store: &Store,
    filter: &Filter,
    rows: &[EmergeRow],
) -> Result<HashMap<Uuid, Vec<String>>> {
    let mut builds: HashMap<Uuid, Vec<String>> =
        rows.iter().map(|row| (row.id, Vec::new())).collect();
    let oldest = rows.iter().map(|row| row.started_at).min();
    let recent = Filter {
        since: filter.since.max(oldest),
        ..filter.clone()
    };
    store.for_each_build(&recent, |build| {
        if let Some(list) = build.emerge.and_then(|id| builds.get_mut(&id)) {
            let (package, version) = (
                text::sanitize(&build.package),
                text::sanitize(&build.version),
            );
            let rate = text::percent_or_dash(build.hit_rate());
            list.push(format!("{package} {version}: {rate}"));
        }
    })?;
    Ok(builds)
}
