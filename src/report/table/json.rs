//! One JSON document: `{"schema": 1, "rows": [...]}`, one row per line.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::{Column, Table};

/// Incremented when a name is removed or changes its meaning; new names don't change it.
const SCHEMA: u32 = 1;

pub(super) fn write<R: 'static>(table: &Table<R>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"schema\": {SCHEMA}, \"rows\": [")?;
    let mut separator = "\n";
    for row in &table.rows {
        out.write_all(separator.as_bytes())?;
        let columns = &table.columns;
        serde_json::to_writer(&mut *out, &Object { columns, row })?;
        separator = ",\n";
    }
    let end = if table.rows.is_empty() {
        "]}\n"
    } else {
        "\n]}\n"
    };
    out.write_all(end.as_bytes())
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
        let columns = self.columns.iter().filter(|column| column.is_data(true));
        serializer.collect_map(columns.map(|column| (column.name, (column.value)(self.row))))
    }
}
