//! `sccache-report advise`: what the numbers say should change.
//!
//! Each kind of advice is a file of its own: a pure function from [`Evidence`] to at most
//! one [`Advice`], with the thresholds below which it keeps quiet. What can't be changed is
//! said as that, and nobody's fault is called one.

mod bumps;
mod cache;
mod draw;
mod errors;
mod misses;
mod reasons;
#[cfg(test)]
mod testing;
mod unmeasured;

use std::io::Write;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

pub(super) use self::draw::{draw_all, draw_titles, indented};
use super::common::{Common, Selection};
use super::format::Format;
use super::sheet::{Column, Name, Sheet, Value};
use super::{Shown, Trouble, text};
use crate::store::{Evidence, Filter};

/// What is looked at unless asked otherwise: so many days up to the newest build. Older
/// numbers are of settings that may have changed since.
pub(super) const DAYS: i64 = 90;

/// And of those the newest so many builds, so that looking takes no longer as years go by.
pub(super) const BUILDS: u32 = 1000;

/// What should change, from the builds of the 90 days up to the last (the newest 1,000 of them)
///
/// Each piece comes with the numbers that it rests on and, where a setting helps, the
/// lines to paste. Where there is nothing to change, it says so.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Packages: PN, CATEGORY/PN, with shell wildcards if you like
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
}

/// One piece of advice.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Advice {
    /// What it is about, in one word.
    pub(super) kind: &'static str,
    /// What is the matter, in a sentence.
    pub(super) says: String,
    /// The numbers that it rests on, a sentence each.
    pub(super) evidence: Vec<String>,
    /// What to do.
    pub(super) to_do: String,
    /// The exact lines to paste, if any.
    pub(super) setting: Vec<String>,
    /// The packages that it is about; none: all.
    pub(super) packages: Vec<String>,
    /// The numbers again, by name.
    pub(super) numbers: Json,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Looked {
    pub(super) builds: u64,
    pub(super) first_at: DateTime<Utc>,
    pub(super) last_at: DateTime<Utc>,
}

pub(super) fn run(args: &Args, common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    let (store, mut filter) = match common.select(&args.patterns)? {
        Selection::Builds(store, filter) => (store, *filter),
        Selection::Nothing(why) => return common.nothing(sheet(vec![], None), why, out),
    };
    let by_default = common.any_time();
    if by_default {
        let newest = store.newest(&filter)?;
        filter.since = newest.map(|newest| newest - TimeDelta::days(DAYS));
    }
    let evidence = store.evidence(&bounded(&filter))?;
    drop(store);
    let Some(looked) = looked_at(&evidence) else {
        let why = "no recorded build matches".to_string();
        return common.nothing(sheet(vec![], None), why, out);
    };
    let advice = advise(&evidence);
    if common.format == Format::Table {
        writeln!(
            out,
            "{}\n",
            text::wrap(&scope(looked, by_default), common.look().width, "")
        )?;
        draw_all(&advice, &common.look(), out)?;
        return Ok(Shown::Something);
    }
    common.finish(sheet(advice, Some(looked)), out)?;
    Ok(Shown::Something)
}

/// The filter with no more builds than advice looks at.
pub(super) fn bounded(filter: &Filter) -> Filter {
    Filter {
        last: Some(filter.last.map_or(BUILDS, |last| last.min(BUILDS))),
        ..filter.clone()
    }
}

fn looked_at(evidence: &[Evidence]) -> Option<Looked> {
    Some(Looked {
        builds: evidence.len() as u64,
        first_at: evidence.first()?.started_at,
        last_at: evidence.last()?.started_at,
    })
}

fn scope(looked: Looked, by_default: bool) -> String {
    let (first, last) = (text::day(looked.first_at), text::day(looked.last_at));
    let period = match first == last {
        true => format!("of {first}"),
        false => format!("from {first} to {last}"),
    };
    let more = match by_default {
        true if looked.builds < u64::from(BUILDS) => {
            format!(" (up to {DAYS} days; --since looks further back)")
        }
        _ if looked.builds == u64::from(BUILDS) => " (the newest of them)".to_string(),
        _ => String::new(),
    };
    format!(
        "Looked at {} {period}{more}.",
        text::of(looked.builds, "build")
    )
}

/// What these builds, the newest last, say should change: what harms most first.
pub(super) fn advise(evidence: &[Evidence]) -> Vec<Advice> {
    [
        errors::recent(evidence),
        unmeasured::missing(evidence),
        cache::full(evidence),
        misses::only(evidence),
    ]
    .into_iter()
    .flatten()
    .chain(reasons::dominant(evidence))
    .chain(bumps::cold(evidence))
    .collect()
}

/// The names of its columns.
pub(super) fn names() -> Vec<Name> {
    sheet(vec![], None).names()
}

fn sheet(rows: Vec<Advice>, looked: Option<Looked>) -> Sheet<Advice> {
    type Col = Column<Advice>;
    let at = move |pick: fn(Looked) -> DateTime<Utc>| {
        looked.map(pick).map_or(Value::Unknown, Value::Time)
    };
    let columns = vec![
        Col::new("advice", |a| Value::text(a.kind)),
        Col::new("says", |a| Value::text(&a.says)),
        Col::new("evidence", |a| Value::text(a.evidence.join(" "))),
        Col::new("to_do", |a| Value::text(&a.to_do)),
        Col::new("setting", |a| match a.setting.is_empty() {
            true => Value::Unknown,
            false => Value::text(a.setting.join("\n")),
        }),
        Col::new("looked_at_builds", move |_| looked.map(|l| l.builds).into()),
        Col::new("looked_from", move |_| at(|l| l.first_at)),
        Col::new("looked_to", move |_| at(|l| l.last_at)),
        Col::nested("about", |a| json!(a.packages)),
        Col::nested("numbers", |a| a.numbers.clone()),
    ];
    Sheet { columns, rows }
}

/// The advice within other reports' JSON.
pub(super) fn nested(advice: &[Advice]) -> Json {
    super::format::json_rows(&sheet(vec![], None).columns[..5], advice)
}
