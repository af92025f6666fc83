//! Tables for people: columns in line, numbers to the right, no borders.
//!
//! A table that is wider than the terminal has its long texts cut, and loses its least
//! important columns where that isn't enough; it never wraps.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::super::duration::{Unit, in_unit};
use super::super::sheet::{Column, InTable, Narrow, Sheet, Tone, Value};
use super::super::text;
use super::{Look, Output, minutes};

/// Spaces between columns.
const GAP: usize = 2;

/// Columns that weigh less than this have no others cut for them.
const MAY_CUT: u8 = 60;

/// Nor, with less than this, others written shorter: words say more than another number.
const MAY_SHORTEN: u8 = 70;

/// What stands where nothing is known.
const NOTHING: &str = "-";

pub(super) struct Table {
    pub(super) look: Look,
}

/// A column, made ready to print.
struct Ready {
    heading: String,
    weight: u8,
    beside: Option<&'static str>,
    narrow: Option<Narrow>,
    right: bool,
    cells: Vec<(String, Tone)>,
    width: usize,
}

impl Output for Table {
    fn write<R: 'static>(&self, sheet: &Sheet<R>, out: &mut dyn Write) -> io::Result<()> {
        if sheet.rows.is_empty() {
            return Ok(());
        }
        let mut columns = all_ready(sheet);
        let mut legends = Vec::new();
        if let Some(width) = self.look.width {
            keep_what_fits(&mut columns, width);
            legends = narrow(&mut columns, width);
        }
        let mut text = self.draw(&columns, sheet.rows.len());
        for legend in legends {
            let legend = text::wrap(&legend, self.look.width, "");
            self.paint(&mut text, &legend, DIM);
            text.push('\n');
        }
        out.write_all(text.as_bytes())
    }
}

impl Table {
    /// The headings of the columns that find no room.
    pub(super) fn left_out<R: 'static>(&self, sheet: &Sheet<R>) -> Vec<String> {
        let (mut columns, Some(width)) = (all_ready(sheet), self.look.width) else {
            return Vec::new();
        };
        let left_out = keep_what_fits(&mut columns, width).into_iter();
        left_out.map(|column| column.heading).collect()
    }
}

fn all_ready<R: 'static>(sheet: &Sheet<R>) -> Vec<Ready> {
    let mut in_table: Vec<_> = sheet
        .columns
        .iter()
        .filter_map(|column| Some((column, column.table.as_ref()?)))
        .collect();
    in_table.sort_by_key(|(_, table)| !table.first);
    in_table
        .into_iter()
        .map(|(column, table)| ready(column, table, &sheet.rows))
        // Remarks that no row has need no column.
        .filter(|column| column.cells.iter().any(|(cell, _)| !cell.is_empty()))
        .collect()
}

fn ready<R>(column: &Column<R>, table: &InTable<R>, rows: &[R]) -> Ready {
    let values: Vec<Value<'_>> = rows.iter().map(|row| (column.value)(row)).collect();
    let is_number =
        |v: &Value<'_>| matches!(v, Value::Count(_) | Value::Rate(_) | Value::Seconds(_));
    let is_time = |v: &Value<'_>| matches!(v, Value::Time(_));
    let minutes = table.shown.is_none() && values.iter().any(is_time);
    let unknown = |v: &Value<'_>| *v == Value::Unknown;
    let right = values.iter().any(is_number) || table.shown.is_none() && values.iter().all(unknown);
    let unit = Unit::of_largest(values.iter().filter_map(|value| match value {
        Value::Seconds(seconds) => Some(*seconds),
        _ => None,
    }));
    let cells: Vec<(String, Tone)> = rows
        .iter()
        .zip(values)
        .map(|(row, value)| {
            let shown = match &table.shown {
                Some(shown) => shown(row),
                None => plain(value, unit),
            };
            (text::clean(&shown), (table.tone)(row))
        })
        .collect();
    let widest = cells.iter().map(|(cell, _)| width(cell)).max();
    Ready {
        weight: match cells.iter().all(|(cell, _)| cell == NOTHING) {
            true => 0,
            false => table.weight,
        },
        heading: table.heading.clone(),
        beside: table.beside,
        narrow: match minutes {
            true => Some(Narrow::Minutes),
            false => table.narrow.filter(|_| !right),
        },
        right,
        width: widest.unwrap_or(0).max(table.heading.width()),
        cells,
    }
}

/// The places that a cleaned text takes: of nearly all, as many as it has bytes.
fn width(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.width(),
    }
}

fn plain(value: Value<'_>, unit: Unit) -> String {
    match value {
        Value::Unknown | Value::Nested(_) => NOTHING.into(),
        Value::Count(n) => text::number(n),
        Value::Rate(rate) => text::rate(rate),
        Value::Seconds(seconds) => in_unit(seconds, unit),
        Value::Text(text) => text.into_owned(),
        Value::Id(id) => id.to_string(),
        Value::Time(time) => text::minute(time),
    }
}

