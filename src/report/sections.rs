//! The sections of `show`, as tables below a few lines of text.

use std::io::{self, Write};

use super::breakdown::{self, Part};
use super::builds::{self, Detailed};
use super::format::{Format, Look};
use super::sheet::{Column, Sheet, Tone};
use super::show::Package;
use super::text;
use crate::portage::Phase;
use crate::sccache::{Level, Stats, hit_rate};
use crate::store::{attribution_word, outcome_word};

/// A package: its sums, what they divide into, its builds.
pub(super) fn draw_package(package: Package, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let row = &package.row;
    let (first, last) = (text::day(row.first_at), text::day(row.last_at));
    let builds = text::of(row.sums.builds, "build");
    let when = match first == last {
        true => format!("on {first}"),
        false => format!("from {first} to {last}"),
    };
    writeln!(out, "{}", text::clean(&row.package))?;
    let version = text::clean(&row.last_version);
    writeln!(out, "  {builds} {when}, the last of version {version}")?;
    rates(
        row.sums.hits,
        row.sums.misses,
        row.sums.hit_rate(),
        row.sums.coverage(),
        out,
    )?;
    divided(&package.phases, look, out)?;
    section("builds", builds::sheet(package.history), look, out)
}

/// A build: who and what, its sums, what they divide into.
pub(super) fn draw_build(build: &Detailed, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let row = &build.row;
    writeln!(
        out,
        "{} {}",
        text::clean(&row.package),
        text::clean(&row.version)
    )?;
    writeln!(out, "  build {} on {}", row.id, text::clean(&row.host))?;
    let took = text::duration((row.finished_at - row.started_at).as_seconds_f64());
    let began = text::minute(row.started_at);
    writeln!(out, "  {} {began}, took {took}", outcome_word(row.outcome))?;
    let or_dash = |known: &Option<String>| text::clean(known.as_deref().unwrap_or("-"));
    writeln!(
        out,
        "  slot {}, repository {}, sccache {}, attribution {}",
        or_dash(&row.slot),
        or_dash(&row.repository),
        or_dash(&row.sccache_version),
        row.attribution.map_or("-", attribution_word)
    )?;
    rates(row.hits, row.misses, row.hit_rate(), row.coverage(), out)?;
    divided(&build.phases, look, out)
}

fn rates(
    hits: Option<u64>,
    misses: Option<u64>,
    hit_rate: Option<f64>,
    coverage: Option<f64>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (Some(hits), Some(misses)) = (hits, misses) else {
        return writeln!(out, "  not measured");
    };
    writeln!(
        out,
        "  hit rate {} ({}), coverage {}",
        text::rate_or_dash(hit_rate),
        text::hits_and_misses(hits, misses),
        text::rate_or_dash(coverage)
    )
}

/// Phases, languages, compilers, levels and reasons.
fn divided(phases: &[Phase], look: &Look, out: &mut dyn Write) -> io::Result<()> {
    section("phases", phase_sheet(phases), look, out)?;
    if let Some(sum) = breakdown::total(phases) {
        section("languages", parts("language", &sum, false), look, out)?;
        section("compilers", parts("compiler", &sum, true), look, out)?;
        section("cache levels", level_sheet(sum.levels), look, out)?;
        let reasons: Vec<(String, u64)> = sum.not_cached.into_iter().collect();
        section("not cached", reason_sheet(reasons), look, out)?;
    }
    let reasons = phases
        .iter()
        .filter_map(|p| Some((&p.name, p.stats.as_ref().err()?)));
    for (index, (name, reason)) in reasons.enumerate() {
        if index == 0 {
            writeln!(out, "\nnot measured")?;
        }
        writeln!(out, "  {}: {}", text::clean(name), text::clean(reason))?;
    }
    Ok(())
}

fn section<R: 'static>(
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
            .heading("misses", 89),
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

fn text_value(text: &str) -> super::sheet::Value {
    super::sheet::Value::text(text)
}

fn parts(what: &'static str, sum: &Stats, compilers: bool) -> Sheet<Part> {
    let rows = match compilers {
        true => breakdown::parts(sum, |counts| &counts.compilers),
        false => breakdown::parts(sum, |counts| &counts.languages),
    };
    let columns = vec![
        Column::<Part>::new(what, |r| text_value(&r.name))
            .heading(what, 100)
            .cut_to(12),
        Column::<Part>::new("hits", |r| Some(r.hits).into()).heading("hits", 90),
        Column::<Part>::new("misses", |r| Some(r.misses).into()).heading("misses", 89),
        Column::<Part>::new("hit_rate", |r| r.hit_rate().into()).heading("hit rate", 95),
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
        Column::<Level>::new("misses", |l| l.misses.into()).heading("misses", 89),
        Column::<Level>::new("hit_rate", move |l| rate(l).into()).heading("hit rate", 95),
        Column::<Level>::new("writes", |l| l.writes.into()).heading("writes", 70),
        Column::<Level>::new("write_failures", |l| l.write_failures.into())
            .heading("write failures", 60),
    ];
    Sheet { columns, rows }
}

fn reason_sheet(mut rows: Vec<(String, u64)>) -> Sheet<(String, u64)> {
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let columns = vec![
        Column::<(String, u64)>::new("reason", |r| text_value(&r.0))
            .heading("reason", 100)
            .cut_to(12),
        Column::<(String, u64)>::new("calls", |r| Some(r.1).into()).heading("calls", 90),
    ];
    Sheet { columns, rows }
}
