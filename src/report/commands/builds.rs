//! `sccache-report builds`: one row per build, the newest last.

use std::collections::HashMap;
use std::io::{self, Write};

use uuid::Uuid;

use super::super::options::{Database, Keep, ListArgs, RowOptions};
use super::super::table::{
    Column, DelimitedWriter, Format,
    Importance::{High, Key, Low, Medium},
    Table, Tone, Value,
};
use super::super::{Status, breakdown, suggest, text};
use crate::error::Error;
use crate::portage::{Attribution, Outcome, Phase};
use crate::store::{BuildRow, Filter, Store, attribution_word};

/// Show one row per build, the newest last
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) list: ListArgs,
}

/// A build with its phases, which are only read for nested columns.
pub(super) struct Build {
    pub(super) row: BuildRow,
    pub(super) phases: Vec<Phase>,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status, Error> {
    let list = &args.list;
    let selected = list.open(database);
    if let (Some(delimiter), Ok((store, filter)), true) = (
        list.output.format.delimiter(),
        &selected,
        list.rows.is_unsorted_and_unlimited(),
    ) {
        return stream(store, filter, &list.rows, delimiter, out);
    }
    let rows = selected.and_then(|(store, filter)| fetch(&store, filter, list));
    list.write(columns(), rows, Keep::Last, out)
}

/// Writes each row as it is read: with very many builds that is much faster.
fn stream(
    store: &Store,
    filter: &Filter,
    options: &RowOptions,
    delimiter: u8,
    out: &mut dyn Write,
) -> Result<Status, Error> {
    let mut table = Table {
        columns: columns(),
        rows: Vec::new(),
    };
    options.select_columns(&mut table, Format::Csv)?;
    let mut writer = DelimitedWriter::new(&table.columns, delimiter)?;
    let mut build: Option<Build> = None;
    let mut written: io::Result<()> = Ok(());
    store.for_each_build(filter, |row| {
        let build = build.get_or_insert_with(|| Build {
            row: row.clone(),
            phases: Vec::new(),
        });
        std::mem::swap(&mut build.row, row);
        if written.is_ok() {
            written = writer.add(build);
        }
    })?;
    written?;
    writer.finish(out)?;
    match build {
        Some(_) => Ok(Status::Success),
        None => Err(Error::NoMatch(suggest::NO_BUILD.into())),
    }
}

fn fetch(store: &Store, mut filter: Filter, args: &ListArgs) -> Result<Vec<Build>, Error> {
    args.rows.limit_builds(&mut filter);
    let rows = store.builds(&filter)?;
    let nested = ["languages", "not_cached", "phases"];
    let is_nested = nested.iter().any(|name| args.rows.includes(name));
    let phases = if args.output.format == Format::Json && is_nested {
        store.phases(&filter)?
    } else {
        HashMap::new()
    };
    Ok(with_phases(rows, phases))
}

pub(super) fn with_phases(
    rows: Vec<BuildRow>,
    mut phases: HashMap<Uuid, Vec<Phase>>,
) -> Vec<Build> {
    let builds = rows.into_iter().map(|row| Build {
        phases: phases.remove(&row.id).unwrap_or_default(),
        row,
    });
    builds.collect()
}

pub(super) fn columns() -> Vec<Column<Build>> {
    let mut columns = identity();
    columns.extend(numbers());
    columns
}

fn identity() -> Vec<Column<Build>> {
    type Col = Column<Build>;
    vec![
        Col::shown("id", Medium, |b| Value::Id(b.row.id)).display(|b| text::short_id(b.row.id)),
        Col::shown("package", Key, |b| Value::text(&b.row.package)).truncate_to(13),
        Col::shown("version", Medium, |b| Value::text(&b.row.version)).truncate_to(6),
        Col::data("slot", |b| b.row.slot.as_deref().into()),
        Col::data("repository", |b| b.row.repository.as_deref().into()),
        Col::data("host", |b| Value::text(&b.row.host)),
        Col::data("emerge", |b| b.row.emerge.map_or(Value::Unknown, Value::Id))
            .display(|b| b.row.emerge.map_or("-".to_string(), text::short_id)),
        Col::shown("outcome", High, |b| Value::text(b.row.outcome.word()))
            .truncate_to(12)
            .display(|b| outcome(&b.row))
            .tone(|b| tone(&b.row)),
        Col::shown("started_at", High, |b| Value::Time(b.row.started_at)),
        Col::data("finished_at", |b| Value::Time(b.row.finished_at)),
    ]
}

fn numbers() -> Vec<Column<Build>> {
    type Col = Column<Build>;
    vec![
        Col::shown("hits", Low, |b| b.row.hits.into()),
        Col::shown("misses", Low, |b| b.row.misses.into()),
        Col::shown("hit_rate", High, |b| b.row.hit_rate().into())
            .tone(|b| Tone::of_hit_rate(b.row.hit_rate())),
        Col::shown("coverage", Low, |b| b.row.coverage().into()),
        Col::data("requests", |b| b.row.requests.into()),
        Col::data("executed", |b| b.row.executed.into()),
        Col::data("errors", |b| b.row.errors.into()),
        Col::data("compile_failures", |b| b.row.compile_failures.into()),
        Col::data("non_cacheable", |b| b.row.non_cacheable.into()),
        Col::shown("time_saved_seconds", Medium, |b| b.row.time_saved.into()),
        Col::data("sccache_version", |b| {
            b.row.sccache_version.as_deref().into()
        }),
        Col::data("attribution", |b| {
            b.row.attribution.map(attribution_word).into()
        }),
        Col::on_request("unmeasured_phases", |b| {
            Value::Count(b.row.phases.saturating_sub(b.row.measured_phases).into())
        }),
        Col::nested("languages", |b| breakdown::languages(&b.phases)),
        Col::nested("not_cached", |b| breakdown::not_cached(&b.phases)),
        Col::nested("phases", |b| breakdown::phases(&b.phases)),
    ]
}

/// The outcome, and what limits the row's numbers: `merged, shared`.
fn outcome(row: &BuildRow) -> String {
    let words: Vec<&str> = std::iter::once(row.outcome.word())
        .chain(notes(row))
        .collect();
    words.join(", ")
}

fn tone(row: &BuildRow) -> Tone {
    match row.outcome {
        Outcome::Failed => Tone::Bad,
        Outcome::Interrupted => Tone::Warning,
        Outcome::Merged | Outcome::Packaged if notes(row).is_empty() => Tone::Plain,
        Outcome::Merged | Outcome::Packaged => Tone::Warning,
    }
}

fn notes(row: &BuildRow) -> Vec<&'static str> {
    if row.measured_phases == 0 {
        return vec!["unmeasured"];
    }
    let mut notes = Vec::new();
    if row.measured_phases < row.phases {
        notes.push("partial");
    }
    if row.attribution == Some(Attribution::Shared) {
        notes.push("shared");
    }
    notes
}
