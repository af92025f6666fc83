//! A build, and the breakdown that packages have too.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use super::super::super::breakdown::{self, PhaseRuns};
use super::super::super::options::OutputFormat;
use super::super::super::table::{Column, Importance::*, Page, Value, WARNING};
use super::super::super::{Status, stable_paths, suggest, text};
use super::super::builds::{self, Details};
use super::super::sums;
use super::versions::unmeasured_note;
use crate::error::{Error, Result};
use crate::portage::{Attribution, Phase};
use crate::sccache::{Fix, Level, Part, Stats, explain, hit_rate};
use crate::store::{BuildRow, Filter, ReasonSum, StablePathEffect, Store};

pub(super) struct Build {
    row: BuildRow,
    phases: Vec<Phase>,
    reasons: Vec<ReasonSum>,
    stable_paths: Option<StablePathEffect>,
}

/// Reads the build of the filter, which names one.
///
/// # Errors
/// [`Error::NoMatch`] if the build doesn't pass the rest of the filter.
pub(super) fn fetch(store: &Store, filter: &Filter) -> Result<Build> {
    let phases = store.phases(filter)?.into_values().flatten().collect();
    let reasons = store
        .miss_reasons(filter)?
        .into_values()
        .flatten()
        .collect();
    let stable_paths = store.stable_path_effects(filter)?.into_values().next();
    match store.builds(filter)?.pop() {
        Some(row) => Ok(Build {
            row,
            phases,
            reasons,
            stable_paths,
        }),
        None => Err(Error::NoMatch(suggest::NO_BUILD.into())),
    }
}

pub(super) fn write(
    build: Result<Build>,
    output: &OutputFormat,
    out: &mut dyn Write,
) -> Result<Status> {
    match build {
        Ok(build) if output.is_table() => {
            draw(&build, &mut output.page(out))?;
            Ok(Status::Success)
        }
        Ok(Build {
            row,
            phases,
            reasons,
            stable_paths,
        }) => {
            let compilers = breakdown::compilers(&phases);
            let mut columns = builds::columns(Details {
                phases: HashMap::from([(row.id, phases)]),
                reasons: HashMap::from([(row.id, reasons)]),
                stable_paths: stable_paths.map(|it| (row.id, it)).into_iter().collect(),
            });
            columns.push(Column::nested("compilers", move |_| compilers.clone()));
            output.write(columns, Ok(vec![row]), out)
        }
        Err(error) => output.write(builds::columns(Details::default()), Err(error), out),
    }
}

fn draw(
    Build {
        row,
        phases,
        reasons,
        stable_paths: effect,
    }: &Build,
    page: &mut Page<'_>,
) -> io::Result<()> {
    page.line("", &format!("{} {}", row.package, row.version))?;
    page.line("  ", &format!("build {} on {}", row.id, row.host))?;
    let outcome = row.outcome.word();
    let mut times = format!("{outcome}, started {}", text::date_time(row.started_at));
    let took = (row.finished_at - row.started_at).as_seconds_f64();
    // Imported builds end when they start: logs don't have the end.
    if took > 0.0 {
        times.push_str(&format!(", took {}", text::duration(took)));
    }
    page.line("  ", &times)?;
    let origin = [
        ("slot", row.slot.as_deref()),
        ("repository", row.repository.as_deref()),
        ("sccache", row.sccache_version.as_deref()),
        ("attribution", row.attribution.map(Attribution::word)),
    ];
    let origin = origin.map(|(name, value)| format!("{name} {}", value.unwrap_or("-")));
    page.line("  ", &origin.join(", "))?;
    page.line("  ", &format!("hit rate {}", sums::build_rates(row)))?;
    if row.hits.is_some() {
        let saved = match row.time_saved {
            Some(saved) => text::time_saved(saved, row.processor_time, row.exact_share()),
            None => "- (no compile times known)".into(),
        };
        page.line("  ", &format!("time saved {saved}"))?;
    }
    let reasons = (reasons.as_slice(), row.misses.unwrap_or(0));
    sums::draw_misses("misses", reasons, &text::short_id(row.id), page)?;
    let effect = effect.unwrap_or_default();
    if let Some(text) = stable_paths::summary(&effect, row.misses, &row.version) {
        page.line("  ", &text)?;
    }
    draw_breakdown(phases, page)
}

/// Phases, languages, compilers, and reasons.
pub(super) fn draw_breakdown(phases: &[Phase], page: &mut Page<'_>) -> io::Result<()> {
    page.table("phases", phase_columns(), breakdown::by_name(phases))?;
    if let Some(sum) = Phase::total(phases) {
        page.table("languages", part_columns("language"), sum.by_language())?;
        page.table("compilers", part_columns("compiler"), sum.by_compiler())?;
        page.table("cache levels", level_columns(), sum.levels)?;
        draw_not_cached(sum.not_cached.into_iter().collect(), page)?;
    }
    draw_not_measured(phases, page)
}

