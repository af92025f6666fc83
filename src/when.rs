//! Parses the times of `--since` and `--until`, in the local time zone.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone,
    Utc, Weekday,
};
use interim::{Interval, parse_duration};

/// The end of a period that a time describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Since,
    Until,
}

/// Parses a time: a day, week, month, or year (`2026-11-01`, `yesterday`, `2026-W47`, `last month`), a
/// span before `now` (`3d`, `2 weeks ago`), a local time (`2026-11-01 10:00`), or RFC 3339.
///
/// A day, week, month, or year is its first midnight; as the end of a period, it is the midnight after
/// it, so that the period includes it.
pub(crate) fn parse<Z: TimeZone>(
    text: &str,
    edge: Edge,
    now: DateTime<Z>,
) -> Result<DateTime<Utc>, String> {
    let text = text.trim().to_lowercase();
    let zone = now.timezone();
    let time = if let Some((first, next)) = parse_calendar(&text, now.date_naive()) {
        let day = match edge {
            Edge::Since => Some(first),
            Edge::Until => next,
        };
        day.and_then(|day| to_utc(day.and_time(NaiveTime::MIN), &zone))
    } else if let Ok(time) = DateTime::parse_from_rfc3339(&text) {
        Some(time.to_utc())
    } else if let Ok(time) = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M") {
        to_utc(time, &zone)
    } else {
        before(&now, parse_span(&text)?)
    };
    time.ok_or_else(|| format!("`{text}` is out of range"))
}

/// A calendar unit.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    /// Returns the first day of the day, week, month, or year that contains `day`.
    fn first_day(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => Some(day),
            Self::Week => Some(day.week(Weekday::Mon).first_day()),
            Self::Month => day.with_day(1),
            Self::Year => day.with_ordinal(1),
        }
    }

    /// Returns the first day of the following unit.
    fn next_day(self, first: NaiveDate) -> Option<NaiveDate> {
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
    let day_of =
        |suffix: &str, format| NaiveDate::parse_from_str(&format!("{text}{suffix}"), format).ok();
    let last = |unit: Unit| unit.first_day(today)?.pred_opt();
    let is_year = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    let (day, unit) = match text {
        "today" => (Some(today), Unit::Day),
        "this week" => (Some(today), Unit::Week),
        "this month" => (Some(today), Unit::Month),
        "this year" => (Some(today), Unit::Year),
        "yesterday" => (last(Unit::Day), Unit::Day),
        "last week" => (last(Unit::Week), Unit::Week),
        "last month" => (last(Unit::Month), Unit::Month),
        "last year" => (last(Unit::Year), Unit::Year),
        _ if is_year => (day_of("-01-01", "%Y-%m-%d"), Unit::Year),
        _ if text.contains('w') => (day_of("-1", "%G-w%V-%u"), Unit::Week),
        _ if text.matches('-').count() == 1 => (day_of("-01", "%Y-%m-%d"), Unit::Month),
        _ => (day_of("", "%Y-%m-%d"), Unit::Day),
    };
    let first = unit.first_day(day?)?;
    Some((first, unit.next_day(first)))
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

    fn parsed(text: &str, edge: Edge) -> String {
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
            ("2026-11-01 10:00", "2026-11-01T09:00:00Z"),
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
            ("2026-11-01T10:00", "error"),
            ("tomorrow", "error"),
            ("next friday", "error"),
            ("next week", "error"),
            ("3m", "error"),
            ("3 months", "2026-08-22T11:00:00Z"),
            ("soonish", "error"),
            ("", "error"),
            ("2026-13-40", "error"),
        ] {
            assert_eq!(parsed(text, Edge::Since), expected, "{text}");
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
            assert_eq!(parsed(text, Edge::Since), "error", "{text}");
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
            assert_eq!(parsed(text, Edge::Until), expected, "{text}");
        }
    }
}
