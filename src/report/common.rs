//! The options that every report has, and what they pick.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::filters::Filters;
use super::format::{Format, Look};
use super::sheet::Sheet;
use super::unknown::{NOTHING_YET, unknown_names, unknown_package};
use super::{Shown, Trouble, say, text};
use crate::store::{self, Filter, Patterns, Pending, Store, default_path};

/// Options that every report has.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// The database [default: SCCACHE_REPORT_DB, or /var/lib/sccache-report/stats.db]
    #[arg(long, value_name = "FILE", global = true)]
    db: Option<PathBuf>,

    #[command(flatten)]
    filters: Filters,

    #[command(flatten)]
    output: Output,

    /// How to write the report
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    #[arg(help_heading = OUTPUT)]
    pub(super) format: Format,
}

const OUTPUT: &str = "How it is written";

/// Options for rows and tables.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = OUTPUT)]
struct Output {
    /// Sort by a column, named as in JSON: numbers from large to small, all else
    /// upwards; `COLUMN:asc` and `COLUMN:desc` say otherwise
    #[arg(long, value_name = "COLUMN", global = true)]
    sort: Option<String>,

    /// Only the first N rows
    #[arg(long, value_name = "N", global = true)]
    limit: Option<usize>,

    /// These columns, in this order, named as in JSON and CSV
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', global = true)]
    columns: Option<Vec<String>>,

    /// Colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// What the options pick.
pub(super) enum Selection {
    Builds(Store, Box<Filter>),
    /// And why there is nothing.
    Nothing(String),
}

/// The options that only rows have a use for.
pub(super) const OF_ROWS: &[&str] = &["sort", "limit", "columns"];

impl Common {
    /// Opens the database and says which of its builds are asked for.
    pub(super) fn select(&self, patterns: &[String]) -> Result<Selection, Trouble> {
        let mut filter = self.filter()?;
        let parsed = self.patterns(patterns)?;
        let store = self.open()?;
        if store.is_empty()? {
            return Ok(Selection::Nothing(NOTHING_YET.into()));
        }
        if !patterns.is_empty() {
            let names = store.matching_packages(&parsed)?;
            if names.is_empty() {
                return Ok(Selection::Nothing(unknown_package(&store, patterns)?));
            }
            filter.packages = Some(names);
        }
        if let Some(why) = unknown_names(&store, &filter)? {
            return Ok(Selection::Nothing(why));
        }
        Ok(Selection::Builds(store, Box::new(filter)))
    }

    /// Refuses options that have no sense for this report, which would otherwise be ignored.
    pub(super) fn refuse(&self, options: &[&str], why: &str) -> Result<(), Trouble> {
        match self.given().find(|name| options.contains(name)) {
            None => Ok(()),
            Some(name) => Err(Trouble::Request(
                format!("--{name} has no sense here: {why}"),
                format!("leave --{name} out"),
            )),
        }
    }

    /// Refuses the options of rows for a report that has none; of one that is a row in the other
    /// formats, columns can still be picked there.
    pub(super) fn refuse_table_options(&self, why: &str) -> Result<(), Trouble> {
        let why = format!("{why}; `packages`, `builds`, `emerges` and `trend` are");
        match self.format {
            Format::Table => self.refuse(OF_ROWS, &why),
            _ => self.refuse(&["sort", "limit"], &why),
        }
    }

    /// Whether the option with this id picks builds, or is for their rows.
    pub(super) fn is_of_builds(id: &str) -> bool {
        let of_filters = Filters::augment_args(clap::Command::new(""))
            .get_arguments()
            .any(|arg| arg.get_id() == id);
        of_filters || OF_ROWS.contains(&id)
    }

    /// Refuses the options that pick builds.
    pub(super) fn refuse_filters(&self, why: &str) -> Result<(), Trouble> {
        self.refuse(&self.filters.given().collect::<Vec<_>>(), why)
    }

    /// Whether an option was given that only rows have a use for.
    pub(super) fn wants_rows(&self) -> bool {
        self.given().any(|name| OF_ROWS.contains(&name))
    }

    /// Whether a column with this name will be written.
    pub(super) fn wants(&self, column: &str) -> bool {
        let picked = self.output.columns.as_ref();
        picked.is_none_or(|names| names.iter().any(|name| name == column))
    }

    /// Whether the rows stay in the order in which the report has them.
    pub(super) fn unsorted(&self) -> bool {
        self.output.sort.is_none()
    }

    /// The filter that the options make, without the patterns.
    pub(super) fn filter(&self) -> Result<Filter, Trouble> {
        self.filters.filter()
    }

    /// The patterns, read as the options say.
    pub(super) fn patterns(&self, texts: &[String]) -> Result<Patterns, Trouble> {
        self.filters.patterns(texts)
    }

    /// Whether the options leave the period open.
    pub(super) fn any_time(&self) -> bool {
        self.filters.any_time()
    }

    fn given(&self) -> impl Iterator<Item = &'static str> {
        let output = [
            ("sort", self.output.sort.is_some()),
            ("limit", self.output.limit.is_some()),
            ("columns", self.output.columns.is_some()),
        ];
        let output = output
            .into_iter()
            .filter_map(|(name, given)| given.then_some(name));
        output.chain(self.filters.given())
    }

    /// Opens the database for reading.
    pub(super) fn open(&self) -> Result<Store, Trouble> {
        Ok(Store::open_for_reading(&self.database())?)
    }

    fn database(&self) -> PathBuf {
        self.named_database().unwrap_or_else(default_path)
    }

    /// The database that the option or the environment names.
    pub(super) fn named_database(&self) -> Option<PathBuf> {
        let variable = || std::env::var_os("SCCACHE_REPORT_DB").filter(|path| !path.is_empty());
        let named = self.db.clone();
        named.or_else(|| variable().map(PathBuf::from))
    }

    /// Says on standard error how many builds are not in the database yet, if any.
    pub(super) fn tell_what_waits(&self) {
        let pending = Pending::of(&self.database());
        let folder = text::clean(&pending.folder().display().to_string());
        match pending.count() as u64 {
            0 => {}
            count => say(&format!(
                "{} could not be recorded yet, kept in {folder} (the next recorded build takes \
                 up what waits)",
                text::of(count, "build"),
            )),
        }
    }

    /// Sorts, cuts and writes the rows; says whether there were any.
    pub(super) fn finish<R: 'static>(
        &self,
        mut sheet: Sheet<R>,
        out: &mut dyn Write,
    ) -> Result<Shown, Trouble> {
        self.arrange(&mut sheet)?;
        self.write(sheet, out)
    }

    /// Sorts and cuts the rows.
    pub(super) fn arrange<R: 'static>(&self, sheet: &mut Sheet<R>) -> Result<(), Trouble> {
        if let Some(column) = &self.output.sort {
            sheet.sort(column)?;
        }
        sheet.rows.truncate(self.output.limit.unwrap_or(usize::MAX));
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
        if self.output.columns.is_some() {
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
        separated && self.unsorted() && self.output.limit.is_none()
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
        match &self.output.columns {
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
        self.arrange(&mut sheet)?;
        self.pick(&mut sheet)?;
        self.format.write(&sheet, &self.look(), out)?;
        Ok(Shown::Nothing(why))
    }

    /// How tables look where they go to.
    pub(super) fn look(&self) -> Look {
        let terminal = std::io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Look {
            color: match self.output.color {
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
