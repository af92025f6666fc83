//! Tables for people: aligned columns without borders, drawn by comfy-table.
//!
//! If a table is wider than the terminal, its least important columns are hidden and long texts
//! are truncated. Piped output is complete.

use std::io::{self, Write};

use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table as Drawing,
    Width, presets,
};
use unicode_width::UnicodeWidthStr;

use super::{BULLET, Column, Importance, Source, Table, Terminal, UNKNOWN, Value};

/// Spaces between columns.
const GAP: usize = 2;

/// The smallest width of a truncated text in the most important columns, and in the others.
const LEAST_TEXT: [usize; 2] = [18, 10];

pub(super) fn write<R: 'static>(
    table: &Table<R>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows = &table.rows;
    let columns = table.columns.iter();
    let columns: Vec<&Column<R>> = columns.filter(|column| column.is_shown(rows)).collect();
    if columns.is_empty() {
        return Ok(());
    }
    let mut layouts: Vec<_> = columns.iter().map(|column| column.layout(rows)).collect();
    if let Some(width) = terminal.width {
        fit(&mut layouts, width);
    }
    let mut drawing = draw(&columns, &layouts, rows, terminal.color);
    for (column, layout) in drawing.column_iter_mut().zip(layouts) {
        column.set_cell_alignment(layout.alignment);
        column.set_padding((0, GAP as u16));
        let width = Width::Fixed((layout.width + GAP) as u16);
        column.set_constraint(if layout.is_hidden {
            ColumnConstraint::Hidden
        } else {
            ColumnConstraint::Absolute(width)
        });
    }
    for line in drawing.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn draw<R: 'static>(
    columns: &[&Column<R>],
    layouts: &[Layout],
    rows: &[R],
    color: bool,
) -> Drawing {
    let mut drawing = Drawing::new();
    drawing
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_truncation_indicator("…");
    if color {
        drawing.enforce_styling();
        drawing.style_text_only();
    } else {
        drawing.force_no_tty();
    }
    let headings = columns.iter().map(|column| Cell::new(&column.heading));
    let headings = headings.map(|cell| cell.add_attribute(Attribute::Bold));
    drawing.set_header(headings.collect::<Vec<_>>());
    for row in rows {
        let cells = columns.iter().zip(layouts);
        let cells = cells.map(|(column, layout)| column.cell(row, layout.width));
        let mut cells = Row::from(cells.collect::<Vec<_>>());
        cells.max_height(1);
        drawing.add_row(cells);
    }
    drawing
}

/// How a column fits into the table.
struct Layout {
    importance: Importance,
    alignment: CellAlignment,
    width: usize,
    least_width: usize,
    is_hidden: bool,
}

impl<R: 'static> Column<R> {
    fn layout(&self, rows: &[R]) -> Layout {
        let widths = rows.iter().map(|row| self.text(row).width());
        let width = widths.chain([self.heading.width()]).max().unwrap_or(0);
        let mut values = rows.iter().map(|row| self.value(row));
        let known = values.find(|value| *value != Value::Unknown);
        let is_note = matches!(self.source, Source::Text(_));
        let is_text = is_note || matches!(known, Some(Value::Text(_)));
        Layout {
            importance: self.importance.unwrap_or(Importance::Low),
            alignment: if self.is_number(rows) {
                CellAlignment::Right
            } else {
                CellAlignment::Left
            },
            width,
            // A column without a heading has bars.
            least_width: if is_text && !self.heading.is_empty() {
                let least = LEAST_TEXT[usize::from(self.importance != Some(Importance::Key))];
                least.max(self.heading.width()).min(width)
            } else {
                width
            },
            is_hidden: false,
        }
    }

    fn cell(&self, row: &R, width: usize) -> Cell {
        let mut text = self.text(row);
        if self.is_path && text.width() > width {
            text = shorten_path(&text, width);
        }
        let cell = Cell::new_owned(text.clone());
        match self.tone.as_ref().and_then(|tone| tone(row)) {
            Some(color) if !text.is_empty() => cell.fg(color),
            _ if text == UNKNOWN => cell.add_attribute(Attribute::Dim),
            _ => cell,
        }
    }
}

/// Shortens a path, with or without a bullet, at its beginning.
fn shorten_path(path: &str, width: usize) -> String {
    let rest = path.strip_prefix(BULLET);
    let (bullet, path) = rest.map_or(("", path), |path| (BULLET, path));
    let room = width.saturating_sub(bullet.width() + 1);
    let mut ends = path.char_indices().map(|(index, _)| &path[index..]);
    let end = ends.find(|end| end.width() <= room).unwrap_or_default();
    format!("{bullet}…{end}")
}

/// Hides columns until the others fit, then narrows those that may be truncated, from the right.
fn fit(columns: &mut [Layout], width: usize) {
    while total(columns, |column| column.least_width) > width {
        let can_hide = |c: &&mut Layout| !c.is_hidden && c.importance != Importance::Key;
        let candidates = columns.iter_mut().filter(can_hide);
        // Of several with the same importance, the last.
        let Some(column) = candidates.max_by_key(|column| column.importance) else {
            break;
        };
        column.is_hidden = true;
    }
    let mut excess = total(columns, |column| column.width).saturating_sub(width);
    for column in columns.iter_mut().rev().filter(|column| !column.is_hidden) {
        let narrowed = excess.min(column.width - column.least_width);
        column.width -= narrowed;
        excess -= narrowed;
    }
}

fn total(columns: &[Layout], width: fn(&Layout) -> usize) -> usize {
    let shown = columns.iter().filter(|column| !column.is_hidden);
    let total: usize = shown.map(|column| width(column) + GAP).sum();
    total.saturating_sub(GAP)
}
