//! `sccache-report packages`: a row per package.

use std::io::Write;

use super::common::{Common, Selection};
use super::sheet::{Column, Name, Sheet, Tone, Value};
use super::{Shown, Trouble, text};
use crate::store::PackageRow;

type Col = Column<PackageRow>;

/// A row per package
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Packages: PN, CATEGORY/PN, with shell wildcards if you like
    #[arg(value_name = "PATTERN")]
    pub(super) patterns: Vec<String>,
}

pub(super) fn run(args: &Args, common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    let rows = match common.select(&args.patterns)? {
        Selection::Builds(store, filter) => store.packages(&filter)?,
        Selection::Nothing(why) => return common.nothing(&sheet(vec![]), why, out),
    };
    common.finish(sheet(rows), out)
}

/// The names of its columns.
pub(super) fn names() -> Vec<Name> {
    sheet(vec![]).names()
}

pub(super) fn sheet(rows: Vec<PackageRow>) -> Sheet<PackageRow> {
    Sheet {
        columns: columns(),
        rows,
    }
}

/// The columns of a package, for all that list packages.
pub(super) fn columns() -> Vec<Column<PackageRow>> {
    vec![
        Col::new("package", |r| Value::text(&r.package))
            .heading("package", 100)
            .cut_to(24),
        Col::new("builds", |r| Value::Count(r.sums.builds)).heading("builds", 80),
        Col::new("first_at", |r| Value::Time(r.first_at)),
        Col::new("last_at", |r| Value::Time(r.last_at))
            .heading("last build", 50)
            .show(|r| text::day(r.last_at)),
        Col::new("hits", |r| r.sums.hits.into()).heading("hits", 85),
        Col::new("misses", |r| r.sums.misses.into()).heading("misses", 84),
        Col::new("hit_rate", |r| r.sums.hit_rate().into()).heading("hit rate", 95),
        Col::new("coverage", |r| r.sums.coverage().into()).heading("coverage", 60),
        Col::new("time_saved_seconds", |r| r.sums.time_saved.into()),
        Col::new("last_version", |r| Value::text(&r.last_version))
            .heading("version", 30)
            .cut_to(8),
        Col::new("last_hit_rate", |r| r.last_hit_rate().into()).heading("last rate", 20),
        Col::shown("note", 70, note).tone(|_| Tone::Warning),
    ]
}

/// What keeps the row's numbers from being the whole truth.
fn note(row: &PackageRow) -> String {
    let sums = &row.sums;
    let mut notes = Vec::new();
    if sums.failed > 0 {
        notes.push(format!("{} failed", sums.failed));
    }
    if sums.measured < sums.builds {
        notes.push(format!("{} incomplete", sums.builds - sums.measured));
    }
    if sums.shared > 0 {
        notes.push(format!("{} shared", sums.shared));
    }
    notes.join(", ")
}
