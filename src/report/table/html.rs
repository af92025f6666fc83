//! Tables of HTML pages: the same columns and texts as on a terminal.

use askama::Template;

use super::Column;

/// A table as texts.
#[derive(Debug, Default, Template)]
#[template(path = "table.html")]
pub(in super::super) struct HtmlTable {
    pub(in super::super) caption: String,
    /// Classes that align columns by their position, because a class of a cell would be repeated in every row: `n3`
    /// is a number.
    pub(in super::super) classes: String,
    pub(in super::super) headings: Vec<String>,
    pub(in super::super) rows: Vec<Vec<String>>,
}

impl HtmlTable {
    /// Returns the columns that terminal tables have.
    pub(in super::super) fn new<R: 'static>(
        caption: impl Into<String>,
        columns: &[Column<R>],
        rows: &[R],
    ) -> HtmlTable {
        // A column without a heading has bars of characters.
        let is_shown = |c: &&Column<R>| c.is_shown(rows) && !c.heading.is_empty();
        let columns: Vec<&Column<R>> = columns.iter().filter(is_shown).collect();
        let mut classes = Vec::new();
        for (position, column) in (1..).zip(&columns) {
            if column.is_number(rows) {
                classes.push(format!("n{position}"));
            }
        }
        let texts = |row: &R| columns.iter().map(|column| column.text(row)).collect();
        HtmlTable {
            caption: caption.into(),
            classes: classes.join(" "),
            headings: columns.iter().map(|c| c.heading.clone()).collect(),
            rows: rows.iter().map(texts).collect(),
        }
    }
}
