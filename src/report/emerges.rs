//! `sccache-report emerges`: a row per emerge command.

use std::io::Write;

use super::common::{Common, Selection};
use super::output::Keep;
use super::packages::{SHORT_NOTE, note, remarks};
use super::sheet::{Column, Name, Sheet, Tone, Value};
use super::{Shown, Trouble, builds};
use crate::store::{EmergeRow, Sums};

type Col = Column<EmergeRow>;

/// A row per emerge command, the newest last
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only of these packages' builds: PN, CATEGORY/PN, with shell wildcards if you like
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
}

pub(super) fn run(args: &Args, common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    let rows = match common.select(&args.patterns)? {
        Selection::Builds(store, filter) => store.emerges(&filter)?,
        Selection::Nothing(why) => return common.nothing(sheet(vec![]), why, out),
    };
    if rows.is_empty() {
        let why = "no recorded build that matches is known to be of an emerge command, and those imported from logs never are";
        return common.nothing(sheet(rows), why.into(), out);
    }
    common.finish(sheet(rows), Keep::Newest, out)
}

/// The names of its columns.
pub(super) fn names() -> Vec<Name> {
    sheet(vec![]).names()
}

fn sheet(rows: Vec<EmergeRow>) -> Sheet<EmergeRow> {
    Sheet {
        columns: columns(),
        rows,
    }
}

/// The columns of an emerge.
pub(super) fn columns() -> Vec<Column<EmergeRow>> {
    let mut columns = numbers();
    let remarks = remarks(|r: &EmergeRow| &r.sums);
    // The failed have a column of their own.
    columns.extend(remarks.into_iter().filter(|c| c.name != "failed"));
    columns
}

fn numbers() -> Vec<Column<EmergeRow>> {
    vec![
        Col::new("id", |r| Value::text(r.id.to_string()))
            .heading("id", 20)
            .show(|r| builds::short(r.id)),
        Col::new("host", |r| Value::text(&r.host)),
        Col::new("command", |r| Value::text(&r.command))
            .heading("command", 100)
            .cut_to(20),
        Col::new("started_at", |r| Value::Time(r.started_at))
            .heading("started", 94)
            .first(),
        Col::new("builds", |r| Value::Count(r.sums.builds)).heading("builds", 80),
        Col::new("failed", |r| Value::Count(r.sums.failed))
            .heading("failed", 85)
            .tone(|r| match r.sums.failed {
                0 => Tone::Plain,
                _ => Tone::Bad,
            }),
        Col::new("hits", |r| r.sums.hits.into()).heading("hits", 62),
        Col::new("misses", |r| r.sums.misses.into())
            .heading("misses", 61)
            .beside("hits"),
        Col::new("hit_rate", |r| r.sums.hit_rate().into())
            .heading("hit rate", 95)
            .tone(|r| Tone::of_rate(r.sums.hit_rate())),
        Col::new("time_saved_seconds", |r| r.sums.time_saved.into()).heading("time saved", 90),
        Col::shown("note", 70, besides_failed)
            .narrow(SHORT_NOTE)
            .tone(|_| Tone::Warning),
    ]
}

/// What keeps the numbers from being the whole truth; the failed have a column of their own.
fn besides_failed(row: &EmergeRow) -> String {
    note(&Sums {
        failed: 0,
        ..row.sums
    })
}
