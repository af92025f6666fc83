//! How a report is written: what the options for that do to its rows.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use super::common::Common;
use super::format::{Format, Look};
use super::layout::{Color, OF_ROWS};
use super::sheet::Sheet;
use super::{Shown, Trouble, say};
use crate::store::{self, Filter};

/// Which rows `--limit` keeps where nothing says how to sort them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Of rows in no order of time.
    First,
    /// Of rows of which the newest is the last.
    Newest,
}

impl Common {
    /// Whether an option was given that only rows have a use for.
    pub(super) fn wants_rows(&self) -> bool {
        self.given().any(|name| OF_ROWS.contains(&name))
    }

    /// Whether a column with this name will be written.
    pub(super) fn wants(&self, column: &str) -> bool {
        let picked = self.layout.columns.as_ref();
        picked.is_none_or(|names| names.iter().any(|name| name == column))
    }

    /// Whether the rows stay in the order in which the report has them.
    pub(super) fn unsorted(&self) -> bool {
        self.layout.sort.is_none()
    }

    /// Where only the newest rows are wanted and each is a build, the others needn't be read.
    pub(super) fn of_newest(&self, filter: &mut Filter) {
        if self.unsorted() {
            let both = [self.layout.limit, filter.last];
            filter.last = both.into_iter().flatten().min();
        }
    }

    /// Sorts, cuts and writes the rows; says whether there were any.
    pub(super) fn finish<R: 'static>(
        &self,
        mut sheet: Sheet<R>,
        keep: Keep,
        out: &mut dyn Write,
    ) -> Result<Shown, Trouble> {
        self.arrange(&mut sheet, keep)?;
        self.write(sheet, out)
    }

    /// Sorts and cuts the rows.
    pub(super) fn arrange<R: 'static>(
        &self,
        sheet: &mut Sheet<R>,
        keep: Keep,
    ) -> Result<(), Trouble> {
        if let Some(column) = &self.layout.sort {
            sheet.sort(column)?;
        }
        let limit = { self.layout.limit }.map_or(usize::MAX, |limit| limit as usize);
        match keep {
            Keep::Newest if self.unsorted() => {
                let older = sheet.rows.len().saturating_sub(limit);
                sheet.rows.drain(..older);
            }
            _ => sheet.rows.truncate(limit),
        }
        Ok(())
    }

    /// Writes the columns that are asked for; says whether there were rows.
    pub(super) fn write<R: 'static>(
        &self,
        mut sheet: Sheet<R>,
        out: &mut dyn Write,
    ) -> Result<Shown, Trouble> {
        self.pick(&mut sheet)?;
        let look = self.look();
        self.format.write(&sheet, &look, out)?;
        if sheet.rows.is_empty() {
            return Ok(Shown::Nothing(NO_MATCH.into()));
        }
        if self.layout.columns.is_some() {
            let left_out = self.format.left_out(&sheet, &look);
            if !left_out.is_empty() {
                let what = left_out.join(", ");
                say(&format!("the terminal is too narrow for: {what}"));
            }
        }
        Ok(Shown::Something)
    }

    /// Whether each row can be written as it comes.
    pub(super) fn as_they_come(&self) -> bool {
        let separated = matches!(self.format, Format::Csv | Format::Tsv);
        separated && self.unsorted() && self.layout.limit.is_none()
    }

    /// Writes the rows that `fetch` hands over one after the other: of very many, that is far
    /// quicker than to have all of them at once. Into memory first, because recording waits for
    /// readers, and `out` may be a pager.
    pub(super) fn write_as_they_come<R: 'static>(
        &self,
        mut sheet: Sheet<R>,
        fetch: impl FnOnce(&mut dyn FnMut(&R)) -> store::Result<()>,
        out: &mut dyn Write,
    ) -> Result<Shown, Trouble> {
        self.pick(&mut sheet)?;
        let mut rows = 0;
        if let Some(mut lines) = self.format.lines(&sheet.columns) {
            fetch(&mut |row| {
                rows += 1;
                lines.add(row);
            })?;
            out.write_all(&lines.text)?;
        }
        match rows {
            0 => Ok(Shown::Nothing(NO_MATCH.into())),
            _ => Ok(Shown::Something),
        }
    }

    fn pick<R: 'static>(&self, sheet: &mut Sheet<R>) -> Result<(), Trouble> {
        match &self.layout.columns {
            None => Ok(()),
            Some(names) => Ok(sheet.pick(names, self.format == Format::Json)?),
        }
    }

    /// Writes that there is nothing, as far as the format has a word for it.
    pub(super) fn nothing<R: 'static>(
        &self,
        mut sheet: Sheet<R>,
        why: String,
        out: &mut dyn Write,
    ) -> Result<Shown, Trouble> {
        self.arrange(&mut sheet, Keep::First)?;
        self.pick(&mut sheet)?;
        self.format.write(&sheet, &self.look(), out)?;
        Ok(Shown::Nothing(why))
    }

    /// How tables look where they go to.
    pub(super) fn look(&self) -> Look {
        let terminal = std::io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Look {
            color: match self.layout.color {
                Color::Auto => terminal && !no_color,
                Color::Always => true,
                Color::Never => false,
            },
            width: terminal.then(|| width_of(io::stdout()).unwrap_or(UNKNOWN_WIDTH)),
        }
    }
}

/// What is said of a filter that leaves nothing.
const NO_MATCH: &str = "no recorded build matches";

/// How wide a terminal is taken to be that doesn't say.
const UNKNOWN_WIDTH: usize = 80;

/// The columns of a terminal; `None` where it isn't one, or doesn't say.
pub(super) fn width_of(stream: impl AsFd) -> Option<usize> {
    terminal_size::terminal_size_of(stream).map(|(width, _)| usize::from(width.0))
}
