//! Tables for people: columns in line, numbers to the right, no borders.
//!
//! A table that is wider than the terminal has its long texts cut, and loses its least
//! important columns where that isn't enough; it never wraps.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::super::duration::{Unit, in_unit};
use super::super::sheet::{Column, Cut, InTable, Sheet, Tone, Value};
use super::super::text;
use super::{Look, Output};

/// Spaces between columns.
const GAP: usize = 2;

/// Columns that weigh less than this have no others cut for them.
const MAY_SHORTEN: u8 = 60;

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
    cut_to: Option<(usize, Cut)>,
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
        if let Some(width) = self.look.width {
            keep_what_fits(&mut columns, width);
            cut(&mut columns, width);
        }
        out.write_all(self.draw(&columns, sheet.rows.len()).as_bytes())
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
        cut_to: table.cut_to.filter(|_| !right),
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
    // The widths of those kept when all are cut, and when none is.
    let (mut least, mut full) = (0, 0);
    for index in turns {
        let column = &columns[index];
        let with_it = match column.weight {
            weight if weight < MAY_SHORTEN => full + column.width,
            _ => least + column.least_width(),
        };
        let is_there = |heading| columns.iter().position(|other| other.heading == heading);
        let alone = { column.beside.and_then(is_there) }.is_some_and(|it| !kept.contains(&it));
        if kept.is_empty() || with_it <= width && !alone {
            kept.push(index);
            least += column.least_width() + GAP;
            full += column.width + GAP;
        }
    }
    let (inside, outside): (Vec<_>, Vec<_>) = std::mem::take(columns)
        .into_iter()
        .enumerate()
        .partition(|(index, _)| kept.contains(index));
    columns.extend(inside.into_iter().map(|(_, column)| column));
    outside.into_iter().map(|(_, column)| column).collect()
}

/// Cuts texts until all fit into `width`, from the right: what identifies a row stands left. What
/// a cut frees beyond what it has to, as one to the day does, the columns right of it get back.
fn cut(columns: &mut [Ready], width: usize) {
    let gaps = GAP * columns.len().saturating_sub(1);
    let total = columns.iter().map(|column| column.width).sum::<usize>() + gaps;
    let mut over = total.saturating_sub(width);
    let mut less = vec![0; columns.len()];
    for (column, less) in columns.iter().zip(&mut less).rev() {
        *less = over.min(column.width - column.least_width());
        over -= *less;
    }
    let mut spare = 0;
    for (column, less) in columns.iter_mut().zip(less) {
        let back = spare.min(less);
        spare -= back;
        if let (Some((_, cut)), true) = (column.cut_to, less > back) {
            spare += column.cut(column.width - (less - back), cut);
        }
    }
}

impl Ready {
    /// Cuts the cells to a width, and says by how much they are narrower than that.
    fn cut(&mut self, width: usize, cut: Cut) -> usize {
        for (cell, _) in &mut self.cells {
            if cell.width() > width {
                *cell = cut(std::mem::take(cell), width);
            }
        }
        let widest = self.cells.iter().map(|(cell, _)| cell.width()).max();
        self.width = widest.unwrap_or(0).max(self.heading.width());
        width - self.width
    }

    fn least_width(&self) -> usize {
        self.cut_to.map_or(self.width, |(least, _)| {
            least.max(self.heading.width()).min(self.width)
        })
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
            if !cell.is_empty() {
                spaces(text, gap + before);
                self.paint(text, cell, code);
                gap = 0;
            } else {
                gap += before;
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

fn spaces(text: &mut String, count: usize) {
    text.extend(std::iter::repeat_n(' ', count));
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
