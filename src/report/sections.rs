//! A build for people, and what all that `show` shows divides into.

use std::collections::BTreeMap;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::advise::indented;
use super::breakdown;
use super::builds::Detailed;
use super::format::{Format, Look};
use super::sheet::{Column, Sheet, Tone};
use super::text;
use crate::portage::Phase;
use crate::sccache::{Cure, Level, Part, Stats, explain, hit_rate};
use crate::store::{attribution_word, outcome_word};

/// A build: who and what, its sums, what they divide into.
pub(super) fn draw_build(build: &Detailed, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let row = &build.row;
    writeln!(
        out,
        "{} {}",
        text::clean(&row.package),
        text::clean(&row.version)
    )?;
    let mut line = |text: String| writeln!(out, "{}", indented("  ", &text, look));
    line(format!("build {} on {}", row.id, row.host))?;
    let took = text::duration((row.finished_at - row.started_at).as_seconds_f64());
    let began = text::minute(row.started_at);
    line(format!(
        "{} {began}, took {took}",
        outcome_word(row.outcome)
    ))?;
    let or_dash = |known: &Option<String>| known.as_deref().unwrap_or("-").to_string();
    line(format!(
        "slot {}, repository {}, sccache {}, attribution {}",
        or_dash(&row.slot),
        or_dash(&row.repository),
        or_dash(&row.sccache_version),
        row.attribution.map_or("-", attribution_word)
    ))?;
    line(rates(row.hits, row.misses, row.hit_rate(), row.coverage()))?;
    if let Some(saved) = row.time_saved {
        let saved = text::duration(saved.as_seconds_f64());
        line(format!("time saved {saved} (an estimate)"))?;
    }
    divided(&build.phases, look, out)
}

/// Hit rate and coverage, with what they are made of.
pub(super) fn rates(
    hits: Option<u64>,
    misses: Option<u64>,
    hit_rate: Option<f64>,
    coverage: Option<f64>,
) -> String {
    let (Some(hits), Some(misses)) = (hits, misses) else {
        return "not measured".into();
    };
    format!(
        "hit rate {} ({}), coverage {}",
        text::rate_or_dash(hit_rate),
        text::hits_and_misses(hits, misses),
        text::rate_or_dash(coverage)
    )
}

/// Phases, languages, compilers, levels and reasons.
pub(super) fn divided(phases: &[Phase], look: &Look, out: &mut dyn Write) -> io::Result<()> {
    section("phases", phase_sheet(phases), look, out)?;
    if let Some(sum) = breakdown::total(phases) {
        section("languages", parts("language", &sum, false), look, out)?;
        section("compilers", parts("compiler", &sum, true), look, out)?;
        section("cache levels", level_sheet(sum.levels), look, out)?;
        draw_reasons(sum.not_cached.into_iter().collect(), look, out)?;
    }
    let mut reasons: BTreeMap<(&str, String), u64> = BTreeMap::new();
    for phase in phases {
        if let Err(reason) = &phase.stats {
            *reasons
                .entry((&phase.name, reason.to_string()))
                .or_default() += 1;
        }
    }
    if !reasons.is_empty() {
        writeln!(out, "\nnot measured")?;
    }
    for ((phase, reason), runs) in reasons {
        let times = if runs > 1 {
            format!(" ({runs} times)")
        } else {
            String::new()
        };
        let line = format!("{phase}: {reason}{times}");
        writeln!(out, "{}", indented("  ", &line, look))?;
    }
    Ok(())
}

/// Why calls were not cached, in plain words, the commonest first.
fn draw_reasons(mut rows: Vec<(String, u64)>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let title = "not cached: calls, sccache's reason, what it means and what can be done";
    writeln!(out, "\n{}", indented("", title, look))?;
    let digits = text::number(rows[0].1).width();
    for (reason, calls) in rows {
        let explained = explain(&reason);
        let cure = match explained.cure {
            Cure::Normal => "nothing to change".to_string(),
            Cure::Choice(what) => what.to_string(),
            Cure::Variable(name, value) => format!("set {name}=\"{value}\""),
        };
        let start = format!("{:>digits$}  ", text::number(calls));
        let body = format!("`{reason}`: {}; {cure}", explained.meaning);
        writeln!(out, "{}", indented(&start, &body, look))?;
    }
    Ok(())
}

