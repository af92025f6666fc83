//! The options that every report has, and what they pick.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use chrono::Local;
use clap::ValueEnum;

use super::format::{Format, Look};
use super::sheet::Sheet;
use super::{Shown, Trouble, text, when};
use crate::portage::Outcome;
use crate::store::{Filter, Patterns, Pending, Store, default_path};

/// Options that every report has.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// Builds started at WHEN or later: 2026-11-01, "2 weeks ago", 3d
    #[arg(long, value_name = "WHEN", global = true)]
    since: Option<String>,

    /// Builds started before WHEN; a date's own day is included
    #[arg(long, value_name = "WHEN", global = true)]
    until: Option<String>,

    /// Only the N newest of these builds
    #[arg(long, value_name = "N", global = true)]
    last: Option<u32>,

    /// Only builds with this outcome; several with commas
    #[arg(long, value_enum, value_delimiter = ',', global = true)]
    outcome: Vec<Outcome>,

    /// Sort by a column, named as in JSON: numbers from large to small, all else
    /// upwards; `COLUMN:asc` and `COLUMN:desc` say otherwise
    #[arg(long, value_name = "COLUMN", global = true)]
    sort: Option<String>,

    /// Show only the first N rows
    #[arg(long, value_name = "N", global = true)]
    limit: Option<usize>,

    /// How to write the report
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    pub(super) format: Format,

    /// Colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    color: Color,

    /// The database [default: SCCACHE_REPORT_DB, or /var/lib/sccache-report/stats.db]
    #[arg(long, value_name = "FILE", global = true)]
    db: Option<PathBuf>,

    /// Patterns are regular expressions, found anywhere in CATEGORY/PN
    #[arg(short = 'e', long, global = true)]
    regex: bool,
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

impl Common {
    /// Opens the database and says which of its builds are asked for.
    pub(super) fn select(&self, patterns: &[String]) -> Result<Selection, Trouble> {
        let mut filter = self.filter()?;
        let parsed = self.patterns(patterns)?;
        let store = self.open()?;
        if !patterns.is_empty() {
            let names = store.matching_packages(&parsed)?;
            if names.is_empty() {
                return Ok(Selection::Nothing(format!(
                    "no recorded package matches {}",
                    text::clean(&patterns.join(" "))
                )));
            }
            filter.packages = Some(names);
        }
        Ok(Selection::Builds(store, Box::new(filter)))
    }

    /// The patterns, read as the options say.
    pub(super) fn patterns(&self, texts: &[String]) -> Result<Patterns, Trouble> {
        let parsed = match self.regex {
            true => Patterns::regexes(texts),
            false => Patterns::globs(texts),
        };
        parsed.map_err(|error| {
            Trouble::Request(
                error.to_string(),
                "shell wildcards are * ? [...]; for regular expressions there is -e".into(),
            )
        })
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
        let variable = || std::env::var_os("SCCACHE_REPORT_DB").map(PathBuf::from);
        let named = self.db.clone().or_else(variable);
        named.filter(|path| !path.as_os_str().is_empty())
    }

    /// Says on standard error how many builds are not in the database yet, if any.
    pub(super) fn tell_what_waits(&self) {
        let pending = Pending::of(&self.database());
        let folder = text::clean(&pending.folder().display().to_string());
        match pending.count() as u64 {
            0 => {}
            count => eprintln!(
                "sccache-report: {} could not be recorded yet, kept in {folder} (the next \
                 recorded build takes up what waits)",
                text::of(count, "build"),
            ),
        }
    }

    /// The filter that the options make, without the patterns.
    pub(super) fn filter(&self) -> Result<Filter, Trouble> {
        let now = Local::now();
        let time = |text: &Option<String>, edge| match text {
            None => Ok(None),
            Some(text) => when::parse(text, edge, now).map(Some).map_err(|cause| {
                Trouble::Request(
                    cause,
                    "write it like 2026-11-01, \"2 weeks ago\" or 3d".into(),
                )
            }),
        };
        Ok(Filter {
            since: time(&self.since, when::Edge::Since)?,
            until: time(&self.until, when::Edge::Until)?,
            outcomes: self.outcome.clone(),
            last: self.last,
            ..Filter::default()
        })
    }

    /// Whether the options leave the period open.
    pub(super) fn any_time(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.last.is_none()
    }

    /// Sorts, cuts and writes the rows; says whether there were any.
    pub(super) fn finish<R: 'static>(
        &self,
        mut sheet: Sheet<R>,
        out: &mut dyn Write,
    ) -> Result<Shown, Trouble> {
        if let Some(column) = &self.sort {
            sheet.sort(column).map_err(|names| {
                Trouble::Request(
                    format!("there is no column `{column}` to sort by"),
                    format!("the columns are: {}", names.join(" ")),
                )
            })?;
        }
        sheet.rows.truncate(self.limit.unwrap_or(usize::MAX));
        self.format.write(&sheet, &self.look(), out)?;
        Ok(match sheet.rows.is_empty() {
            true => Shown::Nothing("no recorded build matches".into()),
            false => Shown::Something,
        })
    }

    /// Writes that there is nothing, as far as the format has a word for it.
    pub(super) fn nothing<R: 'static>(
        &self,
        sheet: &Sheet<R>,
        why: String,
        out: &mut dyn Write,
    ) -> Result<Shown, Trouble> {
        self.format.write(sheet, &self.look(), out)?;
        Ok(Shown::Nothing(why))
    }

    /// How tables look where they go to.
    pub(super) fn look(&self) -> Look {
        let terminal = std::io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Look {
            color: match self.color {
                Color::Auto => terminal && !no_color,
                Color::Always => true,
                Color::Never => false,
            },
            width: terminal
                .then(terminal_size::terminal_size)
                .flatten()
                .map(|(width, _)| usize::from(width.0)),
        }
    }
}
