//! `sccache-report advise`: recommends changes, with evidence.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::super::advice::{self, Advice, Sample};
use super::super::options::{
    BuildFilter, Database, OutputFormat, PackagePatterns, limit_to_recent,
};
use super::super::table::{Column, Page, Value, json_rows};
use super::super::{Status, suggest, text};
use crate::error::{Error, Result};

/// Recommend changes, with evidence
///
/// By default, advice is based on the builds of the 90 days before the newest one, at most 1,000.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    packages: PackagePatterns,

    #[command(flatten)]
    filter: BuildFilter,

    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status> {
    match fetch(args, database) {
        Ok((advice, sample)) if args.output.is_table() => {
            let scope = scope(sample, args.filter.is_any_time());
            draw(&advice, &scope, &mut args.output.page(out))?;
            Ok(Status::Success)
        }
        Ok((advice, sample)) => match args.output.write(columns(Some(sample)), Ok(advice), out) {
            // No advice is good news.
            Err(Error::NoMatch(_)) => Ok(Status::Success),
            result => result,
        },
        Err(error) => args.output.write(columns(None), Err(error), out),
    }
}

fn fetch(args: &Args, database: &Database) -> Result<(Vec<Advice>, Sample)> {
    let (store, mut filter) = args.filter.open(&args.packages, database)?;
    if args.filter.is_any_time() {
        limit_to_recent(&store, &mut filter, advice::DAYS)?;
    }
    let evidence = store.evidence(&advice::limited(&filter))?;
    match Sample::from_evidence(&evidence) {
        Some(sample) => Ok((advice::advise(&store, evidence)?, sample)),
        None => Err(suggest::no_build(&filter)),
    }
}

/// Returns what the advice is based on.
pub(super) fn scope(sample: Sample, is_default_period: bool) -> String {
    let builds = text::count(sample.builds, "build");
    let period = text::period(sample.first_at, sample.last_at);
    let mut scope = format!("Based on {builds}, {period}");
    if sample.is_limited() {
        scope.push_str(" (the newest)");
    } else if is_default_period {
        scope.push_str(&format!(" (up to {} days; --since for more)", advice::DAYS));
    }
    scope + "."
}

/// Changes are numbered, notes follow.
fn draw(advice: &[Advice], scope: &str, page: &mut Page<'_>) -> io::Result<()> {
    page.line("", scope)?;
    let (changes, notes) = advice::changes_and_notes(advice);
    if changes.is_empty() {
        page.blank()?;
        page.line("", "No changes are recommended.")?;
    }
    for (index, piece) in changes.iter().enumerate() {
        draw_piece(&format!("{}. ", index + 1), piece, page)?;
    }
    if !notes.is_empty() {
        page.blank()?;
        page.line("", "For your information (nothing to change):")?;
    }
    notes
        .iter()
        .try_for_each(|piece| draw_piece("*  ", piece, page))
}

fn draw_piece(bullet: &str, piece: &Advice, page: &mut Page<'_>) -> io::Result<()> {
    page.blank()?;
    page.line(bullet, &piece.summary)?;
    for sentence in &piece.evidence {
        page.line("   - ", sentence)?;
    }
    page.line("   ", &piece.recommendation)?;
    if !piece.setting.is_empty() {
        page.blank()?;
    }
    // Lines to paste are not wrapped.
    for line in &piece.setting {
        writeln!(page.out, "       {}", text::sanitize(line))?;
    }
    Ok(())
}

fn columns(sample: Option<Sample>) -> Vec<Column<Advice>> {
    type Col = Column<Advice>;
    vec![
        Col::data("advice", |a| word(a.kind)),
        Col::data("summary", |a| Value::text(&a.summary)),
        Col::data("evidence", |a| Value::text(a.evidence.join(" "))),
        Col::data("recommendation", |a| Value::text(&a.recommendation)),
        Col::data("setting", |a| match a.setting.as_slice() {
            [] => Value::Unknown,
            lines => Value::text(lines.join("\n")),
        }),
        Col::data("severity", |a| word(a.severity)),
        Col::data("sample_builds", move |_| sample.map(|s| s.builds).into()),
        Col::data("sample_from", move |_| sample.map(|s| s.first_at).into()),
        Col::data("sample_to", move |_| sample.map(|s| s.last_at).into()),
        Col::nested("about", |a| json!(a.packages)),
        Col::nested("numbers", |a| a.numbers.clone()),
    ]
}

fn word(value: impl Serialize) -> Value<'static> {
    Value::text(json!(value).as_str().unwrap_or_default().to_string())
}

/// The rows of `advise` within other reports' JSON.
pub(super) fn nested(advice: &[Advice], sample: Option<Sample>) -> Json {
    json_rows(&columns(sample), advice)
}
