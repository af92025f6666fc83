//! The values of a table's cells, before a format writes them.

use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use uuid::Uuid;

/// A cell's value.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Value<'a> {
    /// Not known, or a rate with nothing to divide by.
    Unknown,
    Count(u64),
    /// From 0 to 1.
    Rate(f64),
    /// A duration; negative if time was lost.
    Seconds(f64),
    Text(Cow<'a, str>),
    Id(Uuid),
    Time(DateTime<Utc>),
    /// JSON only.
    Nested(Json),
}

impl<'a> Value<'a> {
    pub(in super::super) fn text(text: impl Into<Cow<'a, str>>) -> Value<'a> {
        Value::Text(text.into())
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Value::Count(_) | Value::Rate(_) | Value::Seconds(_))
    }

    /// Compares two known values of one column.
    pub(super) fn order(&self, other: &Value<'_>) -> Ordering {
        match (self, other) {
            (Value::Count(a), Value::Count(b)) => a.cmp(b),
            (Value::Rate(a), Value::Rate(b)) | (Value::Seconds(a), Value::Seconds(b)) => {
                a.total_cmp(b)
            }
            (Value::Time(a), Value::Time(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Id(a), Value::Id(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// As JSON, CSV and TSV have it: RFC 3339 times in UTC, numbers in full precision.
impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Unknown => serializer.serialize_none(),
            Value::Count(count) => serializer.serialize_u64(*count),
            Value::Rate(number) | Value::Seconds(number) => serializer.serialize_f64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Id(id) => id.serialize(serializer),
            // Faster than chrono's own `Serialize`, with the same result.
            Value::Time(time) => {
                serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
            Value::Nested(nested) => nested.serialize(serializer),
        }
    }
}

impl From<Option<u64>> for Value<'_> {
    fn from(known: Option<u64>) -> Self {
        known.map_or(Value::Unknown, Value::Count)
    }
}

impl From<Option<f64>> for Value<'_> {
    fn from(known: Option<f64>) -> Self {
        known.map_or(Value::Unknown, Value::Rate)
    }
}

impl From<Option<TimeDelta>> for Value<'_> {
    fn from(known: Option<TimeDelta>) -> Self {
        // From microseconds, as stored: the sum of seconds and nanoseconds isn't the nearest number.
        let micros = known.and_then(|time| time.num_microseconds());
        micros.map_or(Value::Unknown, |micros| Value::Seconds(micros as f64 / 1e6))
    }
}

impl From<Option<DateTime<Utc>>> for Value<'_> {
    fn from(known: Option<DateTime<Utc>>) -> Self {
        known.map_or(Value::Unknown, Value::Time)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(known: Option<&'a str>) -> Self {
        known.map_or(Value::Unknown, Value::text)
    }
}
