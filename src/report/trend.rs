//! `sccache-report trend`: a row per day, week, month or year.

use std::io::Write;

use chrono::{Local, TimeZone};

use super::common::{Common, Selection};
use super::sheet::{Column, Name, Sheet, Value};
use super::{Shown, Trouble};
use crate::store::{Moment, Sums};

type Col = Column<Period>;

/// How the cache did over time: a row per period that has builds, the newest last
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Packages: PN, CATEGORY/PN, with shell wildcards if you like
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,

    /// How long a period is; weeks are ISO weeks, all in the local time zone
    #[arg(long, value_enum, default_value_t = By::Week)]
    by: By,
}

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum By {
    Day,
    Week,
    Month,
    Year,
}

/// A period with the sums of the builds that started in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Period {
    /// `2026-11-22`, `2026-W47`, `2026-11` or `2026`.
    pub(super) name: String,
    pub(super) sums: Sums,
}

pub(super) fn run(args: &Args, common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    let moments = match common.select(&args.patterns)? {
        Selection::Builds(store, filter) => store.moments(&filter)?,
        Selection::Nothing(why) => return common.nothing(&sheet(vec![]), why, out),
    };
    common.finish(sheet(periods(&moments, args.by, &Local)), out)
}

/// The periods that have builds, the oldest first, divided by the clock of `zone`.
pub(super) fn periods<Z: TimeZone>(moments: &[Moment], by: By, zone: &Z) -> Vec<Period>
where
    Z::Offset: std::fmt::Display,
{
    let mut periods: Vec<Period> = Vec::new();
    for moment in moments {
        let name = moment
            .started_at
            .with_timezone(zone)
            .format(by.pattern())
            .to_string();
        match periods.last_mut() {
            Some(period) if period.name == name => period.sums.add(&moment.sums),
            _ => periods.push(Period {
                name,
                sums: moment.sums,
            }),
        }
    }
    periods
}

impl By {
    /// The period's name, as a format of the date.
    pub(super) fn pattern(self) -> &'static str {
        match self {
            By::Day => "%Y-%m-%d",
            By::Week => "%G-W%V",
            By::Month => "%Y-%m",
            By::Year => "%Y",
        }
    }
}

/// The names of its columns.
pub(super) fn names() -> Vec<Name> {
    sheet(vec![]).names()
}

fn sheet(rows: Vec<Period>) -> Sheet<Period> {
    let columns = vec![
        Col::new("period", |r| Value::text(&r.name)).heading("period", 100),
        Col::new("builds", |r| Value::Count(r.sums.builds)).heading("builds", 80),
        Col::new("hits", |r| r.sums.hits.into()).heading("hits", 75),
        Col::new("misses", |r| r.sums.misses.into()).heading("misses", 74),
        Col::new("hit_rate", |r| r.sums.hit_rate().into()).heading("hit rate", 95),
        Col::new("coverage", |r| r.sums.coverage().into()).heading("coverage", 60),
        Col::new("time_saved_seconds", |r| r.sums.time_saved.into()),
        Col::shown("", 50, |r| bar(r.sums.hit_rate())),
    ];
    Sheet { columns, rows }
}

/// The hit rate as a bar, a block for each 5 %.
fn bar(rate: Option<f64>) -> String {
    rate.map_or_else(String::new, |rate| {
        "█".repeat((rate * 20.0).round() as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, FixedOffset};

    #[test]
    fn periods_follow_the_local_clock() {
        let moment = |text: &str, hits| Moment {
            started_at: DateTime::parse_from_rfc3339(text).unwrap().to_utc(),
            sums: Sums {
                builds: 1,
                hits: Some(hits),
                misses: Some(1),
                ..Sums::default()
            },
        };
        let moments = [
            moment("2026-12-31T22:30:00Z", 1),
            moment("2026-12-31T23:30:00Z", 2),
            moment("2027-01-03T12:00:00Z", 4),
            moment("2027-01-04T12:00:00Z", 8),
        ];
        let zone = FixedOffset::east_opt(3600).unwrap();
        let of = |by| -> Vec<(String, Option<u64>)> {
            let periods = periods(&moments, by, &zone);
            periods.into_iter().map(|p| (p.name, p.sums.hits)).collect()
        };
        let named = |list: &[(&str, u64)]| -> Vec<(String, Option<u64>)> {
            list.iter()
                .map(|(name, hits)| (name.to_string(), Some(*hits)))
                .collect()
        };
        assert_eq!(of(By::Year), named(&[("2026", 1), ("2027", 14)]));
        assert_eq!(of(By::Month), named(&[("2026-12", 1), ("2027-01", 14)]));
        assert_eq!(of(By::Week), named(&[("2026-W53", 7), ("2027-W01", 8)]));
        assert_eq!(of(By::Day).len(), 4);
    }
}
