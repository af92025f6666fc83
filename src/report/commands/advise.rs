//! `sccache-report advise`: what should change, with evidence.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::super::advice::{self, Advice, Sample};
use super::super::default_period::limit_to_recent;
use super::super::options::{BuildFilter, Database, OutputFormat};
use super::super::table::{Column, Terminal, Value, json_rows};
use super::super::{Status, suggest, text};
use crate::error::Error;

/// Show what should change, with evidence
///
/// By default based on the builds of the 90 days before the newest one, at most 1,000.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Packages: PN, CATEGORY/PN, or with wildcards ('dev-rust/*')
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,

    #[command(flatten)]
    filter: BuildFilter,

    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status, Error> {
    let (rows, sample) = match fetch(args, database) {
        Ok((advice, sample)) => (Ok(advice), Some(sample)),
        Err(error) => (Err(error), None),
    };
    if let (Ok(advice), Some(sample), true) = (&rows, sample, args.output.is_table()) {
        draw(
            advice,
            &scope(sample, args.filter.is_any_time()),
            args.output.terminal(),
            out,
        )?;
        return Ok(Status::Success);
    }
    let is_empty = rows.as_ref().is_ok_and(Vec::is_empty);
    match args.output.write(columns(sample), rows, out) {
        // No advice is good news.
        Err(Error::NoMatch(_)) if is_empty => Ok(Status::Success),
        result => result,
    }
}

fn fetch(args: &Args, database: &Database) -> Result<(Vec<Advice>, Sample), Error> {
    let (store, mut filter) = args.filter.open(&args.patterns, database, &[])?;
    if args.filter.is_any_time() {
        limit_to_recent(&store, &mut filter, advice::DAYS)?;
    }
    let evidence = store.evidence(&advice::limited(&filter))?;
    match Sample::of(&evidence) {
        Some(sample) => Ok((advice::derive(evidence), sample)),
        None => Err(Error::NoMatch(suggest::NO_BUILD.into())),
    }
}

fn scope(sample: Sample, by_default: bool) -> String {
    let (first, last) = (text::date(sample.first_at), text::date(sample.last_at));
    let period = if first == last {
        format!("of {first}")
    } else {
        format!("from {first} to {last}")
    };
    let limit = if sample.is_limited() {
        " (the newest)".to_string()
    } else if by_default {
        format!(" (up to {} days; --since for more)", advice::DAYS)
    } else {
        String::new()
    };
    let builds = text::count(sample.builds, "build");
    format!("Based on {builds} {period}{limit}.")
}

/// Changes are numbered, notes follow.
fn draw(advice: &[Advice], scope: &str, terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    terminal.line(out, "", scope)?;
    let (changes, notes) = advice::changes_and_notes(advice);
    if changes.is_empty() {
        writeln!(
            out,
            "\nNothing to change: no problem was found that a setting solves."
        )?;
    }
    for (index, piece) in changes.iter().enumerate() {
        draw_piece(&format!("{}. ", index + 1), piece, terminal, out)?;
    }
    if !notes.is_empty() {
        writeln!(out, "\nFor your information (nothing to change):")?;
    }
    notes
        .iter()
        .try_for_each(|piece| draw_piece("*  ", piece, terminal, out))
}

fn draw_piece(
    bullet: &str,
    piece: &Advice,
    terminal: Terminal,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out)?;
    terminal.line(out, bullet, &piece.summary)?;
    for sentence in &piece.evidence {
        terminal.line(out, "   - ", sentence)?;
    }
    terminal.line(out, "   ", &piece.recommendation)?;
    if !piece.setting.is_empty() {
        writeln!(out)?;
    }
    // Lines to paste are not wrapped.
    for line in &piece.setting {
        writeln!(out, "       {}", text::sanitize(line))?;
    }
    Ok(())
}

pub(super) fn columns(sample: Option<Sample>) -> Vec<Column<Advice>> {
    type Col = Column<Advice>;
    let mut columns = vec![
        Col::data("advice", |a| word(a.kind)),
        Col::data("summary", |a| Value::text(&a.summary)),
        Col::data("evidence", |a| Value::text(a.evidence.join(" "))),
        Col::data("recommendation", |a| Value::text(&a.recommendation)),
        Col::data("setting", |a| {
            if a.setting.is_empty() {
                Value::Unknown
            } else {
                Value::text(a.setting.join("\n"))
            }
        }),
        Col::data("severity", |a| word(a.severity)),
    ];
    columns.extend(sample_columns(move |_| sample));
    columns.extend([
        Col::nested("about", |a| json!(a.packages)),
        Col::nested("numbers", |a| a.numbers.clone()),
    ]);
    columns
}

fn word(value: impl Serialize) -> Value<'static> {
    Value::text(json!(value).as_str().unwrap_or_default().to_string())
}

/// The builds that the advice is based on, for every report with advice.
pub(super) fn sample_columns<R: 'static>(
    sample: impl Fn(&R) -> Option<Sample> + Copy + 'static,
) -> [Column<R>; 3] {
    [
        Column::data("sample_builds", move |r| sample(r).map(|s| s.builds).into()),
        Column::data("sample_from", move |r| sample(r).map(|s| s.first_at).into()),
        Column::data("sample_to", move |r| sample(r).map(|s| s.last_at).into()),
    ]
}

/// The rows of `advise` within other reports' JSON.
pub(super) fn nested(advice: &[Advice], sample: Option<Sample>) -> Json {
    json_rows(&columns(sample), advice)
}
