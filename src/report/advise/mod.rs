//! `sccache-report advise`: what the numbers say should change.
//!
//! Each kind of advice is a file of its own: a pure function from [`Evidence`] to at most
//! one [`Advice`], with the thresholds below which it keeps quiet. What can't be changed is
//! said as that, and nobody's fault is called one.

mod bumps;
mod cache;
mod draw;
mod errors;
mod forced;
mod misses;
mod piece;
mod reasons;
#[cfg(test)]
mod testing;
mod unmeasured;

use std::io::Write;

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

pub(super) use self::draw::{draw_all, draw_titles, indented};
use self::piece::NOT_MEASURED;
use self::piece::package_names;
pub(super) use self::piece::{Advice, CACHE_ERRORS, ONLY_MISSES, Severity, divided, of_kind};
use super::common::{Common, Selection};
use super::format::Format;
use super::lately::lately;
use super::output::Keep;
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
        lately(&store, &mut filter, DAYS)?;
    }
    let evidence = store.evidence(&bounded(&filter))?;
    drop(store);
    let Some(looked) = looked_at(&evidence) else {
        let why = "no recorded build matches".to_string();
        return common.nothing(sheet(vec![], None), why, out);
    };
    let advice = advise(evidence);
    if common.format == Format::Table {
        writeln!(
            out,
            "{}\n",
            text::wrap(&scope(looked, by_default), common.look().width, "")
        )?;
        draw_all(&advice, &common.look(), out)?;
        return Ok(Shown::Something);
    }
    common.finish(sheet(advice, Some(looked)), Keep::First, out)?;
    Ok(Shown::Something)
}

/// The filter with no more builds than advice looks at.
pub(super) fn bounded(filter: &Filter) -> Filter {
    Filter {
        last: Some(filter.last.map_or(BUILDS, |last| last.min(BUILDS))),
        ..filter.clone()
    }
}

/// `None` of no builds.
pub(super) fn looked_at(evidence: &[Evidence]) -> Option<Looked> {
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

/// What these builds, the newest last, say should change, what harms most first; then what they
/// explain. No package is told two things of which one makes the other needless: sccache is
/// turned off only where no other piece may help, and what is turned off has no further advice.
pub(super) fn advise(mut evidence: Vec<Evidence>) -> Vec<Advice> {
    let whole = [
        errors::recent(&evidence),
        unmeasured::missing(&evidence),
        cache::full(&evidence),
    ];
    let mut advice: Vec<Advice> = whole.into_iter().flatten().collect();
    let mut settings = reasons::curable(&evidence);
    settings.extend(forced::misses(&evidence));
    let cures = |package: &str| { advice.iter().chain(&settings) }.any(|a| a.may_cure(package));
    let off = misses::only(&evidence, cures);
    if let Some(off) = &off {
        evidence.retain(|build| !off.packages.contains(&build.package));
    }
    advice.extend(off);
    advice.extend(settings);
    advice.extend(reasons::normal(&evidence));
    advice.extend(bumps::cold(&evidence));
    advice
}

/// The names of its columns.
pub(super) fn names() -> Vec<Name> {
    sheet(vec![], None).names()
}

fn sheet(rows: Vec<Advice>, looked: Option<Looked>) -> Sheet<Advice> {
    type Col = Column<Advice>;
    let mut columns = vec![
        Col::new("advice", |a| Value::text(a.kind)),
        Col::new("says", |a| Value::text(&a.says)),
        Col::new("evidence", |a| Value::text(a.evidence.join(" "))),
        Col::new("to_do", |a| Value::text(&a.to_do)),
        Col::new("setting", |a| match a.setting.is_empty() {
            true => Value::Unknown,
            false => Value::text(a.setting.join("\n")),
        }),
        Col::new("severity", |a| Value::text(a.severity.word())),
    ];
    columns.extend(looked_columns(move |_| looked));
    columns.extend([
        Col::nested("about", |a| json!(a.packages)),
        Col::nested("numbers", |a| a.numbers.clone()),
    ]);
    Sheet { columns, rows }
}

/// What was looked at, for all reports that have advice.
pub(super) fn looked_columns<R: 'static>(
    of: impl Fn(&R) -> Option<Looked> + Copy + 'static,
) -> [Column<R>; 3] {
    let at = |known: Option<DateTime<Utc>>| known.map_or(Value::Unknown, Value::Time);
    [
        Column::new("looked_at_builds", move |r| of(r).map(|l| l.builds).into()),
        Column::new("looked_from", move |r| at(of(r).map(|l| l.first_at))),
        Column::new("looked_to", move |r| at(of(r).map(|l| l.last_at))),
    ]
}

/// The advice within other reports' JSON: the rows that `advise` has of it.
pub(super) fn nested(advice: &[Advice], looked: Option<Looked>) -> Json {
    super::format::json_rows(&sheet(vec![], looked).columns, advice)
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;
    use crate::sccache::NotMeasuredReason;

    fn kinds(evidence: Vec<Evidence>) -> Vec<(&'static str, Severity)> {
        let advice = advise(evidence);
        advice.iter().map(|a| (a.kind, a.severity)).collect()
    }

    #[test]
    fn what_is_turned_off_is_told_nothing_else() {
        let bump = after(rust_build("a/b", "2", 0, 50), "1");
        let only_misses = (ONLY_MISSES, Severity::Change);
        assert_eq!(kinds(vec![bump.clone(); 3]), [only_misses]);
        // One hit, and it stays on: then it is told that this is how it has to be.
        let mut hits = vec![bump; 3];
        hits[0].hits = Some(1);
        assert_eq!(kinds(hits), [("cold-versions", Severity::Note)]);
        let links = Evidence {
            calls: Some(200),
            not_cached: std::iter::once(("crate-type (bin)".to_string(), 150)).collect(),
            ..c_build("a/b", "1", 0, 50)
        };
        assert_eq!(kinds(vec![links.clone(); 3]), [only_misses]);
        assert_eq!(
            kinds(vec![links; 2]),
            [("not-cacheable", Severity::Note)],
            "too few builds to turn it off"
        );
    }

    #[test]
    fn nothing_is_turned_off_that_something_else_may_cure() {
        let misses = c_build("a/b", "1", 0, 50);
        let with = |change: fn(&mut Evidence)| {
            let mut builds = vec![misses.clone(); 3];
            builds.iter_mut().for_each(change);
            kinds(builds)
        };
        assert_eq!(with(|_| {}), [(ONLY_MISSES, Severity::Change)]);
        let incremental = with(|build| {
            build.calls = Some(100);
            build.not_cached = std::iter::once(("incremental".to_string(), 50)).collect();
        });
        assert_eq!(incremental, [("not-cacheable", Severity::Change)]);
        let forced = with(|build| build.forced = 50);
        assert_eq!(forced, [("forced-misses", Severity::Change)]);
        // A build that could not be kept, after three that were.
        let mut builds = vec![misses.clone(); 4];
        builds[3].write_errors = Some(1);
        assert_eq!(kinds(builds), [(CACHE_ERRORS, Severity::Change)]);
        // Missing statistics are no cure.
        let mut builds = vec![misses.clone(); 6];
        for build in &mut builds[3..] {
            build.not_measured = vec![("test".into(), NotMeasuredReason::Other)];
        }
        assert_eq!(
            kinds(builds),
            [
                (NOT_MEASURED, Severity::Change),
                (ONLY_MISSES, Severity::Change)
            ]
        );
    }
}
