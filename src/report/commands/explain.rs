//! `sccache-report explain`: why the compilations of a build missed.

use std::collections::BTreeSet;
use std::io::{self, Write};

use chrono::TimeDelta;
use clap::value_parser;
use serde_json::json;
use uuid::Uuid;

use super::super::options::{Database, OutputFormat, RowOptions, RowOrder};
use super::super::table::{Column, Importance::*, Page, Value};
use super::super::{Status, miss_reasons, stable_paths, text};
use super::{sums, target::Target};
use crate::error::{Error, Result};
use crate::portage::{Attribution, Phase};
use crate::sccache::compilations::{Language, MissReason};
use crate::store::{
    BuildRow, EvictionCause, Filter, MissedUnit, MissedUnits, ReasonSum, StablePathEffect, Store,
};

/// Show why compilations missed, the costliest reason first
///
/// Explains the newest build of a package with known compilations, or the build with this ID. Units are kept
/// for the newest builds of a package, and reasons with their costs for all builds.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after_help())]
pub(super) struct Args {
    /// PN, CATEGORY/PN, or a build ID (at least 8 characters)
    #[arg(value_name = "PACKAGE|BUILD-ID")]
    target: String,

    /// Show at most N units per reason [default: 3; JSON: all]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..), help_heading = "Output")]
    limit: Option<u32>,

    /// Show these columns (their JSON names), in this order
    ///
    /// Tables then have no units.
    #[arg(
        long,
        value_name = "A,B,C",
        value_delimiter = ',',
        help_heading = "Output"
    )]
    columns: Option<Vec<String>>,

    #[command(flatten)]
    output: OutputFormat,
}

fn after_help() -> String {
    let reasons = MissReason::ALL
        .map(|reason| format!("  {:8} {}\n", reason.word(), miss_reasons::meaning(reason)));
    format!(
        "Reasons:\n{}\nEach reason except `unknown` is certain. A unit is an object file or a crate.\n\n\
         Examples:\n  sccache-report explain emlop\n  \
         sccache-report explain 7c1a3f20 --limit 20\n  \
         sccache-report explain emlop --format json | jq '.rows[].units[0].unit'",
        reasons.concat()
    )
}

/// Units per reason in a table.
const UNITS: usize = 3;

/// A reason and its units.
struct Reason {
    sum: ReasonSum,
    units: Vec<MissedUnit>,
    /// The misses that would have been hits with stable paths, if the reason is `path`.
    avoidable: Option<u64>,
}

