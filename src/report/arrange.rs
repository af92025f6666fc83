//! Sorting rows and picking columns, by the names that JSON and CSV have for them.

use std::cmp::Ordering;

use super::close::closest;
use super::sheet::{Column, InTable, Narrow, Sheet, Value};
use super::text;

/// A column that was asked for and isn't there, or can't be had so.
#[derive(Debug)]
pub(super) struct NoColumn {
    pub(super) why: String,
    /// The names that there are.
    pub(super) names: Vec<&'static str>,
}

impl<R: 'static> Sheet<R> {
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
        let keys: Vec<Value<'_>> = self.rows.iter().map(|row| (column.value)(row)).collect();
        let mut order_of: Vec<usize> = (0..self.rows.len()).collect();
        order_of.sort_by(|a, b| order(&keys[*a], &keys[*b], direction));
        let mut rows: Vec<Option<R>> = self.rows.drain(..).map(Some).collect();
        self.rows = order_of
            .into_iter()
            .filter_map(|index| rows[index].take())
            .collect();
        Ok(())
    }

    /// Keeps these columns, in this order, the first the most important; `nested`: whether the format has a place for those.
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
            .retain(|column| column.has_name() && place(column).is_some());
        self.columns.sort_by_key(place);
        for (column, weight) in self.columns.iter_mut().zip((100..=u8::MAX).rev()) {
            let heading = column.name.trim_end_matches("_seconds").replace('_', " ");
            let plain = InTable {
                narrow: Some(Narrow::Cut(10, text::cut)),
                ..InTable::of(heading)
            };
            let table = column.table.get_or_insert(plain);
            (table.first, table.weight) = (false, weight);
            column.data = true;
        }
        Ok(())
    }

    /// The place of the column with this name.
    fn find(&self, name: &str, nested: bool, to_do: &str) -> Result<usize, NoColumn> {
        let place = self
            .columns
            .iter()
            .position(|column| column.has_name() && column.name == name);
        let why = match place {
            Some(place) if nested || !self.columns[place].nested => return Ok(place),
            Some(_) => format!("`{name}` holds values of its own: only `--columns` of JSON has it"),
            None => format!("there is no column `{name}` {to_do}"),
        };
        let there = self.named().filter(|column| nested || !column.nested);
        let names: Vec<&'static str> = there.map(|column| column.name).collect();
        let close = closest(name, names.iter().copied(), 1);
        let why = match close.first().filter(|_| place.is_none()) {
            Some(close) => format!("{why}; did you mean {close}?"),
            None => why,
        };
        let (mut first, rest): (Vec<_>, Vec<_>) = names.iter().partition(|n| close.contains(n));
        first.extend(rest);
        Err(NoColumn { why, names: first })
    }
}

fn order(a: &Value<'_>, b: &Value<'_>, direction: &str) -> Ordering {
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
        (Value::Id(a), Value::Id(b)) => (a.cmp(b), false),
        _ => return Ordering::Equal,
    };
    match direction {
        "asc" => ordering,
        "desc" => ordering.reverse(),
        _ if numbers => ordering.reverse(),
        _ => ordering,
    }
}
