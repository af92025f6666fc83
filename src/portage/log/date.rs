//! When the build of a log began and ended.
//!
//! The date in a log's name is UTC in every Portage since 2006 (`time.gmtime` in
//! `prepare_build_dirs.py`). It is the time when the build directory was made.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// No build takes longer: a file that was written later was copied.
const MAX_BUILD_TIME: TimeDelta = TimeDelta::days(2);

/// A clock may be off by this much, not more.
const MAX_AHEAD: TimeDelta = TimeDelta::days(1);

/// When a build began and ended, as far as its log's name and time show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildTime {
    /// The start.
    pub started_at: DateTime<Utc>,
    /// The end, if the file's time can be that; else the start.
    pub finished_at: DateTime<Utc>,
    /// The first and the last moment at which the hook can have seen the build start.
    pub start_range: (DateTime<Utc>, DateTime<Utc>),
}

impl BuildTime {
    /// Computes the times from the date in the name, or without one from the file's modification
    /// time in seconds since 1970.
    ///
    /// # Errors
    /// Neither is a time at which a build can have run.
    pub fn new(
        date: Option<NaiveDateTime>,
        modified: i64,
        now: DateTime<Utc>,
    ) -> Result<Self, &'static str> {
        let is_past = |time: &DateTime<Utc>| *time <= now + MAX_AHEAD;
        let modified = DateTime::from_timestamp(modified, 0)
            .filter(|time| time.timestamp() > 0 && is_past(time));
        let Some(date) = date else {
            let modified = modified.ok_or("no date in its name, and an impossible file time")?;
            return Ok(Self {
                started_at: modified,
                finished_at: modified,
                start_range: (modified - MAX_BUILD_TIME, modified),
            });
        };
        let start = date.and_utc();
        if !is_past(&start) {
            return Err("the date in its name is in the future");
        }
        let end =
            modified.filter(|end| (TimeDelta::zero()..MAX_BUILD_TIME).contains(&(*end - start)));
        Ok(Self {
            started_at: start,
            finished_at: end.unwrap_or(start),
            start_range: (start, end.unwrap_or(start + TimeDelta::days(1))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn build_time(date: Option<&str>, modified: i64) -> Result<BuildTime, &'static str> {
        let date = date.map(|date| NaiveDateTime::parse_from_str(date, "%Y%m%d-%H%M%S").unwrap());
        BuildTime::new(date, modified, at("2026-11-28T00:00:00Z"))
    }

    #[test]
    fn dates_in_names_are_utc() {
        let date = Some("20210405-101500");
        let copied = build_time(date, at("2026-01-01T00:00:00Z").timestamp()).unwrap();
        assert_eq!(copied.started_at, at("2021-04-05T10:15:00Z"));
        assert_eq!(copied.finished_at, copied.started_at);
        let in_place = build_time(date, at("2021-04-05T10:20:00Z").timestamp()).unwrap();
        assert_eq!(in_place.started_at, copied.started_at);
        assert_eq!(in_place.finished_at, at("2021-04-05T10:20:00Z"));
    }

    #[test]
    fn impossible_times_are_refused_and_never_panic() {
        for modified in [i64::MIN, -1, 0, 9_000_000_000_000, i64::MAX] {
            assert!(build_time(None, modified).is_err(), "{modified}");
            let named = build_time(Some("20210405-101500"), modified).unwrap();
            assert_eq!(named.finished_at, at("2021-04-05T10:15:00Z"), "{modified}");
        }
        assert!(build_time(Some("99991231-235959"), 1).is_err());
        let modified = at("2021-04-05T08:20:00Z");
        let undated = build_time(None, modified.timestamp()).unwrap();
        assert_eq!(undated.started_at, modified);
    }
}
