//! The values of a table's cells, before a format writes them.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// A cell's value. JSON, CSV and TSV have RFC 3339 times in UTC and numbers in full precision.
#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(untagged)]
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
    Time(#[serde(serialize_with = "rfc3339")] DateTime<Utc>),
}

impl<'a> Value<'a> {
    pub(in super::super) fn text(text: impl Into<Cow<'a, str>>) -> Value<'a> {
        Value::Text(text.into())
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Value::Count(_) | Value::Rate(_) | Value::Seconds(_))
    }
}

/// Faster than chrono's own `Serialize`, with the same result.
fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
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
