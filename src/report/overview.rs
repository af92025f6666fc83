//! `sccache-report` alone: what the cache did lately, in a few lines.

mod draw;
mod rank;
mod spark;

use std::collections::HashSet;
use std::io::Write;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use self::rank::{gain, loss, ranked};
use self::spark::Spark;
use super::advise::{self, Advice, Looked, ONLY_MISSES, of_kind};
use super::common::{Common, Selection};
use super::format::{Format, json_rows};
use super::lately::lately;
use super::output::Keep;
use super::sheet::{Column, Name, Sheet, Value};
use super::verdict::verdict;
use super::{Shown, Trouble, emerges, packages, text};
use crate::store::{CacheState, EmergeRow, Evidence, Filter, Moment, PackageRow, Store, Sums};

type Col = Column<Overview>;

/// What "lately" is: so many days up to the newest build.
const DAYS: i64 = 30;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Nobody asked for another period than the last 30 days.
    by_default: bool,
    /// There are options that pick builds.
    filtered: bool,
}

/// What the overview tells.
struct Overview {
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    asked: Asked,
    packages: u64,
    sums: Sums,
    /// The packages that gain most, and those that lose.
    best: Vec<PackageRow>,
    worst: Vec<PackageRow>,
    /// And how many builds it has, those included that were not asked for.
    last_emerge: Option<(EmergeRow, u64)>,
    /// And when the build began that left it so.
    cache: Option<(CacheState, DateTime<Utc>)>,
    spark: Spark,
    advice: Vec<Advice>,
    /// What the advice was made from.
    looked: Option<Looked>,
}

/// What it is computed from.
struct Facts {
    asked: Asked,
    packages: Vec<PackageRow>,
    /// Those of them that lose and were measured before: a package's first build ever only fills
    /// the cache, and what that costs is no loss yet.
    built_again: Vec<String>,
    moments: Vec<Moment>,
    last_emerge: Option<(EmergeRow, u64)>,
    evidence: Vec<Evidence>,
}

pub(super) fn run(common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    // Also where the database can't be opened: that may be why they wait.
    common.tell_what_waits();
    let facts = match common.select(&[])? {
        Selection::Builds(store, filter) => {
            let asked = Asked {
                by_default: common.any_time(),
                filtered: common.given().next().is_some(),
            };
            fetch(&store, *filter, asked)?
        }
        Selection::Nothing(why) => return common.nothing(sheet(vec![]), why, out),
    };
    let Some(overview) = compute(facts) else {
        return common.nothing(sheet(vec![]), "no recorded build matches".into(), out);
    };
    match common.format {
        Format::Table => {
            draw::draw(&overview, &common.look(), out)?;
            Ok(Shown::Something)
        }
        _ => common.finish(sheet(vec![overview]), Keep::First, out),
    }
}

fn fetch(store: &Store, mut filter: Filter, asked: Asked) -> Result<Facts, Trouble> {
    let mut looked_at = filter.clone();
    if asked.by_default {
        lately(store, &mut filter, DAYS)?;
        // As far back as advise, so that both say the same.
        let further = TimeDelta::days(advise::DAYS - DAYS);
        looked_at = Filter {
            since: filter.since.map(|since| since - further),
            ..filter.clone()
        };
    }
    let (packages, moments) = store.packages_and_moments(&filter)?;
    let losing = packages.iter().filter(|row| loss(row).is_some());
    let losing: Vec<&str> = losing.map(|row| row.package.as_str()).collect();
    Ok(Facts {
        asked,
        built_again: store.built_again(&losing, filter.until)?,
        packages,
        moments,
        last_emerge: store.last_emerge(&filter)?,
        evidence: store.evidence(&advise::bounded(&looked_at))?,
    })
}

/// `None` of no builds.
fn compute(facts: Facts) -> Option<Overview> {
    let moments = &facts.moments;
    let (first_at, last_at) = (moments.first()?.started_at, moments.last()?.started_at);
    let mut sums = Sums::default();
    for package in &facts.packages {
        sums.add(&package.sums);
    }
    let cache = { facts.evidence.iter().rev() }
        .find_map(|build| Some((build.cache.clone()?, build.started_at)));
    let looked = advise::looked_at(&facts.evidence);
    let advice = advise::advise(facts.evidence);
    let never = of_kind(&advice, ONLY_MISSES).map_or(&[][..], |piece| &piece.packages);
    let best = ranked(&facts.packages, gain);
    let again: HashSet<&String> = facts.built_again.iter().collect();
    let loses = |row: &PackageRow| match row.sums.time_saved {
        Some(_) => again.contains(&row.package),
        None => never.contains(&row.package),
    };
    let worst = ranked(&facts.packages, |row| loss(row).filter(|_| loses(row)));
    Some(Overview {
        first_at,
        last_at,
        asked: facts.asked,
        packages: facts.packages.len() as u64,
        sums,
        best,
        worst,
        last_emerge: facts.last_emerge,
        cache,
        spark: Spark::of(moments),
        advice,
        looked,
    })
}

impl Overview {
    /// The period as the verdict says it.
    fn period(&self) -> String {
        let (first, last) = (text::day(self.first_at), text::day(self.last_at));
        let days = (self.last_at - self.first_at).num_days() + 1;
        match first == last {
            true => format!("on {first}"),
            false if self.asked.by_default => format!("in {} days", days.min(DAYS)),
            false => format!("in {} days", text::number(days.max(2) as u64)),
        }
    }

    fn cache(&self) -> Option<&CacheState> {
        self.cache.as_ref().map(|(cache, _)| cache)
    }

    fn verdict(&self) -> String {
        let looked_at = match self.asked.by_default {
            _ if { self.looked }.is_some_and(|l| l.builds >= advise::BUILDS.into()) => format!(
                " in the newest {} builds",
                text::number(advise::BUILDS.into())
            ),
            true => format!(" in {} days", advise::DAYS),
            false => String::new(),
        };
        verdict(&self.sums, &self.period(), &self.advice, &looked_at)
    }
}

/// The names of its columns.
pub(super) fn names() -> Vec<Name> {
    sheet(vec![]).names()
}

fn sheet(rows: Vec<Overview>) -> Sheet<Overview> {
    let mut columns = vec![
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
        Col::new("cache_location", |o| {
            o.cache().and_then(|c| c.location.as_deref()).into()
        }),
        Col::new("cache_size_bytes", |o| o.cache().map(|c| c.size).into()),
        Col::new("max_cache_size_bytes", |o| {
            o.cache().map(|c| c.max_size).into()
        }),
        Col::new("verdict", |o| Value::text(o.verdict())),
        Col::nested("by_time", |o| o.spark.json()),
        Col::nested("best", |o| json_rows(&packages::columns(), &o.best)),
        Col::nested("worst", |o| json_rows(&packages::columns(), &o.worst)),
        Col::nested("last_emerge", |o| {
            let row = { o.last_emerge.iter() }.map(|(row, _)| row.clone());
            let rows = json_rows(&emerges::columns(), &row.collect::<Vec<_>>());
            rows.get(0).cloned().unwrap_or(json!(null))
        }),
        Col::nested("advice", |o| advise::nested(&o.advice, o.looked)),
        Col::new("cache_at", |o| {
            o.cache
                .as_ref()
                .map_or(Value::Unknown, |c| Value::Time(c.1))
        }),
    ];
    columns.extend(advise::looked_columns(|o: &Overview| o.looked));
    Sheet { columns, rows }
}
