//! The columns of a phase, listed once for writing and for reading, and how times and
//! counts are kept.

use chrono::{DateTime, Utc};
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

/// Back from [`micros`].
pub(super) fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}

/// A count as SQLite keeps it.
///
/// # Errors
/// [`Error::Impossible`] beyond 2^63.
pub(super) fn count(what: &str, count: u64) -> Result<i64> {
    i64::try_from(count).map_err(|_| Error::Impossible(format!("{what}: {count}")))
}

/// Back from [`count`], out of a column that a CHECK keeps from being negative.
pub(super) fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(|n| n.max(0) as u64)
}

/// As [`unsigned`], of a count that may be unknown.
pub(super) fn known(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<u64>> {
    let known: Option<i64> = row.get(index)?;
    Ok(known.map(|n| n.max(0) as u64))
}
