//! Points in time, as people write them, in their own time zone.

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use interim::{Dialect, Interval, parse_date_string, parse_duration};

/// Which end of a period the time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Since,
    Until,
}

/// The moment that `text` names. A date, `today` or `yesterday` is its midnight: as the end of a period the
/// midnight after it, so that the day is in. A span (`3d`) is that long ago.
pub(super) fn parse<Z: TimeZone>(
    text: &str,
    edge: Edge,
    now: DateTime<Z>,
) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let today = now.date_naive();
    let date = match text {
        "today" => Some(today),
        "yesterday" => today.pred_opt(),
        _ => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok(),
    };
    if let Ok(first) = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d") {
        // A month: from its first day, or to its last.
        let day = match edge {
            Edge::Since => Some(first),
            Edge::Until => first.checked_add_months(Months::new(1)),
        };
        return day
            .and_then(|day| midnight(day, &now.timezone()))
            .ok_or_else(|| format!("`{text}` is out of range"));
    }
    if let Some(date) = date {
        let date = match edge {
            Edge::Since => Some(date),
            Edge::Until => date.checked_add_days(Days::new(1)),
        };
        return date
            .and_then(|date| midnight(date, &now.timezone()))
            .ok_or_else(|| format!("`{text}` is out of range"));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let span = text.strip_suffix("ago").unwrap_or(text).trim();
    if span.ends_with('m') && span[..span.len() - 1].trim_end().parse::<u32>().is_ok() {
        return Err(format!("`{text}` is not clear: write `min` or `months`"));
    }
    let future = || format!("`{text}` is yet to come: builds are in the past");
    if let Ok(interval) = parse_duration(span) {
        // `3 days` are meant back, `last week` is; `tomorrow` and `next week` are not.
        if is_forward(&interval) && !span.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(future());
        }
        return back(&now, interval).ok_or_else(|| format!("`{text}` is out of range"));
    }
    let time = parse_date_string(text, now.clone(), Dialect::Uk)
        .map_err(|error| format!("`{text}` is not a time: {error}"))?;
    if time > now {
        return Err(future());
    }
    Ok(time.to_utc())
}

/// The first moment of a day; where the clocks skip midnight, the first after it.
pub(super) fn midnight<Z: TimeZone>(date: NaiveDate, zone: &Z) -> Option<DateTime<Utc>> {
    let midnight = date.and_time(NaiveTime::MIN);
    (0..=4)
        .filter_map(|quarters| midnight.checked_add_signed(TimeDelta::minutes(30 * quarters)))
        .find_map(|time| zone.from_local_datetime(&time).earliest())
        .map(|time| time.to_utc())
}

fn is_forward(span: &Interval) -> bool {
    match span {
        Interval::Seconds(n) | Interval::Days(n) | Interval::Months(n) => *n > 0,
    }
}

fn back<Z: TimeZone>(now: &DateTime<Z>, span: Interval) -> Option<DateTime<Utc>> {
    let now = now.clone();
    match span {
        Interval::Seconds(n) => now.checked_sub_signed(TimeDelta::seconds(i64::from(n).abs())),
        Interval::Days(n) => now.checked_sub_days(Days::new(n.unsigned_abs().into())),
        Interval::Months(n) => now.checked_sub_months(Months::new(n.unsigned_abs())),
    }
    .map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::FixedOffset;

    fn said(text: &str, edge: Edge) -> String {
        let zone = FixedOffset::east_opt(3600).unwrap();
        let now = zone.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap();
        match parse(text, edge, now) {
            Ok(time) => time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            Err(_) => "error".into(),
        }
    }

    #[test]
    fn people_write_times_in_many_ways() {
        for (text, expected) in [
            ("2026-11-01", "2026-10-31T23:00:00Z"),
            ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z"),
            ("2026-11-01 10:00", "2026-11-01T09:00:00Z"),
            ("3d", "2026-11-19T11:00:00Z"),
            ("3 days", "2026-11-19T11:00:00Z"),
            ("2 weeks ago", "2026-11-08T11:00:00Z"),
            ("2h", "2026-11-22T09:00:00Z"),
            ("last month", "2026-10-22T11:00:00Z"),
            ("1 year ago", "2025-11-22T11:00:00Z"),
            ("yesterday", "2026-11-20T23:00:00Z"),
            ("today", "2026-11-21T23:00:00Z"),
            ("now", "2026-11-22T11:00:00Z"),
            ("2026-10", "2026-09-30T23:00:00Z"),
            ("tomorrow", "error"),
            ("next week", "error"),
            ("3m", "error"),
            ("3 months", "2026-08-22T11:00:00Z"),
            ("soonish", "error"),
            ("", "error"),
            ("2026-13-40", "error"),
        ] {
            assert_eq!(said(text, Edge::Since), expected, "{text}");
        }
    }

    #[test]
    fn the_last_day_is_in_the_period() {
        assert_eq!(said("2026-11-01", Edge::Until), "2026-11-01T23:00:00Z");
    }
}
