//! A plain table of builds, for what people are shown before they change the database.

use std::io::{self, Write};

use chrono::{DateTime, Local, Utc};
use comfy_table::{Cell, CellAlignment, Table, presets};

use crate::portage::{Build, Outcome, printable};
use crate::sccache::{Stats, coverage, hit_rate};
use crate::store::{BuildRow, outcome_word};

const HEADER: [&str; 9] = [
    "started", "package", "version", "outcome", "requests", "hits", "misses", "hit rate",
    "coverage",
];

/// The rows.
#[derive(Default)]
pub struct BuildTable(Vec<[String; 9]>);

impl BuildTable {
    /// Adds a build that isn't in the database.
    pub fn add_build(&mut self, build: &Build) {
        let stats = build.phases.iter().filter_map(|p| p.stats.as_ref().ok());
        let sum = Stats::sum(stats).unwrap_or_default();
        let counts = [
            sum.requests,
            Some(sum.hits.total),
            Some(sum.misses.total),
            sum.executed,
            sum.non_cacheable,
        ];
        let (package, version) = (&build.package, &build.version);
        self.add(build.started_at, package, version, build.outcome, counts);
    }

    /// Adds a build of the database.
    pub fn add_row(&mut self, row: &BuildRow) {
        let counts = [
            row.requests,
            row.hits,
            row.misses,
            row.executed,
            row.non_cacheable,
        ];
        self.add(
            row.started_at,
            &row.package,
            &row.version,
            row.outcome,
            counts,
        );
    }

    fn add(
        &mut self,
        started_at: DateTime<Utc>,
        package: &str,
        version: &str,
        outcome: Outcome,
        [requests, hits, misses, executed, non_cacheable]: [Option<u64>; 5],
    ) {
        let number = |count: Option<u64>| count.map_or_else(|| "-".into(), |n| n.to_string());
        let percent =
            |rate: Option<f64>| rate.map_or_else(|| "-".into(), |r| format!("{:.1} %", 100.0 * r));
        let answered = hits.zip(misses);
        let started_at = started_at.with_timezone(&Local).format("%F %R");
        self.0.push([
            started_at.to_string(),
            package.to_owned(),
            version.to_owned(),
            outcome_word(outcome).to_owned(),
            number(requests),
            number(hits),
            number(misses),
            percent(answered.and_then(|(h, m)| hit_rate(h, m))),
            percent(answered.and_then(|(h, m)| coverage(h, m, executed, non_cacheable))),
        ]);
    }

    /// Writes the table, the oldest build first, and an empty line.
    ///
    /// # Errors
    /// Those of writing.
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
            if index >= 4 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(out, "{}\n", table.trim_fmt())
    }
}
