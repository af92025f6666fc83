//! One JSON document: `{"schema": 1, "rows": [...]}`, one row per line.

use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::{Column, Source, Table};

/// Incremented when a name is removed or changes its meaning; new names don't change it.
const SCHEMA: u32 = 1;

pub(super) fn write<R: 'static>(table: &Table<R>, out: &mut dyn Write) -> io::Result<()> {
    let columns = &table.columns;
    write!(out, "{{\"schema\": {SCHEMA}, \"rows\": [")?;
    for (index, row) in table.rows.iter().enumerate() {
        let separator = if index == 0 { "\n" } else { ",\n" };
        out.write_all(separator.as_bytes())?;
        serde_json::to_writer(&mut *out, &Object { columns, row })?;
    }
    let end = if table.rows.is_empty() { "" } else { "\n" };
    writeln!(out, "{end}]}}")
}

/// The rows as values, for reports that contain other reports' rows.
pub(in super::super) fn rows<R: 'static>(columns: &[Column<R>], rows: &[R]) -> Json {
    rows.iter()
        .map(|row| serde_json::to_value(Object { columns, row }).unwrap_or_default())
        .collect()
}

/// A row as an object, with its names in the order of the columns.
struct Object<'a, R> {
    columns: &'a [Column<R>],
    row: &'a R,
}

impl<R: 'static> Serialize for Object<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for column in self.columns {
            match &column.source {
                Source::Value(value) => object.serialize_entry(column.name, &value(self.row))?,
                Source::Nested(value) => object.serialize_entry(column.name, &value(self.row))?,
                Source::Text(_) => {}
            }
        }
        object.end()
    }
}
