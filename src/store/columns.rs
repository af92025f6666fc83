//! How statistics, times and counts are kept in columns.

use chrono::{DateTime, Datelike, Utc};
use rusqlite::Row;

use crate::sccache::Stats;

/// Returns the columns of all counters and times of `Stats`, which [`read_numbers`] reads.
pub(super) fn number_columns() -> String {
    let counters = Stats::COUNTERS.iter().map(|field| field.name);
    let seconds = Stats::SECONDS.iter().map(|field| field.name);
    counters.chain(seconds).collect::<Vec<_>>().join(", ")
}

/// Reads the columns of [`number_columns`], of which `first` is the first.
pub(super) fn read_numbers(stats: &mut Stats, row: &Row<'_>, first: usize) -> rusqlite::Result<()> {
    for (index, field) in Stats::COUNTERS.iter().enumerate() {
        *(field.get_mut)(stats) = row.get(first + index)?;
    }
    for (index, field) in Stats::SECONDS.iter().enumerate() {
        *(field.get_mut)(stats) = row.get(first + Stats::COUNTERS.len() + index)?;
    }
    Ok(())
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

/// Reads a column that holds JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    index: usize,
) -> rusqlite::Result<Option<T>> {
    let Some(text) = row.get_ref(index)?.as_str_or_null()? else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error.into())
    })
}
