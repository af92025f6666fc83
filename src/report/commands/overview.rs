//! `sccache-report` without a command: what the cache did lately, on one screen.

use std::collections::HashSet;
use std::io::{self, Write};

use chrono::{DateTime, Days, Local, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::super::advice::{self, Advice, Kind, Sample};
use super::super::default_period::limit_to_recent;
use super::super::options::{BuildFilter, Database, OutputFormat};
use super::super::table::{Column, Format, Table, Terminal, Value, json_rows};
use super::super::verdict::{time_saved, verdict};
use super::super::{Status, chart, text, warn};
use super::trend::{By, periods};
use super::{advise, emerges, packages, sums};
use crate::error::Error;
use crate::store::{
    CacheState, EmergeRow, Evidence, Filter, Moment, PackageRow, Pending, Store, Sums,
};

/// Show an overview: what the cache did in the last 30 days
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    filter: BuildFilter,

    #[command(flatten)]
    output: OutputFormat,
}

/// The default period: days before the newest build.
const DAYS: i64 = 30;

/// Packages in each list of JSON.
const LISTED: usize = 3;

/// Losing packages in the list for people, to fit one screen.
const LOSING_SHOWN: usize = 2;

/// The most bars of the sparkline.
const BARS: usize = 60;

pub(super) struct Overview {
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    /// Whether no option limits the period.
    is_default_period: bool,
    packages: u64,
    sums: Sums,
    /// The packages that gain most.
    best: Vec<PackageRow>,
    /// The packages that lose most.
    worst: Vec<PackageRow>,
    last_emerge: Option<EmergeRow>,
    /// With the start of the build that reported it.
    cache: Option<(CacheState, DateTime<Utc>)>,
    by: By,
    /// Periods with their hit rates, gaps included.
    rates: Vec<(String, Option<f64>)>,
    advice: Vec<Advice>,
    /// The builds that the advice is based on.
    sample: Option<Sample>,
}

