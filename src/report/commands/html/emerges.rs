//! The table of the newest emerge commands, with their builds.

use std::collections::HashMap;

use uuid::Uuid;

use crate::error::Result;
use crate::report::commands::emerges;
use crate::report::html::page::{Details, Expandable};
use crate::report::table::{Column, HtmlTable};
use crate::report::text;
use crate::store::{EmergeRow, Filter, Store};

/// Emerge commands in the table.
const SHOWN: u32 = 50;

/// The bytes of the lists of builds of all commands.
const BUILD_BYTES: usize = 3_000;

/// Characters of a command. The recorder keeps up to 4,096 bytes.
const COMMAND_LENGTH: usize = 200;

const COLUMNS: [&str; 5] = [
    "command",
    "builds",
    "started_at",
    "hit_rate",
    "time_saved_seconds",
];

/// Returns the newest emerge commands, the newest first.
pub(super) fn table(store: &Store, filter: &Filter) -> Result<Expandable> {
    let mut rows = store.newest_emerges(filter, SHOWN)?;
    rows.reverse();
    let builds = builds(store, filter, &rows)?;
    let mut table = Expandable::new(HtmlTable::new("", &columns(), &rows));
    let lists: Vec<&[String]> = rows
        .iter()
        .map(|row| builds.get(&row.id).map_or(&[][..], Vec::as_slice))
        .collect();
    for (row, list) in table.rows.iter_mut().zip(shortened(&lists, BUILD_BYTES)) {
        row.details = Details::Brief(vec![list]);
    }
    table.note = "The newest first, with the hit rate of each build.".into();
    if rows.len() == SHOWN as usize {
        table.note =
            format!("The {SHOWN} newest, the newest first, with the hit rate of each build.");
    }
    Ok(table)
}

/// Returns the lists as texts that have at most so many bytes together. A list that is cut says so.
fn shortened(lists: &[&[String]], most: usize) -> Vec<String> {
    let wanted: Vec<usize> = lists.iter().map(|list| list.join(", ").len()).collect();
    let shares = text::share(most, &wanted).into_iter();
    let lists = lists.iter().zip(shares);
    lists
        .map(|(list, share)| {
            text::listed(list, share, |more| {
                format!(", and {} more", text::number(more))
            })
        })
        .collect()
}

fn columns() -> Vec<Column<EmergeRow>> {
    let show = |column: Column<EmergeRow>| match column.name {
        "command" => column.display(|row| text::shortened(&row.command, COMMAND_LENGTH)),
        "builds" => super::opener(column, |row| row.sums.builds),
        _ => column,
    };
    let columns = super::selected(emerges::columns(), &COLUMNS).into_iter();
    columns.map(show).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_list_leaves_room_for_the_others() {
        let list = |count: usize| -> Vec<String> {
            (0..count)
                .map(|n| format!("dev-libs/package{n} 1.{n}: 50.0 %"))
                .collect()
        };
        let (large, small) = (list(170), list(3));
        let lists: Vec<&[String]> = vec![&large, &small, &small];
        let shown = shortened(&lists, 1000);
        assert_eq!(shown[1..], [small.join(", "), small.join(", ")]);
        assert!(shown[0].starts_with("dev-libs/package0 1.0: 50.0 %, dev-libs/package1 "));
        assert!(shown[0].ends_with(" more"), "{}", shown[0]);
        assert!(shown.iter().map(String::len).sum::<usize>() <= 1000);
        assert_eq!(shortened(&[], 1000), Vec::<String>::new());
    }
}
