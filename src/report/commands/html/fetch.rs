//! Reads what the page shows, with the queries of the other reports.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, DurationRound, NaiveDate, TimeDelta, Utc};

use super::super::super::advice::{self, Advice, Sample, Severity};
use super::super::super::headline::{headline, time_saved};
use super::super::super::html::Page;
use super::super::super::html::page::{Advised, Figure};
use super::super::super::table::HtmlTable;
use super::super::super::{suggest, text};
use super::super::trend::{self as periods, Period};
use super::super::{advise, hosts, sums};
use super::{emerges, misses, packages, ranked, trend};
use crate::error::Result;
use crate::savings::TIME_SAVED;
use crate::savings::verdict::Verdict;
use crate::sccache::{Level, hit_rate};
use crate::store::{CacheState, Evidence, Filter, HostRow, PackageRow, Store, Sums};

pub(super) type Verdicts = BTreeMap<String, Verdict>;

/// Reads the page.
///
/// # Errors
/// [`crate::Error::NoMatch`] if no build passes the filter.
pub(super) fn page(store: &Store, filter: &Filter, is_default_period: bool) -> Result<Page> {
    let mut sample = filter.clone();
    let mut filter = filter.clone();
    if is_default_period {
        // As far back as `advise`, so that both give the same advice.
        let fewer = TimeDelta::days(super::DAYS - advice::DAYS);
        sample.since = filter.since.map(|since| since + fewer);
        // Whole hours are faster: the database has their sums.
        let hour = TimeDelta::hours(1);
        filter.since = filter
            .since
            .map(|since| since.duration_trunc(hour).unwrap_or(since));
    }
    let mut rows = store.packages(&filter)?;
    let first_at = rows.iter().map(|row| row.first_at).min();
    let last_at = rows.iter().map(|row| row.last_at).max();
    let Some((first_at, last_at)) = first_at.zip(last_at) else {
        return Err(suggest::no_build(&filter));
    };
    let filter = for_each_package(filter, &rows, first_at);
    let mut sums = Sums::default();
    rows.iter().for_each(|row| sums.add(&row.sums));
    let evidence = store.evidence(&advice::limited(&sample))?;
    let cache = evidence.iter().rev().find_map(|build| build.cache.clone());
    let sample = Sample::from_evidence(&evidence);
    let verdicts = verdicts(store, &rows, &evidence)?;
    let advice = advice::advise_with(evidence, &verdicts);
    let days = (last_at - first_at).num_days() + 1;
    let period = format!("in {}", text::count(days as u64, "day"));
    let moments = periods::moments(store, &filter)?;
    let (by, timeline) = periods::timeline(&moments);
    let periods: Vec<Period> = timeline.into_iter().map(period_or_gap).collect();
    let builds = format!(
        "{} of {}",
        text::count(sums.builds, "build"),
        text::count(rows.len() as u64, "package")
    );
    let hosts = store.hosts(&filter)?;
    let dates = text::period(first_at, last_at);
    let mut page = Page {
        scope: format!("{dates}, {builds}, {}", host_names(&hosts)),
        hosts: (hosts.len() > 1).then(|| HtmlTable::new("", &hosts::columns(), &hosts)),
        headline: headline(&sums, &period, &advice),
        figures: figures(&sums, cache.as_ref(), &store.cache_levels(&filter)?),
        ranked: ranked::lists(store, &filter, &rows, &verdicts)?,
        misses: misses::charts(store, &filter, by, &periods)?,
        trend: trend::charts(by, &periods),
        calendar: trend::calendar(&moments),
        packages: packages::table(&mut rows, &verdicts),
        package_note: packages::NOTE,
        emerges: emerges::table(store, &filter)?,
        advice_scope: sample.map_or_else(String::new, |sample| advise::scope(sample, false)),
        advice: advice.into_iter().map(advised).collect(),
        builds,
        made_at: text::date_time(Utc::now()),
        version: env!("CARGO_PKG_VERSION"),
        time_saved: TIME_SAVED,
    };
    packages::add_details(store, &filter, &rows, &verdicts, &mut page)?;
    Ok(page)
}

/// Returns a filter for the same builds that also selects them in queries on one package.
fn for_each_package(filter: Filter, rows: &[PackageRow], first_at: DateTime<Utc>) -> Filter {
    if filter.last.is_none() && filter.min_builds.is_none() {
        return filter;
    }
    Filter {
        packages: Some(rows.iter().map(|row| row.package.clone()).collect()),
        since: Some(first_at),
        min_builds: None,
        last: None,
        ..filter
    }
}

fn period_or_gap((name, period): (String, Option<Period>)) -> Period {
    period.unwrap_or(Period {
        name,
        first_day: NaiveDate::default(),
        sums: Sums::default(),
    })
}

/// Returns the hosts, or their number if there are many.
fn host_names(hosts: &[HostRow]) -> String {
    if hosts.len() > 3 {
        return text::count(hosts.len() as u64, "host");
    }
    let names: Vec<String> = hosts.iter().map(|row| text::sanitize(&row.host)).collect();
    format!("on {}", names.join(", "))
}

fn advised(piece: Advice) -> Advised {
    let setting: Vec<String> = piece
        .setting
        .iter()
        .map(|line| text::sanitize(line))
        .collect();
    Advised {
        summary: text::sanitize(&piece.summary),
        evidence: piece
            .evidence
            .iter()
            .map(|line| text::sanitize(line))
            .collect(),
        recommendation: text::sanitize(&piece.recommendation),
        setting: setting.join("\n"),
        is_note: piece.severity == Severity::Note,
    }
}

/// Returns the verdicts on the packages of the page and of the advice.
fn verdicts(store: &Store, rows: &[PackageRow], evidence: &[Evidence]) -> Result<Verdicts> {
    let mut names: BTreeSet<&str> = rows.iter().map(|row| row.package.as_str()).collect();
    names.extend(evidence.iter().map(|build| build.package.as_str()));
    let names: Vec<&str> = names.into_iter().collect();
    store.verdicts(&names)
}

fn figures(sums: &Sums, cache: Option<&CacheState>, levels: &[Level]) -> Vec<Figure> {
    let counts = sums.hits.zip(sums.misses);
    let saved = sums
        .time_saved
        .map(|saved| text::duration(saved.as_seconds_f64()));
    let figure = |name: &str, value, note| Figure {
        name: name.to_owned(),
        value,
        note,
    };
    let mut figures = vec![
        figure("builds", text::number(sums.builds), sums::note(sums)),
        figure(
            "hit rate",
            text::percent_or_dash(sums.hit_rate()),
            counts.map_or_else(
                || "not measured".into(),
                |(hits, misses)| text::hits_and_misses(hits, misses),
            ),
        ),
        figure(
            "hit rate by cost",
            text::percent_or_dash(sums.hit_rate_by_cost()),
            String::new(),
        ),
        figure(
            "coverage",
            text::percent_or_dash(sums.coverage()),
            String::new(),
        ),
        figure(
            "time saved",
            saved.unwrap_or_else(|| "-".into()),
            time_saved(sums),
        ),
        figure(
            "cache fill",
            cache.map_or_else(|| "-".into(), |cache| text::percent_or_dash(cache.fill())),
            cache.map_or_else(String::new, text::cache_fill),
        ),
        figure("failed builds", text::number(sums.failed), String::new()),
    ];
    figures.extend(levels.iter().map(|level| {
        let rate = hit_rate(level.hits, level.misses);
        let note = text::level_lookups(level);
        figure(&level.name, text::percent_or_dash(rate), note)
    }));
    figures
}
