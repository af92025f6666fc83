//! The values of reports, before any format writes them.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;
use uuid::Uuid;

/// What stands in one place of a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Not known, or nothing to divide.
    Unknown,
    Count(u64),
    /// Between 0 and 1.
    Rate(f64),
    /// A duration; negative where time was lost.
    Seconds(f64),
    Text(Cow<'a, str>),
    Id(Uuid),
    Time(DateTime<Utc>),
    /// What CSV and tables have no place for.
    Nested(Json),
}

impl<'a> Value<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Value<'a> {
        Value::Text(text.into())
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
        // From microseconds, as the database has them: seconds and nanoseconds added up are not the nearest number.
        let micros = known.and_then(|time| time.num_microseconds());
        micros.map_or(Value::Unknown, |micros| Value::Seconds(micros as f64 / 1e6))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(known: Option<&'a str>) -> Self {
        known.map_or(Value::Unknown, Value::text)
    }
}
