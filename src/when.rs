//! Parses the times of `--since` and `--until`, in the local time zone.

use chrono::{
    DateTime, Datelike, Days, Local, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
    TimeZone, Utc, Weekday,
};
use interim::{Interval, parse_duration};

use crate::error::Error;

/// The end of a period that a time describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeriodEnd {
    Since,
    Until,
}

/// Parses the value of `--since` or `--until`, and names the supported forms if it is invalid.
pub(crate) fn parse_option(text: &str, edge: PeriodEnd) -> Result<DateTime<Utc>, String> {
    parse(text, edge, Local::now()).map_err(|error| {
        format!("{error}; use 2026-11-01, 2026-11, 2026-W47, \"last month\", \"2 weeks ago\" or 3d")
    })
}

/// Checks that a period isn't empty.
pub(crate) fn check_period(
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> crate::Result<()> {
    if since
        .zip(until)
        .is_some_and(|(since, until)| since >= until)
    {
        let hint = "swap them, as in --since 2026-10-01 --until 2026-10-31";
        return Err(Error::usage("--since is later than --until", hint));
    }
    Ok(())
}

/// Parses a time: a day, week, month, or year (`2026-11-01`, `yesterday`, `2026-W47`, `last month`), a
/// span before `now` (`3d`, `2 weeks ago`), a local time (`2026-11-01 10:00`), or RFC 3339.
///
/// A day, week, month, or year is its first midnight; as the end of a period, it is the midnight after
/// it, so that the period includes it.
fn parse<Z: TimeZone>(
    text: &str,
    edge: PeriodEnd,
    now: DateTime<Z>,
) -> Result<DateTime<Utc>, String> {
    let text = text.trim().to_lowercase();
    let zone = now.timezone();
    let time = if let Some((first, next)) = parse_calendar(&text, now.date_naive()) {
        let day = match edge {
            PeriodEnd::Since => Some(first),
            PeriodEnd::Until => next,
        };
        day.and_then(|day| to_utc(day.and_time(NaiveTime::MIN), &zone))
    } else if let Ok(time) = DateTime::parse_from_rfc3339(&text) {
        Some(time.to_utc())
    } else if let Some(time) = parse_local(&text) {
        to_utc(time, &zone)
    } else {
        before(&now, parse_span(&text)?)
    };
    time.ok_or_else(|| format!("`{text}` is out of range"))
}

/// The length of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PeriodLength {
    Day,
    Week,
    Month,
    Year,
}

impl PeriodLength {
    /// Returns `day`, `week`, `month`, or `year`.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// Returns the first day of the day, week, month, or year that contains `day`.
    pub(crate) fn first_day(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => Some(day),
            Self::Week => Some(day.week(Weekday::Mon).first_day()),
            Self::Month => day.with_day(1),
            Self::Year => day.with_ordinal(1),
        }
    }

    /// Returns the first day of the following period.
    pub(crate) fn next_day(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => first.checked_add_days(Days::new(1)),
            Self::Week => first.checked_add_days(Days::new(7)),
            Self::Month => first.checked_add_months(Months::new(1)),
            Self::Year => first.checked_add_months(Months::new(12)),
        }
    }
}

/// Parses a day, week, month, or year. Returns its first day, and the first day after it.
fn parse_calendar(text: &str, today: NaiveDate) -> Option<(NaiveDate, Option<NaiveDate>)> {
    use PeriodLength::{Day, Month, Week, Year};
    let day_of =
        |suffix: &str, format| NaiveDate::parse_from_str(&format!("{text}{suffix}"), format).ok();
    let last = |length: PeriodLength| length.first_day(today)?.pred_opt();
    let is_year = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    let (day, length) = match text {
        "today" => (Some(today), Day),
        "this week" => (Some(today), Week),
        "this month" => (Some(today), Month),
        "this year" => (Some(today), Year),
        "yesterday" => (last(Day), Day),
        "last week" => (last(Week), Week),
        "last month" => (last(Month), Month),
        "last year" => (last(Year), Year),
        _ if is_year => (day_of("-01-01", "%Y-%m-%d"), Year),
        _ if text.contains('w') => (day_of("-1", "%G-w%V-%u"), Week),
        _ if text.matches('-').count() == 1 => (day_of("-01", "%Y-%m-%d"), Month),
        _ => (day_of("", "%Y-%m-%d"), Day),
    };
    let first = length.first_day(day?)?;
    Some((first, length.next_day(first)))
}

/// Parses a local time with or without seconds, and with a space or a `t` before it.
fn parse_local(text: &str) -> Option<NaiveDateTime> {
    let text = text.replacen('t', " ", 1);
    let formats = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f"];
    let mut times = formats
        .iter()
        .map(|format| NaiveDateTime::parse_from_str(&text, format));
    times.find_map(Result::ok)
}

