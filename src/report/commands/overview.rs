//! `sccache-report` without a command: an overview of recent builds on one screen.

use std::io::{self, Write};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::super::advice::{self, Advice, Sample};
use super::super::headline::{headline, time_saved};
use super::super::options::{
    BuildFilter, Database, OutputFormat, PackagePatterns, limit_to_recent,
};
use super::super::table::{Column, Page, Value, json_rows};
use super::super::{Status, chart, suggest, text, warn};
use super::trend;
use super::{advise, emerges, hosts, packages, sums};
use crate::error::Result;
use crate::sccache::Level;
use crate::store::{
    CacheState, EmergeRow, Filter, HostRow, PackageRow, Pending, Store, Sums, TimedSums,
};
use crate::when::PeriodLength;

/// Show an overview of the last 30 days
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    filter: BuildFilter,

    #[command(flatten)]
    output: OutputFormat,
}

/// The default period: days before the newest build.
pub(super) const DAYS: i64 = 30;

/// Packages in each list of JSON.
const LISTED: usize = 3;

/// Losing packages in the list for people, to fit one screen.
const LOSING_SHOWN: usize = 2;

struct Overview {
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    /// Whether no option limits the period.
    is_default_period: bool,
    packages: u64,
    sums: Sums,
    /// The packages for which the cache saved most.
    best: Vec<PackageRow>,
    /// The packages for which the cache cost most.
    worst: Vec<PackageRow>,
    /// The hosts, if there are several.
    hosts: Vec<HostRow>,
    last_emerge: Option<EmergeRow>,
    /// With the start of the build that reported it.
    cache: Option<(CacheState, DateTime<Utc>)>,
    /// Of a multi-level cache.
    levels: Vec<Level>,
    by: PeriodLength,
    /// Periods with their hit rates, gaps included.
    rates: Vec<(String, Option<f64>)>,
    advice: Vec<Advice>,
    /// The builds that the advice is based on.
    sample: Option<Sample>,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status> {
    report(&args.filter, &args.output, database, out)
}

pub(super) fn report(
    filter: &BuildFilter,
    output: &OutputFormat,
    database: &Database,
    out: &mut dyn Write,
) -> Result<Status> {
    // First, because it may also explain why the database can't be opened.
    warn_about_pending(database);
    let selected = filter.open(&PackagePatterns::default(), database);
    let overview =
        selected.and_then(|(store, selected)| fetch(&store, selected, filter.is_any_time()));
    match overview {
        Ok(overview) if output.is_table() => {
            draw(&overview, &mut output.page(out))?;
            Ok(Status::Success)
        }
        overview => output.write(columns(), overview.map(|overview| vec![overview]), out),
    }
}

fn warn_about_pending(database: &Database) {
    let pending = Pending::for_database(&database.path());
    if let Some(count @ 1..) = pending.count() {
        let builds = text::count(count as u64, "build");
        let folder = pending.folder().display();
        warn(&format!(
            "{builds} in {folder} could not be recorded yet; the next recorded build adds them"
        ));
    }
}

fn fetch(store: &Store, mut filter: Filter, is_default_period: bool) -> Result<Overview> {
    let mut sample = filter.clone();
    if is_default_period {
        limit_to_recent(store, &mut filter, DAYS)?;
        // Whole hours are faster: the database has their sums.
        let hour = TimeDelta::hours(1);
        filter.since = filter
            .since
            .map(|since| since.duration_trunc(hour).unwrap_or(since));
        // As far back as `advise`, so that both give the same advice.
        let further = TimeDelta::days(advice::DAYS - DAYS);
        sample = Filter {
            since: filter.since.map(|since| since - further),
            ..filter.clone()
        };
    }
    let packages = store.packages(&filter)?;
    let first_at = packages.iter().map(|row| row.first_at).min();
    let last_at = packages.iter().map(|row| row.last_at).max();
    let Some((first_at, last_at)) = first_at.zip(last_at) else {
        return Err(suggest::no_build(&filter));
    };
    let mut sums = Sums::default();
    packages.iter().for_each(|row| sums.add(&row.sums));
    let evidence = store.evidence(&advice::limited(&sample))?;
    let mut newest_first = evidence.iter().rev();
    let cache = newest_first.find_map(|build| Some((build.cache.clone()?, build.started_at)));
    let sample = Sample::from_evidence(&evidence);
    let advice = advice::advise(store, evidence)?;
    let (by, rates) = hit_rates(&trend::moments(store, &filter)?);
    Ok(Overview {
        first_at,
        last_at,
        is_default_period,
        packages: packages.len() as u64,
        sums,
        best: best(&packages, LISTED),
        worst: worst(store, &filter, &packages, LISTED)?,
        hosts: hosts::several(store, &filter)?,
        last_emerge: store.last_emerge(&filter)?,
        cache,
        levels: store.cache_levels(&filter)?,
        by,
        rates,
        advice,
        sample,
    })
}

/// The packages that gain most.
pub(super) fn best<'a>(
    packages: impl IntoIterator<Item = &'a PackageRow>,
    listed: usize,
) -> Vec<PackageRow> {
    top(packages, listed, gain)
}

