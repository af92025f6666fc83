//! Comma- or tab-separated values, with a header and full precision. What is unknown
//! is empty.

use std::io::{self, Write};

use chrono::SecondsFormat;

use super::super::sheet::{Sheet, Value};
use super::Output;

pub(super) struct Separated {
    pub(super) by: u8,
}

impl Output for Separated {
    fn write<R: 'static>(&self, sheet: &Sheet<R>, out: &mut dyn Write) -> io::Result<()> {
        let mut csv = csv::WriterBuilder::new()
            .delimiter(self.by)
            .from_writer(out);
        let columns: Vec<_> = sheet.data().filter(|column| !column.nested).collect();
        csv.write_record(columns.iter().map(|column| column.name))
            .map_err(unwrap)?;
        for row in &sheet.rows {
            csv.write_record(columns.iter().map(|column| field((column.value)(row))))
                .map_err(unwrap)?;
        }
        csv.flush()
    }
}

/// The error below: a closed pipe must be known as one.
fn unwrap(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn field(value: Value) -> String {
    match value {
        Value::Unknown | Value::Nested(_) => String::new(),
        Value::Count(n) => n.to_string(),
        Value::Rate(number) | Value::Seconds(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Time(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    }
}
