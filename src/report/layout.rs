//! The options for how a report is written.

use clap::ValueEnum;

use super::filters::number_of;

pub(super) const OUTPUT: &str = "How it is written";

/// The options that only rows have a use for.
pub(super) const OF_ROWS: &[&str] = &["sort", "limit", "columns"];

/// Options for rows and tables.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = OUTPUT)]
pub(super) struct Layout {
    /// Sort by a column, named as in JSON: numbers from large to small, all else
    /// upwards; `COLUMN:asc` and `COLUMN:desc` say otherwise
    #[arg(long, value_name = "COLUMN", global = true)]
    pub(super) sort: Option<String>,

    /// Only N rows: the newest of builds, emerges and periods, which stay in their order;
    /// with --sort, and of packages, the first
    #[arg(long, value_name = "N", global = true)]
    #[arg(value_parser = number_of, allow_negative_numbers = true)]
    pub(super) limit: Option<u32>,

    /// These columns, in this order, named as in JSON and CSV. Only named do packages, trend
    /// and emerges have failed, interrupted, incomplete and shared; builds unmeasured_phases
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', global = true)]
    pub(super) columns: Option<Vec<String>>,

    /// Colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    pub(super) color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

impl Layout {
    /// The names of those for rows that were given.
    pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("sort", self.sort.is_some()),
            ("limit", self.limit.is_some()),
            ("columns", self.columns.is_some()),
        ];
        all.into_iter()
            .filter_map(|(name, given)| given.then_some(name))
    }
}
