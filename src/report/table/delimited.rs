//! Comma- and tab-separated values with a header. Unknown values are empty.

use std::io::{self, Write};

use csv::{Writer, WriterBuilder};

use super::{Column, GetValue, Source, Table};

pub(super) fn write<R: 'static>(
    table: &Table<R>,
    delimiter: u8,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut writer = DelimitedWriter::new(&table.columns, delimiter)?;
    table.rows.iter().try_for_each(|row| writer.add(row))?;
    writer.finish(out)
}

/// Collects rows in memory as they come, so that a slow reader of the output doesn't keep the
/// database locked.
pub(in super::super) struct DelimitedWriter<'a, R> {
    values: Vec<&'a GetValue<R>>,
    writer: Writer<Vec<u8>>,
}

impl<'a, R: 'static> DelimitedWriter<'a, R> {
    /// Writes the header.
    pub(in super::super) fn new(columns: &'a [Column<R>], delimiter: u8) -> io::Result<Self> {
        let mut writer = WriterBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .from_writer(Vec::new());
        let mut values = Vec::new();
        for column in columns {
            if let Source::Value(value) = &column.source {
                writer.write_field(column.name)?;
                values.push(value);
            }
        }
        writer.write_record(None::<&[u8]>)?;
        Ok(DelimitedWriter { values, writer })
    }

    pub(in super::super) fn add(&mut self, row: &R) -> io::Result<()> {
        let values: Vec<_> = self.values.iter().map(|value| value(row)).collect();
        Ok(self.writer.serialize(values)?)
    }

    pub(in super::super) fn finish(self, out: &mut dyn Write) -> io::Result<()> {
        let text = self
            .writer
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)?;
        out.write_all(&text)
    }
}
