//! `sccache-report trend`: a row per day, week, month or year.

use std::io::Write;

use chrono::{Datelike, Days, Local, Months, NaiveDate, Offset, TimeZone, Weekday};

use super::common::{Common, Selection};
use super::format::Format;
use super::output::Keep;
use super::packages::{SHORT_NOTE, note, remarks};
use super::sheet::{Column, Name, Sheet, Tone, Value};
use super::{Shown, Trouble, text};
use crate::store::{Filter, Moment, Store, Sums};

type Col = Column<Period>;

/// How the cache did over time: a row per period that has builds, the newest last; in a table, gaps
/// between them
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
    /// Its first day.
    first: NaiveDate,
    pub(super) sums: Sums,
}

pub(super) fn run(args: &Args, common: &Common, out: &mut dyn Write) -> Result<Shown, Trouble> {
    let moments = match common.select(&args.patterns)? {
        Selection::Builds(store, filter) => moments(&store, &filter)?,
        Selection::Nothing(why) => return common.nothing(sheet(vec![]), why, out),
    };
    let mut sheet = sheet(periods(&moments, args.by, &Local));
    common.arrange(&mut sheet, Keep::Newest)?;
    if common.format == Format::Table && common.unsorted() {
        sheet.rows = with_gaps(sheet.rows, args.by);
    }
    common.write(sheet, out)
}

/// What the periods are made of: whole hours where the local clock doesn't divide them.
fn moments(store: &Store, filter: &Filter) -> crate::store::Result<Vec<Moment>> {
    let undivided = |moment: &Moment| {
        let offset = Local.offset_from_utc_datetime(&moment.started_at.naive_utc());
        offset.fix().local_minus_utc() % 3600 == 0
    };
    match store.hours(filter)? {
        Some(hours) if hours.iter().all(undivided) => Ok(hours),
        _ => store.moments(filter),
    }
}

/// The periods that have builds, the oldest first, divided by the clock of `zone`.
pub(super) fn periods<Z: TimeZone>(moments: &[Moment], by: By, zone: &Z) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for moment in moments {
        let first = by.first_day(moment.started_at.with_timezone(zone).date_naive());
        match periods.last_mut() {
            Some(period) if period.first == first => period.sums.add(&moment.sums),
            _ => periods.push(by.period(first, moment.sums)),
        }
    }
    periods
}

/// So many periods without builds have a row each; more of them share one.
const GAPS: usize = 1;

/// With rows for the periods between the others that have no builds.
fn with_gaps(periods: Vec<Period>, by: By) -> Vec<Period> {
    let mut all: Vec<Period> = Vec::with_capacity(periods.len());
    for period in periods {
        if let Some(before) = all.last() {
            let next = |first: &NaiveDate| by.next(*first);
            let between = std::iter::successors(by.next(before.first), next);
            let gaps: Vec<NaiveDate> = between.take_while(|first| *first < period.first).collect();
            let alone = |first: &NaiveDate| by.period(*first, Sums::default());
            match gaps.len() {
                0..=GAPS => all.extend(gaps.iter().map(alone)),
                many => all.push(Period {
                    name: format!("... {}", text::of(many as u64, by.word())),
                    ..alone(&gaps[0])
                }),
            }
        }
        all.push(period);
    }
    all
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

    fn word(self) -> &'static str {
        match self {
            By::Day => "day",
            By::Week => "week",
            By::Month => "month",
            By::Year => "year",
        }
    }

    fn period(self, first: NaiveDate, sums: Sums) -> Period {
        Period {
            name: first.format(self.pattern()).to_string(),
            first,
            sums,
        }
    }

    /// The first day of the period that a day lies in.
    fn first_day(self, day: NaiveDate) -> NaiveDate {
        let first = match self {
            By::Day => Some(day),
            By::Week => Some(day.week(Weekday::Mon).first_day()),
            By::Month => day.with_day(1),
            By::Year => day.with_ordinal(1),
        };
        first.unwrap_or(day)
    }

    /// The first day of the next period, from the first of one.
    fn next(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            By::Day => first.checked_add_days(Days::new(1)),
            By::Week => first.checked_add_days(Days::new(7)),
            By::Month => first.checked_add_months(Months::new(1)),
            By::Year => first.checked_add_months(Months::new(12)),
        }
    }
}

/// The names of its columns.
pub(super) fn names() -> Vec<Name> {
    sheet(vec![]).names()
}

fn sheet(rows: Vec<Period>) -> Sheet<Period> {
    let mut columns = vec![
        Col::new("period", |r| Value::text(&r.name)).heading("period", 100),
        Col::new("builds", |r| Value::Count(r.sums.builds)).heading("builds", 80),
        Col::new("hits", |r| r.sums.hits.into()).heading("hits", 62),
        Col::new("misses", |r| r.sums.misses.into())
            .heading("misses", 61)
            .beside("hits"),
        Col::new("hit_rate", |r| r.sums.hit_rate().into()).heading("hit rate", 95),
        Col::new("coverage", |r| r.sums.coverage().into()).heading("coverage", 50),
        Col::new("time_saved_seconds", |r| r.sums.time_saved.into()).heading("time saved", 70),
        Col::shown("", 90, |r| bar(r.sums.hit_rate())).tone(|_| Tone::Good),
        Col::shown("note", 72, |r| note(&r.sums))
            .narrow(SHORT_NOTE)
            .tone(|_| Tone::Warning),
    ];
    columns.extend(remarks(|r: &Period| &r.sums));
    Sheet { columns, rows }
}

/// The places of a full bar.
const BAR: usize = 20;

/// The hit rate as a bar, in eighths of a place.
fn bar(rate: Option<f64>) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    rate.map_or_else(String::new, |rate| {
        let eighths = (rate.clamp(0.0, 1.0) * (BAR * 8) as f64).round() as usize;
        "█".repeat(eighths / 8) + PARTS[eighths % 8]
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
