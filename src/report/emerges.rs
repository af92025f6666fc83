//! `sccache-report emerges`: a row per emerge command.

use std::io::Write;

use super::common::{Common, Selection};
use super::sheet::{Column, Sheet, Tone, Value};
use super::{Shown, Trouble, text};
use crate::store::EmergeRow;

type Col = Column<EmergeRow>;

/// A row per emerge command, the newest last
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    let rows = match common.select(&[])? {
        Selection::Builds(store, filter) => {
            let rows = store.emerges(&filter)?;
            if rows.is_empty() && store.sums(&filter)?.builds > 0 {
                // A log doesn't say by which command it came about.
                let why = "the builds that match name no emerge command: imported logs don't";
                return common.nothing(&sheet(rows), why.into(), out);
            }
            rows
        }
        Selection::Nothing(why) => return common.nothing(&sheet(vec![]), why, out),
    };
    common.finish(sheet(rows), out)
}

fn sheet(rows: Vec<EmergeRow>) -> Sheet<EmergeRow> {
    Sheet {
        columns: columns(),
        rows,
    }
}

/// The columns of an emerge.
pub(super) fn columns() -> Vec<Column<EmergeRow>> {
    vec![
        Col::shown("started", 90, |r| text::minute(r.started_at)),
        Col::new("id", |r| Value::text(r.id))
            .heading("id", 20)
            .show(|r| r.id.to_string()[..8].to_string()),
        Col::new("host", |r| Value::text(&r.host)),
        Col::new("command", |r| Value::text(&r.command))
            .heading("command", 100)
            .cut_to(30),
        Col::new("started_at", |r| Value::Time(r.started_at)),
        Col::new("builds", |r| Value::Count(r.sums.builds)).heading("builds", 80),
        Col::new("failed", |r| Value::Count(r.sums.failed))
            .heading("failed", 75)
            .tone(|r| {
                if r.sums.failed > 0 {
                    Tone::Bad
                } else {
                    Tone::Plain
                }
            }),
        Col::new("hits", |r| r.sums.hits.into()).heading("hits", 70),
        Col::new("misses", |r| r.sums.misses.into()).heading("misses", 69),
        Col::new("hit_rate", |r| r.sums.hit_rate().into()).heading("hit rate", 95),
        Col::new("time_saved_seconds", |_| Value::Unknown),
    ]
}