/// What an overview is computed from.
struct Facts {
    packages: Vec<PackageRow>,
    /// Losing packages that had been measured before. The first build of a package only fills the
    /// cache, which is not a loss yet.
    built_again: HashSet<String>,
    moments: Vec<Moment>,
    last_emerge: Option<EmergeRow>,
    evidence: Vec<Evidence>,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status, Error> {
    report(&args.filter, &args.output, database, out)
}

pub(super) fn report(
    filter: &BuildFilter,
    output: &OutputFormat,
    database: &Database,
    out: &mut dyn Write,
) -> Result<Status, Error> {
    // First, because it may also explain why the database can't be opened.
    warn_about_pending(database);
    let selected = filter.open(&[], database, &[]);
    let facts =
        selected.and_then(|(store, selected)| fetch(&store, selected, filter.is_any_time()));
    let rows = facts.map(|facts| Vec::from_iter(compute(facts, filter)));
    match rows.as_deref() {
        Ok([overview]) if output.is_table() => {
            draw(overview, output.terminal(), out)?;
            Ok(Status::Success)
        }
        _ => output.write(columns(), rows, out),
    }
}

fn warn_about_pending(database: &Database) {
    let pending = Pending::of(&database.path());
    let count = pending.count() as u64;
    if count > 0 {
        let builds = text::count(count, "build");
        let folder = pending.folder().display().to_string();
        warn(&format!(
            "{builds} could not be recorded yet and wait in {folder}; the next recorded build adds \
             them"
        ));
    }
}

fn fetch(store: &Store, mut filter: Filter, is_default_period: bool) -> Result<Facts, Error> {
    let mut sample = filter.clone();
    if is_default_period {
        limit_to_recent(store, &mut filter, DAYS)?;
        // As far back as `advise`, so that both give the same advice.
        let further = TimeDelta::days(advice::DAYS - DAYS);
        sample = Filter {
            since: filter.since.map(|since| since - further),
            ..filter.clone()
        };
    }
    let (packages, moments) = store.packages_and_moments(&filter)?;
    let losing = packages.iter().filter(|row| loss(row).is_some());
    let losing: Vec<&str> = losing.map(|row| row.package.as_str()).collect();
    let built_again = store.built_again(&losing, filter.until)?;
    Ok(Facts {
        built_again: built_again.into_iter().collect(),
        packages,
        moments,
        last_emerge: store.last_emerge(&filter)?.map(|(emerge, _)| emerge),
        evidence: store.evidence(&advice::limited(&sample))?,
    })
}

/// `None` without builds.
fn compute(facts: Facts, filter: &BuildFilter) -> Option<Overview> {
    let moments = &facts.moments;
    let (first_at, last_at) = (moments.first()?.started_at, moments.last()?.started_at);
    let mut sums = Sums::default();
    for package in &facts.packages {
        sums.add(&package.sums);
    }
    let newest_first = facts.evidence.iter().rev();
    let cache = newest_first
        .filter_map(|build| Some((build.cache.clone()?, build.started_at)))
        .next();
    let sample = Sample::of(&facts.evidence);
    let advice = advice::derive(facts.evidence);
    let never_hits =
        advice::find(&advice, Kind::OnlyMisses).map_or(&[][..], |advice| &advice.packages);
    let is_losing = |row: &PackageRow| match row.sums.time_saved {
        Some(_) => facts.built_again.contains(&row.package),
        None => never_hits.contains(&row.package),
    };
    let worst = top(&facts.packages, |row| loss(row).filter(|_| is_losing(row)));
    let (by, rates) = hit_rates(moments);
    Some(Overview {
        first_at,
        last_at,
        is_default_period: filter.is_any_time(),
        packages: facts.packages.len() as u64,
        sums,
        best: top(&facts.packages, gain),
        worst,
        last_emerge: facts.last_emerge,
        cache,
        by,
        rates,
        advice,
        sample,
    })
}

/// Seconds first, 0 if unknown, then a count.
type Rank = (f64, u64);

/// The packages with the highest rank.
fn top(packages: &[PackageRow], rank: impl Fn(&PackageRow) -> Option<Rank>) -> Vec<PackageRow> {
    let ranks = packages
        .iter()
        .filter_map(|package| Some((rank(package)?, package)));
    let mut ranked: Vec<(Rank, &PackageRow)> = ranks.collect();
    ranked.sort_by(|((a, n), _), ((b, m), _)| b.total_cmp(a).then(m.cmp(n)));
    let listed = ranked.into_iter().take(LISTED);
    listed.map(|(_, package)| package.clone()).collect()
}

/// Time saved, and hits.
fn gain(package: &PackageRow) -> Option<Rank> {
    let hits = package.sums.hits.filter(|hits| *hits > 0)?;
    match package.sums.time_saved {
        Some(saved) if saved <= TimeDelta::zero() => None,
        saved => Some((saved.map_or(0.0, |saved| saved.as_seconds_f64()), hits)),
    }
}

/// Time lost, and misses.
fn loss(package: &PackageRow) -> Option<Rank> {
    let misses = package.sums.misses.filter(|misses| *misses > 0)?;
    match package.sums.time_saved {
        Some(saved) if saved >= TimeDelta::zero() => None,
        saved => Some((saved.map_or(0.0, |saved| -saved.as_seconds_f64()), misses)),
    }
}

/// A hit rate for each of the shortest periods of which few enough make up the whole time.
fn hit_rates(moments: &[Moment]) -> (By, Vec<(String, Option<f64>)>) {
    let day = |moment: &Moment| moment.started_at.with_timezone(&Local).date_naive();
    let Some((first, last)) = moments.first().map(day).zip(moments.last().map(day)) else {
        return (By::Day, Vec::new());
    };
    let days = (last - first).num_days().max(0) as usize + 1;
    let by = if days <= BARS {
        By::Day
    } else if days <= BARS * 7 {
        By::Week
    } else if days <= BARS * 30 {
        By::Month
    } else {
        By::Year
    };
    let mut known = periods(moments, by, &Local).into_iter().peekable();
    let mut rates: Vec<(String, Option<f64>)> = Vec::new();
    for day in (0..days).filter_map(|n| first.checked_add_days(Days::new(n as u64))) {
        let name = by.name(day);
        if rates.last().is_none_or(|(last, _)| *last != name) {
            let period = known.next_if(|period| period.name == name);
            rates.push((name, period.and_then(|period| period.sums.hit_rate())));
        }
    }
    (by, rates)
}

impl Overview {
    fn verdict(&self) -> String {
        let (first, last) = (text::date(self.first_at), text::date(self.last_at));
        let days = (self.last_at - self.first_at).num_days() + 1;
        let period = if first == last {
            format!("on {first}")
        } else if self.is_default_period {
            format!("in {} days", days.min(DAYS))
        } else {
            format!("in {} days", text::number(days.max(2) as u64))
        };
        let sample = if self.sample.is_some_and(|sample| sample.is_limited()) {
            format!(
                " in the newest {} builds",
                text::number(advice::BUILDS.into())
            )
        } else if self.is_default_period {
            format!(" in {} days", advice::DAYS)
        } else {
            String::new()
        };
        verdict(&self.sums, &period, &self.advice, &sample)
    }

