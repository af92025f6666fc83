//! Draws what `explain` shows on a terminal.

use std::collections::BTreeSet;
use std::io;

use chrono::TimeDelta;

use super::super::super::table::{BULLET, Column, Importance::*, Page, Value};
use super::super::super::{miss_reasons, stable_paths, text};
use super::super::sums;
use super::fetch::{Explanation, Reason};
use crate::portage::StablePaths;
use crate::sccache::compilations::{Language, MissReason};
use crate::store::BuildRow;

/// `app-misc/foo 1.2 of 2026-11-20 18:00 (build b0000002)`.
pub(super) fn title(build: &BuildRow) -> String {
    let (package, version) = (&build.package, &build.version);
    let (time, id) = (text::date_time(build.started_at), text::short_id(build.id));
    format!("{package} {version} of {time} (build {id})")
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
                name: format!("{BULLET}{}", unit.unit),
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
        Col::data("reason", |line| Value::text(&line.name))
            .shown(Key)
            .path(),
        Col::data("misses", |line| Value::Count(line.misses)).shown(High),
        Col::data("compile_seconds", |line| line.compile_time.into())
            .shown(High)
            .heading("compile time"),
        Col::data("share", |line| line.share.into()).shown(Medium),
        Col::note("language", |line| line.language.to_string()).shown(Low),
        Col::note("phase", |line| line.phase.clone()).shown(Medium),
    ]
}

/// Draws the page.
pub(super) fn draw(explanation: &Explanation, page: &mut Page<'_>) -> io::Result<()> {
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
        let state = explanation.stable_paths.state;
        let text = match reason {
            MissReason::Path if state.is_some_and(StablePaths::is_in_use) => format!(
                "{} The first build with stable paths misses once.",
                miss_reasons::meaning(reason)
            ),
            reason => miss_reasons::explain(
                reason,
                &explanation.eviction_cause,
                explanation.used_objects,
            ),
        };
        page.line(&format!("{:9}", reason.word()), &text)?;
    }
    draw_stable_paths(explanation, page)
}

/// Draws how to turn stable paths on, if they would help.
fn draw_stable_paths(explanation: &Explanation, page: &mut Page<'_>) -> io::Result<()> {
    if !explanation.has_stable_paths_off || explanation.stable_paths.avoidable_misses == 0 {
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
