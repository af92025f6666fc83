//! Conversions between Rust values and columns, as the schema's conventions require.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Error, Result, Row};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use uuid::Uuid;

use crate::portage::{Attribution, Outcome};
use crate::sccache::compilations::MissReason;

/// Returns microseconds since 1970.
pub(super) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// Returns the time of `micros`; `None` outside of the years 0 to 9999, which RFC 3339 can't write.
pub(super) fn time_from_micros(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).filter(|time| (0..=9999).contains(&time.year()))
}

/// Reads a point in time.
pub(super) fn read_time(row: &Row<'_>, index: usize) -> Result<DateTime<Utc>> {
    let micros: i64 = row.get(index)?;
    time_from_micros(micros).ok_or(Error::IntegralValueOutOfRange(index, micros))
}

/// Reads a duration.
pub(super) fn read_duration(row: &Row<'_>, index: usize) -> Result<Option<TimeDelta>> {
    let micros: Option<i64> = row.get(index)?;
    Ok(micros.map(TimeDelta::microseconds))
}

/// Reads a text without copying it.
pub(super) fn str_at<'a>(row: &'a Row<'_>, index: usize) -> Result<Option<&'a str>> {
    let text = row.get_ref(index)?.as_str_or_null();
    text.map_err(|error| Error::FromSqlConversionFailure(index, Type::Text, error.into()))
}

/// Returns the value of the name in a column, which is copied only if it is new.
pub(super) fn entry_at<'a, T: Default>(
    values: &'a mut BTreeMap<String, T>,
    row: &Row<'_>,
    index: usize,
) -> Result<&'a mut T> {
    let name = str_at(row, index)?.unwrap_or_default();
    if !values.contains_key(name) {
        values.insert(name.to_string(), T::default());
    }
    values.get_mut(name).ok_or(Error::InvalidQuery)
}

/// Reads a UUID.
pub(super) fn read_uuid(row: &Row<'_>, index: usize) -> Result<Uuid> {
    parse(row, index, Uuid::parse_str)?.ok_or(Error::InvalidQuery)
}

/// Reads a value stored as JSON.
pub(super) fn read_json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> Result<Option<T>> {
    parse(row, index, |text| serde_json::from_str(text))
}

fn parse<T, E: std::error::Error + Send + Sync + 'static>(
    row: &Row<'_>,
    index: usize,
    parse: impl FnOnce(&str) -> std::result::Result<T, E>,
) -> Result<Option<T>> {
    let parsed = str_at(row, index)?.map(parse).transpose();
    parsed.map_err(|error| Error::FromSqlConversionFailure(index, Type::Text, error.into()))
}

/// Reads one of the words that `T` is stored as, which are those of its JSON.
fn from_word<T: DeserializeOwned>(value: ValueRef<'_>) -> FromSqlResult<T> {
    let word: StrDeserializer<'_, serde::de::value::Error> = value.as_str()?.into_deserializer();
    T::deserialize(word).map_err(FromSqlError::other)
}

impl FromSql for Outcome {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_word(value)
    }
}

impl FromSql for Attribution {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_word(value)
    }
}

impl FromSql for MissReason {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_word(value)
    }
}

impl ToSql for Outcome {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl ToSql for Attribution {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}
