//! Reports for people that are more than one table.

use std::io::{self, Write};

use super::table::{Column, Format, Table, Terminal};
use super::text;

/// Lines and tables that fit the terminal.
pub(super) struct Page<'a> {
    pub(super) terminal: Terminal,
    pub(super) out: &'a mut dyn Write,
}

impl Page<'_> {
    /// Writes a line of text from a build after `prefix`: sanitized, and wrapped with further lines
    /// aligned below.
    pub(super) fn line(&mut self, prefix: &str, text: &str) -> io::Result<()> {
        let line = text::hanging(prefix, text, self.terminal.width);
        writeln!(self.out, "{line}")
    }

    /// Writes a blank line.
    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// Writes a table after a blank line and its title, if there is one. Writes nothing without
    /// rows.
    pub(super) fn table<R: 'static>(
        &mut self,
        title: &str,
        columns: Vec<Column<R>>,
        rows: Vec<R>,
    ) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.blank()?;
        if !title.is_empty() {
            self.line("", title)?;
        }
        Table { columns, rows }.write(Format::Table, self.terminal, self.out)?;
        Ok(())
    }
}
