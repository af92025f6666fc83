//! The formats that a report can be written in, each in a file of its own.

mod csv;
mod json;
mod minutes;
mod table;

use std::io::{self, Write};

use clap::ValueEnum;

use self::csv::Lines;
pub(super) use self::json::rows as json_rows;
use super::sheet::{Column, Sheet};

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// One document: {"schema": 1, "rows": [...]}
    Json,
    /// Comma-separated, with a header
    Csv,
    /// Tab-separated, with a header
    Tsv,
}

/// How tables look where they go to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) color: bool,
    /// Columns of the terminal; `None`: as wide as it gets.
    pub(super) width: Option<usize>,
}

/// Something that can write rows.
trait Output {
    /// Writes all rows of the sheet, to the last byte or an error.
    fn write<R: 'static>(&self, sheet: &Sheet<R>, out: &mut dyn Write) -> io::Result<()>;
}

impl Format {
    pub(super) fn write<R: 'static>(
        self,
        sheet: &Sheet<R>,
        look: &Look,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Format::Table => table::Table { look: *look }.write(sheet, out),
            Format::Json => json::Document.write(sheet, out),
            Format::Csv => csv::Separated { by: b',' }.write(sheet, out),
            Format::Tsv => csv::Separated { by: b'\t' }.write(sheet, out),
        }
    }

    /// For rows as they come; `None` where a row's looks depend on the others.
    pub(super) fn lines<R: 'static>(self, columns: &[Column<R>]) -> Option<Lines<'_, R>> {
        match self {
            Format::Csv => Some(Lines::new(b',', columns)),
            Format::Tsv => Some(Lines::new(b'\t', columns)),
            Format::Table | Format::Json => None,
        }
    }

    /// The headings of the columns that a table as wide as that has no room for.
    pub(super) fn left_out<R: 'static>(self, sheet: &Sheet<R>, look: &Look) -> Vec<String> {
        match self {
            Format::Table => table::Table { look: *look }.left_out(sheet),
            _ => Vec::new(),
        }
    }
}
