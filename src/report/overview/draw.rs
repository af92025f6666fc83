//! The overview as people read it: a screen of 80 by 24 where it can.

use std::io::{self, Write};

use chrono::{DateTime, Utc};

use super::super::advise::{divided, indented};
use super::super::format::{Format, Look};
use super::super::packages::note;
use super::super::sheet::{Column, Sheet, Tone, Value};
use super::super::verdict::saved;
use super::super::{fill, text};
use super::{DAYS, Overview};
use crate::store::{EmergeRow, PackageRow, Sums};

type Col = Column<PackageRow>;

/// So many packages that lose are listed, for all to find room on a screen; JSON has more.
const LOSING: usize = 2;

pub(super) fn draw(overview: &Overview, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\n", indented("", &overview.verdict(), look))?;
    facts(overview, look, out)?;
    let lists = [
        ("gain most", overview.best.as_slice()),
        ("lose", &overview.worst[..overview.worst.len().min(LOSING)]),
    ];
    for (heading, rows) in lists {
        if !rows.is_empty() {
            writeln!(out)?;
            Format::Table.write(&packages(heading, rows.to_vec()), look, out)?;
        }
    }
    Ok(())
}

/// On narrower terminals facts follow their names, which have no column of their own.
const COLUMN: usize = 40;

/// On narrower terminals no fact is cut to a line: there would be nothing left of it.
const CUT: usize = 60;

/// A fact a line, its name on the left.
fn facts(overview: &Overview, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let sums = &overview.sums;
    let mut tell = |name: &str, body: String| writeln!(out, "{}", fact(name, &body, look));
    tell("period", period(overview))?;
    tell("builds", builds(overview))?;
    tell("hit rate", rates(sums))?;
    tell("time saved", saved(sums))?;
    if let Some((state, at)) = &overview.cache {
        let age = age(*at, overview.last_at);
        tell("cache", format!("{}{age}", fill::of(state)))?;
    }
    if let Some(bars) = overview.spark.bars() {
        bar_lines(&format!("by {}", overview.spark.step), &bars, look, out)?;
    }
    if let Some((emerge, of)) = &overview.last_emerge {
        // Its command may be as long as the world file.
        let body = text::clean(&last_emerge(emerge, *of));
        let line = match look.width {
            Some(width) if width < CUT => fact("last emerge", &text::cut(body, 2 * width), look),
            Some(width) => text::cut(fact("last emerge", &body, &WHOLE), width),
            None => fact("last emerge", &body, look),
        };
        writeln!(out, "{line}")?;
    }
    to_change(overview, look, out)
}

/// A fact is written whole, however long it gets.
const WHOLE: Look = Look {
    color: false,
    width: None,
};

/// A fact with its name, in as many lines as it takes.
fn fact(name: &str, body: &str, look: &Look) -> String {
    match look.width {
        Some(width) if width < COLUMN => {
            let name = if name.is_empty() {
                "  "
            } else {
                &format!("{name}: ")
            };
            text::wrap(&format!("{name}{}", text::clean(body)), look.width, "  ")
        }
        _ => indented(&format!("{name:11} "), body, look),
    }
}

/// The bars in lines that are filled up: gaps among them are no places to break them.
fn bar_lines(name: &str, bars: &str, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let narrow = look.width.is_some_and(|width| width < COLUMN);
    let (mut start, indent) = match narrow {
        true => (format!("{name}:"), 2),
        false => (format!("{name:11}"), 12),
    };
    let room = look
        .width
        .map_or(usize::MAX, |width| width.saturating_sub(indent));
    if narrow {
        writeln!(out, "{start}")?;
        start = " ".into();
    }
    let bars: Vec<char> = bars.chars().collect();
    for line in bars.chunks(room.max(1)) {
        let line: String = line.iter().collect();
        writeln!(out, "{start} {}", line.trim_end())?;
        start = " ".repeat(indent - 1);
    }
    Ok(())
}

