//! The columns of a phase, listed once for writing and for reading, and how times and
//! counts are kept.

use chrono::{DateTime, Datelike, Utc};
use rusqlite::Row;

use super::{Error, Result};
use crate::sccache::Stats;

type Get<T> = fn(&Stats) -> Option<T>;
type Set<T> = fn(&mut Stats, Option<T>);

macro_rules! columns {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), |s| s.$name, |s, v| s.$name = v)),*]
    };
}

/// The counters that a version of sccache may not know.
pub(super) const COUNTERS: &[(&str, Get<u64>, Set<u64>)] = columns![
    requests,
    executed,
    unsupported_compiler,
    non_compilation,
    non_cacheable,
    timeouts,
    read_errors,
    write_errors,
    writes,
    forced_recaches,
    non_cacheable_compilations,
    compilations,
    compile_failures,
    dist_errors,
    cache_size,
    max_cache_size,
];

pub(super) const SECONDS: &[(&str, Get<f64>, Set<f64>)] = columns![
    write_seconds,
    read_hit_seconds,
    compiler_seconds,
    processor_seconds
];

/// The columns with a place of their own in the code, before those of the lists.
pub(super) const FIRST: &[&str] = &[
    "build",
    "position",
    "name",
    "started_at",
    "finished_at",
    "attribution",
    "not_measured",
    "not_measured_detail",
    "hits",
    "misses",
    "errors",
    "cache_location",
    "preprocessor_cache_mode",
    "sccache_version",
    "base_directories",
];

pub(super) fn column_names() -> Vec<&'static str> {
    let counters = COUNTERS.iter().map(|c| c.0);
    let seconds = SECONDS.iter().map(|c| c.0);
    FIRST
        .iter()
        .copied()
        .chain(counters)
        .chain(seconds)
        .collect()
}

/// Microseconds since 1970, as the schema keeps times.
pub(super) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// Back from [`micros`]. No report can write the years that the rest of the world's programs can't.
pub(super) fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<DateTime<Utc>> {
    let micros: i64 = row.get(index)?;
    time_of(micros).ok_or(rusqlite::Error::IntegralValueOutOfRange(index, micros))
}

/// `None` outside of the years 0 to 9999, which RFC 3339 can write.
pub(super) fn time_of(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).filter(|time| (0..=9999).contains(&time.year()))
}

/// A count as SQLite keeps it.
///
/// # Errors
/// [`Error::Impossible`] beyond 2^63.
pub(super) fn count(what: &str, count: u64) -> Result<i64> {
    i64::try_from(count).map_err(|_| Error::Impossible(format!("{what}: {count}")))
}

/// Back from [`count`].
///
/// # Errors
/// Where it is negative, which a CHECK keeps it from being.
pub(super) fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    not_negative(index, row.get(index)?)
}

/// As [`unsigned`], of a count that may be unknown.
pub(super) fn known(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<u64>> {
    let known: Option<i64> = row.get(index)?;
    known.map(|n| not_negative(index, n)).transpose()
}

fn not_negative(index: usize, n: i64) -> rusqlite::Result<u64> {
    u64::try_from(n).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, n))
}