struct Explanation {
    build: BuildRow,
    /// The number of newer builds of the package, and why the newest one isn't explained.
    newer: Option<(u64, &'static str)>,
    reasons: Vec<Reason>,
    units: MissedUnits,
    stable_paths: StablePathEffect,
    phases: Vec<Phase>,
    /// Why the cache lost objects.
    eviction_cause: EvictionCause,
    /// Objects in the cache that were used within a year.
    used_objects: Option<u64>,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status> {
    let store = database.open()?;
    match fetch(&store, args) {
        Ok(explanation) if args.output.is_table() && args.columns.is_none() => {
            draw(&explanation, &mut args.output.page(out))?;
            Ok(Status::Success)
        }
        explanation => {
            let options = RowOptions {
                columns: args.columns.clone(),
                ..RowOptions::default()
            };
            let rows = explanation.map(|explanation| explanation.reasons);
            let options = (&options, RowOrder::Ranked);
            args.output.write_rows(columns(), rows, options, out)
        }
    }
}

fn fetch(store: &Store, args: &Args) -> Result<Explanation> {
    let (id, is_newest) = match Target::find(store, &args.target)? {
        Target::Build(id) => (id, false),
        Target::Package(package) => match store.newest_explained(&package)? {
            Some(id) => (id, true),
            None => return Err(nothing_recorded(store, &package)?),
        },
    };
    let one = Filter {
        build: Some(id),
        ..Filter::default()
    };
    let build = store.builds(&one)?.pop().ok_or_else(vanished)?;
    let sums = store.miss_reasons(&one)?.remove(&id).unwrap_or_default();
    if sums.is_empty() {
        return Err(no_misses(store, &build)?);
    }
    let phases = store.phases(&one)?.remove(&id).unwrap_or_default();
    let mut units = store.missed_units(id)?;
    let limit = match args.limit {
        Some(limit) => limit as usize,
        None if args.output.is_table() => UNITS,
        None => usize::MAX,
    };
    let effect = store.stable_path_effects(&one)?.remove(&id);
    let effect = effect.unwrap_or_default();
    let reasons = sums.into_iter().map(|sum| Reason {
        avoidable: (sum.reason == MissReason::Path && effect.state.is_none())
            .then_some(effect.avoidable_misses),
        units: take_units(&mut units.units, sum.reason, limit),
        sum,
    });
    let reasons: Vec<Reason> = reasons.collect();
    let is_evicted = |reason: &Reason| reason.sum.reason == MissReason::Evicted;
    let has_evicted = reasons.iter().any(is_evicted);
    let evicting: &[Uuid] = if has_evicted { &[id] } else { &[] };
    let eviction_cause = store.eviction_causes(evicting)?.remove(&id);
    let eviction_cause = eviction_cause.unwrap_or_default();
    let used_objects = match &eviction_cause {
        EvictionCause::TooSmall { full, .. } => {
            let since = build.started_at - TimeDelta::days(365);
            store.used_objects(&build.host, full, since)?
        }
        _ => None,
    };
    Ok(Explanation {
        newer: if is_newest {
            newer(store, &build)?
        } else {
            None
        },
        build,
        reasons,
        units,
        stable_paths: effect,
        phases,
        eviction_cause,
        used_objects,
    })
}

/// Takes the first units with this reason, and removes the others.
fn take_units(units: &mut Vec<MissedUnit>, reason: MissReason, limit: usize) -> Vec<MissedUnit> {
    let mut taken: Vec<_> = units.extract_if(.., |unit| unit.reason == reason).collect();
    taken.truncate(limit);
    taken
}

fn vanished() -> Error {
    Error::NoMatch("the build was removed in the meantime".into())
}

/// Returns the number of newer builds, and why the newest one isn't explained.
fn newer(store: &Store, build: &BuildRow) -> Result<Option<(u64, &'static str)>> {
    let since = Filter {
        packages: Some(vec![build.package.clone()]),
        since: Some(build.started_at),
        ..Filter::default()
    };
    let builds = store.builds(&since)?;
    let newer = builds
        .iter()
        .skip_while(|other| other.id != build.id)
        .skip(1);
    Ok(match newer.clone().last() {
        Some(newest) => Some((newer.count() as u64, why_unknown(store, newest)?)),
        None => None,
    })
}

/// Returns why no reason is known for the misses of a build.
fn why_unknown(store: &Store, build: &BuildRow) -> Result<&'static str> {
    Ok(if build.misses == Some(0) {
        "no compilation missed"
    } else if store.is_imported(build.id)? {
        "it was imported from a log, which doesn't list them"
    } else if build.measured_phases == 0 {
        "it was not measured"
    } else if build.attribution == Some(Attribution::Shared) {
        "its server was shared with other builds"
    } else {
        "the server's log was missing or incomplete (client-side mode, or SCCACHE_LOG is set)"
    })
}

/// Returns an error: no build of the package can be explained.
fn nothing_recorded(store: &Store, package: &str) -> Result<Error> {
    let newest = Filter {
        packages: Some(vec![package.to_string()]),
        last: Some(1),
        ..Filter::default()
    };
    let build = store.builds(&newest)?.pop().ok_or_else(vanished)?;
    let why = why_unknown(store, &build)?;
    Ok(Error::NoMatch(format!(
        "no build of {package} has recorded compilations; the newest: {why}"
    )))
}

/// Returns an error about a build without known misses.
fn no_misses(store: &Store, build: &BuildRow) -> Result<Error> {
    let title = title(build);
    if build.misses != Some(0) {
        let why = why_unknown(store, build)?;
        return Ok(Error::NoMatch(format!(
            "the compilations of {title} are unknown: {why}"
        )));
    }
    let mut message = format!("no compilation missed in {title}");
    let earlier = Filter {
        packages: Some(vec![build.package.clone()]),
        until: Some(build.started_at),
        ..Filter::default()
    };
    let reasons = store.miss_reasons(&earlier)?;
    let mut builds = store.builds(&earlier)?.into_iter().rev();
    if let Some(other) = builds.find(|other| reasons.contains_key(&other.id)) {
        let id = text::short_id(other.id);
        message.push_str(&format!("; earlier misses: `sccache-report explain {id}`"));
    }
    Ok(Error::NoMatch(message))
}

/// `app-misc/foo 1.2 of 2026-11-20 18:00 (build b0000002)`.
fn title(build: &BuildRow) -> String {
    let (package, version) = (&build.package, &build.version);
    let (time, id) = (text::date_time(build.started_at), text::short_id(build.id));
    format!("{package} {version} of {time} (build {id})")
}

fn columns() -> Vec<Column<Reason>> {
    type Col = Column<Reason>;
    vec![
        Col::data("reason", |reason| Value::text(reason.sum.reason.word())).shown(Key),
        Col::data("count", |reason| Value::Count(reason.sum.misses)).shown(Key),
        Col::data("compile_seconds", |reason| {
            Some(reason.sum.compile_time).into()
        })
        .shown(Key),
        Col::data("avoidable_with_stable_paths", |reason| {
            reason.avoidable.into()
        }),
        Col::nested("units", |reason| {
            let units = reason.units.iter();
            units.map(unit_json).collect()
        }),
    ]
}

fn unit_json(unit: &MissedUnit) -> serde_json::Value {
    json!({
        "unit": text::sanitize(&unit.unit),
        "language": unit.language.map(Language::as_str),
        "phase": unit.phase,
        "count": unit.misses,
        "compile_seconds": unit.compile_time.map(TimeDelta::as_seconds_f64),
    })
}

/// A row of the table: a reason, or one of its units.
struct Line {
    name: String,
    misses: u64,
    compile_time: Option<TimeDelta>,
    /// The share of what all misses of the build cost.
    share: Option<f64>,
    language: &'static str,
    phase: String,
}

fn lines(explanation: &Explanation) -> Vec<Line> {
    let seconds = |time: TimeDelta| time.as_seconds_f64();
    let reasons = &explanation.reasons;
    let total: f64 = reasons
        .iter()
        .map(|reason| seconds(reason.sum.compile_time))
        .sum();
    let share = |time: Option<TimeDelta>| {
        time.filter(|_| total > 0.0)
            .map(|time| seconds(time) / total)
    };
    let phases = explanation.phases.iter().map(|phase| &phase.name);
    let has_phases = phases.collect::<BTreeSet<_>>().len() > 1;
    let mut lines = Vec::new();
    for Reason { sum, units, .. } in reasons {
        lines.push(Line {
            name: sum.reason.word().into(),
            misses: sum.misses,
            compile_time: Some(sum.compile_time),
            share: share(Some(sum.compile_time)),
            language: "",
            phase: String::new(),
        });
        for unit in units {
            lines.push(Line {
                name: format!("-\u{a0}{}", unit.unit),
                misses: unit.misses,
                compile_time: unit.compile_time,
                share: share(unit.compile_time),
                language: unit.language.map_or("", Language::as_str),
                phase: if has_phases {
                    unit.phase.clone()
                } else {
                    String::new()
                },
            });
        }
    }
    lines
}

fn line_columns() -> Vec<Column<Line>> {
    type Col = Column<Line>;
    vec![
        Col::data("reason", |line| Value::text(&line.name)).shown(Key),
        Col::data("misses", |line| Value::Count(line.misses)).shown(High),
        Col::data("compile_seconds", |line| line.compile_time.into())
            .shown(High)
            .heading("compile time"),
        Col::data("share", |line| line.share.into()).shown(Medium),
        Col::note("language", |line| line.language.to_string()).shown(Low),
        Col::note("phase", |line| line.phase.clone()).shown(Medium),
    ]
}

fn draw(explanation: &Explanation, page: &mut Page<'_>) -> io::Result<()> {
    let build = &explanation.build;
    page.line("", &title(build))?;
    let known: u64 = explanation
        .reasons
        .iter()
        .map(|reason| reason.sum.misses)
        .sum();
    let misses = build.misses.unwrap_or(known);
    page.line("  ", &format!("hit rate {}", sums::build_rates(build)))?;
    let effect = &explanation.stable_paths;
    let effect = stable_paths::summary(effect, build.misses, &build.version);
    if let Some(effect) = effect {
        page.line("  ", &effect)?;
    }
    if let Some((count, why)) = explanation.newer {
        let builds = text::count(count, "newer build");
        page.line(
            "  ",
            &format!("{builds} can't be explained; the newest: {why}"),
        )?;
    }
    if known < misses {
        let missing = text::number(misses - known);
        page.line(
            "  ",
            &format!("{missing} more misses are in phases whose compilations are unknown"),
        )?;
    }
    page.table("", line_columns(), lines(explanation))?;
    draw_notes(explanation, page)
}

/// Draws why units are missing, what the reasons mean, and what to do.
fn draw_notes(explanation: &Explanation, page: &mut Page<'_>) -> io::Result<()> {
    let units = &explanation.units;
    page.blank()?;
    if units.lists == 0 {
        let why = "Units are kept for the newest builds of a package (SCCACHE_REPORT_KEEP).";
        page.line("", why)?;
    }
    if units.damaged_lists > 0 {
        let why = "The list of compilations in the database is damaged, so units are missing.";
        page.line("", why)?;
    }
    for reason in explanation.reasons.iter().map(|reason| reason.sum.reason) {
        let text = miss_reasons::explain(
            reason,
            &explanation.eviction_cause,
            explanation.used_objects,
        );
        page.line(&format!("{:9}", reason.word()), &text)?;
    }
    draw_stable_paths(explanation, page)
}

/// Draws how to turn stable paths on, if they would help.
fn draw_stable_paths(explanation: &Explanation, page: &mut Page<'_>) -> io::Result<()> {
    let effect = &explanation.stable_paths;
    if effect.state.is_some() || effect.avoidable_misses == 0 {
        return Ok(());
    }
    let package = explanation.build.package.as_str();
    page.blank()?;
    page.line(
        "",
        "To turn on stable paths (docs/stable-paths.md) for this package, run as root:",
    )?;
    page.blank()?;
    for line in stable_paths::commands(std::iter::once(package)) {
        writeln!(page.out, "    {}", text::sanitize(&line))?;
    }
    Ok(())
}
