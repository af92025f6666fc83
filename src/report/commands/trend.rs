//! `sccache-report trend`: one row per day, week, month or year.

use std::io::Write;

use chrono::{Local, NaiveDate, Offset, TimeZone};

use super::super::options::{Database, ListArgs, RowOrder};
use super::super::table::{Column, GOOD, Importance::*, Value};
use super::super::{Status, chart};
use super::sums;
use crate::error::Result;
use crate::store::{Filter, Store, Sums, TimedSums};
use crate::when::PeriodLength;

/// Show one row per period that has builds, the newest last
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Period: day, week (ISO), month, or year
    #[arg(long, value_enum, default_value_t = PeriodLength::Week, value_name = "PERIOD", hide_possible_values = true)]
    by: PeriodLength,

    #[command(flatten)]
    pub(super) list: ListArgs,
}

/// The sums of the builds that started in a period.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Period {
    /// `2026-11-22`, `2026-W47`, `2026-11` or `2026`.
    pub(super) name: String,
    pub(super) first_day: NaiveDate,
    pub(super) sums: Sums,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status> {
    let selected = args.list.open(database);
    let moments = selected.and_then(|(store, filter)| moments(&store, &filter));
    let rows = moments.map(|moments| periods(&moments, args.by, &Local));
    args.list
        .write(columns(), rows, RowOrder::Chronological, out)
}

/// The sums of UTC hours, or of single builds if a local day doesn't begin with a UTC hour.
pub(super) fn moments(store: &Store, filter: &Filter) -> Result<Vec<TimedSums>> {
    let has_whole_hours = |moment: &TimedSums| {
        let offset = Local.offset_from_utc_datetime(&moment.started_at.naive_utc());
        offset.fix().local_minus_utc() % 3600 == 0
    };
    match store.hours(filter)? {
        Some(hours) if hours.iter().all(has_whole_hours) => Ok(hours),
        _ => Ok(store.moments(filter)?),
    }
}

/// The periods that have builds, oldest first, in the time zone `zone`.
pub(super) fn periods<Z: TimeZone>(
    moments: &[TimedSums],
    by: PeriodLength,
    zone: &Z,
) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for moment in moments {
        let day = moment.started_at.with_timezone(zone).date_naive();
        let first_day = by.first_day(day).unwrap_or(day);
        match periods.last_mut() {
            Some(period) if period.first_day == first_day => period.sums.add(&moment.sums),
            _ => periods.push(Period {
                name: name(by, first_day),
                first_day,
                sums: moment.sums,
            }),
        }
    }
    periods
}

/// The most periods of a [`timeline`], unless the whole time is more than so many years.
pub(super) const BARS: usize = 60;

/// The shortest periods of which few enough make up the whole time. Those without builds have empty sums.
pub(super) fn timeline(moments: &[TimedSums]) -> (PeriodLength, Vec<Period>) {
    let day = |moment: &TimedSums| moment.started_at.with_timezone(&Local).date_naive();
    let Some((first, last)) = moments.first().map(day).zip(moments.last().map(day)) else {
        return (PeriodLength::Day, Vec::new());
    };
    let days = (last - first).num_days().max(0) as usize + 1;
    let by = match days.div_ceil(BARS) {
        0..=1 => PeriodLength::Day,
        2..=7 => PeriodLength::Week,
        8..=30 => PeriodLength::Month,
        _ => PeriodLength::Year,
    };
    let mut known = periods(moments, by, &Local).into_iter().peekable();
    let mut timeline: Vec<Period> = Vec::new();
    for day in first.iter_days().take(days) {
        let first_day = by.first_day(day).unwrap_or(day);
        if timeline
            .last()
            .is_none_or(|last| last.first_day != first_day)
        {
            let period = known.next_if(|period| period.first_day == first_day);
            timeline.push(period.unwrap_or_else(|| Period {
                name: name(by, first_day),
                first_day,
                sums: Sums::default(),
            }));
        }
    }
    (by, timeline)
}

/// The name of the period that contains the day.
pub(super) fn name(length: PeriodLength, day: NaiveDate) -> String {
    let format = match length {
        PeriodLength::Day => "%Y-%m-%d",
        PeriodLength::Week => "%G-W%V",
        PeriodLength::Month => "%Y-%m",
        PeriodLength::Year => "%Y",
    };
    day.format(format).to_string()
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
        let moment = |text: &str, hits| TimedSums {
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
            (PeriodLength::Year, "2026=1 2027=14"),
            (PeriodLength::Month, "2026-12=1 2027-01=14"),
            (PeriodLength::Week, "2026-W53=7 2027-W01=8"),
            (
                PeriodLength::Day,
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
