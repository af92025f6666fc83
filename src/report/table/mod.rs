//! The table type of all reports: rows, and columns that are declared once for every format.

mod delimited;
mod html;
mod json;
mod terminal;
mod value;

use std::cmp::Ordering;
use std::io::{self, Write};

use clap::ValueEnum;
use comfy_table::Color;
use serde_json::Value as Json;

pub(super) use self::delimited::DelimitedWriter;
pub(super) use self::html::HtmlTable;
pub(super) use self::json::rows as json_rows;
pub(super) use self::value::Value;
use super::text;
use crate::error::{Error, Result};
use crate::text::closest;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Table,
    Json,
    Csv,
    Tsv,
}

impl Format {
    pub(super) fn delimiter(self) -> Option<u8> {
        match self {
            Format::Csv => Some(b','),
            Format::Tsv => Some(b'\t'),
            Format::Table | Format::Json => None,
        }
    }
}

/// The capabilities of the output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    pub(super) color: bool,
    /// Columns of the terminal; `None` if the output is a file or pipe and has no limit.
    pub(super) width: Option<usize>,
}

/// Before what belongs to the row above.
pub(super) const BULLET: &str = "-\u{a0}";

/// Shown for an unknown value.
const UNKNOWN: &str = "-";

/// How important a column is. The least important columns are hidden first on a narrow terminal,
/// of several the rightmost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Importance {
    /// Never hidden.
    Key,
    High,
    Medium,
    Low,
}

/// The color of a cell, if it has one.
pub(super) type Tone = Option<Color>;
pub(super) const GOOD: Tone = Some(Color::DarkGreen);
pub(super) const WARNING: Tone = Some(Color::DarkYellow);
pub(super) const BAD: Tone = Some(Color::DarkRed);

/// Good from 50 % on. A low hit rate isn't marked, because it is often unavoidable.
pub(super) fn tone_of_hit_rate(rate: Option<f64>) -> Tone {
    rate.filter(|rate| *rate >= 0.5).and(GOOD)
}

type GetValue<R> = Box<dyn for<'a> Fn(&'a R) -> Value<'a>>;
type Get<R, T> = Box<dyn Fn(&R) -> T>;

/// Where the cells of a column come from, and so which formats have the column.
enum Source<R> {
    /// JSON, CSV and TSV, and terminal tables if the column is shown there.
    Value(GetValue<R>),
    /// An object or array: JSON only.
    Nested(Get<R, Json>),
    /// Terminal tables only.
    Text(Get<R, String>),
}

/// A column, declared once for all formats.
pub(super) struct Column<R> {
    /// Its name in JSON, CSV, `--sort` and `--columns`.
    pub(super) name: &'static str,
    source: Source<R>,
    pub(super) heading: String,
    /// `None` if terminal tables don't have it.
    importance: Option<Importance>,
    /// What a terminal table shows, if not the value itself.
    display: Option<Get<R, String>>,
    tone: Option<Get<R, Tone>>,
    /// Whether a text that is too long loses its beginning.
    is_path: bool,
}

impl<R: 'static> Column<R> {
    fn new(name: &'static str, source: Source<R>) -> Self {
        Column {
            name,
            source,
            heading: default_heading(name),
            importance: None,
            display: None,
            tone: None,
            is_path: false,
        }
    }

    /// A column of JSON, CSV and TSV.
    pub(super) fn data(
        name: &'static str,
        value: impl for<'a> Fn(&'a R) -> Value<'a> + 'static,
    ) -> Self {
        Column::new(name, Source::Value(Box::new(value)))
    }

    /// A column of JSON only.
    pub(super) fn nested(name: &'static str, value: impl Fn(&R) -> Json + 'static) -> Self {
        Column::new(name, Source::Nested(Box::new(value)))
    }

    /// A column of terminal tables only. It is left out if it is empty in every row.
    pub(super) fn note(heading: &str, text: impl Fn(&R) -> String + 'static) -> Self {
        Column::new("", Source::Text(Box::new(text))).heading(heading)
    }

    /// Shows the column in terminal tables.
    pub(super) fn shown(mut self, importance: Importance) -> Self {
        self.importance = Some(importance);
        self
    }

    pub(super) fn heading(mut self, heading: &str) -> Self {
        self.heading = heading.to_string();
        self
    }

    pub(super) fn display(mut self, display: impl Fn(&R) -> String + 'static) -> Self {
        self.display = Some(Box::new(display));
        self
    }

    pub(super) fn tone(mut self, tone: impl Fn(&R) -> Tone + 'static) -> Self {
        self.tone = Some(Box::new(tone));
        self
    }

    /// Shortens paths at their beginning, because the end says more. A bullet stays.
    pub(super) fn path(mut self) -> Self {
        self.is_path = true;
        self
    }

    fn value<'a>(&self, row: &'a R) -> Value<'a> {
        match &self.source {
            Source::Value(value) => value(row),
            Source::Nested(_) | Source::Text(_) => Value::Unknown,
        }
    }

    /// Whether tables for people have the column.
    fn is_shown(&self, rows: &[R]) -> bool {
        match &self.source {
            Source::Text(text) => rows.iter().any(|row| !text(row).is_empty()),
            Source::Value(_) | Source::Nested(_) => self.importance.is_some() && !rows.is_empty(),
        }
    }

    /// Whether the column has numbers, which are aligned on the right.
    fn is_number(&self, rows: &[R]) -> bool {
        let mut values = rows.iter().map(|row| self.value(row));
        let known = values.find(|value| *value != Value::Unknown);
        !matches!(self.source, Source::Text(_)) && known.is_none_or(|value| value.is_number())
    }

    /// Returns the cell as tables for people have it, sanitized.
    fn text(&self, row: &R) -> String {
        let text = match (&self.source, &self.display, self.value(row)) {
            (Source::Text(text), ..) | (_, Some(text), _) => text(row),
            (_, _, Value::Unknown) => UNKNOWN.into(),
            (_, _, Value::Count(count)) => text::number(count),
            (_, _, Value::Rate(rate)) => text::percent(rate),
            (_, _, Value::Seconds(seconds)) => text::duration(seconds),
            (_, _, Value::Text(text)) => text.into_owned(),
            (_, _, Value::Id(id)) => text::short_id(id),
            (_, _, Value::Time(time)) => text::date_time(time),
        };
        text::sanitize(&text)
    }
}

