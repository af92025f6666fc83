//! A build for people, and the breakdown that packages have too.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::super::super::breakdown::{self, PhaseRuns};
use super::super::super::table::{
    Column, Format,
    Importance::{High, Key, Low, Medium},
    Table, Terminal, Tone, Value,
};
use super::super::super::text;
use super::super::builds::Build;
use super::history::unmeasured_note;
use crate::portage::Phase;
use crate::sccache::{Fix, Part, Stats, explain, hit_rate};
use crate::store::{attribution_word, outcome_word};

pub(super) fn draw(build: &Build, terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let row = &build.row;
    let title = format!("{} {}", row.package, row.version);
    writeln!(out, "{}", text::sanitize(&title))?;
    let or_dash = |known: &Option<String>| known.clone().unwrap_or_else(|| "-".to_string());
    let took = (row.finished_at - row.started_at).as_seconds_f64();
    let mut lines = vec![
        format!("build {} on {}", row.id, row.host),
        format!(
            "{}, started {}, took {}",
            outcome_word(row.outcome),
            text::date_time(row.started_at),
            text::duration(took)
        ),
        format!(
            "slot {}, repository {}, sccache {}, attribution {}",
            or_dash(&row.slot),
            or_dash(&row.repository),
            or_dash(&row.sccache_version),
            row.attribution.map_or("-", attribution_word)
        ),
        rates((row.hits, row.misses), row.hit_rate(), row.coverage()),
    ];
    if let Some(saved) = row.time_saved {
        let saved = text::duration(saved.as_seconds_f64());
        lines.push(format!("time saved {saved} (estimate)"));
    }
    for line in lines {
        terminal.line(out, "  ", &line)?;
    }
    draw_breakdown(&build.phases, terminal, out)
}

/// Hit rate and coverage, with the counts they are computed from.
pub(super) fn rates(
    counts: (Option<u64>, Option<u64>),
    hit_rate: Option<f64>,
    coverage: Option<f64>,
) -> String {
    let (Some(hits), Some(misses)) = counts else {
        return "not measured".into();
    };
    format!(
        "hit rate {} ({}), coverage {}",
        text::percent_or_dash(hit_rate),
        text::hits_and_misses(hits, misses),
        text::percent_or_dash(coverage)
    )
}

/// Phases, languages, compilers, and reasons.
pub(super) fn draw_breakdown(
    phases: &[Phase],
    terminal: Terminal,
    out: &mut dyn Write,
) -> io::Result<()> {
    draw_table(
        "phases",
        phase_columns(),
        breakdown::by_name(phases),
        terminal,
        out,
    )?;
    if let Some(sum) = breakdown::total(phases) {
        let languages = sum.by_language();
        draw_table(
            "languages",
            part_columns("language"),
            languages,
            terminal,
            out,
        )?;
        let compilers = sum.by_compiler();
        draw_table(
            "compilers",
            part_columns("compiler"),
            compilers,
            terminal,
            out,
        )?;
        draw_not_cached(sum.not_cached.into_iter().collect(), terminal, out)?;
    }
    draw_not_measured(phases, terminal, out)
}

/// A table with a title, if it has rows.
pub(super) fn draw_table<R: 'static>(
    title: &str,
    columns: Vec<Column<R>>,
    rows: Vec<R>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    Table { columns, rows }.write(Format::Table, terminal, out)?;
    Ok(())
}

/// Calls that were not cached: count, reason, what it means and what to do. Most calls first.
fn draw_not_cached(
    mut reasons: Vec<(String, u64)>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> io::Result<()> {
    if reasons.is_empty() {
        return Ok(());
    }
    reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    writeln!(out, "\nnot cached: calls, and sccache's reason")?;
    let digits = text::number(reasons[0].1).len();
    for (reason, calls) in reasons {
        let explanation = explain(&reason);
        let fix = match explanation.fix {
            Fix::Nothing => "nothing to change".to_string(),
            Fix::Option(what) => what.to_string(),
            Fix::Variable(name, value) => format!("set {name}=\"{value}\""),
        };
        let prefix = format!("{:>digits$}  ", text::number(calls));
        let body = format!("`{reason}`: {}; {fix}", explanation.meaning);
        terminal.line(out, &prefix, &body)?;
    }
    Ok(())
}

fn draw_not_measured(phases: &[Phase], terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let mut reasons: BTreeMap<(&str, String), u64> = BTreeMap::new();
    for phase in phases {
        if let Err(reason) = &phase.stats {
            let key = (phase.name.as_str(), reason.to_string());
            *reasons.entry(key).or_default() += 1;
        }
    }
    if !reasons.is_empty() {
        writeln!(out, "\nnot measured")?;
    }
    for ((phase, reason), runs) in reasons {
        let line = match runs {
            1 => format!("{phase}: {reason}"),
            _ => format!("{phase}: {reason} ({runs} times)"),
        };
        terminal.line(out, "  ", &line)?;
    }
    Ok(())
}

fn phase_columns() -> Vec<Column<PhaseRuns>> {
    type Col = Column<PhaseRuns>;
    let errors = |p: &PhaseRuns| p.number(Stats::errors_total);
    vec![
        Col::shown("phase", Key, |p| Value::text(&p.name)),
        Col::shown("runs", Low, |p| Value::Count(p.runs)),
        Col::shown("hits", High, |p| p.number(|s| Some(s.hits.total)).into()),
        Col::shown("misses", High, |p| {
            p.number(|s| Some(s.misses.total)).into()
        }),
        Col::shown("hit_rate", High, |p| {
            p.sum.as_ref().and_then(Stats::hit_rate).into()
        }),
        Col::shown("executed", Low, |p| p.number(|s| s.executed).into()),
        Col::shown("non_cacheable", Low, |p| {
            p.number(|s| s.non_cacheable).into()
        })
        .heading("non-cacheable"),
        Col::shown("errors", Medium, move |p| errors(p).into()).tone(move |p| {
            if errors(p).is_some_and(|errors| errors > 0) {
                Tone::Warning
            } else {
                Tone::Plain
            }
        }),
        Col::terminal_only("note", Medium, |p| {
            unmeasured_note(p.not_measured.len() as u64)
        })
        .tone(|_| Tone::Warning),
    ]
}

fn part_columns(what: &'static str) -> Vec<Column<Part>> {
    type Col = Column<Part>;
    vec![
        Col::shown(what, Key, |p| Value::text(&p.name)).truncate_to(12),
        Col::shown("hits", High, |p| Value::Count(p.hits)),
        Col::shown("misses", High, |p| Value::Count(p.misses)),
        Col::shown("hit_rate", High, |p| hit_rate(p.hits, p.misses).into()),
        Col::shown("errors", Low, |p| p.errors.into()),
    ]
}