    /// Name and value of each fact.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let (first, last) = (text::date(self.first_at), text::date(self.last_at));
        let mut period = if first == last {
            first
        } else {
            format!("{first} to {last}")
        };
        if self.is_default_period {
            period.push_str(&format!(" (up to {DAYS} days; --since for more)"));
        }
        let mut builds = format!(
            "{} of {}",
            text::number(self.sums.builds),
            text::count(self.packages, "package")
        );
        let note = sums::note(&self.sums);
        if !note.is_empty() {
            builds.push_str(&format!(" ({note})"));
        }
        let counts = match self.sums.hits.zip(self.sums.misses) {
            Some((hits, misses)) => format!(" ({})", text::hits_and_misses(hits, misses)),
            None => String::new(),
        };
        let rate = text::percent_or_dash(self.sums.hit_rate());
        let coverage = text::percent_or_dash(self.sums.coverage());
        let mut facts = vec![
            ("period", period),
            ("builds", builds),
            ("hit rate", format!("{rate}{counts}, coverage {coverage}")),
            ("time saved", time_saved(&self.sums)),
        ];
        if let Some((cache, at)) = &self.cache {
            let mut cache = text::cache_fill(cache);
            if text::date(*at) != text::date(self.last_at) {
                cache.push_str(&format!(", as of {}", text::date(*at)));
            }
            facts.push(("cache", cache));
        }
        facts
    }
}

fn draw(overview: &Overview, terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    terminal.line(out, "", &overview.verdict())?;
    writeln!(out)?;
    let prefix = |name: &str| format!("{name:11} ");
    for (name, value) in overview.facts() {
        terminal.line(out, &prefix(name), &value)?;
    }
    let rates = overview.rates.iter();
    let bars: Vec<char> = rates.map(|(_, rate)| chart::spark(*rate)).collect();
    if bars.iter().any(|bar| *bar != ' ') {
        let room = terminal
            .width
            .map_or(BARS, |width| width.saturating_sub(12));
        let newest: String = bars[bars.len().saturating_sub(room)..].iter().collect();
        let name = prefix(&format!("by {}", overview.by.word()));
        writeln!(out, "{name}{}", newest.trim_end())?;
    }
    let one_line = |out: &mut dyn Write, name: &str, value: &str| {
        let line = prefix(name) + &text::sanitize(value);
        let width = terminal.width.unwrap_or(usize::MAX);
        writeln!(out, "{}", text::truncate(line, width))
    };
    if let Some(emerge) = &overview.last_emerge {
        let time = text::date_time(emerge.started_at);
        let builds = text::count(emerge.sums.builds, "build");
        let rate = text::percent_or_dash(emerge.sums.hit_rate());
        let emerge = format!("{time}, {builds}, hit rate {rate}: {}", emerge.command);
        one_line(out, "last emerge", &emerge)?;
    }
    let (changes, _) = advice::changes_and_notes(&overview.advice);
    for (name, piece) in ["to change", ""].into_iter().zip(&changes) {
        one_line(out, name, &piece.summary)?;
    }
    if !changes.is_empty() {
        terminal.line(out, &prefix(""), "(how: sccache-report advise)")?;
    }
    let losing = &overview.worst[..overview.worst.len().min(LOSING_SHOWN)];
    draw_packages("gain most", &overview.best, terminal, out)?;
    draw_packages("lose", losing, terminal, out)
}