/// The packages that lose most. The first build of a package only fills the cache, which is not a
/// loss yet: a package only loses if it had been measured before.
pub(super) fn worst(
    store: &Store,
    filter: &Filter,
    packages: &[PackageRow],
    listed: usize,
) -> Result<Vec<PackageRow>> {
    let losing = packages.iter().filter(|row| loss(row).is_some());
    let losing: Vec<&str> = losing.map(|row| row.package.as_str()).collect();
    let built_again = store.built_again(&losing, filter.until)?;
    Ok(top(packages, listed, |row| {
        loss(row).filter(|_| built_again.contains(&row.package))
    }))
}

/// Seconds first, 0 if unknown, then a count.
type Rank = (f64, u64);

/// The packages with the highest rank.
fn top<'a>(
    packages: impl IntoIterator<Item = &'a PackageRow>,
    listed: usize,
    rank: impl Fn(&PackageRow) -> Option<Rank>,
) -> Vec<PackageRow> {
    let packages = packages.into_iter();
    let ranks = packages.filter_map(|package| Some((rank(package)?, package)));
    let mut ranked: Vec<(Rank, &PackageRow)> = ranks.collect();
    ranked.sort_by(|((a, n), _), ((b, m), _)| b.total_cmp(a).then(m.cmp(n)));
    let listed = ranked.into_iter().take(listed);
    listed.map(|(_, package)| package.clone()).collect()
}

