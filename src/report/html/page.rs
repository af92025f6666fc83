//! The parts of the page.
#![allow(unused_qualifications, reason = "askama's code of enums has them")]

use std::fmt;

use askama::Template;

use super::Chart;
use crate::report::table::HtmlTable;
use crate::report::text;

const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/script.js");

/// The SHA-256 hashes of [`STYLE`] and [`SCRIPT`] in base64. A test compares them.
const STYLE_HASH: &str = "9ZJP1ECxWGNf0E9BotNMGje9quFCo/Xd4yDYj5immf8=";
const SCRIPT_HASH: &str = "Q0GBWTbxT65YySnSOABJU0nUKzn8nfUbrz7QGo3Cfcw=";

/// The first bytes of every page.
pub(in crate::report) const START: &str = "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n\
    <meta name=generator content=sccache-report>\n";

/// The whole page.
#[derive(Debug, Default, Template)]
#[template(path = "page.html")]
pub(in crate::report) struct Page {
    /// The period, hosts, and packages.
    pub(in crate::report) scope: String,
    /// How long the period can be, and why, if no option limits it.
    pub(in crate::report) period: String,
    pub(in crate::report) headline: String,
    pub(in crate::report) figures: Vec<Figure>,
    /// The time saved with everything that limits it.
    pub(in crate::report) time_saved: String,
    pub(in crate::report) ranked: Vec<RankedList>,
    pub(in crate::report) trend: Charts,
    pub(in crate::report) calendar: Option<Charts>,
    pub(in crate::report) misses: Charts,
    pub(in crate::report) packages: Expandable,
    /// The hosts, if there are several.
    pub(in crate::report) hosts: Option<HtmlTable>,
    pub(in crate::report) emerges: Expandable,
    /// What the advice is based on, and why that isn't the period of the page.
    pub(in crate::report) advice_scope: String,
    pub(in crate::report) advice: Vec<Advised>,
    pub(in crate::report) builds: String,
    /// When and by which version the page was made.
    pub(in crate::report) made_at: String,
    pub(in crate::report) version: &'static str,
}

impl Page {
    /// Returns the number of bytes of the page.
    ///
    /// # Errors
    /// As rendering.
    pub(in crate::report) fn size(&self) -> askama::Result<usize> {
        let mut size = Size(0);
        self.render_into(&mut size)?;
        Ok(size.0)
    }

    fn recommends_changes(&self) -> bool {
        self.advice.iter().any(|piece| !piece.is_note)
    }
}

/// Counts what is written.
struct Size(usize);

impl fmt::Write for Size {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// A key figure.
#[derive(Debug)]
pub(in crate::report) struct Figure {
    name: String,
    value: String,
    note: String,
}

impl Figure {
    /// Sanitizes all three, because caches have names from elsewhere.
    pub(in crate::report) fn new(name: &str, value: &str, note: &str) -> Figure {
        Figure {
            name: text::sanitize(name),
            value: text::sanitize(value),
            note: text::sanitize(note),
        }
    }
}

/// The packages that the cache serves best or worst.
#[derive(Debug, Default)]
pub(in crate::report) struct RankedList {
    pub(in crate::report) id: &'static str,
    pub(in crate::report) title: &'static str,
    /// How the packages are chosen, and which are left out.
    pub(in crate::report) note: String,
    /// What an empty list means.
    pub(in crate::report) none: &'static str,
    pub(in crate::report) packages: Vec<Ranked>,
}

/// A package of a [`RankedList`].
#[derive(Debug, Default)]
pub(in crate::report) struct Ranked {
    /// The name in the database.
    pub(in crate::report) package: String,
    /// What is shown.
    pub(in crate::report) name: String,
    /// The anchor of its row in the table of packages.
    pub(in crate::report) anchor: String,
    pub(in crate::report) value: String,
    pub(in crate::report) why: String,
}

/// Charts and the table with their numbers.
#[derive(Debug, Default)]
pub(in crate::report) struct Charts {
    /// What all charts have in common, or why there are none.
    pub(in crate::report) note: String,
    pub(in crate::report) charts: Vec<Chart>,
    /// What the table has.
    pub(in crate::report) table_title: String,
    pub(in crate::report) table: HtmlTable,
}

/// A table whose rows open to details, below their first cell.
#[derive(Debug, Default, Template)]
#[template(path = "expandable.html")]
pub(in crate::report) struct Expandable {
    /// Explains what the rows open to.
    pub(in crate::report) note: String,
    pub(in crate::report) classes: String,
    pub(in crate::report) headings: Vec<String>,
    /// The position of the column that the rows are sorted by, descending.
    pub(in crate::report) sorted: Option<usize>,
    pub(in crate::report) rows: Vec<ExpandableRow>,
}

/// A row of an [`Expandable`] table.
#[derive(Debug, Default)]
pub(in crate::report) struct ExpandableRow {
    /// What links to the row, if something does.
    pub(in crate::report) anchor: String,
    /// The cell that opens.
    pub(in crate::report) name: String,
    /// The cells after that.
    cells: Vec<String>,
    pub(in crate::report) details: Details,
}

impl Expandable {
    /// Returns the table without details. Its first column opens.
    pub(in crate::report) fn new(table: HtmlTable) -> Expandable {
        let rows = table.rows.into_iter().map(|cells| {
            let mut cells = cells.into_iter();
            ExpandableRow {
                name: cells.next().unwrap_or_default(),
                cells: cells.collect(),
                ..ExpandableRow::default()
            }
        });
        Expandable {
            classes: table.classes,
            headings: table.headings,
            rows: rows.collect(),
            ..Expandable::default()
        }
    }

    fn is_sorted_by(&self, position: usize) -> bool {
        self.sorted == Some(position)
    }

    /// Returns what the rows are sorted by: the names if that column has no values.
    fn sorted_by(&self) -> String {
        let heading = self.sorted.and_then(|position| self.headings.get(position));
        heading.map_or_else(|| "name".into(), |heading| format!("{heading}, descending"))
    }
}

/// What a row opens to.
#[derive(Debug, Template)]
#[template(path = "details.html")]
pub(in crate::report) enum Details {
    /// A paragraph for each text.
    Brief(Vec<String>),
    Full(Box<FullDetails>),
}

impl Default for Details {
    fn default() -> Details {
        Details::Brief(Vec::new())
    }
}

impl Details {
    /// Returns the number of bytes in the page.
    ///
    /// # Errors
    /// As rendering.
    pub(in crate::report) fn size(&self) -> askama::Result<usize> {
        Ok(self.render()?.len())
    }
}

/// All details of a package.
#[derive(Debug, Default)]
pub(in crate::report) struct FullDetails {
    /// Which builds the history has.
    pub(in crate::report) builds_title: String,
    pub(in crate::report) history: Chart,
    /// The builds of the history.
    pub(in crate::report) builds: HtmlTable,
    /// Names and texts.
    pub(in crate::report) facts: Vec<(String, String)>,
}

/// A piece of advice.
#[derive(Debug, Default)]
pub(in crate::report) struct Advised {
    pub(in crate::report) summary: String,
    pub(in crate::report) evidence: Vec<String>,
    pub(in crate::report) recommendation: String,
    /// Lines to copy.
    pub(in crate::report) setting: String,
    pub(in crate::report) is_note: bool,
}
