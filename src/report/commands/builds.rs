//! `sccache-report builds`: one row per build, the newest last.

use std::collections::HashMap;
use std::io::Write;
use std::rc::Rc;

use serde_json::Value as Json;
use uuid::Uuid;

use super::super::options::{Database, ListArgs, RowOptions, RowOrder};
use super::super::table::{
    BAD, Column, DelimitedWriter, Format, Importance::*, Table, Tone, Value, WARNING,
    tone_of_hit_rate,
};
use super::super::{Status, breakdown, stable_paths, suggest, text};
use crate::error::{Error, Result};
use crate::portage::{Attribution, Outcome, Phase};
use crate::store::{BuildRow, Filter, ReasonSum, StablePathEffect, Store};

/// The data of nested columns, by the build's id. It is only read if they are shown.
#[derive(Default)]
pub(super) struct Details {
    pub(super) phases: HashMap<Uuid, Vec<Phase>>,
    pub(super) reasons: HashMap<Uuid, Vec<ReasonSum>>,
    pub(super) stable_paths: HashMap<Uuid, StablePathEffect>,
}

pub(super) fn run(args: &ListArgs, database: &Database, out: &mut dyn Write) -> Result<Status> {
    let mut details = Details::default();
    let rows = match (args.open(database), args.output.format.delimiter()) {
        (Ok((store, filter)), Some(delimiter)) if args.rows.sort.is_none() => {
            return stream(&store, filter, &args.rows, delimiter, out);
        }
        (Ok((store, filter)), _) => fetch(&store, filter, args, &mut details),
        (Err(error), _) => Err(error),
    };
    args.write(columns(details), rows, RowOrder::Chronological, out)
}

/// Writes each row as it is read: with very many builds that is much faster.
fn stream(
    store: &Store,
    mut filter: Filter,
    options: &RowOptions,
    delimiter: u8,
    out: &mut dyn Write,
) -> Result<Status> {
    let mut table = Table {
        columns: columns(Details::default()),
        rows: Vec::new(),
    };
    options.apply(&mut table, RowOrder::Chronological, Format::Csv)?;
    options.limit_builds(&mut filter);
    let mut writer = DelimitedWriter::new(&table.columns, delimiter)?;
    let mut result = Err(Error::NoMatch(suggest::NO_BUILD.into()));
    store.for_each_build(&filter, |row| {
        if !matches!(result, Err(Error::Io(_))) {
            result = writer.add(row).map_err(Error::from);
        }
    })?;
    writer.finish(out)?;
    result.map(|()| Status::Success)
}

fn fetch(
    store: &Store,
    mut filter: Filter,
    args: &ListArgs,
    details: &mut Details,
) -> Result<Vec<BuildRow>> {
    args.rows.limit_builds(&mut filter);
    let nested = ["languages", "not_cached", "phases"];
    let is_nested = nested.iter().any(|name| args.rows.includes(name));
    let is_json = args.output.format == Format::Json;
    if is_json && is_nested {
        details.phases = store.phases(&filter)?;
    }
    if is_json && args.rows.includes("miss_reasons") {
        details.reasons = store.miss_reasons(&filter)?;
    }
    if is_json && args.rows.includes("stable_paths") {
        details.stable_paths = store.stable_path_effects(&filter)?;
    }
    store.builds(&filter)
}

pub(super) fn columns(details: Details) -> Vec<Column<BuildRow>> {
    let mut columns = identity();
    columns.extend(numbers());
    let Details {
        phases,
        reasons,
        stable_paths: effects,
    } = details;
    columns.push(Column::nested("miss_reasons", move |row: &BuildRow| {
        count_by_reason(row, reasons.get(&row.id).map_or(&[], Vec::as_slice))
    }));
    columns.push(Column::nested("stable_paths", move |row: &BuildRow| {
        effects
            .get(&row.id)
            .map_or(Json::Null, stable_paths::to_json)
    }));
    let phases = Rc::new(phases);
    type Summarize = fn(&[Phase]) -> Json;
    let nested: [(_, Summarize); 3] = [
        ("languages", breakdown::languages),
        ("not_cached", breakdown::not_cached),
        ("phases", breakdown::phases),
    ];
    columns.extend(nested.map(|(name, summarize)| {
        let phases = Rc::clone(&phases);
        Column::nested(name, move |row: &BuildRow| {
            summarize(phases.get(&row.id).map_or(&[], Vec::as_slice))
        })
    }));
    columns
}

