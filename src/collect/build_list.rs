//! The list of builds that `import --dry-run` and `forget` print.

use std::io::{self, Write};

use chrono::{DateTime, Local, Utc};

use crate::portage::{Build, Outcome, printable};
use crate::store::BuildRow;

/// One line per build.
#[derive(Default)]
pub struct BuildList(Vec<String>);

impl BuildList {
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
        let started_at = started_at.with_timezone(&Local).format("%F %R");
        let counts = counts.map_or("no statistics".into(), |(hits, misses)| {
            format!("{hits} hits, {misses} misses")
        });
        let name = printable(&format!("{package}-{version}"), 255);
        let outcome = outcome.word();
        self.0
            .push(format!("{started_at} {name} {outcome}: {counts}"));
    }

    /// Writes the list, the oldest build first.
    ///
    /// # Errors
    /// The output can't be written.
    pub fn write(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.0.sort();
        self.0.iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}