/// A table with a title, if it has rows.
pub(super) fn section<R: 'static>(
    title: &str,
    sheet: Sheet<R>,
    look: &Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    if sheet.rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    Format::Table.write(&sheet, look, out)
}

/// A phase name with the sum of its runs.
struct PhaseRow {
    name: String,
    runs: u64,
    unmeasured: u64,
    sum: Option<Stats>,
}

fn phase_sheet(phases: &[Phase]) -> Sheet<PhaseRow> {
    let row = |group: breakdown::Runs<'_>| PhaseRow {
        name: group.name.to_string(),
        runs: group.runs.len() as u64,
        unmeasured: group.runs.iter().filter(|p| p.stats.is_err()).count() as u64,
        sum: group.sum,
    };
    let columns = vec![
        Column::<PhaseRow>::new("phase", |r| text_value(&r.name)).heading("phase", 100),
        Column::<PhaseRow>::new("runs", |r| Some(r.runs).into()).heading("runs", 50),
        Column::<PhaseRow>::new("hits", |r| total(r, |s| Some(s.hits.total)).into())
            .heading("hits", 90),
        Column::<PhaseRow>::new("misses", |r| total(r, |s| Some(s.misses.total)).into())
            .heading("misses", 89)
            .beside("hits"),
        Column::<PhaseRow>::new("hit_rate", |r| {
            r.sum.as_ref().and_then(Stats::hit_rate).into()
        })
        .heading("hit rate", 95),
        Column::<PhaseRow>::new("executed", |r| total(r, |s| s.executed).into())
            .heading("executed", 60),
        Column::<PhaseRow>::new("non_cacheable", |r| total(r, |s| s.non_cacheable).into())
            .heading("non-cacheable", 55),
        Column::<PhaseRow>::new("errors", |r| total(r, Stats::errors_total).into())
            .heading("errors", 70)
            .tone(|r| match total(r, Stats::errors_total) {
                Some(n) if n > 0 => Tone::Warning,
                _ => Tone::Plain,
            }),
        Column::<PhaseRow>::shown("note", 80, |r| match r.unmeasured {
            0 => String::new(),
            n => format!("{n} unmeasured"),
        })
        .tone(|_| Tone::Warning),
    ];
    Sheet {
        columns,
        rows: breakdown::by_name(phases).into_iter().map(row).collect(),
    }
}

fn total(row: &PhaseRow, pick: fn(&Stats) -> Option<u64>) -> Option<u64> {
    row.sum.as_ref().and_then(pick)
}

fn text_value(text: &str) -> super::sheet::Value<'_> {
    super::sheet::Value::text(text)
}

fn parts(what: &'static str, sum: &Stats, compilers: bool) -> Sheet<Part> {
    let rows = match compilers {
        true => sum.by_compiler(),
        false => sum.by_language(),
    };
    let columns = vec![
        Column::<Part>::new(what, |r| text_value(&r.name))
            .heading(what, 100)
            .cut_to(12),
        Column::<Part>::new("hits", |r| Some(r.hits).into()).heading("hits", 90),
        Column::<Part>::new("misses", |r| Some(r.misses).into())
            .heading("misses", 89)
            .beside("hits"),
        Column::<Part>::new("hit_rate", |r| hit_rate(r.hits, r.misses).into())
            .heading("hit rate", 95),
        Column::<Part>::new("errors", |r| r.errors.into()).heading("errors", 70),
    ];
    Sheet { columns, rows }
}

fn level_sheet(rows: Vec<Level>) -> Sheet<Level> {
    let rate = |level: &Level| hit_rate(level.hits?, level.misses?);
    let columns = vec![
        Column::<Level>::new("level", |l| text_value(&l.name))
            .heading("level", 100)
            .cut_to(12),
        Column::<Level>::new("hits", |l| l.hits.into()).heading("hits", 90),
        Column::<Level>::new("misses", |l| l.misses.into())
            .heading("misses", 89)
            .beside("hits"),
        Column::<Level>::new("hit_rate", move |l| rate(l).into()).heading("hit rate", 95),
        Column::<Level>::new("writes", |l| l.writes.into()).heading("writes", 70),
        Column::<Level>::new("write_failures", |l| l.write_failures.into())
            .heading("write failures", 60),
    ];
    Sheet { columns, rows }
}
