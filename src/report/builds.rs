//! `sccache-report builds`: a row per build, the newest last.

use std::collections::HashMap;
use std::io::Write;

use uuid::Uuid;

use super::common::{Common, Selection};
use super::format::Format;
use super::output::Keep;
use super::sheet::{Column, Name, Sheet, Tone, Value};
use super::{Shown, Trouble, breakdown, text};
use crate::portage::{Attribution, Outcome, Phase};
use crate::store::{BuildRow, attribution_word};

type Col = Column<Detailed>;

/// What is left of an outcome at least: `interrupted, unmeasured`.
const OUTCOME: usize = 23;

/// A row per build, the newest last
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Packages: PN, CATEGORY/PN, with shell wildcards if you like
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
}

/// A build with its phases, where the format has a place for them.
pub(super) struct Detailed {
    pub(super) row: BuildRow,
    pub(super) phases: Vec<Phase>,
}

pub(super) fn run(args: &Args, common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    let rows = match common.select(&args.patterns)? {
        Selection::Builds(store, filter) if common.as_they_come() => {
            let fetch = move |take: &mut dyn FnMut(&Detailed)| {
                let mut shown: Option<Detailed> = None;
                store.for_each_build(&filter, |row| {
                    let shown = shown.get_or_insert_with(|| Detailed {
                        row: row.clone(),
                        phases: Vec::new(),
                    });
                    std::mem::swap(&mut shown.row, row);
                    take(shown);
                })
            };
            return common.write_as_they_come(sheet(vec![]), fetch, out);
        }
        Selection::Builds(store, mut filter) => {
            common.of_newest(&mut filter);
            let rows = store.builds(&filter)?;
            let nested = ["languages", "not_cached", "phases"];
            let phases = match common.format {
                Format::Json if nested.iter().any(|name| common.wants(name)) => {
                    store.phases(&filter)?
                }
                _ => HashMap::new(),
            };
            detailed(rows, phases)
        }
        Selection::Nothing(why) => return common.nothing(sheet(vec![]), why, out),
    };
    common.finish(sheet(rows), Keep::Newest, out)
}

/// Puts the phases to their builds.
pub(super) fn detailed(
    rows: Vec<BuildRow>,
    mut phases: HashMap<Uuid, Vec<Phase>>,
) -> Vec<Detailed> {
    rows.into_iter()
        .map(|row| Detailed {
            phases: phases.remove(&row.id).unwrap_or_default(),
            row,
        })
        .collect()
}

/// The names of its columns.
pub(super) fn names() -> Vec<Name> {
    sheet(vec![]).names()
}

pub(super) fn sheet(rows: Vec<Detailed>) -> Sheet<Detailed> {
    Sheet {
        columns: columns(),
        rows,
    }
}

/// The columns of a build, for all that list builds.
pub(super) fn columns() -> Vec<Column<Detailed>> {
    let mut columns = identity();
    columns.extend(numbers());
    columns
}

fn identity() -> Vec<Column<Detailed>> {
    vec![
        Col::new("id", |d| Value::Id(d.row.id))
            .heading("id", 94)
            .show(|d| short(d.row.id)),
        Col::new("package", |d| Value::text(&d.row.package))
            .heading("package", 100)
            .cut_by(text::cut_package, 13),
        Col::new("version", |d| Value::text(&d.row.version))
            .heading("version", 72)
            .cut_to(6),
        Col::new("slot", |d| d.row.slot.as_deref().into()),
        Col::new("repository", |d| d.row.repository.as_deref().into()),
        Col::new("host", |d| Value::text(&d.row.host)),
        Col::new("emerge", |d| d.row.emerge.map_or(Value::Unknown, Value::Id)),
        Col::new("outcome", |d| Value::text(d.row.outcome.word()))
            .heading("outcome", 96)
            .cut_by(text::cut_remarks, OUTCOME)
            .show(|d| outcome(&d.row))
            .tone(|d| match d.row.outcome {
                Outcome::Merged | Outcome::Packaged if notes(&d.row).is_empty() => Tone::Plain,
                Outcome::Merged | Outcome::Packaged | Outcome::Interrupted => Tone::Warning,
                Outcome::Failed => Tone::Bad,
            }),
        Col::new("started_at", |d| Value::Time(d.row.started_at))
            .heading("started", 97)
            .first(),
        Col::new("finished_at", |d| Value::Time(d.row.finished_at)),
    ]
}

/// The beginning of an id, as `show` takes it.
pub(super) fn short(id: Uuid) -> String {
    id.to_string()[..8].to_string()
}

fn numbers() -> Vec<Column<Detailed>> {
    vec![
        Col::new("hits", |d| d.row.hits.into()).heading("hits", 56),
        Col::new("misses", |d| d.row.misses.into())
            .heading("misses", 55)
            .beside("hits"),
        Col::new("hit_rate", |d| d.row.hit_rate().into())
            .heading("hit rate", 95)
            .tone(|d| Tone::of_rate(d.row.hit_rate())),
        Col::new("coverage", |d| d.row.coverage().into()).heading("coverage", 30),
        Col::new("requests", |d| d.row.requests.into()),
        Col::new("executed", |d| d.row.executed.into()),
        Col::new("errors", |d| d.row.errors.into()),
        Col::new("compile_failures", |d| d.row.compile_failures.into()),
        Col::new("non_cacheable", |d| d.row.non_cacheable.into()),
        Col::new("time_saved_seconds", |d| d.row.time_saved.into()).heading("time saved", 70),
        Col::new("sccache_version", |d| {
            d.row.sccache_version.as_deref().into()
        }),
        Col::new("attribution", |d| {
            d.row.attribution.map(attribution_word).into()
        }),
        Col::extra("unmeasured_phases", |d| {
            Value::Count((d.row.phases - d.row.measured_phases.min(d.row.phases)).into())
        }),
        Col::nested("languages", |d| breakdown::languages(&d.phases)),
        Col::nested("not_cached", |d| breakdown::not_cached(&d.phases)),
        Col::nested("phases", |d| breakdown::phases(&d.phases)),
    ]
}

/// The outcome, and what keeps the row's numbers from being the whole truth.
fn outcome(row: &BuildRow) -> String {
    let words = std::iter::once(row.outcome.word()).chain(notes(row));
    words.collect::<Vec<_>>().join(", ")
}

fn notes(row: &BuildRow) -> Vec<&'static str> {
    let measured = match (row.measured_phases, row.phases) {
        (0, _) => Some("unmeasured"),
        (measured, all) if measured < all => Some("partial"),
        _ => None,
    };
    // Where there are no numbers, it doesn't matter whose they would be.
    let counted = row.attribution == Some(Attribution::Shared) && row.measured_phases > 0;
    let shared = counted.then_some("shared");
    measured.into_iter().chain(shared).collect()
}