/// What the first pieces of advice are about that ask for a change, and where to read what to do.
fn to_change(overview: &Overview, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let (changes, _) = divided(&overview.advice);
    if changes.is_empty() {
        return Ok(());
    }
    for (name, piece) in ["to change", ""].into_iter().zip(&changes) {
        let line = match look.width {
            Some(width) if width < CUT => fact(name, &piece.says, look),
            width => text::cut_sentence(&fact(name, &piece.says, &WHOLE), width),
        };
        writeln!(out, "{line}")?;
    }
    let more = match changes.len() {
        0..=2 => String::new(),
        all => format!(" and {} more", all - 2),
    };
    let options = match overview.asked.filtered {
        true => " with the same options",
        false => "",
    };
    let how = format!("(how{more}: sccache-report advise{options})");
    writeln!(out, "{}", fact("", &how, look))
}

fn period(overview: &Overview) -> String {
    let (first, last) = (text::day(overview.first_at), text::day(overview.last_at));
    let default = match overview.asked.by_default {
        true => format!(" (up to {DAYS} days; --since for more)"),
        false => String::new(),
    };
    match first == last {
        true => format!("{first}{default}"),
        false => format!("{first} to {last}{default}"),
    }
}

/// How much older than the last build something is, if by a day or more: `, as of 2026-10-25, 12
/// days before the last build`.
fn age(at: DateTime<Utc>, last: DateTime<Utc>) -> String {
    match (last - at).num_days() {
        ..1 => String::new(),
        days => format!(
            ", as of {}, {} before the last build",
            text::day(at),
            text::of(days as u64, "day")
        ),
    }
}

fn builds(overview: &Overview) -> String {
    format!(
        "{} of {}{}",
        text::number(overview.sums.builds),
        text::of(overview.packages, "package"),
        remarks(&overview.sums)
    )
}

/// What keeps the numbers from being the whole truth, in brackets.
fn remarks(sums: &Sums) -> String {
    match note(sums) {
        note if note.is_empty() => note,
        note => format!(" ({note})"),
    }
}

fn rates(sums: &Sums) -> String {
    let counts = match (sums.hits, sums.misses) {
        (Some(hits), Some(misses)) => format!(" ({})", text::hits_and_misses(hits, misses)),
        _ => String::new(),
    };
    format!(
        "{}{counts}, coverage {}",
        text::rate_or_dash(sums.hit_rate()),
        text::rate_or_dash(sums.coverage())
    )
}

/// The emerge as far as its builds were asked for, of all that it has.
fn last_emerge(emerge: &EmergeRow, all: u64) -> String {
    let sums = &emerge.sums;
    let builds = match sums.builds == all {
        true => text::of(all, "build"),
        false => format!(
            "{} of its {}",
            text::number(sums.builds),
            text::of(all, "build")
        ),
    };
    format!(
        "{}, {builds}, hit rate {}: {}",
        text::minute(emerge.started_at),
        text::rate_or_dash(sums.hit_rate()),
        emerge.command
    )
}

/// The packages, under a heading that says why they are named.
fn packages(heading: &'static str, rows: Vec<PackageRow>) -> Sheet<PackageRow> {
    let columns = vec![
        Col::new("package", |r| Value::text(&r.package))
            .heading(heading, 100)
            .cut_by(text::cut_package, 18),
        Col::new("builds", |r| Value::Count(r.sums.builds)).heading("builds", 70),
        Col::new("hits", |r| r.sums.hits.into()).heading("hits", 75),
        Col::new("misses", |r| r.sums.misses.into())
            .heading("misses", 74)
            .beside("hits"),
        Col::new("hit_rate", |r| r.sums.hit_rate().into())
            .heading("hit rate", 80)
            .tone(|r| Tone::of_rate(r.sums.hit_rate())),
        Col::new("time_saved_seconds", |r| r.sums.time_saved.into()).heading("time saved", 95),
        Col::shown("note", 60, |r| note(&r.sums)).tone(|_| Tone::Warning),
    ];
    Sheet { columns, rows }
}
