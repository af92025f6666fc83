//! The parts of the page.

use askama::Template;

use super::Chart;
use crate::report::table::HtmlTable;

const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/script.js");

/// The SHA-256 hashes of [`STYLE`] and [`SCRIPT`] in base64. A test compares them.
const STYLE_HASH: &str = "np5tya1JumflW1DcF4iuP8K9O1TRtQ0FBysfVKVU2Y0=";
const SCRIPT_HASH: &str = "JvQwM6sVEgR1AKNnCiCfanR088gGkjNxMz+kXUEsAJ0=";

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
    pub(in super::super) packages: Packages,
    /// When and by which version the page was made.
    pub(in super::super) made_at: String,
    pub(in super::super) version: &'static str,
    pub(in super::super) time_saved: &'static str,
}

/// A key figure.
#[derive(Debug, Default)]
pub(in super::super) struct Figure {
    pub(in super::super) name: &'static str,
    pub(in super::super) value: String,
    pub(in super::super) note: String,
}

/// The packages that gain or lose most.
#[derive(Debug, Default)]
pub(in super::super) struct RankedList {
    pub(in super::super) id: &'static str,
    pub(in super::super) title: &'static str,
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

/// All packages.
#[derive(Debug, Default)]
pub(in super::super) struct Packages {
    pub(in super::super) classes: String,
    pub(in super::super) headings: Vec<String>,
    pub(in super::super) rows: Vec<PackageEntry>,
}

/// A package.
#[derive(Debug, Default)]
pub(in super::super) struct PackageEntry {
    pub(in super::super) name: String,
    /// The cells after the name.
    pub(in super::super) cells: Vec<String>,
    pub(in super::super) details: String,
}