/// Calls that were not cached: count, reason, what it means and what to do. Most calls first.
fn draw_not_cached(reasons: Vec<(String, u64)>, page: &mut Page<'_>) -> io::Result<()> {
    let reasons = explain_not_cached(reasons);
    let Some((most, _)) = reasons.first() else {
        return Ok(());
    };
    let digits = text::number(*most).len();
    page.blank()?;
    page.line("", "not cached: calls, and sccache's reason")?;
    for (calls, explained) in reasons {
        let prefix = format!("{:>digits$}  ", text::number(calls));
        page.line(&prefix, &explained)?;
    }
    Ok(())
}

/// Returns each reason for calls that were not cached with its meaning and what to do, most calls first.
pub(in super::super) fn explain_not_cached(mut reasons: Vec<(String, u64)>) -> Vec<(u64, String)> {
    reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let explained = reasons.into_iter().map(|(reason, calls)| {
        let explanation = explain(&reason);
        let fix = match explanation.fix {
            Fix::Nothing => "nothing to change".to_string(),
            Fix::Option(what) => what.to_string(),
            Fix::Variable(name, value) => format!("set {name}=\"{value}\""),
        };
        (calls, format!("`{reason}`: {}; {fix}", explanation.meaning))
    });
    explained.collect()
}

fn draw_not_measured(phases: &[Phase], page: &mut Page<'_>) -> io::Result<()> {
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for phase in phases {
        if let Err(reason) = &phase.stats {
            *reasons
                .entry(format!("{}: {reason}", phase.name))
                .or_default() += 1;
        }
    }
    if !reasons.is_empty() {
        page.blank()?;
        page.line("", "not measured")?;
    }
    for (reason, runs) in reasons {
        let times = match runs {
            1 => String::new(),
            _ => format!(" ({runs} times)"),
        };
        page.line("  ", &(reason + &times))?;
    }
    Ok(())
}

pub(in super::super) fn phase_columns() -> Vec<Column<PhaseRuns>> {
    type Col = Column<PhaseRuns>;
    let errors = |p: &PhaseRuns| p.number(Stats::errors_total);
    vec![
        Col::data("phase", |p| Value::text(&p.name)).shown(Key),
        Col::data("runs", |p| Value::Count(p.runs)).shown(Low),
        Col::data("hits", |p| p.number(|s| Some(s.hits.total)).into()).shown(High),
        Col::data("misses", |p| p.number(|s| Some(s.misses.total)).into()).shown(High),
        Col::data("hit_rate", |p| {
            p.sum.as_ref().and_then(Stats::hit_rate).into()
        })
        .shown(High),
        Col::data("executed", |p| p.number(|s| s.executed).into()).shown(Low),
        Col::data("non_cacheable", |p| p.number(|s| s.non_cacheable).into())
            .shown(Low)
            .heading("non-cacheable"),
        Col::data("errors", move |p| errors(p).into())
            .shown(Medium)
            .tone(move |p| {
                if errors(p).is_some_and(|errors| errors > 0) {
                    WARNING
                } else {
                    None
                }
            }),
        Col::note("note", |p| unmeasured_note(p.not_measured.len() as u64))
            .shown(Medium)
            .tone(|_| WARNING),
    ]
}

pub(in super::super) fn level_columns() -> Vec<Column<Level>> {
    type Col = Column<Level>;
    vec![
        Col::data("level", |level| Value::text(&level.name)).shown(Key),
        Col::data("hits", |level| Value::Count(level.hits)).shown(High),
        Col::data("misses", |level| Value::Count(level.misses)).shown(High),
        Col::data("hit_rate", |level| {
            hit_rate(level.hits, level.misses).into()
        })
        .shown(High),
        Col::data("writes", |level| Value::Count(level.writes)).shown(Medium),
        Col::data("write_failures", |level| Value::Count(level.write_failures))
            .shown(Low)
            .tone(|level| {
                if level.write_failures > 0 {
                    WARNING
                } else {
                    None
                }
            }),
        Col::data("location", |level| level.location.as_deref().into()).shown(Medium),
    ]
}

pub(in super::super) fn part_columns(what: &'static str) -> Vec<Column<Part>> {
    type Col = Column<Part>;
    vec![
        Col::data(what, |p| Value::text(&p.name)).shown(Key),
        Col::data("hits", |p| Value::Count(p.hits)).shown(High),
        Col::data("misses", |p| Value::Count(p.misses)).shown(High),
        Col::data("hit_rate", |p| hit_rate(p.hits, p.misses).into()).shown(High),
        Col::data("errors", |p| p.errors.into()).shown(Low),
    ]
}
