//! Checks of untrusted values: names, texts, times, and a phase's statistics.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::error::Category;

use super::Phase;
use crate::error::{Error, Result, ensure};
use crate::sccache::compilations::CompilationList;
use crate::sccache::{NotMeasured, Stats};
use crate::text::{is_printable, printable};

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

/// The largest count of a phase. The sum of [`MAX_SNAPSHOTS`] phases fits the database.
const MAX_COUNT: u64 = 1_000_000_000;
/// The problem of a list that isn't [valid](CompilationList::is_valid).
pub(super) const DAMAGED_LIST: &str = "the list of compilations is damaged or too long";
/// 30 years.
const MAX_SECONDS: f64 = 1e9;
/// The longest string in bytes: a reason, a compiler, or a location.
const MAX_STRING: usize = 512;
/// The most languages, compilers, reasons, or servers.
const MAX_ENTRIES: usize = 512;

impl Phase {
    /// Makes every string one that [`check`](Self::check) accepts: sccache quotes compiler arguments,
    /// which can contain anything. Removes a list of compilations that is too long.
    #[must_use]
    pub fn sanitized(mut self) -> Self {
        match &mut self.stats {
            Err(reason) => {
                let detail = reason.detail.take().unwrap_or_default();
                *reason = NotMeasured::with_detail(reason.reason, detail);
            }
            Ok(stats) => sanitize(stats),
        }
        self.compilations.take_if(|list| !list.is_valid());
        self
    }

    /// Checks that a collector can have written this phase.
    ///
    /// # Errors
    /// Returns the first value that is impossible.
    pub fn check(&self) -> Result<()> {
        ensure!(PHASES.contains(&self.name.as_str()), "unknown phase");
        self.check_numbers()
    }

    /// As [`check`](Self::check), for a phase of any name.
    ///
    /// # Errors
    /// Returns the first value that is impossible.
    pub fn check_numbers(&self) -> Result<()> {
        check_text(&self.name, MAX_STRING)?;
        check_time(self.started_at)?;
        check_time(self.finished_at)?;
        check_seconds(self.shell_seconds)?;
        let is_valid = self
            .compilations
            .as_ref()
            .is_none_or(CompilationList::is_valid);
        ensure!(is_valid, "{DAMAGED_LIST}");
        let detail = match &self.stats {
            Ok(stats) => return check_stats(stats),
            Err(reason) => reason.detail.as_deref(),
        };
        ensure!(detail != Some(""), "empty detail");
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
    stats.levels.truncate(MAX_ENTRIES);
    let texts = [stats.cache_location.as_mut(), stats.version.as_mut()];
    let mut strings: Vec<&mut String> = texts.into_iter().flatten().collect();
    for level in &mut stats.levels {
        strings.push(&mut level.name);
        strings.extend(&mut level.location);
    }
    for list in lists.into_iter().flatten() {
        list.truncate(MAX_ENTRIES);
        strings.extend(list);
    }
    for string in strings {
        *string = printable(string, MAX_STRING);
    }
}

/// Whether [`sanitize`] would change nothing.
fn is_sanitized(stats: &Stats) -> bool {
    let lists = [Some(&stats.unrecognized), stats.base_directories.as_ref()];
    let lists = || lists.into_iter().flatten();
    let is_short = stats.maps().all(|map| map.len() <= MAX_ENTRIES)
        && lists().all(|list| list.len() <= MAX_ENTRIES)
        && stats.levels.len() <= MAX_ENTRIES;
    let keys = stats.maps().flat_map(|map| map.keys());
    let locations = stats.levels.iter().flat_map(|level| &level.location);
    let names = stats.levels.iter().map(|level| &level.name);
    let texts = stats.cache_location.iter().chain(&stats.version);
    let mut strings = keys
        .chain(locations)
        .chain(names)
        .chain(texts)
        .chain(lists().flatten());
    is_short && strings.all(|string| is_printable(string, MAX_STRING))
}

fn check_stats(stats: &Stats) -> Result<()> {
    for count in stats.all_counts() {
        ensure!(count <= MAX_COUNT, "a count is too large: {count}");
    }
    for field in Stats::SECONDS {
        check_seconds((field.get)(stats))?;
    }
    for size in [stats.cache_size, stats.max_cache_size]
        .into_iter()
        .flatten()
    {
        ensure!(
            i64::try_from(size).is_ok(),
            "a size is too large: {size} bytes"
        );
    }
    for counts in stats.split_counts() {
        for parts in [&counts.languages, &counts.compilers] {
            let (sum, total) = (parts.values().sum::<u64>(), counts.total);
            ensure!(
                sum <= total,
                "the parts of a count sum up to {sum}, more than the total of {total}"
            );
        }
    }
    ensure!(
        is_sanitized(stats),
        "a string is too long or has control characters, or a list is too long"
    );
    Ok(())
}

fn check_seconds(seconds: Option<f64>) -> Result<()> {
    let seconds = seconds.unwrap_or_default();
    let is_possible = (0.0..=MAX_SECONDS).contains(&seconds);
    ensure!(is_possible, "a duration is out of range: {seconds} s");
    Ok(())
}

/// Parses the start of a phase as the hook writes it: seconds since 1970, with six decimals if bash has them.
pub fn parse_start(text: &str) -> Option<DateTime<Utc>> {
    let (seconds, micros) = text.split_once('.').unwrap_or((text, "000000"));
    let micros: u32 = micros.parse().ok().filter(|_| micros.len() == 6)?;
    DateTime::from_timestamp(seconds.parse().ok()?, micros * 1000)
}

/// Parses untrusted JSON.
///
/// # Errors
/// Returns an error with the position, but without text from the JSON, because root's terminal and
/// the merge log show it.
pub fn parse_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(json_error)
}

