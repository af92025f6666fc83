//! `sccache-report` alone: what the cache did lately, in a few lines.

use std::io::{self, Write};

use chrono::{DateTime, Days, Local, TimeDelta, Utc};

use super::common::{Common, Selection};
use super::format::{Format, json_rows};
use super::sheet::{Column, Name, Sheet, Value};
use super::trend::{By, periods};
use super::verdict::verdict;
use super::{Shown, Trouble, emerges, packages, text};
use crate::store::{EmergeRow, Filter, Moment, PackageRow, Sums};

type Col = Column<Overview>;

/// What "lately" is: so many days up to the newest build.
const DAYS: i64 = 30;

/// How many of the best and of the worst packages are named.
const NAMED: usize = 3;

/// The widest sparkline.
const SPARK: usize = 60;

/// What the overview tells.
struct Overview {
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    packages: u64,
    sums: Sums,
    /// The packages with the most hits, and with the lowest hit rates.
    best: Vec<PackageRow>,
    worst: Vec<PackageRow>,
    last_emerge: Option<EmergeRow>,
    moments: Vec<Moment>,
}

pub(super) fn run(common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    // Also where the database can't be opened: that may be why they wait.
    common.tell_what_waits();
    let overview = match common.select(&[])? {
        Selection::Builds(store, mut filter) => {
            if common.any_time() {
                let newest = store.builds(&Filter {
                    last: Some(1),
                    ..*filter.clone()
                })?;
                filter.since = newest.first().map(|b| b.started_at - TimeDelta::days(DAYS));
            }
            let last_emerge = store.emerges(&filter)?.pop();
            let moments = store.moments(&filter)?;
            compute(
                store.packages(&filter)?,
                store.sums(&filter)?,
                last_emerge,
                moments,
            )
        }
        Selection::Nothing(why) => return common.nothing(sheet(vec![]), why, out),
    };
    let Some(overview) = overview else {
        return common.nothing(sheet(vec![]), "no recorded build matches".into(), out);
    };
    match common.format {
        Format::Table => {
            draw(&overview, common, out)?;
            Ok(Shown::Something)
        }
        _ => common.finish(sheet(vec![overview]), out),
    }
}

/// `None` of no builds.
fn compute(
    packages: Vec<PackageRow>,
    sums: Sums,
    last_emerge: Option<EmergeRow>,
    moments: Vec<Moment>,
) -> Option<Overview> {
    let (first, last) = (moments.first()?.started_at, moments.last()?.started_at);
    let mut ranked: Vec<&PackageRow> = packages
        .iter()
        .filter(|p| p.sums.hit_rate().is_some())
        .collect();
    ranked.sort_by_key(|p| std::cmp::Reverse(p.sums.hits));
    let best: Vec<PackageRow> = ranked
        .iter()
        .take_while(|p| p.sums.hits > Some(0))
        .take(NAMED)
        .map(|p| (*p).clone())
        .collect();
    ranked.retain(|p| p.sums.misses > Some(0) && best.iter().all(|b| b.package != p.package));
    ranked.sort_by(|a, b| {
        let by_rate = a
            .sums
            .hit_rate()
            .unwrap_or(0.0)
            .total_cmp(&b.sums.hit_rate().unwrap_or(0.0));
        by_rate.then(b.sums.misses.cmp(&a.sums.misses))
    });
    let worst = ranked.into_iter().take(NAMED).cloned().collect();
    Some(Overview {
        first_at: first,
        last_at: last,
        packages: packages.len() as u64,
        sums,
        best,
        worst,
        last_emerge,
        moments,
    })
}

/// The names of its columns.
pub(super) fn names() -> Vec<Name> {
    sheet(vec![]).names()
}

fn sheet(rows: Vec<Overview>) -> Sheet<Overview> {
    let columns = vec![
        Col::new("first_at", |o| Value::Time(o.first_at)),
        Col::new("last_at", |o| Value::Time(o.last_at)),
        Col::new("packages", |o| Value::Count(o.packages)),
        Col::new("builds", |o| Value::Count(o.sums.builds)),
        Col::new("failed", |o| Value::Count(o.sums.failed)),
        Col::new("measured", |o| Value::Count(o.sums.measured)),
        Col::new("shared", |o| Value::Count(o.sums.shared)),
        Col::new("hits", |o| o.sums.hits.into()),
        Col::new("misses", |o| o.sums.misses.into()),
        Col::new("hit_rate", |o| o.sums.hit_rate().into()),
        Col::new("coverage", |o| o.sums.coverage().into()),
        Col::new("time_saved_seconds", |o| o.sums.time_saved.into()),
        Col::new("verdict", |o| Value::Text(verdict(&o.sums))),
        Col::nested("best", |o| json_rows(&packages::columns(), &o.best)),
        Col::nested("worst", |o| json_rows(&packages::columns(), &o.worst)),
        Col::nested("last_emerge", |o| {
            let rows = json_rows(&emerges::columns(), o.last_emerge.as_slice());
            rows.get(0).cloned().unwrap_or_default()
        }),
    ];
    Sheet { columns, rows }
}

