//! Points in time, as people write them, in their own time zone.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone,
    Utc, Weekday,
};
use interim::{Dialect, Interval, parse_date_string, parse_duration};

/// Which end of a period the time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Since,
    Until,
}

/// The moment that `text` names. A day, week, month or year (`2026-11-01`, `yesterday`, `2026-W47`,
/// `last month`) begins with its first midnight; as the end of a period it is the midnight after
/// it, so that it is in. A span (`3d`) is that long ago.
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
    if let Some(why) = not_in_the_calendar(&text) {
        return Err(why);
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
        return Err(format!("`{text}` is not clear: write `min` or `months`"));
    }
    let future = || format!("`{text}` is yet to come: builds are in the past");
    if let Ok(interval) = parse_duration(span) {
        // `3 days` are meant back; `tomorrow` and `next week` are not.
        if is_forward(&interval) && !span.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(future());
        }
        return back(&now, interval).ok_or_else(out_of_range);
    }
    for format in ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dt%H:%M"] {
        // Here, because some of these the clocks skip, and those are no error.
        if let Ok(time) = NaiveDateTime::parse_from_str(&text, format) {
            return on_the_clock(time, &now.timezone()).ok_or_else(out_of_range);
        }
    }
    let read = |text: &str| parse_date_string(text, now.clone(), Dialect::Uk);
    let time = read(&text).map_err(|error| format!("`{text}` is not a time: {error}"))?;
    // A weekday's name alone is the coming one to the library.
    let time = match time > now {
        true => read(&format!("last {text}")).unwrap_or(time),
        false => time,
    };
    if time > now {
        return Err(future());
    }
    Ok(time.to_utc())
}

/// The first day of what has a place in the calendar, and the first day after it.
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

/// Why what looks like a day, week, month or year is none.
fn not_in_the_calendar(text: &str) -> Option<String> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let four_digits = || Some(format!("`{text}`: a year has four digits"));
    if is_number(text) {
        return four_digits();
    }
    let date = text.split([' ', 't']).next()?;
    let (year, rest) = date.split_once('-').filter(|(year, _)| is_number(year))?;
    let in_year = |month| NaiveDate::from_ymd_opt(year.parse().ok()?, month, 28);
    let (month, day) = match rest.split_once('-') {
        Some((month, day)) => (month, Some(day)),
        None => (rest, None),
    };
    let number = |text: &str| text.parse::<u32>().ok();
    if let Some(week) = rest.strip_prefix('w').filter(|week| is_number(week)) {
        let weeks = in_year(12)?.iso_week().week();
        let known = (1..=weeks).contains(&number(week)?);
        return (!known).then(|| format!("there is no week {week} in {year}, which has {weeks}"));
    }
    if !is_number(month) || day.is_some_and(|day| !is_number(day)) {
        return None;
    }
    if year.len() != 4 {
        return four_digits();
    }
    let Some(first) = in_year(number(month)?) else {
        return Some(format!("there is no month {month} in a year, which has 12"));
    };
    let days = u32::from(first.num_days_in_month());
    let known = day.is_none_or(|day| number(day).is_some_and(|day| (1..=days).contains(&day)));
    (!known).then(|| {
        let month = first.format("%Y-%m");
        format!(
            "there is no day {} in {month}, which has {days}",
            day.unwrap_or("")
        )
    })
}

/// When a clock in the zone shows that time, for the first time; where it skips that time,
/// the first moment after.
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

/// Days and months go by the clock on the wall: 3 days ago it showed the same time.
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
    fn what_is_not_in_the_calendar_is_said_to_be_so() {
        for (text, expected) in [
            (
                "2026-02-30",
                Some("there is no day 30 in 2026-02, which has 28"),
            ),
            ("2024-02-29", None),
            (
                "2026-02-30t10:00:00z",
                Some("there is no day 30 in 2026-02, which has 28"),
            ),
            (
                "2026-11-00",
                Some("there is no day 00 in 2026-11, which has 30"),
            ),
            (
                "2026-13",
                Some("there is no month 13 in a year, which has 12"),
            ),
            (
                "2026-w54",
                Some("there is no week 54 in 2026, which has 53"),
            ),
            (
                "2025-w53",
                Some("there is no week 53 in 2025, which has 52"),
            ),
            ("99999", Some("`99999`: a year has four digits")),
            ("99999-01-01", Some("`99999-01-01`: a year has four digits")),
            ("2 weeks ago", None),
            ("last-month", None),
            ("2026-11-01 10:00", None),
        ] {
            assert_eq!(not_in_the_calendar(text).as_deref(), expected, "{text}");
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
