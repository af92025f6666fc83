//! One JSON document: `{"schema": 1, "rows": [...]}`, a row on a line of its own.

use std::io::{self, Write};

use chrono::SecondsFormat;
use serde_json::{Map, Value as Json};

use super::super::sheet::{Column, Sheet, Value};
use super::Output;

/// Grows when a name goes or changes its meaning; new names leave it.
const SCHEMA: u32 = 1;

pub(super) struct Document;

impl Output for Document {
    fn write<R: 'static>(&self, sheet: &Sheet<R>, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{{\"schema\": {SCHEMA}, \"rows\": [")?;
        for (index, row) in sheet.rows.iter().enumerate() {
            out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *out, &object(&sheet.columns, row))?;
        }
        out.write_all(if sheet.rows.is_empty() {
            b"]}\n"
        } else {
            b"\n]}\n"
        })
    }
}

/// A row as an object, its names in the order of the columns.
fn object<R>(columns: &[Column<R>], row: &R) -> Map<String, Json> {
    columns
        .iter()
        .filter(|column| column.data)
        .map(|column| (column.name.to_string(), json((column.value)(row))))
        .collect()
}

fn json(value: Value<'_>) -> Json {
    match value {
        Value::Unknown => Json::Null,
        Value::Count(n) => n.into(),
        Value::Rate(number) | Value::Seconds(number) => number.into(),
        Value::Text(text) => text.into_owned().into(),
        Value::Id(id) => id.to_string().into(),
        Value::Time(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
        Value::Nested(nested) => nested,
    }
}

/// The rows as values, for reports that have rows within rows.
pub(in super::super) fn rows<R>(columns: &[Column<R>], rows: &[R]) -> Json {
    rows.iter()
        .map(|row| Json::Object(object(columns, row)))
        .collect()
}
