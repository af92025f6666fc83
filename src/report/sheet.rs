//! Rows and the description of their columns, which every format reads.

use std::cmp::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;

use super::close::closest;
use super::text;

/// What stands in one place of a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Not known, or nothing to divide.
    Unknown,
    Count(u64),
    /// Between 0 and 1.
    Rate(f64),
    /// A duration; negative where time was lost.
    Seconds(f64),
    Text(String),
    Time(DateTime<Utc>),
    /// What CSV and tables have no place for.
    Nested(Json),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }
}

impl From<Option<u64>> for Value {
    fn from(known: Option<u64>) -> Value {
        known.map_or(Value::Unknown, Value::Count)
    }
}

impl From<Option<f64>> for Value {
    fn from(known: Option<f64>) -> Value {
        known.map_or(Value::Unknown, Value::Rate)
    }
}

impl From<Option<TimeDelta>> for Value {
    fn from(known: Option<TimeDelta>) -> Value {
        known.map_or(Value::Unknown, |time| Value::Seconds(time.as_seconds_f64()))
    }
}

impl From<Option<String>> for Value {
    fn from(known: Option<String>) -> Value {
        known.map_or(Value::Unknown, Value::Text)
    }
}

/// How a place in a table is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
}

impl Tone {
    /// Good where the cache had more than it lacked. A low hit rate is nobody's fault.
    pub(super) fn of_rate(rate: Option<f64>) -> Tone {
        match rate {
            Some(rate) if rate >= 0.5 => Tone::Good,
            _ => Tone::Plain,
        }
    }
}

/// Cuts a text to a width.
pub(super) type Cut = fn(String, usize) -> String;

/// What a column gets from a row.
type Get<R, T> = Box<dyn Fn(&R) -> T>;

/// A column, described once for all formats.
pub(super) struct Column<R> {
    /// Its name in JSON, CSV and `--sort`.
    pub(super) name: &'static str,
    pub(super) value: Get<R, Value>,
    /// Where in tables, if there.
    pub(super) table: Option<InTable<R>>,
    /// Whether it is in JSON and CSV.
    pub(super) data: bool,
    /// Whether it is nested, and so not in CSV.
    pub(super) nested: bool,
}

/// A column's part in tables.
pub(super) struct InTable<R> {
    pub(super) heading: String,
    /// Whether it stands before the columns that have no place of their own.
    pub(super) first: bool,
    /// Where the table is too wide, the columns with the least go first.
    pub(super) weight: u8,
    /// The width to which its texts may be cut before columns go, and how that is done.
    pub(super) cut_to: Option<(usize, Cut)>,
    /// What the table shows, where it isn't the plain value.
    pub(super) shown: Option<Get<R, String>>,
    pub(super) tone: Get<R, Tone>,
}

impl<R: 'static> InTable<R> {
    /// What a column looks like that has nothing of its own to say about it.
    fn of(heading: String) -> InTable<R> {
        InTable {
            heading,
            first: false,
            weight: 50,
            cut_to: None,
            shown: None,
            tone: Box::new(|_: &R| Tone::Plain),
        }
    }
}

impl<R: 'static> Column<R> {
    /// A column of JSON and CSV.
    pub(super) fn new(name: &'static str, value: impl Fn(&R) -> Value + 'static) -> Self {
        Column {
            name,
            value: Box::new(value),
            table: None,
            data: true,
            nested: false,
        }
    }

    /// A column of JSON only.
    pub(super) fn nested(name: &'static str, value: impl Fn(&R) -> Json + 'static) -> Self {
        let value = move |row: &R| Value::Nested(value(row));
        Column {
            nested: true,
            ..Column::new(name, value)
        }
    }

    /// A column of tables only.
    pub(super) fn shown(
        heading: &'static str,
        weight: u8,
        shown: impl Fn(&R) -> String + 'static,
    ) -> Self {
        let nothing = |_: &R| Value::Unknown;
        let column = Column {
            data: false,
            ..Column::new(heading, nothing)
        };
        column.heading(heading, weight).show(shown)
    }

    /// Puts it into tables as well.
    pub(super) fn heading(mut self, heading: &'static str, weight: u8) -> Self {
        self.table = Some(InTable {
            weight,
            ..InTable::of(heading.to_string())
        });
        self
    }

    /// Left of all others in tables, whatever its place in JSON and CSV.
    pub(super) fn first(mut self) -> Self {
        self.table = self.table.map(|table| InTable {
            first: true,
            ..table
        });
        self
    }

    pub(super) fn cut_to(self, width: usize) -> Self {
        self.cut_by(text::cut, width)
    }

    pub(super) fn cut_by(mut self, cut: Cut, width: usize) -> Self {
        self.table = self.table.map(|table| InTable {
            cut_to: Some((width, cut)),
            ..table
        });
        self
    }

    pub(super) fn show(mut self, shown: impl Fn(&R) -> String + 'static) -> Self {
        self.table = self.table.map(|table| InTable {
            shown: Some(Box::new(shown)),
            ..table
        });
        self
    }

    pub(super) fn tone(mut self, tone: impl Fn(&R) -> Tone + 'static) -> Self {
        self.table = self.table.map(|table| InTable {
            tone: Box::new(tone),
            ..table
        });
        self
    }

    /// The same column in JSON and CSV, of rows that have such a row within them.
    pub(super) fn within<O: 'static>(self, part: fn(&O) -> &R) -> Column<O> {
        let value = self.value;
        Column {
            name: self.name,
            value: Box::new(move |outer| value(part(outer))),
            table: None,
            data: self.data,
            nested: self.nested,
        }
    }
}

