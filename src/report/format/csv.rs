//! Comma- or tab-separated values, with a header and full precision. What is unknown
//! is empty.

use std::fmt::Write as _;
use std::io::{self, Write};

use chrono::SecondsFormat;

use super::super::sheet::{Column, Sheet, Value};
use super::Output;

pub(super) struct Separated {
    pub(super) by: u8,
}

impl Output for Separated {
    fn write<R: 'static>(&self, sheet: &Sheet<R>, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = Lines::new(self.by, &sheet.columns, out)?;
        for row in &sheet.rows {
            lines.write(row)?;
        }
        lines.end()
    }
}

/// Rows of these columns, one after the other.
pub(in super::super) struct Lines<'a, R, W: Write> {
    csv: csv::Writer<W>,
    columns: Vec<&'a Column<R>>,
    /// The field that is being written: its room is used again.
    field: String,
}

impl<'a, R: 'static, W: Write> Lines<'a, R, W> {
    /// With the header.
    pub(super) fn new(by: u8, columns: &'a [Column<R>], out: W) -> io::Result<Self> {
        let mut csv = csv::WriterBuilder::new().delimiter(by).from_writer(out);
        let columns: Vec<_> = { columns.iter() }
            .filter(|column| column.data && !column.nested)
            .collect();
        csv.write_record(columns.iter().map(|column| column.name))
            .map_err(unwrap)?;
        Ok(Lines {
            csv,
            columns,
            field: String::new(),
        })
    }

    pub(in super::super) fn write(&mut self, row: &R) -> io::Result<()> {
        for column in &self.columns {
            self.field.clear();
            let field = match (column.value)(row) {
                Value::Text(text) => self.csv.write_field(text.as_bytes()),
                other => {
                    write_field(other, &mut self.field);
                    self.csv.write_field(self.field.as_bytes())
                }
            };
            field.map_err(unwrap)?;
        }
        self.csv.write_record(None::<&[u8]>).map_err(unwrap)
    }

    pub(in super::super) fn end(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}

/// The error below: a closed pipe must be known as one.
fn unwrap(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn write_field(value: Value<'_>, field: &mut String) {
    // Into memory, which takes all.
    let _ = match value {
        Value::Unknown | Value::Nested(_) => Ok(()),
        Value::Count(n) => write!(field, "{n}"),
        Value::Rate(number) | Value::Seconds(number) => write!(field, "{number}"),
        Value::Text(text) => field.write_str(&text),
        Value::Time(time) => field.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
    };
}
