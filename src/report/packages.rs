//! `sccache-report packages`: a row per package.

use std::io::Write;

use super::common::{Common, Selection};
use super::output::Keep;
use super::sheet::{Column, Name, Narrow, Sheet, Tone, Value};
use super::{Shown, Trouble, text};
use crate::store::{PackageRow, Sums};

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
        Selection::Nothing(why) => return common.nothing(sheet(vec![]), why, out),
    };
    common.finish(sheet(rows), Keep::First, out)
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
    let mut columns = numbers();
    columns.extend(remarks(|r: &PackageRow| &r.sums));
    columns
}

fn numbers() -> Vec<Column<PackageRow>> {
    vec![
        Col::new("package", |r| Value::text(&r.package))
            .heading("package", 100)
            .cut_by(text::cut_package, 18),
        Col::new("builds", |r| Value::Count(r.sums.builds)).heading("builds", 80),
        Col::new("first_at", |r| Value::Time(r.first_at)),
        Col::new("last_at", |r| Value::Time(r.last_at))
            .heading("last build", 65)
            .show(|r| text::day(r.last_at)),
        Col::new("hits", |r| r.sums.hits.into()).heading("hits", 58),
        Col::new("misses", |r| r.sums.misses.into())
            .heading("misses", 57)
            .beside("hits"),
        Col::new("hit_rate", |r| r.sums.hit_rate().into())
            .heading("hit rate", 95)
            .tone(|r| Tone::of_rate(r.sums.hit_rate())),
        Col::new("coverage", |r| r.sums.coverage().into()).heading("coverage", 50),
        Col::new("time_saved_seconds", |r| r.sums.time_saved.into()).heading("time saved", 90),
        Col::new("last_version", |r| Value::text(&r.last_version))
            .heading("version", 20)
            .cut_to(7),
        Col::new("last_hit_rate", |r| r.last_hit_rate().into())
            .heading("last rate", 70)
            .show(last_rate),
        Col::shown("note", 85, |r| note(&r.sums))
            .narrow(SHORT_NOTE)
            .tone(|_| Tone::Warning),
    ]
}

/// By how much the last build's hit rate has to differ from the earlier ones' to be a trend.
const TREND: f64 = 0.05;

/// The last build's hit rate, and where it points compared with the builds before it.
fn last_rate(row: &PackageRow) -> String {
    let Some(last) = row.last_hit_rate() else {
        return "-".into();
    };
    let arrow = row.earlier_hit_rate().map(|earlier| match last - earlier {
        up if up >= TREND => "↑ ",
        down if down <= -TREND => "↓ ",
        _ => "→ ",
    });
    format!("{}{}", arrow.unwrap_or_default(), text::rate(last))
}

/// How many of a row's builds keep its numbers from being the whole truth, for who asks.
pub(super) fn remarks<R: 'static>(of: fn(&R) -> &Sums) -> [Column<R>; 4] {
    [
        Column::extra("failed", move |r| Value::Count(of(r).failed)),
        Column::extra("interrupted", move |r| Value::Count(of(r).interrupted)),
        Column::extra("incomplete", move |r| Value::Count(incomplete(of(r)))),
        Column::extra("shared", move |r| Value::Count(of(r).shared)),
    ]
}

/// How many of the builds lack numbers, of some or of all of their phases.
fn incomplete(sums: &Sums) -> u64 {
    sums.builds.saturating_sub(sums.measured)
}

/// A [`note`] where there is little room: `9f 2s`.
pub(super) const SHORT_NOTE: Narrow = Narrow::Short(
    short_note,
    "f failed, i interrupted, n incomplete, s shared",
);

fn short_note(note: &str) -> String {
    let letters = { note.split(", ") }.map(|remark| match remark.split_once(' ') {
        Some((count, "incomplete")) => format!("{count}n"),
        Some((count, what)) => format!("{count}{}", &what[..1]),
        None => remark.to_string(),
    });
    letters.collect::<Vec<_>>().join(" ")
}

/// What keeps the numbers from being the whole truth.
pub(super) fn note(sums: &Sums) -> String {
    let notes = [
        (sums.failed, "failed"),
        (sums.interrupted, "interrupted"),
        (incomplete(sums), "incomplete"),
        (sums.shared, "shared"),
    ];
    let mut note = String::new();
    for (count, what) in notes.into_iter().filter(|(count, _)| *count > 0) {
        let comma = if note.is_empty() { "" } else { ", " };
        note.extend([comma, &text::number(count), " ", what]);
    }
    note
}
