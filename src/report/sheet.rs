//! Rows and the description of their columns, which every format reads.

use serde_json::Value as Json;

use super::text;
pub(super) use super::value::Value;

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

/// How a column gets narrower in a table that is too wide.
#[derive(Clone, Copy)]
pub(super) enum Narrow {
    /// Its texts are cut, to this width at least.
    Cut(usize, Cut),
    /// All its texts are written shorter, and a line below the table says how.
    Short(fn(&str) -> String, &'static str),
    /// Its minutes lose the year or the time, as a line below the table may say.
    Minutes,
}

/// What a column is of a row.
type Of<R> = Box<dyn for<'a> Fn(&'a R) -> Value<'a>>;

/// What a column gets from a row.
type Get<R, T> = Box<dyn Fn(&R) -> T>;

/// A column, described once for all formats.
pub(super) struct Column<R> {
    /// Its name in JSON, CSV and `--sort`.
    pub(super) name: &'static str,
    pub(super) value: Of<R>,
    /// Where in tables, if there.
    pub(super) table: Option<InTable<R>>,
    /// Whether it is in JSON and CSV.
    pub(super) data: bool,
    /// Whether it is there only where it is asked for, in any format.
    pub(super) extra: bool,
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
    /// The heading of the column without which it says little.
    pub(super) beside: Option<&'static str>,
    /// What is done to its texts before columns go.
    pub(super) narrow: Option<Narrow>,
    /// What the table shows, where it isn't the plain value.
    pub(super) shown: Option<Get<R, String>>,
    pub(super) tone: Get<R, Tone>,
}

impl<R: 'static> InTable<R> {
    /// What a column looks like that has nothing of its own to say about it.
    pub(super) fn of(heading: String) -> InTable<R> {
        InTable {
            heading,
            first: false,
            weight: 50,
            beside: None,
            narrow: None,
            shown: None,
            tone: Box::new(|_: &R| Tone::Plain),
        }
    }
}

impl<R: 'static> Column<R> {
    /// A column of JSON and CSV.
    pub(super) fn new(
        name: &'static str,
        value: impl for<'a> Fn(&'a R) -> Value<'a> + 'static,
    ) -> Self {
        Column {
            name,
            value: Box::new(value),
            table: None,
            data: true,
            extra: false,
            nested: false,
        }
    }

    /// A column of any format, but only where somebody asks for it: scripts that take all that
    /// there is keep their columns.
    pub(super) fn extra(
        name: &'static str,
        value: impl for<'a> Fn(&'a R) -> Value<'a> + 'static,
    ) -> Self {
        Column {
            data: false,
            extra: true,
            ..Column::new(name, value)
        }
    }

    /// Whether it can be asked for by its name.
    pub(super) fn has_name(&self) -> bool {
        self.data || self.extra
    }

    /// A column of JSON only.
    pub(super) fn nested(name: &'static str, value: impl Fn(&R) -> Json + 'static) -> Self {
        Column {
            nested: true,
            ..Column::new(name, move |row| Value::Nested(value(row)))
        }
    }

    /// A column of tables only.
    pub(super) fn shown(
        heading: &'static str,
        weight: u8,
        shown: impl Fn(&R) -> String + 'static,
    ) -> Self {
        let column = Column {
            data: false,
            ..Column::new(heading, |_| Value::Unknown)
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

    /// In tables only where the column with this heading finds room, if there is one.
    pub(super) fn beside(mut self, heading: &'static str) -> Self {
        self.table = self.table.map(|table| InTable {
            beside: Some(heading),
            ..table
        });
        self
    }

    pub(super) fn cut_to(self, width: usize) -> Self {
        self.cut_by(text::cut, width)
    }

    pub(super) fn cut_by(self, cut: Cut, width: usize) -> Self {
        self.narrow(Narrow::Cut(width, cut))
    }

    pub(super) fn narrow(mut self, narrow: Narrow) -> Self {
        self.table = self.table.map(|table| InTable {
            narrow: Some(narrow),
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
            extra: self.extra,
            nested: self.nested,
        }
    }
}

/// Rows with their columns.
pub(super) struct Sheet<R> {
    pub(super) columns: Vec<Column<R>>,
    pub(super) rows: Vec<R>,
}

/// A column's name in JSON and CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) name: &'static str,
    /// Whether only JSON has it.
    pub(super) nested: bool,
    /// Whether it is there only where it is asked for.
    pub(super) extra: bool,
}

impl<R: 'static> Sheet<R> {
    /// The names of its columns in JSON and CSV, for the man page and completions.
    pub(super) fn names(&self) -> Vec<Name> {
        let name = |column: &Column<R>| Name {
            name: column.name,
            nested: column.nested,
            extra: column.extra,
        };
        self.named().map(name).collect()
    }

    /// The columns that can be asked for.
    pub(super) fn named(&self) -> impl Iterator<Item = &Column<R>> {
        self.columns.iter().filter(|column| column.has_name())
    }
}