/// Takes out the columns that don't fit into `width` even when cut: each has its turn by its
/// weight, so a narrow one may stay where a wider one that weighs more can't.
fn keep_what_fits(columns: &mut Vec<Ready>, width: usize) -> Vec<Ready> {
    let mut turns: Vec<usize> = (0..columns.len()).collect();
    turns.sort_by_key(|&index| std::cmp::Reverse(columns[index].weight));
    let mut kept = Vec::new();
    // The widths of those kept when all is done, when they are only cut, and when they are whole.
    let (mut least, mut cut, mut whole) = (0, 0, 0);
    for index in turns {
        let column = &columns[index];
        let narrowest = column.least_width();
        let only_cut = match column.narrow {
            Some(Narrow::Short(..)) => column.width,
            _ => narrowest,
        };
        let with_it = match column.weight {
            weight if weight < MAY_CUT => whole + column.width,
            weight if weight < MAY_SHORTEN => cut + only_cut,
            _ => least + narrowest,
        };
        let is_there = |heading| columns.iter().position(|other| other.heading == heading);
        let alone = { column.beside.and_then(is_there) }.is_some_and(|it| !kept.contains(&it));
        if kept.is_empty() || with_it <= width && !alone {
            kept.push(index);
            least += narrowest + GAP;
            cut += only_cut + GAP;
            whole += column.width + GAP;
        }
    }
    let (inside, outside): (Vec<_>, Vec<_>) = std::mem::take(columns)
        .into_iter()
        .enumerate()
        .partition(|(index, _)| kept.contains(index));
    columns.extend(inside.into_iter().map(|(_, column)| column));
    outside.into_iter().map(|(_, column)| column).collect()
}

/// Cuts and shortens texts until all fit into `width`, from the right: what identifies a row stands
/// left. What that frees beyond what it has to, as a cut to the day does, the columns right of it
/// get back. Returns what has to be said of texts that were shortened.
fn narrow(columns: &mut [Ready], width: usize) -> Vec<String> {
    let gaps = GAP * columns.len().saturating_sub(1);
    let total = columns.iter().map(|column| column.width).sum::<usize>() + gaps;
    let mut over = total.saturating_sub(width);
    let mut less = vec![0; columns.len()];
    for (column, less) in columns.iter().zip(&mut less).rev() {
        *less = over.min(column.width - column.least_width());
        over -= *less;
    }
    let mut spare = 0;
    let mut legends = Vec::new();
    for (column, less) in columns.iter_mut().zip(less) {
        let back = spare.min(less);
        spare -= back;
        if less > back {
            let wanted = column.width - (less - back);
            let legend = column.shorten(wanted);
            legends.extend(legend.filter(|legend| !legends.contains(legend)));
            spare += wanted - column.width;
        }
    }
    legends
}

impl Ready {
    /// Brings the cells down to a width or less, and returns what has to be said of them then.
    fn shorten(&mut self, wanted: usize) -> Option<String> {
        let cells = self.cells.iter_mut().map(|(cell, _)| cell);
        let legend = match self.narrow {
            Some(Narrow::Minutes) => minutes::shorten(cells, wanted),
            Some(Narrow::Cut(_, cut)) => {
                let wide = cells.filter(|cell| width(cell) > wanted);
                wide.for_each(|cell| *cell = cut(std::mem::take(cell), wanted));
                None
            }
            Some(Narrow::Short(short, legend)) => {
                cells.for_each(|cell| *cell = short(cell));
                Some(legend.to_string())
            }
            None => None,
        };
        let widest = self.cells.iter().map(|(cell, _)| width(cell)).max();
        self.width = widest.unwrap_or(0).max(self.heading.width());
        legend
    }

    fn least_width(&self) -> usize {
        let least = match self.narrow {
            None => return self.width,
            Some(Narrow::Cut(least, _)) => least,
            Some(Narrow::Minutes) => minutes::DAY,
            Some(Narrow::Short(short, _)) => {
                let cells = self.cells.iter().map(|(cell, _)| width(&short(cell)));
                cells.max().unwrap_or(0)
            }
        };
        least.max(self.heading.width()).min(self.width)
    }
}

impl Table {
    /// Line by line: nothing is left to measure or to wrap, only to fill up with spaces.
    fn draw(&self, columns: &[Ready], rows: usize) -> String {
        let line: usize = columns.iter().map(|column| column.width + GAP).sum();
        let mut text = String::with_capacity(line * (rows + 1));
        self.line(&mut text, columns, |column| (&column.heading, BOLD));
        for row in 0..rows {
            self.line(&mut text, columns, |column| {
                let (cell, tone) = &column.cells[row];
                (cell, code(*tone, cell))
            });
        }
        text
    }

    fn line<'a>(
        &self,
        text: &mut String,
        columns: &'a [Ready],
        cell: impl Fn(&'a Ready) -> (&'a str, &'static str),
    ) {
        let mut gap = 0;
        for column in columns {
            let (cell, code) = cell(column);
            let fill = column.width.saturating_sub(width(cell));
            let (before, after) = if column.right { (fill, 0) } else { (0, fill) };
            gap += before;
            if !cell.is_empty() {
                text.extend(std::iter::repeat_n(' ', std::mem::take(&mut gap)));
                self.paint(text, cell, code);
            }
            gap += after + GAP;
        }
        text.push('\n');
    }

    fn paint(&self, text: &mut String, cell: &str, code: &str) {
        match self.look.color && !code.is_empty() {
            true => text.extend(["\x1b[", code, "m", cell, "\x1b[0m"]),
            false => text.push_str(cell),
        }
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";

/// Colours that can be read on light and on dark: the terminal's own, as codes of ECMA-48.
fn code(tone: Tone, cell: &str) -> &'static str {
    match tone {
        Tone::Plain if cell == NOTHING => DIM,
        Tone::Plain => "",
        Tone::Good => "32",
        Tone::Warning => "33",
        Tone::Bad => "31",
    }
}
