//! What an import prints.

use std::io::{self, Write};

use super::{Report, Trouble};
use crate::portage::printable;
use crate::text::plural;

/// `[=====     ] 512 of 1024 logs`.
pub fn bar(done: usize, all: usize) -> String {
    let filled = 30 * done / all.max(1);
    format!("[{:<30}] {done} of {all} logs", "=".repeat(filled))
}

/// Prints the sums, and each log that has a problem.
///
/// # Errors
/// Those of writing.
pub fn report(report: &Report, dry_run: bool, out: &mut dyn Write) -> io::Result<()> {
    let added = if dry_run { "would be added" } else { "added" };
    let of = |n: u64, noun: &str| format!("{n} {}", plural(n, noun));
    let count = |kind| {
        report
            .troubles
            .iter()
            .filter(|found| found.0 == kind)
            .count()
    };
    writeln!(
        out,
        "{} read, {} {added}, {} already there, {} without statistics, {} not imported, {} not understood, {} not readable",
        of(report.read, "log"),
        of(report.added, "build"),
        report.there,
        of(report.without, "log"),
        count(Trouble::RunningTotals),
        count(Trouble::Misunderstood),
        count(Trouble::Unreadable),
    )?;
    if report.forgotten > 0 {
        writeln!(
            out,
            "{} skipped: removed with `forget` (use --restore to import anyway)",
            of(report.forgotten, "build")
        )?;
    }
    if report.waited > 0 {
        let builds = of(report.waited as u64, "build");
        writeln!(out, "{builds} recorded from the pending folder")?;
    }
    for (trouble, path, why) in &report.troubles {
        let path = printable(&path.display().to_string(), 4096);
        writeln!(out, "{trouble}: {path}: {why}")?;
    }
    if !report.unrecognized.is_empty() {
        let lines = report.unrecognized.join("` `");
        let lines = printable(&lines, 1000);
        writeln!(out, "unknown lines in sccache's statistics: `{lines}`")?;
    }
    Ok(())
}
