//! The table of builds that `import --dry-run` and `forget` print.

use std::io::{self, Write};

use chrono::{DateTime, Local, Utc};
use comfy_table::{Cell, CellAlignment, Table, presets};

use crate::portage::{Build, Outcome, printable};
use crate::sccache::hit_rate;
use crate::store::BuildRow;
use crate::text::percent;

const HEADER: [&str; 7] = [
    "started", "package", "version", "outcome", "hits", "misses", "hit rate",
];

/// The index of the first column with numbers.
const FIRST_NUMBER: usize = 4;

/// The rows of the table.
#[derive(Default)]
pub struct BuildTable(Vec<[String; HEADER.len()]>);

impl BuildTable {
    /// Adds a build that isn't in the database.
    pub fn add_build(&mut self, build: &Build) {
        let counts = build.total().map(|sum| (sum.hits.total, sum.misses.total));
        let names = (&*build.package, &*build.version);
        self.add(build.started_at, names, build.outcome, counts);
    }

    /// Adds a build of the database.
    pub fn add_row(&mut self, row: &BuildRow) {
        let names = (&*row.package, &*row.version);
        self.add(row.started_at, names, row.outcome, row.hits.zip(row.misses));
    }

    fn add(
        &mut self,
        started_at: DateTime<Utc>,
        (package, version): (&str, &str),
        outcome: Outcome,
        counts: Option<(u64, u64)>,
    ) {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let started_at = started_at.with_timezone(&Local).format("%F %R");
        self.0.push([
            started_at.to_string(),
            package.to_owned(),
            version.to_owned(),
            outcome.word().to_owned(),
            or_dash(counts.map(|(hits, _)| hits.to_string())),
            or_dash(counts.map(|(_, misses)| misses.to_string())),
            or_dash(counts.and_then(|(hits, misses)| hit_rate(hits, misses).map(percent))),
        ]);
    }

    /// Writes the table, the oldest build first, and an empty line.
    ///
    /// # Errors
    /// The output can't be written.
    pub fn write(mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort();
        let mut table = Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        table.set_header(HEADER);
        for row in &self.0 {
            table.add_row(row.iter().map(|cell| Cell::new(printable(cell, 255))));
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if index >= FIRST_NUMBER {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(out, "{}\n", table.trim_fmt())
    }
}