/// Rows with their columns.
pub(super) struct Sheet<R> {
    pub(super) columns: Vec<Column<R>>,
    pub(super) rows: Vec<R>,
}

/// A column that was asked for and isn't there, or can't be had so.
#[derive(Debug)]
pub(super) struct NoColumn {
    pub(super) why: String,
    /// The names that there are.
    pub(super) names: Vec<&'static str>,
}

impl<R: 'static> Sheet<R> {
    /// The columns of JSON and CSV.
    pub(super) fn data(&self) -> impl Iterator<Item = &Column<R>> {
        self.columns.iter().filter(|column| column.data)
    }

    /// Sorts by `COLUMN`, `COLUMN:asc` or `COLUMN:desc`; what is unknown comes last
    /// either way, ties keep their order.
    ///
    /// # Errors
    /// Where there is no such column or direction.
    pub(super) fn sort(&mut self, by: &str) -> Result<(), NoColumn> {
        let (name, direction) = by.split_once(':').unwrap_or((by, ""));
        let column = &self.columns[self.find(name, false, "to sort by")?];
        if !matches!(direction, "" | "asc" | "desc") {
            return Err(NoColumn {
                why: format!("`{direction}` is no direction: it is `{name}:asc` or `{name}:desc`"),
                names: Vec::new(),
            });
        }
        let keys: Vec<Value> = self.rows.iter().map(|row| (column.value)(row)).collect();
        let mut order_of: Vec<usize> = (0..self.rows.len()).collect();
        order_of.sort_by(|a, b| order(&keys[*a], &keys[*b], direction));
        let mut rows: Vec<Option<R>> = self.rows.drain(..).map(Some).collect();
        self.rows = order_of
            .into_iter()
            .filter_map(|index| rows[index].take())
            .collect();
        Ok(())
    }

    /// Keeps these columns, in this order; `nested`: whether the format has a place for those.
    ///
    /// # Errors
    /// Where one isn't there, or twice.
    pub(super) fn pick(&mut self, names: &[String], nested: bool) -> Result<(), NoColumn> {
        for (index, name) in names.iter().enumerate() {
            self.find(name, nested, "to show")?;
            if names[..index].contains(name) {
                return Err(NoColumn {
                    why: format!("the column `{name}` is named twice"),
                    names: Vec::new(),
                });
            }
        }
        let place = |column: &Column<R>| names.iter().position(|name| name == column.name);
        self.columns
            .retain(|column| column.data && place(column).is_some());
        self.columns.sort_by_key(place);
        for column in &mut self.columns {
            let heading = column.name.trim_end_matches("_seconds").replace('_', " ");
            column
                .table
                .get_or_insert_with(|| InTable::of(heading))
                .first = false;
        }
        Ok(())
    }

    /// The place of the column with this name.
    fn find(&self, name: &str, nested: bool, to_do: &str) -> Result<usize, NoColumn> {
        let place = self
            .columns
            .iter()
            .position(|column| column.data && column.name == name);
        let why = match place {
            Some(place) if nested || !self.columns[place].nested => return Ok(place),
            Some(_) => format!("`{name}` holds values of its own: only `--columns` of JSON has it"),
            None => format!("there is no column `{name}` {to_do}"),
        };
        let there = self.data().filter(|column| nested || !column.nested);
        let names: Vec<&'static str> = there.map(|column| column.name).collect();
        let close = closest(name, names.iter().copied(), 1);
        let (mut first, rest): (Vec<_>, Vec<_>) = names.iter().partition(|n| close.contains(n));
        first.extend(rest);
        Err(NoColumn { why, names: first })
    }
}

fn order(a: &Value, b: &Value, direction: &str) -> Ordering {
    let (ordering, numbers) = match (a, b) {
        (Value::Unknown, Value::Unknown) => return Ordering::Equal,
        (Value::Unknown, _) => return Ordering::Greater,
        (_, Value::Unknown) => return Ordering::Less,
        (Value::Count(a), Value::Count(b)) => (a.cmp(b), true),
        (Value::Rate(a), Value::Rate(b)) | (Value::Seconds(a), Value::Seconds(b)) => {
            (a.total_cmp(b), true)
        }
        (Value::Time(a), Value::Time(b)) => (a.cmp(b), false),
        (Value::Text(a), Value::Text(b)) => (a.cmp(b), false),
        _ => return Ordering::Equal,
    };
    match direction {
        "asc" => ordering,
        "desc" => ordering.reverse(),
        _ if numbers => ordering.reverse(),
        _ => ordering,
    }
}
