//! The one table type of all reports: rows, and columns that are declared once for every format.

mod delimited;
mod json;
mod terminal;
mod value;

use std::cmp::Ordering;
use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::Value as Json;

pub(super) use self::delimited::DelimitedWriter;
pub(super) use self::json::rows as json_rows;
pub(super) use self::value::Value;
use super::suggest::closest;
use super::text;
use crate::error::Error;

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

/// What the output can show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    pub(super) color: bool,
    /// Columns of the terminal; `None` if the output is a file or pipe and has no limit.
    pub(super) width: Option<usize>,
}

impl Terminal {
    /// Writes a line of text from a build after `prefix`: sanitized, and wrapped with further lines
    /// aligned below.
    pub(super) fn line(self, out: &mut dyn Write, prefix: &str, text: &str) -> io::Result<()> {
        writeln!(out, "{}", text::hanging(prefix, text, self.width))
    }
}

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

/// How a cell is colored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
}

impl Tone {
    /// Good from 50 % on. A low hit rate is not marked: it is often nobody's fault.
    pub(super) fn of_hit_rate(rate: Option<f64>) -> Tone {
        if rate.is_some_and(|rate| rate >= 0.5) {
            Tone::Good
        } else {
            Tone::Plain
        }
    }
}

/// Which formats a column belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// JSON, CSV and TSV, and terminal tables if it has a heading.
    All,
    /// Only where `--columns` names it.
    OnRequest,
    /// JSON only: an object or array.
    Nested,
    /// Terminal tables only.
    TerminalOnly,
}

type Get<R, T> = Box<dyn Fn(&R) -> T>;

/// A column, declared once for all formats.
pub(super) struct Column<R> {
    /// Its name in JSON, CSV, `--sort` and `--columns`.
    pub(super) name: &'static str,
    scope: Scope,
    value: Box<dyn for<'a> Fn(&'a R) -> Value<'a>>,
    /// Its heading in terminal tables, if it is shown there.
    heading: Option<String>,
    importance: Importance,
    /// The width down to which its texts may be truncated.
    truncate_to: Option<usize>,
    /// What a terminal table shows, if not the value itself.
    display: Option<Get<R, String>>,
    tone: Option<Get<R, Tone>>,
}

