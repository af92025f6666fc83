//! Comma- and tab-separated values with a header. Unknown values are empty.

use std::io::{self, Write};

use csv::{Writer, WriterBuilder};
use serde::{Serialize, Serializer};

use super::{Column, Table};

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
    columns: Vec<&'a Column<R>>,
    writer: Writer<Vec<u8>>,
}

impl<'a, R: 'static> DelimitedWriter<'a, R> {
    /// Writes the header.
    pub(in super::super) fn new(columns: &'a [Column<R>], delimiter: u8) -> io::Result<Self> {
        let columns: Vec<_> = columns.iter().filter(|c| c.is_data(false)).collect();
        let mut writer = WriterBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .from_writer(Vec::new());
        writer.write_record(columns.iter().map(|column| column.name))?;
        Ok(DelimitedWriter { columns, writer })
    }

    pub(in super::super) fn add(&mut self, row: &R) -> io::Result<()> {
        let columns = &self.columns;
        Ok(self.writer.serialize(Record { columns, row })?)
    }

    pub(in super::super) fn finish(self, out: &mut dyn Write) -> io::Result<()> {
        let text = self
            .writer
            .into_inner()
            .map_err(|error| error.into_error())?;
        out.write_all(&text)
    }
}

struct Record<'a, R> {
    columns: &'a [&'a Column<R>],
    row: &'a R,
}

impl<R> Serialize for Record<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.columns.iter().map(|column| (column.value)(self.row)))
    }
}