pub(super) fn json_error(error: serde_json::Error) -> Error {
    let problem = match error.classify() {
        Category::Data => "JSON with unexpected content",
        Category::Eof => "incomplete JSON",
        _ => "not JSON",
    };
    let (line, column) = (error.line(), error.column());
    Error::Invalid(format!("{problem} (line {line}, column {column})"))
}

/// Checks a name of a category, package, version, slot, or repository: letters, digits, and `+_.-`,
/// and neither a sign nor a dot at the beginning (PMS 8, 3.1).
pub(crate) fn check_name(name: &str) -> Result<()> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+_.-".contains(&byte);
    let length = name.len();
    ensure!((1..=255).contains(&length), "a name is {length} bytes long");
    ensure!(
        name.bytes().all(is_allowed) && !name.starts_with(['-', '+', '.']),
        "{name:?} is not a valid name"
    );
    Ok(())
}

/// Whether this is `CATEGORY/PN` with names that PMS allows, safe as the end of a path.
pub fn is_package(name: &str) -> bool {
    let parts = name.split_once('/');
    parts.is_some_and(|(category, name)| check_name(category).is_ok() && check_name(name).is_ok())
}

/// Checks that `text` is at most `max` bytes long and safe to print to a terminal.
pub(crate) fn check_text(text: &str, max: usize) -> Result<()> {
    ensure!(
        text.len() <= max,
        "a string is too long: {} bytes",
        text.len()
    );
    ensure!(is_printable(text, max), "control characters in a string");
    Ok(())
}

pub(super) fn check_time(time: DateTime<Utc>) -> Result<()> {
    // 2000 to 2200: room for a machine whose clock is wrong, none for overflow.
    let range = 946_684_800..7_258_118_400;
    ensure!(
        range.contains(&time.timestamp()),
        "a time is out of range: {time}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sccache::Level;

    /// A merge checks every phase, so [`is_sanitized`] repeats what [`sanitize`] does, without a copy.
    #[test]
    fn what_sanitize_changes_is_not_sanitized() {
        let changes: [fn(&mut Stats, String); 10] = [
            |_, _| {},
            |stats, text| stats.version = Some(text),
            |stats, text| stats.cache_location = Some(text),
            |stats, text| stats.unrecognized.push(text),
            |stats, text| stats.base_directories = Some(vec![text]),
            |stats, text| _ = stats.not_cached.insert(text, 1),
            |stats, text| _ = stats.dist_compiles.insert(text, 1),
            |stats, text| _ = stats.misses.languages.insert(text, 1),
            |stats, text| {
                let level = Level {
                    name: text,
                    ..Level::default()
                };
                stats.levels.push(level);
            },
            |stats, text| {
                let level = Level {
                    location: Some(text),
                    ..Level::default()
                };
                stats.levels.push(level);
            },
        ];
        let long = "x".repeat(MAX_STRING + 1);
        for (number, change) in changes.iter().enumerate() {
            for text in ["plain", "\u{1b}[31m", "\u{202e}", &long] {
                for count in [1, MAX_ENTRIES + 1] {
                    let mut stats = Stats::default();
                    (0..count).for_each(|n| change(&mut stats, format!("{n}{text}")));
                    let mut sanitized = stats.clone();
                    sanitize(&mut sanitized);
                    let case = format!("{number} {text:?} {count}");
                    assert_eq!(is_sanitized(&stats), sanitized == stats, "{case}");
                    assert!(is_sanitized(&sanitized), "{case}");
                }
            }
        }
    }
}
