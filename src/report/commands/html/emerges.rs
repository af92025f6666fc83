//! The table of the newest emerge commands, with their builds.

use crate::error::Result;
use crate::report::commands::emerges;
use crate::report::html::page::{Details, Expandable};
use crate::report::table::{Column, HtmlTable};
use crate::report::text;
use crate::store::{EmergeBuild, EmergeRow, Filter, Store};

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
    let emerges = store.newest_emerges(filter, SHOWN)?;
    let lists: Vec<Vec<String>> = emerges
        .iter()
        .map(|known| known.builds.iter().map(build).collect())
        .collect();
    let rows: Vec<EmergeRow> = emerges.into_iter().map(|known| known.emerge).collect();
    let mut table = Expandable::new(HtmlTable::new("", &columns(), &rows));
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

/// Returns `dev-libs/a 1.0: 50.0 %`.
fn build(build: &EmergeBuild) -> String {
    let [package, version] = [&build.package, &build.version].map(|text| text::sanitize(text));
    let rate = text::percent_or_dash(build.hit_rate);
    format!("{package} {version}: {rate}")
}

/// Returns the lists as texts that have at most so many bytes together. A list that is cut says so.
fn shortened(lists: &[Vec<String>], most: usize) -> Vec<String> {
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

/// Returns a command that fits the table, and `-` for an empty one: something has to open the row.
fn shown_command(command: &str) -> String {
    match command.trim() {
        "" => "-".to_string(),
        command => text::shortened(command, COMMAND_LENGTH),
    }
}

fn columns() -> Vec<Column<EmergeRow>> {
    let show = |column: Column<EmergeRow>| match column.name {
        "command" => column.display(|row| shown_command(&row.command)),
        _ => column,
    };
    let columns = super::selected(emerges::columns(), &COLUMNS).into_iter();
    columns.map(show).collect()
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
        let lists = [large, small.clone(), small.clone()];
        let shown = shortened(&lists, 1000);
        assert_eq!(shown[1..], [small.join(", "), small.join(", ")]);
        assert!(shown[0].starts_with("dev-libs/package0 1.0: 50.0 %, dev-libs/package1 "));
        assert!(shown[0].ends_with(" more"), "{}", shown[0]);
        assert!(shown.iter().map(String::len).sum::<usize>() <= 1000);
        assert_eq!(shortened(&[], 1000), Vec::<String>::new());
    }
}