/// `time_saved_seconds` becomes `time saved`.
fn default_heading(name: &str) -> String {
    let name = name.trim_end_matches("_seconds").trim_end_matches("_at");
    name.replace('_', " ")
}

/// Rows and their columns.
pub(super) struct Table<R> {
    pub(super) columns: Vec<Column<R>>,
    pub(super) rows: Vec<R>,
}

impl<R: 'static> Table<R> {
    pub(super) fn write(
        &self,
        format: Format,
        terminal: Terminal,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match format {
            Format::Table => terminal::write(self, terminal, out),
            Format::Json => json::write(self, out),
            Format::Csv => delimited::write(self, b',', out),
            Format::Tsv => delimited::write(self, b'\t', out),
        }
    }

    /// Sorts by `COLUMN`, `COLUMN:asc` or `COLUMN:desc`. Unknown values come last either way.
    ///
    /// # Errors
    /// If there is no such column or direction.
    pub(super) fn sort(&mut self, by: &str) -> Result<()> {
        let (name, direction) = by.split_once(':').unwrap_or((by, ""));
        if !["", "asc", "desc"].contains(&direction) {
            let message = format!("unknown sort direction `{direction}`");
            let hint = format!("use {name}:asc or {name}:desc");
            return Err(Error::usage(message, hint));
        }
        let column = &self.columns[self.find(name, false)?];
        self.rows.sort_by(|a, b| {
            let (a, b) = (column.value(a), column.value(b));
            let is_numeric = a.is_number() || b.is_number();
            let mut order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
            if direction == "desc" || direction.is_empty() && is_numeric {
                order = order.reverse();
            }
            let is_unknown = [&a, &b].map(|value| *value == Value::Unknown);
            is_unknown[0].cmp(&is_unknown[1]).then(order)
        });
        Ok(())
    }

    /// Keeps the named columns, in that order.
    ///
    /// # Errors
    /// If a name is unknown or occurs twice.
    pub(super) fn select(&mut self, names: &[String], has_nested: bool) -> Result<()> {
        for (index, name) in names.iter().enumerate() {
            // The columns before this index are selected already.
            let found = self.find(name, has_nested)?;
            if found < index {
                let message = format!("--columns names `{name}` twice");
                return Err(Error::usage(message, "name each column once"));
            }
            let mut column = self.columns.remove(found);
            column.importance = Some(Importance::Key);
            self.columns.insert(index, column);
        }
        self.columns.truncate(names.len());
        Ok(())
    }

    /// The index of the column with this name.
    fn find(&self, name: &str, has_nested: bool) -> Result<usize> {
        let mut names = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let is_available = match column.source {
                Source::Value(_) => true,
                Source::Nested(_) => has_nested,
                Source::Text(_) => false,
            };
            if is_available && column.name == name {
                return Ok(index);
            } else if is_available {
                names.push(column.name);
            }
        }
        let mut message = format!("unknown column `{name}`");
        for similar in closest(name, names.iter().copied(), 1) {
            message.push_str(&format!("; did you mean {similar}?"));
        }
        let mut hint = format!("the columns are: {}", names.join(", "));
        let is_nested = |column: &Column<R>| matches!(column.source, Source::Nested(_));
        if !has_nested && self.columns.iter().any(is_nested) {
            hint.push_str(" (--format json --columns also has nested ones)");
        }
        Err(Error::usage(message, hint))
    }
}

/// A report for people of several parts: lines and tables that fit the terminal.
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
        terminal::write(&Table { columns, rows }, self.terminal, self.out)
    }
}
