//! Tables for people: aligned columns without borders, drawn by comfy-table.
//!
//! If a table is wider than the terminal, its least important columns are hidden and long texts
//! are truncated. Piped output is complete.

use std::io::{self, Write};

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row,
    Table as Drawing, Width, presets,
};
use unicode_width::UnicodeWidthStr;

use super::super::text;
use super::{Column, Importance, Table, Terminal, Tone, Value};

/// Spaces between columns.
const GAP: usize = 2;

/// Stands for an unknown value.
const UNKNOWN: &str = "-";

/// A column's cells, ready to print.
struct Cells<'a> {
    heading: &'a str,
    importance: Importance,
    texts: Vec<String>,
    tones: Vec<Tone>,
    alignment: CellAlignment,
    width: usize,
    least_width: usize,
}

/// Writes the table, and returns the headings of the columns that are hidden.
pub(super) fn write<R: 'static>(
    table: &Table<R>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> io::Result<Vec<String>> {
    if table.rows.is_empty() {
        return Ok(Vec::new());
    }
    let cells = table
        .columns
        .iter()
        .filter_map(|column| cells(column, &table.rows));
    // A column of remarks is left out if no row has any.
    let mut columns: Vec<Cells<'_>> = cells
        .filter(|cells| cells.texts.iter().any(|text| !text.is_empty()))
        .collect();
    let hidden = terminal.width.map(|width| fit(&mut columns, width));
    for line in drawing(&columns, terminal.color).lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(hidden.unwrap_or_default())
}

fn cells<'a, R: 'static>(column: &'a Column<R>, rows: &[R]) -> Option<Cells<'a>> {
    let heading = column.heading.as_deref()?;
    let mut texts = Vec::with_capacity(rows.len());
    let mut tones = Vec::with_capacity(rows.len());
    let (mut is_number, mut is_text) = (column.display.is_none(), false);
    for row in rows {
        let value = (column.value)(row);
        is_number = value.is_number() || is_number && value == Value::Unknown;
        is_text |= matches!(value, Value::Text(_));
        let text = match &column.display {
            Some(display) => display(row),
            None => plain(value),
        };
        texts.push(text::sanitize(&text));
        tones.push(column.tone.as_ref().map_or(Tone::Plain, |tone| tone(row)));
    }
    let widths = texts.iter().map(|text| text.width());
    let width = widths.max().unwrap_or(0).max(heading.width());
    let shortest = column.truncate_to.filter(|_| is_text || column.is_remark());
    Some(Cells {
        heading,
        importance: column.importance,
        texts,
        tones,
        alignment: if is_number {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        },
        width,
        least_width: shortest.map_or(width, |shortest| shortest.max(heading.width()).min(width)),
    })
}

fn plain(value: Value<'_>) -> String {
    match value {
        Value::Unknown | Value::Nested(_) => UNKNOWN.into(),
        Value::Count(count) => text::number(count),
        Value::Rate(rate) => text::percent(rate),
        Value::Seconds(seconds) => text::duration(seconds),
        Value::Text(text) => text.into_owned(),
        Value::Id(id) => id.to_string(),
        Value::Time(time) => text::date_time(time),
    }
}

/// Hides columns until the others fit, then narrows those that may be truncated, from the right.
fn fit(columns: &mut Vec<Cells<'_>>, width: usize) -> Vec<String> {
    let mut hidden = Vec::new();
    while total(columns, |column| column.least_width) > width {
        let by_importance = |(index, column): &(usize, &Cells<'_>)| (column.importance, *index);
        let least = columns.iter().enumerate().max_by_key(by_importance);
        let Some((index, _)) = least.filter(|(_, c)| c.importance != Importance::Key) else {
            break;
        };
        hidden.push(columns.remove(index).heading.to_string());
    }
    let mut excess = total(columns, |column| column.width).saturating_sub(width);
    for column in columns.iter_mut().rev() {
        let narrowed = excess.min(column.width - column.least_width);
        column.width -= narrowed;
        excess -= narrowed;
    }
    hidden
}

fn total(columns: &[Cells<'_>], width: fn(&Cells<'_>) -> usize) -> usize {
    let gaps = GAP * columns.len().saturating_sub(1);
    columns.iter().map(width).sum::<usize>() + gaps
}

fn drawing(columns: &[Cells<'_>], color: bool) -> Drawing {
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
    let headings = columns.iter().map(|column| {
        Cell::new(column.heading)
            .set_alignment(column.alignment)
            .add_attribute(Attribute::Bold)
    });
    drawing.set_header(headings);
    for index in 0..columns[0].texts.len() {
        let cells = columns.iter().map(|column| column.cell(index));
        let mut row = Row::from(cells.collect::<Vec<_>>());
        drawing.add_row(row.max_height(1).clone());
    }
    for (index, cells) in columns.iter().enumerate() {
        let gap = if index + 1 == columns.len() { 0 } else { GAP };
        if let Some(column) = drawing.column_mut(index) {
            let width = Width::Fixed((cells.width + gap) as u16);
            column.set_padding((0, gap as u16));
            column.set_constraint(ColumnConstraint::Absolute(width));
        }
    }
    drawing
}

impl Cells<'_> {
    fn cell(&self, index: usize) -> Cell {
        let text = &self.texts[index];
        let cell = Cell::new(text).set_alignment(self.alignment);
        match self.tones[index] {
            _ if text.is_empty() => cell,
            Tone::Plain if text == UNKNOWN => cell.add_attribute(Attribute::Dim),
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::DarkGreen),
            Tone::Warning => cell.fg(Color::DarkYellow),
            Tone::Bad => cell.fg(Color::DarkRed),
        }
    }
}
