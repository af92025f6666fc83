//! Parses times as people write them, in the local time zone.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone,
    Utc, Weekday,
};
use interim::{Dialect, Interval, parse_date_string, parse_duration};

/// The end of a period that a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Since,
    Until,
}

/// Parses a time. A day, week, month or year (`2026-11-01`, `yesterday`, `2026-W47`, `last month`)
/// is its first midnight, or as the end of a period the midnight after it, which includes it. A
/// span (`3d`) is that long ago.
pub(crate) fn parse<Z: TimeZone>(
    text: &str,
    edge: Edge,
    now: DateTime<Z>,
) -> Result<DateTime<Utc>, String> {
    let text = text.trim().to_lowercase();
    let out_of_range = || format!("`{text}` is out of range");
    if let Some((first, next)) = calendar(&text, now.date_naive()) {
        let day = match edge {
            Edge::Since => Some(first),
            Edge::Until => next,
        };
        let midnight = |day: NaiveDate| on_the_clock(day.and_time(NaiveTime::MIN), &now.timezone());
        return day.and_then(midnight).ok_or_else(out_of_range);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(&text) {
        return Ok(time.to_utc());
    }
    let span = text.strip_suffix("ago").unwrap_or(&text).trim();
    let span = span
        .strip_prefix("last ")
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(span);
    if span.ends_with('m') && span[..span.len() - 1].trim_end().parse::<u32>().is_ok() {
        return Err(format!("`{text}` is ambiguous; use `min` or `months`"));
    }
    let future = || format!("`{text}` is in the future");
    if let Ok(interval) = parse_duration(span) {
        // `3 days` means 3 days ago, unlike `tomorrow` and `next week`.
        if is_forward(&interval) && !span.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(future());
        }
        return back(&now, interval).ok_or_else(out_of_range);
    }
    for format in ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dt%H:%M"] {
        // Not left to the library, for which a time that the clocks skip is an error.
        if let Ok(time) = NaiveDateTime::parse_from_str(&text, format) {
            return on_the_clock(time, &now.timezone()).ok_or_else(out_of_range);
        }
    }
    let read = |text: &str| parse_date_string(text, now.clone(), Dialect::Uk);
    let time = read(&text).map_err(|error| format!("`{text}` is not a time: {error}"))?;
    // The library takes a weekday's name for the next one.
    let time = if time > now {
        read(&format!("last {text}")).unwrap_or(time)
    } else {
        time
    };
    if time > now {
        return Err(future());
    }
    Ok(time.to_utc())
}

/// The first day of a day, week, month or year, and the first day after it.
fn calendar(text: &str, today: NaiveDate) -> Option<(NaiveDate, Option<NaiveDate>)> {
    let date = |text: &str, format| NaiveDate::parse_from_str(text, format).ok();
    let day = |first: NaiveDate| Some((first, first.checked_add_days(Days::new(1))));
    let week = |day: NaiveDate| {
        let monday = day.week(Weekday::Mon).first_day();
        Some((monday, monday.checked_add_days(Days::new(7))))
    };
    let month = |day: NaiveDate| {
        let first = day.with_day(1)?;
        Some((first, first.checked_add_months(Months::new(1))))
    };
    let year = |day: NaiveDate| {
        let first = day.with_ordinal(1)?;
        Some((first, first.checked_add_months(Months::new(12))))
    };
    match text {
        "today" => return day(today),
        "yesterday" => return day(today.pred_opt()?),
        "this week" => return week(today),
        "last week" => return week(today.checked_sub_days(Days::new(7))?),
        "this month" => return month(today),
        "last month" => return month(today.checked_sub_months(Months::new(1))?),
        "this year" => return year(today),
        "last year" => return year(today.checked_sub_months(Months::new(12))?),
        _ => {}
    }
    if let Some(first) = date(text, "%Y-%m-%d") {
        return day(first);
    }
    if let Some(first) = date(&format!("{text}-1"), "%G-w%V-%u") {
        return week(first);
    }
    if let Some(first) = date(&format!("{text}-01"), "%Y-%m-%d") {
        return month(first);
    }
    let is_year = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    date(&format!("{text}-01-01"), "%Y-%m-%d")
        .filter(|_| is_year)
        .and_then(year)
}

/// When clocks in the zone first show that time, or the first moment after it if they skip it.
fn on_the_clock<Z: TimeZone>(time: NaiveDateTime, zone: &Z) -> Option<DateTime<Utc>> {
    (0..=4)
        .filter_map(|steps| time.checked_add_signed(TimeDelta::minutes(30 * steps)))
        .find_map(|time| zone.from_local_datetime(&time).earliest())
        .map(|time| time.to_utc())
}

fn is_forward(span: &Interval) -> bool {
    match span {
        Interval::Seconds(n) | Interval::Days(n) | Interval::Months(n) => *n > 0,
    }
}

/// The same local time that many days or months ago, whatever the clock changes.
fn back<Z: TimeZone>(now: &DateTime<Z>, span: Interval) -> Option<DateTime<Utc>> {
    let clock = now.naive_local();
    let clock = match span {
        Interval::Seconds(n) => {
            let then = now.to_utc();
            return then.checked_sub_signed(TimeDelta::seconds(i64::from(n).abs()));
        }
        Interval::Days(n) => clock.checked_sub_days(Days::new(n.unsigned_abs().into()))?,
        Interval::Months(n) => clock.checked_sub_months(Months::new(n.unsigned_abs()))?,
    };
    on_the_clock(clock, &now.timezone())
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
            ("now", "2026-11-22T11:00:00Z"),
            ("2026-10", "2026-09-30T23:00:00Z"),
            ("friday", "2026-11-19T23:00:00Z"),
            ("last friday", "2026-11-19T23:00:00Z"),
            ("1 april", "2026-03-31T23:00:00Z"),
            ("2026-11-01T10:00", "2026-11-01T09:00:00Z"),
            ("tomorrow", "error"),
            ("next friday", "error"),
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
    fn dates_that_do_not_exist_are_errors() {
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
            assert_eq!(said(text, Edge::Since), "error", "{text}");
        }
    }

    #[test]
    fn the_end_of_a_period_is_in_it() {
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
            assert_eq!(said(text, Edge::Until), expected, "{text}");
        }
    }
}