/// Returns `{REASON: count}`; null if the compilations are unknown.
fn count_by_reason(row: &BuildRow, reasons: &[ReasonSum]) -> Json {
    if row.misses != Some(0) && reasons.is_empty() {
        return Json::Null;
    }
    let reasons = reasons.iter();
    reasons.map(|sum| (sum.reason.word(), sum.misses)).collect()
}

fn identity() -> Vec<Column<BuildRow>> {
    type Col = Column<BuildRow>;
    vec![
        Col::data("id", |row| Value::Id(row.id))
            .shown(Medium)
            .display(|row| text::short_id(row.id)),
        Col::data("package", |row| Value::text(&row.package)).shown(Key),
        Col::data("version", |row| Value::text(&row.version)).shown(Medium),
        Col::data("slot", |row| row.slot.as_deref().into()),
        Col::data("repository", |row| row.repository.as_deref().into()),
        Col::data("host", |row| Value::text(&row.host)),
        Col::data("emerge", |row| row.emerge.map_or(Value::Unknown, Value::Id))
            .display(|row| row.emerge.map_or("-".to_string(), text::short_id)),
        Col::data("outcome", |row| Value::text(row.outcome.word()))
            .shown(High)
            .display(outcome)
            .tone(tone),
        Col::data("started_at", |row| Value::Time(row.started_at)).shown(High),
        Col::data("finished_at", |row| Value::Time(row.finished_at)),
    ]
}

fn numbers() -> Vec<Column<BuildRow>> {
    type Col = Column<BuildRow>;
    vec![
        Col::data("hits", |row| row.hits.into()).shown(Low),
        Col::data("misses", |row| row.misses.into()).shown(Low),
        Col::data("hit_rate", |row| row.hit_rate().into())
            .shown(High)
            .tone(|row| tone_of_hit_rate(row.hit_rate())),
        Col::data("coverage", |row| row.coverage().into()).shown(Low),
        Col::data("requests", |row| row.requests.into()),
        Col::data("executed", |row| row.executed.into()),
        Col::data("errors", |row| row.errors.into()),
        Col::data("compile_failures", |row| row.compile_failures.into()),
        Col::data("non_cacheable", |row| row.non_cacheable.into()),
        Col::data("time_saved_seconds", |row| row.time_saved.into()).shown(Medium),
        Col::data("processor_seconds", |row| row.processor_time.into()),
        Col::data("hit_rate_by_cost", |row| row.hit_rate_by_cost().into()),
        Col::data("exact_share", |row| row.exact_share().into()),
        Col::data("hit_cost_seconds", |row| row.hit_cost.into()),
        Col::data("miss_cost_seconds", |row| row.miss_cost.into()),
        Col::data("exact_cost_seconds", |row| row.exact_cost.into()),
        Col::data("evicted", |row| row.evicted_misses.into()),
        Col::data("sccache_version", |row| {
            row.sccache_version.as_deref().into()
        }),
        Col::data("attribution", |row| {
            row.attribution.map(Attribution::word).into()
        }),
        Col::data("unmeasured_phases", |row| {
            Value::Count(row.phases.saturating_sub(row.measured_phases).into())
        }),
    ]
}

/// Returns the outcome, and what limits the row's statistics: `merged, shared`.
fn outcome(row: &BuildRow) -> String {
    let mut words = notes(row);
    words.insert(0, row.outcome.word());
    words.join(", ")
}

fn tone(row: &BuildRow) -> Tone {
    match row.outcome {
        Outcome::Failed => BAD,
        Outcome::Merged | Outcome::Packaged if notes(row).is_empty() => None,
        Outcome::Merged | Outcome::Packaged | Outcome::Interrupted => WARNING,
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
