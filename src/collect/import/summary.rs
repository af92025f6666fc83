//! The result of an import, and its summary.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use crate::error::Error;
use crate::text::{plural, printable};

/// Why a log, or a part of it, was not imported.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Its statistics include other builds.
    #[error("running totals of a server that was not stopped, without earlier totals to subtract")]
    RunningTotals,
    #[error(transparent)]
    NotUnderstood(#[from] Error),
    #[error(transparent)]
    NotReadable(#[from] io::Error),
}

impl Problem {
    fn kind(&self) -> &'static str {
        match self {
            Self::RunningTotals => "not imported",
            Self::NotUnderstood(_) => "not understood",
            Self::NotReadable(_) => "not readable",
        }
    }
}

/// The result of an import.
#[derive(Debug, Default)]
pub struct ImportSummary {
    /// Logs that were read.
    pub logs: u64,
    /// Builds that were added, or with `--dry-run` would be added.
    pub added: u64,
    /// Builds that were in the database already.
    pub recorded: u64,
    /// Builds that were removed with `forget`.
    pub forgotten: u64,
    /// Logs without statistics.
    pub without_statistics: u64,
    /// Builds from the pending folder.
    pub pending: u64,
    /// The logs that could not be imported completely.
    pub problems: Vec<(PathBuf, Problem)>,
}

impl ImportSummary {
    fn count_problems(&self, kind: &str) -> usize {
        let kinds = self.problems.iter().map(|(_, problem)| problem.kind());
        kinds.filter(|found| *found == kind).count()
    }

    /// Returns the exit status: 0 if everything was imported, 1 if some logs were not, 2 if some logs
    /// could not be read.
    pub fn status(&self) -> u8 {
        if self.count_problems("not readable") > 0 {
            return 2;
        }
        u8::from(!self.problems.is_empty())
    }

    /// Writes the summary and the problems.
    ///
    /// # Errors
    /// The output can't be written.
    pub fn write(&self, is_dry_run: bool, out: &mut dyn Write) -> io::Result<()> {
        let count = |number: u64, noun: &str| format!("{number} {}", plural(number, noun));
        let problems = ["not imported", "not understood", "not readable"]
            .map(|kind| format!("{} {kind}", self.count_problems(kind)));
        let mut added = "added";
        if is_dry_run {
            added = "would be added";
        }
        writeln!(
            out,
            "{} read, {} {added}, {} already there, {} without statistics, {}",
            count(self.logs, "log"),
            count(self.added, "build"),
            self.recorded,
            count(self.without_statistics, "log"),
            problems.join(", "),
        )?;
        if self.forgotten > 0 {
            let builds = count(self.forgotten, "build");
            writeln!(
                out,
                "{builds} skipped: removed with `forget` (--restore imports them)"
            )?;
        }
        if self.pending > 0 {
            let builds = count(self.pending, "build");
            writeln!(out, "{builds} recorded from the pending folder")?;
        }
        for (path, problem) in &self.problems {
            let path = printable(&path.display().to_string(), 4096);
            let reason = printable(&problem.to_string(), 400);
            writeln!(out, "{}: {path}: {reason}", problem.kind())?;
        }
        Ok(())
    }
}

/// Shows how many logs are done if standard error is a terminal, and clears that line at the end.
pub fn show_progress(done: usize, all: usize) {
    let mut terminal = io::stderr();
    if !terminal.is_terminal() {
        return;
    }
    let _ = if done < all {
        write!(terminal, "\r{done} of {all} logs")
    } else {
        write!(terminal, "\r\x1b[K")
    };
}
