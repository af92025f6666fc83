//! Reads what the page shows, with the queries of the other reports.

use std::collections::BTreeSet;

use chrono::{DateTime, DurationRound, Local, TimeDelta, Utc};

use super::misses::Reasons;
use super::{Verdicts, emerges, figures, misses, packages, ranked, trend};
use crate::error::Result;
use crate::report::advice::{self, Advice, Sample, Severity};
use crate::report::commands::trend as periods;
use crate::report::commands::{advise, hosts, overview};
use crate::report::headline::{headline, time_saved};
use crate::report::html::Page;
use crate::report::html::page::Advised;
use crate::report::table::HtmlTable;
use crate::report::{suggest, text};
use crate::store::{Evidence, Filter, HostRow, PackageRow, Store, Sums};

/// The builds of a page.
struct Selection {
    filter: Filter,
    /// The builds that the advice is based on.
    sample: Filter,
    rows: Vec<PackageRow>,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    sums: Sums,
}

/// Reads the page.
///
/// # Errors
/// [`crate::Error::NoMatch`] if no build passes the filter.
pub(super) fn fetch_page(store: &Store, filter: &Filter, is_default_period: bool) -> Result<Page> {
    let selection = select(store, filter, is_default_period)?;
    let Selection {
        filter,
        mut rows,
        first_at,
        last_at,
        sums,
        ..
    } = selection;
    let evidence = store.evidence(&advice::limited(&selection.sample))?;
    let hosts = store.hosts(&filter)?;
    let cache = cache_fill(&evidence, hosts.len() > 1);
    let sample = Sample::from_evidence(&evidence);
    let verdicts = verdicts(store, &rows, &evidence)?;
    let advice = advice::advise_with(evidence, &verdicts);
    let days = text::days(first_at, last_at, is_default_period.then_some(super::DAYS));
    let moments = periods::moments(store, &filter)?;
    let (by, periods) = periods::timeline(&moments);
    let reasons = Reasons::read(store, &filter, by)?;
    let ranked = ranked::lists(store, &filter, &rows, &sums, &verdicts, &reasons)?;
    let builds = text::count(sums.builds, "build");
    let scope = [
        text::period(first_at, last_at),
        format!("{builds} of {}", text::count(rows.len() as u64, "package")),
        host_names(&hosts),
    ];
    let mut page = Page {
        scope: scope.join(", "),
        period: is_default_period.then(period).unwrap_or_default(),
        headline: headline(&sums, &format!("in {days}"), &advice),
        figures: figures::figures(&sums, cache, &store.cache_levels(&filter)?),
        time_saved: time_saved(&sums),
        misses: misses::charts(&reasons, by, &periods, &sums),
        trend: trend::charts(by, &periods, filter.since, last_at),
        calendar: trend::calendar(&moments),
        packages: packages::table(&mut rows, &verdicts),
        hosts: (hosts.len() > 1).then(|| HtmlTable::new("", &host_columns(), &hosts)),
        emerges: emerges::table(store, &filter)?,
        advice_scope: sample.map_or_else(String::new, |sample| {
            advice_scope(sample, is_default_period)
        }),
        advice: advice.into_iter().map(advised).collect(),
        builds,
        made_at: Local::now().format("%Y-%m-%d %H:%M %:z").to_string(),
        version: env!("CARGO_PKG_VERSION"),
        ranked,
    };
    packages::add_details(store, &filter, &rows, &verdicts, &reasons, &mut page)?;
    Ok(page)
}

/// Explains the default period, because the overview has another one.
fn period() -> String {
    format!(
        "The page covers at most the {} days before the newest build, a year for the trend and the calendar. The overview on \
         a terminal covers {}.",
        super::DAYS,
        overview::DAYS
    )
}

/// Returns what the advice is based on, and how far back that can go.
fn advice_scope(sample: Sample, is_default_period: bool) -> String {
    let mut scope = advise::scope(sample, false);
    if is_default_period {
        scope.push_str(&format!(
            " That is at most the {} days before the newest build: older builds belong to settings that may have changed \
             since.",
            advice::DAYS
        ));
    }
    scope
}

fn select(store: &Store, filter: &Filter, is_default_period: bool) -> Result<Selection> {
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
    let rows = store.packages(&filter)?;
    let first_at = rows.iter().map(|row| row.first_at).min();
    let last_at = rows.iter().map(|row| row.last_at).max();
    let Some((first_at, last_at)) = first_at.zip(last_at) else {
        return Err(suggest::no_build(&filter));
    };
    let mut sums = Sums::default();
    rows.iter().for_each(|row| sums.add(&row.sums));
    Ok(Selection {
        filter: for_each_package(filter, &rows, first_at),
        sample,
        rows,
        first_at,
        last_at,
        sums,
    })
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

/// Returns the newest known fill of a cache, with its size and date, and its host if there are several.
fn cache_fill(evidence: &[Evidence], has_hosts: bool) -> Option<(Option<f64>, String)> {
    let mut newest_first = evidence.iter().rev();
    let (build, cache) = newest_first.find_map(|build| Some((build, build.cache.as_ref()?)))?;
    let mut note = format!(
        "{}, as of {}",
        text::cache_size(cache),
        text::date(build.started_at)
    );
    if has_hosts {
        note.push_str(&format!(", on {}", build.host));
    }
    Some((cache.fill(), note))
}

/// Returns the hosts, or their number if there are many.
fn host_names(hosts: &[HostRow]) -> String {
    if hosts.len() > 3 {
        return text::count(hosts.len() as u64, "host");
    }
    let names: Vec<String> = hosts.iter().map(|row| text::sanitize(&row.host)).collect();
    format!("on {}", names.join(", "))
}

fn host_columns() -> Vec<crate::report::table::Column<HostRow>> {
    let columns = hosts::columns().into_iter();
    let columns = columns.map(|column| match column.name {
        "host" => column.heading("host"),
        _ => column,
    });
    columns.collect()
}

fn advised(piece: Advice) -> Advised {
    let sanitized = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| text::sanitize(line)).collect()
    };
    Advised {
        summary: text::sanitize(&piece.summary),
        evidence: sanitized(&piece.evidence),
        recommendation: text::sanitize(&piece.recommendation),
        setting: sanitized(&piece.setting).join("\n"),
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