/// Parses a span such as `3d`, `3 days`, `2 weeks ago`, or `last 2 weeks`.
fn parse_span(text: &str) -> Result<Interval, String> {
    let span = text.strip_suffix("ago").unwrap_or(text).trim_end();
    let span = span.strip_prefix("last ").unwrap_or(span);
    if let Some(number) = span.strip_suffix('m')
        && number.trim_end().parse::<u32>().is_ok()
    {
        return Err(format!("`{text}` is ambiguous; use `min` or `months`"));
    }
    let has_number = span.starts_with(|c: char| c.is_ascii_digit());
    let interval = parse_duration(span).ok().filter(|_| has_number);
    interval.ok_or_else(|| format!("`{text}` is not a time"))
}

/// Returns the local time that is a span before `now`, taking clock changes into account.
fn before<Z: TimeZone>(now: &DateTime<Z>, span: Interval) -> Option<DateTime<Utc>> {
    let local = now.naive_local();
    let local = match span {
        Interval::Seconds(n) => {
            let span = TimeDelta::seconds(i64::from(n).abs());
            return now.to_utc().checked_sub_signed(span);
        }
        Interval::Days(n) => local.checked_sub_days(Days::new(n.unsigned_abs().into()))?,
        Interval::Months(n) => local.checked_sub_months(Months::new(n.unsigned_abs()))?,
    };
    to_utc(local, &now.timezone())
}

/// Converts a local time, or the first one after it if a change of the clock skips it.
fn to_utc<Z: TimeZone>(local: NaiveDateTime, zone: &Z) -> Option<DateTime<Utc>> {
    (0..=4)
        .filter_map(|steps| local.checked_add_signed(TimeDelta::minutes(30 * steps)))
        .find_map(|local| zone.from_local_datetime(&local).earliest())
        .map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::FixedOffset;

    fn parsed(text: &str, edge: PeriodEnd) -> String {
        let zone = FixedOffset::east_opt(3600).unwrap();
        let now = zone.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap();
        match parse(text, edge, now) {
            Ok(time) => time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            Err(_) => "error".into(),
        }
    }

    #[test]
    fn times_are_parsed() {
        for (text, expected) in [
            ("2026-11-01", "2026-10-31T23:00:00Z"),
            ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z"),
            ("2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00Z"),
            ("2026-11-01T10:00:00.5-05:00", "2026-11-01T15:00:00Z"),
            ("2026-11-01 10:00", "2026-11-01T09:00:00Z"),
            ("2026-11-01 10:00:07", "2026-11-01T09:00:07Z"),
            ("2026-11-01T10:00", "2026-11-01T09:00:00Z"),
            ("2026-11-01T10:00:07", "2026-11-01T09:00:07Z"),
            ("3d", "2026-11-19T11:00:00Z"),
            ("3 days", "2026-11-19T11:00:00Z"),
            ("2 weeks ago", "2026-11-08T11:00:00Z"),
            ("2h", "2026-11-22T09:00:00Z"),
            ("last month", "2026-09-30T23:00:00Z"),
            ("Last Month", "2026-09-30T23:00:00Z"),
            ("this month", "2026-10-31T23:00:00Z"),
            ("last week", "2026-11-08T23:00:00Z"),
            ("last year", "2024-12-31T23:00:00Z"),
            ("last 2 weeks", "2026-11-08T11:00:00Z"),
            ("2026-W47", "2026-11-15T23:00:00Z"),
            ("2026", "2025-12-31T23:00:00Z"),
            ("2026-W60", "error"),
            ("1 year ago", "2025-11-22T11:00:00Z"),
            ("yesterday", "2026-11-20T23:00:00Z"),
            ("today", "2026-11-21T23:00:00Z"),
            ("now", "error"),
            ("2026-10", "2026-09-30T23:00:00Z"),
            ("friday", "error"),
            ("last friday", "error"),
            ("1 april", "error"),
            ("tomorrow", "error"),
            ("next friday", "error"),
            ("next week", "error"),
            ("3m", "error"),
            ("3 months", "2026-08-22T11:00:00Z"),
            ("soonish", "error"),
            ("", "error"),
            ("2026-13-40", "error"),
        ] {
            assert_eq!(parsed(text, PeriodEnd::Since), expected, "{text}");
        }
    }

    #[test]
    fn invalid_dates_are_errors() {
        for text in [
            "2026-02-30",
            "2026-02-30t10:00:00z",
            "2026-11-00",
            "2026-13",
            "2026-w54",
            "2025-w53",
            "99999",
            "99999-01-01",
            "20261101",
            "2026-11-31 10:00",
        ] {
            assert_eq!(parsed(text, PeriodEnd::Since), "error", "{text}");
        }
    }

    #[test]
    fn periods_include_their_end() {
        for (text, expected) in [
            ("2026-11-01", "2026-11-01T23:00:00Z"),
            ("yesterday", "2026-11-21T23:00:00Z"),
            ("2026-W47", "2026-11-22T23:00:00Z"),
            ("last week", "2026-11-15T23:00:00Z"),
            ("2026-10", "2026-10-31T23:00:00Z"),
            ("last month", "2026-10-31T23:00:00Z"),
            ("2025", "2025-12-31T23:00:00Z"),
            ("2 weeks ago", "2026-11-08T11:00:00Z"),
        ] {
            assert_eq!(parsed(text, PeriodEnd::Until), expected, "{text}");
        }
    }
}