fn draw_packages(
    heading: &str,
    rows: &[PackageRow],
    terminal: Terminal,
    out: &mut dyn Write,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let hidden = ["last_at", "coverage", "last_version", "last_hit_rate"];
    let mut columns = packages::columns();
    columns.retain(|column| !hidden.contains(&column.name));
    let package = columns.remove(0).heading(heading);
    columns.insert(0, package);
    writeln!(out)?;
    let rows = rows.to_vec();
    Table { columns, rows }.write(Format::Table, terminal, out)?;
    Ok(())
}

pub(super) fn columns() -> Vec<Column<Overview>> {
    type Col = Column<Overview>;
    let mut columns = vec![
        Col::data("first_at", |o| Value::Time(o.first_at)),
        Col::data("last_at", |o| Value::Time(o.last_at)),
        Col::data("packages", |o| Value::Count(o.packages)),
        Col::data("builds", |o| Value::Count(o.sums.builds)),
        Col::data("failed", |o| Value::Count(o.sums.failed)),
        Col::data("measured", |o| Value::Count(o.sums.measured)),
        Col::data("shared", |o| Value::Count(o.sums.shared)),
        Col::data("hits", |o| o.sums.hits.into()),
        Col::data("misses", |o| o.sums.misses.into()),
        Col::data("hit_rate", |o| o.sums.hit_rate().into()),
        Col::data("coverage", |o| o.sums.coverage().into()),
        Col::data("time_saved_seconds", |o| o.sums.time_saved.into()),
        Col::data("cache_location", |o| {
            let cache = o.cache.as_ref();
            cache
                .and_then(|(cache, _)| cache.location.as_deref())
                .into()
        }),
        Col::data("cache_size_bytes", |o| {
            o.cache.as_ref().map(|(c, _)| c.size).into()
        }),
        Col::data("max_cache_size_bytes", |o| {
            o.cache.as_ref().map(|(cache, _)| cache.max_size).into()
        }),
        Col::data("verdict", |o| Value::text(o.verdict())),
        Col::nested("by_time", |o| {
            let rates = o.rates.iter();
            rates
                .map(|(period, rate)| json!({ "period": period, "hit_rate": rate }))
                .collect()
        }),
        Col::nested("best", |o| json_rows(&packages::columns(), &o.best)),
        Col::nested("worst", |o| json_rows(&packages::columns(), &o.worst)),
        Col::nested("last_emerge", |o| match &o.last_emerge {
            Some(row) => json_rows(&emerges::columns(), std::slice::from_ref(row))[0].take(),
            None => Json::Null,
        }),
        Col::nested("advice", |o| advise::nested(&o.advice, o.sample)),
        Col::data("cache_at", |o| o.cache.as_ref().map(|(_, at)| *at).into()),
    ];
    columns.extend(advise::sample_columns(|o: &Overview| o.sample));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, hits: u64, misses: u64, saved: Option<i64>) -> PackageRow {
        PackageRow {
            package: name.into(),
            sums: Sums {
                builds: 3,
                measured: 3,
                hits: Some(hits),
                misses: Some(misses),
                time_saved: saved.map(TimeDelta::seconds),
                ..Sums::default()
            },
            first_at: DateTime::UNIX_EPOCH,
            last_at: DateTime::UNIX_EPOCH,
            last_version: "1".into(),
            last_hits: None,
            last_misses: None,
        }
    }

    #[test]
    fn time_ranks_before_counts_and_no_package_gains_and_loses() {
        let packages = [
            package("a/little", 900, 0, Some(5)),
            package("a/much", 10, 0, Some(500)),
            package("a/unknown", 99, 1, None),
            package("a/never", 0, 99, None),
            package("a/costs", 5, 50, Some(-60)),
            package("a/even", 5, 5, Some(0)),
            package("a/idle", 0, 0, Some(0)),
        ];
        let names = |rows: Vec<PackageRow>| -> Vec<String> {
            rows.into_iter().map(|row| row.package).collect()
        };
        let best = names(top(&packages, gain));
        assert_eq!(best, ["a/much", "a/little", "a/unknown"]);
        let worst = names(top(&packages, loss));
        assert_eq!(worst, ["a/costs", "a/never", "a/unknown"]);
    }
}
