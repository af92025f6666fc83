//! `sccache-report trend`: one row per day, week, month or year.

use std::io::Write;

use chrono::{Datelike, Local, NaiveDate, Offset, TimeZone, Weekday};

use super::super::options::{Database, Keep, ListArgs};
use super::super::table::{Column, GOOD, Importance::*, Value};
use super::super::{Status, chart};
use super::sums;
use crate::error::Result;
use crate::store::{Filter, Moment, Store, Sums};

/// Show one row per period that has builds, the newest last
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Length of a period: day, week (ISO), month, or year
    #[arg(long, value_enum, default_value_t = By::Week, value_name = "PERIOD", hide_possible_values = true)]
    by: By,

    #[command(flatten)]
    pub(super) list: ListArgs,
}

/// The length of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum By {
    Day,
    Week,
    Month,
    Year,
}

/// The sums of the builds that started in a period.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Period {
    /// `2026-11-22`, `2026-W47`, `2026-11` or `2026`.
    pub(super) name: String,
    first_day: NaiveDate,
    pub(super) sums: Sums,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status> {
    let selected = args.list.open(database);
    let moments = selected.and_then(|(store, filter)| moments(&store, &filter));
    let rows = moments.map(|moments| periods(&moments, args.by, &Local));
    args.list.write(columns(), rows, Keep::Last, out)
}

/// The sums of UTC hours, or of single builds if a local day doesn't begin with a UTC hour.
pub(super) fn moments(store: &Store, filter: &Filter) -> Result<Vec<Moment>> {
    let has_whole_hours = |moment: &Moment| {
        let offset = Local.offset_from_utc_datetime(&moment.started_at.naive_utc());
        offset.fix().local_minus_utc() % 3600 == 0
    };
    match store.hours(filter)? {
        Some(hours) if hours.iter().all(has_whole_hours) => Ok(hours),
        _ => Ok(store.moments(filter)?),
    }
}

/// The periods that have builds, oldest first, in the time zone `zone`.
pub(super) fn periods<Z: TimeZone>(moments: &[Moment], by: By, zone: &Z) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for moment in moments {
        let first_day = by.first_day(moment.started_at.with_timezone(zone).date_naive());
        match periods.last_mut() {
            Some(period) if period.first_day == first_day => period.sums.add(&moment.sums),
            _ => periods.push(Period {
                name: by.name(first_day),
                first_day,
                sums: moment.sums,
            }),
        }
    }
    periods
}

impl By {
    /// The name of the period that contains the day.
    pub(super) fn name(self, day: NaiveDate) -> String {
        let format = match self {
            By::Day => "%Y-%m-%d",
            By::Week => "%G-W%V",
            By::Month => "%Y-%m",
            By::Year => "%Y",
        };
        day.format(format).to_string()
    }

    fn first_day(self, day: NaiveDate) -> NaiveDate {
        let first = match self {
            By::Day => Some(day),
            By::Week => Some(day.week(Weekday::Mon).first_day()),
            By::Month => day.with_day(1),
            By::Year => day.with_ordinal(1),
        };
        first.unwrap_or(day)
    }
}

pub(super) fn columns() -> Vec<Column<Period>> {
    type Col = Column<Period>;
    let mut columns = vec![Col::data("period", |row| Value::text(&row.name)).shown(Key)];
    columns.extend(sums::columns(|row: &Period| &row.sums));
    let bar = |row: &Period| chart::bar(row.sums.hit_rate());
    columns.push(Col::note("", bar).shown(High).tone(|_| GOOD));
    columns.push(sums::note_column(|row| &row.sums));
    columns
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
        for (by, expected) in [
            (By::Year, "2026=1 2027=14"),
            (By::Month, "2026-12=1 2027-01=14"),
            (By::Week, "2026-W53=7 2027-W01=8"),
            (
                By::Day,
                "2026-12-31=1 2027-01-01=2 2027-01-03=4 2027-01-04=8",
            ),
        ] {
            let shown: Vec<String> = periods(&moments, by, &zone)
                .iter()
                .map(|period| format!("{}={}", period.name, period.sums.hits.unwrap()))
                .collect();
            assert_eq!(shown.join(" "), expected);
        }
    }
}
