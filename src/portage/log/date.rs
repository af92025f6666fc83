//! When the build of a log began.
//!
//! The name's date is taken as local time. Portage 3.0.83 writes UTC there (`gmtime` in
//! `prepare_build_dirs.py`), so it is UTC where the file itself shows it: the file was made in that
//! very minute (its birth time), or was last written before the local reading, or the local time is
//! one that the clock skipped. Of an hour that came twice the first is taken, unless the
//! file's birth says the second.

use std::fs::Metadata;
use std::time::SystemTime;

use chrono::{DateTime, Local, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Utc};

/// No build takes longer than this: a file that was last written later was copied.
const LONGEST: TimeDelta = TimeDelta::days(2);

/// What the file system says of a log, to the second.
#[derive(Clone, Copy, Debug)]
pub struct FileTimes {
    /// When the file was made, where that is known.
    pub born: Option<DateTime<Utc>>,
    /// When it was last written.
    pub modified: DateTime<Utc>,
}

impl FileTimes {
    /// Of an open file.
    pub fn of(file: &Metadata) -> Self {
        let seconds = |time: SystemTime| {
            let time = DateTime::<Utc>::from(time);
            DateTime::from_timestamp(time.timestamp(), 0).unwrap_or_default()
        };
        Self {
            born: file.created().ok().map(seconds),
            modified: file.modified().map(seconds).unwrap_or_default(),
        }
    }
}

/// When a build began, and what else its date can mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The most likely time.
    pub at: DateTime<Utc>,
    /// The build's end, where the file's time can be that; else its start.
    pub until: DateTime<Utc>,
    /// Every time that the date can mean, with the latest end of such a build.
    pub possible: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Start {
    /// From the name's date; without one from when the file was last written.
    pub fn new(date: Option<NaiveDateTime>, times: FileTimes) -> Self {
        Self::in_zone(date, times, &Local)
    }

    fn in_zone(date: Option<NaiveDateTime>, times: FileTimes, zone: &impl TimeZone) -> Self {
        let Some(date) = date else {
            return Self {
                at: times.modified,
                until: times.modified,
                possible: vec![(times.modified - LONGEST, times.modified)],
            };
        };
        let utc = date.and_utc();
        let mut starts: Vec<DateTime<Utc>> = match zone.from_local_datetime(&date) {
            LocalResult::Single(one) => vec![one.to_utc()],
            // Which of them chrono puts first depends on how the zone is described.
            LocalResult::Ambiguous(a, b) => {
                vec![a.to_utc().min(b.to_utc()), a.to_utc().max(b.to_utc())]
            }
            LocalResult::None => Vec::new(),
        };
        starts.push(utc);
        let born = |at: &&DateTime<Utc>| {
            times
                .born
                .is_some_and(|born| (born - **at).abs() < TimeDelta::minutes(1))
        };
        let ends = |at: &&DateTime<Utc>| end(**at, times).is_some();
        // A file that was copied before the build began has a wrong time, and shows nothing.
        let at = *starts
            .iter()
            .find(born)
            .or_else(|| starts.iter().find(ends))
            .unwrap_or(&starts[0]);
        let latest = |at: DateTime<Utc>| end(at, times).unwrap_or(at + TimeDelta::days(1));
        Self {
            at,
            until: end(at, times).unwrap_or(at),
            possible: starts.iter().map(|&at| (at, latest(at))).collect(),
        }
    }
}

/// The file's time, if it can be the end of a build that began then.
fn end(at: DateTime<Utc>, times: FileTimes) -> Option<DateTime<Utc>> {
    (at..at + LONGEST)
        .contains(&times.modified)
        .then_some(times.modified)
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn start(hours: i32, born: Option<&str>, modified: &str) -> Start {
        let date = NaiveDateTime::parse_from_str("20210405-101500", "%Y%m%d-%H%M%S").unwrap();
        let zone = FixedOffset::east_opt(hours * 3600).unwrap();
        let times = FileTimes {
            born: born.map(at),
            modified: at(modified),
        };
        Start::in_zone(Some(date), times, &zone)
    }

    #[test]
    fn a_date_is_local_unless_the_file_shows_utc() {
        let copied = start(2, None, "2026-01-01T00:00:00Z");
        assert_eq!(copied.at, at("2021-04-05T08:15:00Z"));
        assert_eq!(copied.until, copied.at);
        let local = start(2, None, "2021-04-05T08:20:00Z");
        assert_eq!(local.at, at("2021-04-05T08:15:00Z"));
        assert_eq!(local.until, at("2021-04-05T08:20:00Z"));
        let born = start(2, Some("2021-04-05T10:15:01Z"), "2021-04-05T10:20:00Z");
        assert_eq!(born.at, at("2021-04-05T10:15:00Z"));
        // West of Greenwich the local reading would be after the end.
        let before = start(-5, None, "2021-04-05T10:20:00Z");
        assert_eq!(before.at, at("2021-04-05T10:15:00Z"));
    }

    #[test]
    fn without_a_date_the_file_has_one() {
        let modified = at("2021-04-05T08:20:00Z");
        let times = FileTimes {
            born: None,
            modified,
        };
        assert_eq!(Start::new(None, times).at, modified);
    }
}
