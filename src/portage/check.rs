//! Checks of values that anyone may have written: names, texts, times, and a phase's numbers.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::error::Category;

use super::Phase;
use crate::error::{Error, Result, ensure};
use crate::sccache::{NotMeasured, Stats};
use crate::text::printable;

/// The phases in which the hook measures a server, in the order in which Portage runs them (PMS 8,
/// chapter 9).
pub const PHASES: [&str; 6] = [
    "unpack",
    "prepare",
    "configure",
    "compile",
    "test",
    "install",
];

/// The most snapshots of a build: one per phase, and more if it was interrupted and resumed.
pub const MAX_SNAPSHOTS: usize = 256;

/// The most that a phase can count. The store takes the sum of [`MAX_SNAPSHOTS`] phases.
const MAX_COUNT: u64 = 1_000_000_000;
/// 30 years.
const MAX_SECONDS: f64 = 1e9;
/// Bytes of the longest string: a reason, a compiler, a location.
const MAX_STRING: usize = 512;
/// The most languages, compilers, reasons, or servers.
const MAX_ENTRIES: usize = 512;

impl Phase {
    /// Makes every string one that [`check`](Self::check) accepts: sccache quotes compiler arguments,
    /// which can contain anything.
    #[must_use]
    pub fn sanitized(mut self) -> Self {
        match &mut self.stats {
            Err(reason) => {
                let detail = reason.detail.take().unwrap_or_default();
                *reason = NotMeasured::with_detail(reason.reason, detail);
            }
            Ok(stats) => sanitize(stats),
        }
        self
    }

    /// Checks that a collector can have written this phase.
    ///
    /// # Errors
    /// Returns the first value that is impossible.
    pub fn check(&self) -> Result<()> {
        ensure!(PHASES.contains(&self.name.as_str()), "an unknown phase");
        self.check_numbers()
    }

    /// As [`check`](Self::check), for a phase of any name.
    ///
    /// # Errors
    /// Returns the first value that is impossible.
    pub fn check_numbers(&self) -> Result<()> {
        check_time(self.started_at)?;
        check_time(self.finished_at)?;
        let detail = match &self.stats {
            Ok(stats) => return check_stats(stats),
            Err(reason) => reason.detail.as_deref(),
        };
        ensure!(detail != Some(""), "an empty detail");
        check_text(detail.unwrap_or_default(), NotMeasured::MAX_DETAIL)
    }
}

/// Makes the strings printable, and truncates them and the lists.
fn sanitize(stats: &mut Stats) {
    for map in stats.maps_mut() {
        for (key, count) in std::mem::take(map).into_iter().take(MAX_ENTRIES) {
            let sum = map.entry(printable(&key, MAX_STRING)).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    let lists = [
        Some(&mut stats.unrecognized),
        stats.base_directories.as_mut(),
    ];
    let texts = [stats.cache_location.as_mut(), stats.version.as_mut()];
    let mut strings: Vec<&mut String> = texts.into_iter().flatten().collect();
    for list in lists.into_iter().flatten() {
        list.truncate(MAX_ENTRIES);
        strings.extend(list);
    }
    for string in strings {
        *string = printable(string, MAX_STRING);
    }
}

fn check_stats(stats: &Stats) -> Result<()> {
    for count in stats.all_counts() {
        ensure!(count <= MAX_COUNT, "a count of {count}");
    }
    for field in Stats::SECONDS {
        let seconds = (field.get)(stats).unwrap_or_default();
        let is_possible = (0.0..=MAX_SECONDS).contains(&seconds);
        ensure!(is_possible, "a duration of {seconds} s");
    }
    for size in [stats.cache_size, stats.max_cache_size]
        .into_iter()
        .flatten()
    {
        ensure!(i64::try_from(size).is_ok(), "a size of {size} bytes");
    }
    for counts in stats.split_counts() {
        for parts in [&counts.languages, &counts.compilers] {
            let (sum, total) = (parts.values().sum::<u64>(), counts.total);
            ensure!(sum <= total, "parts of {sum} in a total of {total}");
        }
    }
    let mut sanitized = stats.clone();
    sanitize(&mut sanitized);
    ensure!(
        sanitized == *stats,
        "control characters in a string, or too many or too long ones"
    );
    Ok(())
}

/// Parses JSON that anyone may have written.
///
/// # Errors
/// Returns an error with the position, without a word of the JSON: the message goes to root's
/// terminal and to the merge log.
pub fn parse_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(json_error)
}

pub(super) fn json_error(error: serde_json::Error) -> Error {
    let problem = match error.classify() {
        Category::Data => "not the JSON of a build's numbers",
        Category::Eof => "incomplete JSON",
        _ => "not JSON",
    };
    let (line, column) = (error.line(), error.column());
    Error::Invalid(format!("{problem} (line {line}, column {column})"))
}

/// Checks a name of a category, package, version, slot, or repository: letters, digits, and `+_.-`,
/// and neither a sign nor a dot at the beginning (PMS 8, 3.1).
pub(super) fn check_name(name: &str) -> Result<()> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+_.-".contains(&byte);
    let length = name.len();
    ensure!((1..=255).contains(&length), "it is {length} bytes long");
    ensure!(
        name.bytes().all(is_allowed) && !name.starts_with(['-', '+', '.']),
        "{name:?} is not a name that PMS allows"
    );
    Ok(())
}

/// Whether this is `CATEGORY/PN` with names that PMS allows, safe as the end of a path.
pub fn is_package(name: &str) -> bool {
    let parts = name.split_once('/');
    parts.is_some_and(|(category, name)| check_name(category).is_ok() && check_name(name).is_ok())
}

/// Checks that `text` can be printed to a terminal as it is.
pub(super) fn check_text(text: &str, max: usize) -> Result<()> {
    ensure!(text.len() <= max, "a string of {} bytes", text.len());
    ensure!(
        printable(text, max) == text,
        "control characters in a string"
    );
    Ok(())
}

pub(super) fn check_time(time: DateTime<Utc>) -> Result<()> {
    // 2000 to 2200: room for a machine whose clock is wrong, none for overflow.
    let range = 946_684_800..7_258_118_400;
    ensure!(range.contains(&time.timestamp()), "a time of {time}");
    Ok(())
}