fn draw(overview: &Overview, common: &Common, out: &mut dyn Write) -> io::Result<()> {
    let sums = &overview.sums;
    writeln!(out, "{}\n", verdict(sums))?;
    let (first, last) = (text::day(overview.first_at), text::day(overview.last_at));
    let period = if first == last {
        first
    } else {
        format!("{first} to {last}")
    };
    writeln!(out, "period     {period}")?;
    writeln!(
        out,
        "builds     {} of {}{}",
        text::number(sums.builds),
        text::of(overview.packages, "package"),
        remarks(sums)
    )?;
    let counts = match (sums.hits, sums.misses) {
        (Some(h), Some(m)) => format!(" ({})", text::hits_and_misses(h, m)),
        _ => String::new(),
    };
    writeln!(
        out,
        "hit rate   {}{counts}",
        text::rate_or_dash(sums.hit_rate())
    )?;
    writeln!(out, "coverage   {}", text::rate_or_dash(sums.coverage()))?;
    let (by, line) = sparkline(&overview.moments);
    if !line.trim().is_empty() {
        writeln!(out, "by {by:7} {line}")?;
    }
    if let Some(emerge) = &overview.last_emerge {
        let rate = text::rate_or_dash(emerge.sums.hit_rate());
        let tail = format!("{}, hit rate {rate}", text::of(emerge.sums.builds, "build"));
        writeln!(
            out,
            "last emerge, {}: {tail}",
            text::minute(emerge.started_at)
        )?;
        let command = text::clean(&emerge.command);
        let room = common
            .look()
            .width
            .map_or(usize::MAX, |width| width.saturating_sub(4));
        writeln!(out, "  {}", text::cut(command, room))?;
    }
    for (title, rows) in [
        ("most hits", &overview.best),
        ("fewest hits", &overview.worst),
    ] {
        if !rows.is_empty() {
            writeln!(out, "\n{title}")?;
            Format::Table.write(&packages::sheet(rows.clone()), &common.look(), out)?;
        }
    }
    Ok(())
}

/// Failed, unmeasured and shared builds, where there are any.
fn remarks(sums: &Sums) -> String {
    let unmeasured = sums.builds - sums.measured.min(sums.builds);
    let all = [
        (sums.failed, "failed"),
        (unmeasured, "not wholly measured"),
        (sums.shared, "shared"),
    ];
    let said: Vec<String> = all
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", text::number(*n)))
        .collect();
    match said.is_empty() {
        true => String::new(),
        false => format!(" ({})", said.join(", ")),
    }
}

/// The hit rate over the period, in the shortest steps that fit, gaps left blank.
fn sparkline(moments: &[Moment]) -> (&'static str, String) {
    let (Some(first), Some(last)) = (moments.first(), moments.last()) else {
        return ("day", String::new());
    };
    let local = |m: &Moment| m.started_at.with_timezone(&Local).date_naive();
    let (first, last) = (local(first), local(last));
    let days = (last - first).num_days().max(0) as usize + 1;
    let (by, name) = match days {
        d if d <= SPARK => (By::Day, "day"),
        d if d <= SPARK * 7 => (By::Week, "week"),
        d if d <= SPARK * 30 => (By::Month, "month"),
        _ => (By::Year, "year"),
    };
    let known = periods(moments, by, &Local);
    let mut names: Vec<String> = Vec::new();
    for day in (0..days).filter_map(|n| first.checked_add_days(Days::new(n as u64))) {
        let name = day.format(by.pattern()).to_string();
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    let rate = |name: &String| known.iter().find(|p| p.name == *name)?.sums.hit_rate();
    (
        name,
        names.iter().map(|name| text::spark(rate(name))).collect(),
    )
}