/// Time saved, and hits.
fn gain(package: &PackageRow) -> Option<Rank> {
    let hits = package.sums.hits.filter(|hits| *hits > 0)?;
    match package.sums.time_saved {
        Some(saved) if saved <= TimeDelta::zero() => None,
        saved => Some((saved.map_or(0.0, TimeDelta::as_seconds_f64), hits)),
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

/// A hit rate for each period of the timeline.
fn hit_rates(moments: &[TimedSums]) -> (PeriodLength, Vec<(String, Option<f64>)>) {
    let (by, timeline) = trend::timeline(moments);
    let rates = timeline.into_iter();
    let rates = rates.map(|period| (period.name, period.sums.hit_rate()));
    (by, rates.collect())
}

impl Overview {
    fn headline(&self) -> String {
        let most = self.is_default_period.then_some(DAYS);
        let days = text::days(self.first_at, self.last_at, most);
        headline(&self.sums, &format!("in {days}"), &self.advice)
    }
}

/// The name of a line, padded so that the values are aligned.
fn prefix(name: &str) -> String {
    format!("{name:11} ")
}

fn draw(overview: &Overview, page: &mut Page<'_>) -> io::Result<()> {
    page.line("", &overview.headline())?;
    page.blank()?;
    draw_facts(overview, page)?;
    draw_rates(overview, page)?;
    if let Some(emerge) = &overview.last_emerge {
        let time = text::date_time(emerge.started_at);
        let builds = text::count(emerge.sums.builds, "build");
        let rate = text::percent_or_dash(emerge.sums.hit_rate());
        let emerge = format!("{time}, {builds}, hit rate {rate}: {}", emerge.command);
        page.line(&prefix("last emerge"), &emerge)?;
    }
    let (changes, _) = advice::changes_and_notes(&overview.advice);
    for (name, piece) in ["advice", ""].into_iter().zip(&changes) {
        page.line(&prefix(name), &piece.summary)?;
    }
    if !changes.is_empty() {
        page.line(&prefix(""), "(details: sccache-report advise)")?;
    }
    page.table("", hosts::columns(), overview.hosts.clone())?;
    let losing = overview.worst.iter().take(LOSING_SHOWN).cloned().collect();
    for (heading, rows) in [
        ("saves most", overview.best.clone()),
        ("costs most", losing),
    ] {
        let hidden = ["last_at", "coverage", "last_version", "last_hit_rate"];
        let mut columns = packages::columns();
        columns.retain(|column| !hidden.contains(&column.name));
        columns[0].heading = heading.to_string();
        page.table("", columns, rows)?;
    }
    Ok(())
}

fn draw_facts(overview: &Overview, page: &mut Page<'_>) -> io::Result<()> {
    let sums = &overview.sums;
    let mut period = text::period(overview.first_at, overview.last_at);
    if overview.is_default_period {
        period.push_str(&format!(" (up to {DAYS} days; --since for more)"));
    }
    page.line(&prefix("period"), &period)?;
    let packages = text::count(overview.packages, "package");
    let mut builds = format!("{} of {packages}", text::number(sums.builds));
    let note = sums::note(sums);
    if !note.is_empty() {
        builds.push_str(&format!(" ({note})"));
    }
    page.line(&prefix("builds"), &builds)?;
    page.line(&prefix("hit rate"), &sums::rates(sums))?;
    page.line(&prefix("time saved"), &time_saved(sums))?;
    if let Some((cache, at)) = &overview.cache {
        let as_of = text::as_of(*at, overview.last_at);
        page.line(&prefix("cache"), &(text::cache_fill(cache) + &as_of))?;
    }
    for level in &overview.levels {
        page.line(&prefix(""), &text::cache_level(level))?;
    }
    Ok(())
}

/// Hit rates as a sparkline of the newest periods.
fn draw_rates(overview: &Overview, page: &mut Page<'_>) -> io::Result<()> {
    let rates = overview.rates.iter();
    let bars: Vec<char> = rates.map(|(_, rate)| chart::spark(*rate)).collect();
    if bars.iter().all(|bar| *bar == ' ') {
        return Ok(());
    }
    let width = page.terminal.width.unwrap_or(usize::MAX);
    let room = width.saturating_sub(12).min(trend::BARS);
    let newest: String = bars[bars.len().saturating_sub(room)..].iter().collect();
    let name = prefix(&format!("by {}", overview.by.noun()));
    writeln!(page.out, "{name}{}", newest.trim_end())
}

fn columns() -> Vec<Column<Overview>> {
    type Col = Column<Overview>;
    let mut columns = vec![
        Col::data("first_at", |o| Value::Time(o.first_at)),
        Col::data("last_at", |o| Value::Time(o.last_at)),
        Col::data("packages", |o| Value::Count(o.packages)),
    ];
    columns.extend(sums::columns(|o: &Overview| &o.sums));
    columns.extend([
        Col::data("measured", |o| Value::Count(o.sums.measured)),
        Col::data("cache_location", |o| {
            let location = o.cache.as_ref().and_then(|(c, _)| c.location.as_deref());
            location.into()
        }),
        Col::data("cache_size_bytes", |o| {
            o.cache.as_ref().map(|(c, _)| c.size).into()
        }),
        Col::data("max_cache_size_bytes", |o| {
            o.cache.as_ref().map(|(c, _)| c.max_size).into()
        }),
        Col::nested("cache_levels", |o| json!(o.levels)),
        Col::data("cache_at", |o| o.cache.as_ref().map(|(_, at)| *at).into()),
        Col::data("headline", |o| Value::text(o.headline())),
        Col::data("sample_builds", |o| o.sample.map(|s| s.builds).into()),
        Col::data("sample_from", |o| o.sample.map(|s| s.first_at).into()),
        Col::data("sample_to", |o| o.sample.map(|s| s.last_at).into()),
        Col::nested("by_time", |o| {
            let rates = o.rates.iter();
            rates
                .map(|(period, rate)| json!({ "period": period, "hit_rate": rate }))
                .collect()
        }),
        Col::nested("best", |o| json_rows(&packages::columns(), &o.best)),
        Col::nested("worst", |o| json_rows(&packages::columns(), &o.worst)),
        Col::nested("by_host", |o| json_rows(&hosts::columns(), &o.hosts)),
        Col::nested("last_emerge", |o| {
            let mut rows = json_rows(&emerges::columns(), o.last_emerge.as_slice());
            rows.get_mut(0).map_or(Json::Null, Json::take)
        }),
        Col::nested("advice", |o| advise::nested(&o.advice, o.sample)),
    ]);
    columns
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn package(
        name: &str,
        hits: u64,
        misses: u64,
        saved: Option<i64>,
    ) -> PackageRow {
        PackageRow {
            package: name.into(),
            host: None,
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
        let best = names(top(&packages, LISTED, gain));
        assert_eq!(best, ["a/much", "a/little", "a/unknown"]);
        let worst = names(top(&packages, LISTED, loss));
        assert_eq!(worst, ["a/costs", "a/never", "a/unknown"]);
    }
}
