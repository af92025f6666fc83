//! Tables for people: columns in line, numbers to the right, no borders.
//!
//! A table that is wider than the terminal first has its long texts cut, then loses its
//! least important columns; it never wraps.

use std::io::{self, Write};

use comfy_table::{Attribute, Cell, CellAlignment, Color, presets};
use unicode_width::UnicodeWidthStr;

use super::super::sheet::{Column, InTable, Sheet, Tone, Value};
use super::super::text;
use super::{Look, Output};

/// Spaces between columns.
const GAP: usize = 2;

pub(super) struct Table {
    pub(super) look: Look,
}

/// A column, made ready to print.
struct Ready {
    heading: &'static str,
    weight: u8,
    cut_to: Option<usize>,
    right: bool,
    cells: Vec<(String, Tone)>,
    width: usize,
}

impl Output for Table {
    fn write<R: 'static>(&self, sheet: &Sheet<R>, out: &mut dyn Write) -> io::Result<()> {
        if sheet.rows.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<Ready> = sheet
            .columns
            .iter()
            .filter_map(|column| Some(ready(column, column.table.as_ref()?, &sheet.rows)))
            .filter(Ready::says_something)
            .collect();
        if let Some(width) = self.look.width {
            fit(&mut columns, width);
        }
        writeln!(out, "{}", self.draw(&columns, sheet.rows.len()))
    }
}

impl Ready {
    /// Remarks that no row has need no column.
    fn says_something(&self) -> bool {
        self.cells.iter().any(|(cell, _)| !cell.is_empty())
    }
}

fn ready<R>(column: &Column<R>, table: &InTable<R>, rows: &[R]) -> Ready {
    let mut right = false;
    let cells: Vec<(String, Tone)> = rows
        .iter()
        .map(|row| {
            let value = (column.value)(row);
            right |= matches!(value, Value::Count(_) | Value::Rate(_) | Value::Seconds(_));
            let shown = match &table.shown {
                Some(shown) => shown(row),
                None => plain(value),
            };
            (text::clean(&shown), (table.tone)(row))
        })
        .collect();
    let widest = cells.iter().map(|(cell, _)| cell.width()).max();
    Ready {
        heading: table.heading,
        weight: table.weight,
        cut_to: table.cut_to,
        right,
        width: widest.unwrap_or(0).max(table.heading.width()),
        cells,
    }
}

fn plain(value: Value) -> String {
    match value {
        Value::Unknown | Value::Nested(_) => "-".into(),
        Value::Count(n) => text::number(n),
        Value::Rate(rate) => text::rate(rate),
        Value::Seconds(seconds) => format!("{seconds:.0} s"),
        Value::Text(text) => text,
        Value::Time(time) => text::minute(time),
    }
}

/// Cuts texts and drops columns until all fit into `width`.
fn fit(columns: &mut Vec<Ready>, width: usize) {
    let total = |columns: &[Ready], least: bool| -> usize {
        let widths = columns
            .iter()
            .map(|c| if least { least_width(c) } else { c.width });
        widths.sum::<usize>() + GAP * columns.len().saturating_sub(1)
    };
    while total(columns, true) > width && columns.len() > 1 {
        let weakest = (0..columns.len()).min_by_key(|&index| columns[index].weight);
        columns.remove(weakest.unwrap_or(0));
    }
    let mut over = total(columns, false).saturating_sub(width);
    // From the right: what identifies a row stands on the left.
    for column in columns.iter_mut().rev() {
        let cut = over.min(column.width - least_width(column));
        if cut > 0 {
            column.width -= cut;
            over -= cut;
            for (cell, _) in &mut column.cells {
                *cell = text::cut(std::mem::take(cell), column.width);
            }
        }
    }
}

fn least_width(column: &Ready) -> usize {
    let least = column
        .cut_to
        .map_or(column.width, |cut| cut.max(column.heading.width()));
    least.min(column.width)
}

impl Table {
    fn draw(&self, columns: &[Ready], rows: usize) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        if self.look.color {
            table.enforce_styling();
        }
        let aligned = |column: &Ready, cell: Cell| match column.right {
            true => cell.set_alignment(CellAlignment::Right),
            false => cell,
        };
        table.set_header(
            columns
                .iter()
                .map(|column| {
                    let cell = Cell::new(column.heading).add_attribute(Attribute::Bold);
                    aligned(column, cell)
                })
                .collect::<Vec<Cell>>(),
        );
        for row in 0..rows {
            table.add_row(
                columns
                    .iter()
                    .map(|column| {
                        let (text, tone) = &column.cells[row];
                        aligned(column, paint(Cell::new(text), *tone))
                    })
                    .collect::<Vec<Cell>>(),
            );
        }
        let last = columns.len().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { GAP as u16 }));
        }
        table.trim_fmt()
    }
}

/// Colours that can be read on light and on dark.
fn paint(cell: Cell, tone: Tone) -> Cell {
    match tone {
        Tone::Plain => cell,
        Tone::Warning => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed),
    }
}
