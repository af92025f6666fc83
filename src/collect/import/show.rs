//! What an import prints.

use std::io::{self, Write};

use chrono::Local;
use comfy_table::{Cell, CellAlignment, presets};

use super::Report;
use crate::portage::{Build, printable};
use crate::sccache::{Stats, coverage, hit_rate};
use crate::store::outcome_word;
use crate::text::plural;

/// `[=====     ] 512 of 1024 logs`.
pub fn bar(done: usize, all: usize) -> String {
    let filled = 30 * done / all.max(1);
    format!("[{:<30}] {done} of {all} logs", "=".repeat(filled))
}

/// What would be added.
#[derive(Default)]
pub struct Table {
    rows: Vec<[String; 9]>,
}

impl Table {
    pub fn add(&mut self, build: &Build) {
        let measured = build.phases.iter().filter_map(|p| p.stats.as_ref().ok());
        let sum = Stats::sum(measured).unwrap_or_default();
        let (hits, misses) = (sum.hits.total, sum.misses.total);
        let number = |count: Option<u64>| count.map_or_else(|| "-".into(), |n| n.to_string());
        let percent =
            |rate: Option<f64>| rate.map_or_else(|| "-".into(), |r| format!("{:.1} %", 100.0 * r));
        self.rows.push([
            build
                .started_at
                .with_timezone(&Local)
                .format("%F %R")
                .to_string(),
            build.package.clone(),
            build.version.clone(),
            outcome_word(build.outcome).to_owned(),
            number(sum.requests),
            hits.to_string(),
            misses.to_string(),
            percent(hit_rate(hits, misses)),
            percent(coverage(hits, misses, sum.executed, sum.non_cacheable)),
        ]);
    }

    /// # Errors
    /// Those of writing.
    pub fn write(mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        // Logs are read newest first; a report has the newest last.
        self.rows.reverse();
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        table.set_header([
            "started", "package", "version", "outcome", "requests", "hits", "misses", "hit rate",
            "coverage",
        ]);
        for row in &self.rows {
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

/// The sums, and by name what went wrong.
///
/// # Errors
/// Those of writing.
pub fn report(report: &Report, dry_run: bool, out: &mut dyn Write) -> io::Result<()> {
    let added = if dry_run { "would be added" } else { "added" };
    let of = |n: u64, noun: &str| format!("{n} {}", plural(n, noun));
    writeln!(
        out,
        "{} read, {} {added}, {} already there, {} without statistics, {} not understood, {} not readable",
        of(report.read, "log"),
        of(report.added, "build"),
        report.there,
        of(report.without, "log"),
        report.not_understood.len(),
        report.unreadable.len(),
    )?;
    if report.waited > 0 {
        let builds = of(report.waited as u64, "build");
        writeln!(out, "{builds} that waited beside the database recorded")?;
    }
    if report.counted_on > 0 {
        writeln!(
            out,
            "{} in which the numbers of one server seem to grow from block to block: of each only what came on top was taken",
            of(report.counted_on, "log")
        )?;
    }
    for (what, list) in [
        ("not understood", &report.not_understood),
        ("not readable", &report.unreadable),
    ] {
        for (path, why) in list {
            let path = printable(&path.display().to_string(), 4096);
            writeln!(out, "{what}: {path}: {}", printable(why, 400))?;
        }
    }
    if !report.unrecognized.is_empty() {
        let lines = report.unrecognized.join("` `");
        let lines = printable(&lines, 1000);
        writeln!(
            out,
            "lines of sccache that this version doesn't know: `{lines}`"
        )?;
    }
    Ok(())
}