impl<R: 'static> Column<R> {
    /// A column of JSON, CSV and TSV.
    pub(super) fn data(
        name: &'static str,
        value: impl for<'a> Fn(&'a R) -> Value<'a> + 'static,
    ) -> Self {
        Column {
            name,
            scope: Scope::All,
            value: Box::new(value),
            heading: None,
            importance: Importance::Low,
            truncate_to: None,
            display: None,
            tone: None,
        }
    }

    /// A column of every format. Terminal tables have a heading made from its name.
    pub(super) fn shown(
        name: &'static str,
        importance: Importance,
        value: impl for<'a> Fn(&'a R) -> Value<'a> + 'static,
    ) -> Self {
        let mut column = Column::data(name, value).heading(&default_heading(name));
        column.importance = importance;
        column
    }

    /// A column that is only there if `--columns` names it.
    pub(super) fn on_request(
        name: &'static str,
        value: impl for<'a> Fn(&'a R) -> Value<'a> + 'static,
    ) -> Self {
        let mut column = Column::data(name, value);
        column.scope = Scope::OnRequest;
        column
    }

    /// A column of JSON only.
    pub(super) fn nested(name: &'static str, value: impl Fn(&R) -> Json + 'static) -> Self {
        let mut column = Column::data(name, move |row| Value::Nested(value(row)));
        column.scope = Scope::Nested;
        column
    }

    /// A column of terminal tables only.
    pub(super) fn terminal_only(
        heading: &'static str,
        importance: Importance,
        display: impl Fn(&R) -> String + 'static,
    ) -> Self {
        let mut column = Column::shown(heading, importance, |_| Value::Unknown).display(display);
        column.scope = Scope::TerminalOnly;
        column
    }

    pub(super) fn heading(mut self, heading: &str) -> Self {
        self.heading = Some(heading.to_string());
        self
    }

    pub(super) fn truncate_to(mut self, width: usize) -> Self {
        self.truncate_to = Some(width);
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

    /// The same column in JSON and CSV, for rows that contain such a row.
    pub(super) fn within<Outer: 'static>(self, part: fn(&Outer) -> &R) -> Column<Outer> {
        let value = self.value;
        let mut column = Column::data(self.name, move |outer| value(part(outer)));
        column.scope = self.scope;
        column
    }

    fn is_remark(&self) -> bool {
        self.scope == Scope::TerminalOnly
    }

    /// Whether JSON has it, and with `nested: false` also CSV and TSV.
    fn is_data(&self, nested: bool) -> bool {
        self.scope == Scope::All || nested && self.scope == Scope::Nested
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
    /// Writes the table, and returns the headings of the columns that the terminal has no room for.
    pub(super) fn write(
        &self,
        format: Format,
        terminal: Terminal,
        out: &mut dyn Write,
    ) -> io::Result<Vec<String>> {
        match format.delimiter() {
            Some(delimiter) => delimited::write(self, delimiter, out)?,
            None if format == Format::Json => json::write(self, out)?,
            None => return terminal::write(self, terminal, out),
        }
        Ok(Vec::new())
    }

    /// The names that `--sort` and `--columns` take.
    pub(super) fn names(&self, nested: bool) -> impl Iterator<Item = &'static str> {
        let has_name =
            move |column: &&Column<R>| column.is_data(nested) || column.scope == Scope::OnRequest;
        self.columns.iter().filter(has_name).map(|c| c.name)
    }

    /// Sorts by `COLUMN`, `COLUMN:asc` or `COLUMN:desc`. Unknown values come last either way.
    ///
    /// # Errors
    /// If there is no such column or direction.
    pub(super) fn sort(&mut self, by: &str) -> Result<(), Error> {
        let (name, direction) = by.split_once(':').unwrap_or((by, ""));
        if !["", "asc", "desc"].contains(&direction) {
            let message = format!("unknown sort direction `{direction}`");
            return Err(Error::usage(
                message,
                format!("use {name}:asc or {name}:desc"),
            ));
        }
        let column = &self.columns[self.find(name, false)?];
        let compare = |a: &R, b: &R| {
            let (a, b) = ((column.value)(a), (column.value)(b));
            let is_descending = match direction {
                "" => a.is_number() || b.is_number(),
                direction => direction == "desc",
            };
            match (&a, &b) {
                (Value::Unknown, Value::Unknown) => Ordering::Equal,
                (Value::Unknown, _) => Ordering::Greater,
                (_, Value::Unknown) => Ordering::Less,
                _ if is_descending => b.order(&a),
                _ => a.order(&b),
            }
        };
        self.rows.sort_by(compare);
        Ok(())
    }

    /// Keeps the named columns, in that order.
    ///
    /// # Errors
    /// If a name is unknown or occurs twice.
    pub(super) fn select(&mut self, names: &[String], nested: bool) -> Result<(), Error> {
        for (index, name) in names.iter().enumerate() {
            self.find(name, nested)?;
            if names[..index].contains(name) {
                let message = format!("--columns names `{name}` twice");
                return Err(Error::usage(message, "name each column once"));
            }
        }
        let position = |column: &Column<R>| names.iter().position(|name| name == column.name);
        self.columns
            .retain(|column| column.scope != Scope::TerminalOnly && position(column).is_some());
        self.columns.sort_by_key(position);
        for (index, column) in self.columns.iter_mut().enumerate() {
            let heading = || default_heading(column.name);
            column.heading.get_or_insert_with(heading);
            if column.scope == Scope::OnRequest {
                column.scope = Scope::All;
            }
            column.truncate_to = column.truncate_to.or(Some(10));
            column.importance = if index == 0 {
                Importance::Key
            } else {
                Importance::High
            };
        }
        Ok(())
    }

    /// The index of the column with this name.
    fn find(&self, name: &str, nested: bool) -> Result<usize, Error> {
        let is_named = |column: &Column<R>| column.name == name;
        if self.names(nested).any(|known| known == name) {
            return Ok(self.columns.iter().position(is_named).unwrap_or_default());
        }
        let names: Vec<&str> = self.names(nested).collect();
        let hint = format!("the columns are: {}", names.join(", "));
        let message = if self.names(true).any(|known| known == name) {
            format!("column `{name}` is nested: only --format json --columns has it")
        } else if let Some(close) = closest(name, names, 1).first() {
            format!("unknown column `{name}`; did you mean {close}?")
        } else {
            format!("unknown column `{name}`")
        };
        Err(Error::usage(message, hint))
    }
}
