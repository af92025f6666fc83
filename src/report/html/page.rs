//! The parts of the page.

use askama::Template;

use super::Chart;
use crate::report::table::HtmlTable;

const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/script.js");

/// The SHA-256 hashes of [`STYLE`] and [`SCRIPT`] in base64. A test compares them.
const STYLE_HASH: &str = "BjlFpAVAUuXc6B1DG01/xwwA5yZreDGT5FU3qOw60Vg=";
const SCRIPT_HASH: &str = "Rm2L7Cva6reILYEXpbhakP8rxXVYy2OcOSqrmcRTnmI=";

/// The first bytes of every page.
pub(in super::super) const START: &str = "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n\
    <meta name=generator content=sccache-report>\n";

/// The whole page.
#[derive(Debug, Default, Template)]
#[template(path = "page.html")]
pub(in super::super) struct Page {
    /// The period, hosts, and packages.
    pub(in super::super) scope: String,
    pub(in super::super) headline: String,
    pub(in super::super) figures: Vec<Figure>,
    pub(in super::super) ranked: Vec<RankedList>,
    pub(in super::super) trend: Charts,
    pub(in super::super) calendar: Option<Charts>,
    pub(in super::super) misses: Charts,
    pub(in super::super) packages: Expandable,
    pub(in super::super) package_note: &'static str,
    /// The hosts, if there are several.
    pub(in super::super) hosts: Option<HtmlTable>,
    pub(in super::super) emerges: Expandable,
    /// What the advice is based on.
    pub(in super::super) advice_scope: String,
    pub(in super::super) advice: Vec<Advised>,
    pub(in super::super) builds: String,
    /// When and by which version the page was made.
    pub(in super::super) made_at: String,
    pub(in super::super) version: &'static str,
    pub(in super::super) time_saved: &'static str,
}

/// A key figure.
#[derive(Debug, Default)]
pub(in super::super) struct Figure {
    pub(in super::super) name: String,
    pub(in super::super) value: String,
    pub(in super::super) note: String,
}

/// The packages that gain or lose most.
#[derive(Debug, Default)]
pub(in super::super) struct RankedList {
    pub(in super::super) id: &'static str,
    pub(in super::super) title: &'static str,
    /// How the packages are chosen.
    pub(in super::super) note: &'static str,
    /// What an empty list means.
    pub(in super::super) none: &'static str,
    pub(in super::super) packages: Vec<Ranked>,
}

/// One of the packages that gain or lose most.
#[derive(Debug, Default)]
pub(in super::super) struct Ranked {
    pub(in super::super) name: String,
    pub(in super::super) value: String,
    pub(in super::super) why: String,
}

/// Charts and the table with their numbers.
#[derive(Debug, Default)]
pub(in super::super) struct Charts {
    pub(in super::super) charts: Vec<Chart>,
    pub(in super::super) table: HtmlTable,
}

/// A table whose rows open to details.
#[derive(Debug, Default, Template)]
#[template(path = "expandable.html")]
pub(in super::super) struct Expandable {
    pub(in super::super) classes: String,
    pub(in super::super) headings: Vec<String>,
    pub(in super::super) rows: Vec<ExpandableRow>,
}

/// A row of an [`Expandable`] table.
#[derive(Debug, Default)]
pub(in super::super) struct ExpandableRow {
    pub(in super::super) name: String,
    /// The cells after the name.
    pub(in super::super) cells: Vec<String>,
    pub(in super::super) note: String,
    /// Empty, or rendered [`Details`].
    pub(in super::super) details: String,
}

impl Expandable {
    /// Returns the table with a note for each row.
    pub(in super::super) fn new(
        table: HtmlTable,
        notes: impl IntoIterator<Item = String>,
    ) -> Expandable {
        let rows = table.rows.into_iter().zip(notes);
        let rows = rows.map(|(mut cells, note)| ExpandableRow {
            name: cells.remove(0),
            cells,
            note,
            details: String::new(),
        });
        Expandable {
            classes: table.classes,
            headings: table.headings,
            rows: rows.collect(),
        }
    }
}

/// The details of a package.
#[derive(Debug, Default, Template)]
#[template(path = "details.html")]
pub(in super::super) struct Details {
    pub(in super::super) verdict: String,
    pub(in super::super) history: Option<Chart>,
    /// The builds of the history.
    pub(in super::super) builds: HtmlTable,
    /// Names and texts.
    pub(in super::super) facts: Vec<(&'static str, String)>,
}

/// A piece of advice.
#[derive(Debug, Default)]
pub(in super::super) struct Advised {
    pub(in super::super) summary: String,
    pub(in super::super) evidence: Vec<String>,
    pub(in super::super) recommendation: String,
    /// Lines to copy.
    pub(in super::super) setting: String,
    pub(in super::super) is_note: bool,
}
