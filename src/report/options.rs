//! Option groups. A subcommand flattens the groups that it supports.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use chrono::{DateTime, Local, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::suggest;
use super::table::{Column, Format, Table, Terminal};
use super::{Status, warn};
use crate::config;
use crate::error::Error;
use crate::portage::Outcome;
use crate::store::{Filter, Patterns, Store};
use crate::when;

/// Which database to read. Every subcommand has this option.
#[derive(Debug, Args)]
pub(super) struct Database {
    /// Database [default: $SCCACHE_REPORT_DB or the system's]
    ///
    /// The system's is /var/lib/sccache-report/stats.db, on Gentoo Prefix below EPREFIX.
    #[arg(long, value_name = "FILE", global = true)]
    db: Option<PathBuf>,
}

impl Database {
    /// The file named by the option or the environment.
    pub(super) fn named(&self) -> Option<PathBuf> {
        config::named_database(self.db.as_deref())
    }

    pub(super) fn path(&self) -> PathBuf {
        config::database_path(self.db.as_deref())
    }

    pub(super) fn open(&self) -> Result<Store, Error> {
        Store::open_for_reading(&self.path())
    }
}

/// Options that select builds.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct BuildFilter {
    /// Started at WHEN or later: 2026-11-01, 3d
    ///
    /// Also 2026-11, 2026-W47, yesterday, "last month", "2 weeks ago", or an RFC 3339 time.
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    since: Option<String>,

    /// Started before the end of WHEN
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    until: Option<String>,

    /// Only the N newest matching builds
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    last: Option<u32>,

    /// merged, packaged, failed or interrupted
    ///
    /// Separate several by commas.
    #[arg(long, value_delimiter = ',', value_parser = outcome(), hide_possible_values = true)]
    outcome: Vec<Outcome>,

    /// Ebuild repository
    ///
    /// Separate several by commas.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    repository: Vec<String>,

    /// Language in the build (rust, c++)
    ///
    /// Separate several by commas. The numbers are those of the whole builds.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    language: Vec<String>,

    /// Only packages with at least N matching builds
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    min_builds: Option<u32>,

    /// PATTERN is a regular expression
    ///
    /// It may match anywhere in CATEGORY/PN.
    #[arg(short = 'e', long)]
    regex: bool,
}

fn outcome() -> impl TypedValueParser<Value = Outcome> {
    PossibleValuesParser::new(Outcome::ALL.map(Outcome::word)).try_map(|word| word.parse())
}

fn positive(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("expected a whole number from 1 to {}", u32::MAX))
}

impl BuildFilter {
    /// Opens the database, and returns it with the filter for these patterns and options.
    /// `commands` are suggested for a misspelled first pattern.
    ///
    /// # Errors
    /// [`Error::NoMatch`] if there are no builds, or no package matches.
    pub(super) fn open(
        &self,
        patterns: &[String],
        database: &Database,
        commands: &[&str],
    ) -> Result<(Store, Filter), Error> {
        let mut filter = self.filter()?;
        let parsed = self.patterns(patterns)?;
        let store = database.open()?;
        suggest::require_builds(&store)?;
        if !patterns.is_empty() {
            let packages = store.matching_packages(&parsed)?;
            if packages.is_empty() {
                return Err(suggest::unknown_package(&store, patterns, commands)?);
            }
            filter.packages = Some(packages);
        }
        suggest::check_period(&store, &filter)?;
        Ok((store, filter))
    }

    /// The filter without patterns.
    pub(super) fn filter(&self) -> Result<Filter, Error> {
        let since = parse_time("--since", self.since.as_deref(), when::Edge::Since)?;
        let until = parse_time("--until", self.until.as_deref(), when::Edge::Until)?;
        if since
            .zip(until)
            .is_some_and(|(since, until)| since >= until)
        {
            let hint = "swap them, as in --since 2026-10-01 --until 2026-10-31";
            return Err(Error::usage("--since is later than --until", hint));
        }
        Ok(Filter {
            since,
            until,
            outcomes: self.outcome.clone(),
            repositories: self.repository.clone(),
            languages: self.language.clone(),
            min_builds: self.min_builds,
            last: self.last,
            ..Filter::default()
        })
    }

    pub(super) fn patterns(&self, texts: &[String]) -> Result<Patterns, Error> {
        if self.regex && texts.is_empty() {
            let hint = "add a PATTERN, or remove --regex";
            return Err(Error::usage("--regex needs a PATTERN", hint));
        }
        if texts.iter().any(|text| text.trim().is_empty()) {
            let hint =
                "use emlop, app-portage/emlop or 'dev-rust/*', or no PATTERN for all packages";
            return Err(Error::usage("empty PATTERN", hint));
        }
        let patterns = if self.regex {
            Patterns::regexes(texts)
        } else {
            Patterns::globs(texts)
        };
        let hint = "shell wildcards are * ? [...]; -e reads regular expressions";
        patterns.map_err(|error| Error::usage(error.to_string(), hint))
    }

    /// Whether no option limits the period.
    pub(super) fn is_any_time(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.last.is_none()
    }
}

fn parse_time(
    option: &str,
    text: Option<&str>,
    edge: when::Edge,
) -> Result<Option<DateTime<Utc>>, Error> {
    let time = text.map(|text| when::parse(text, edge, Local::now()));
    time.transpose().map_err(|message| {
        let hint = "use 2026-11-01, 2026-11, 2026-W47, \"last month\", \"2 weeks ago\" or 3d";
        Error::usage(format!("{option}: {message}"), hint)
    })
}

/// Options for reports with one row per thing.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct RowOptions {
    /// Sort by COLUMN[:asc|:desc], named as in JSON
    ///
    /// Numbers are sorted in descending order, everything else ascending, unless `:asc` or `:desc`
    /// is given.
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,

    /// Show N rows: the newest, or with --sort the first
    ///
    /// Of packages, always the first.
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    limit: Option<u32>,

    /// Show these columns, named as in JSON, in this order
    ///
    /// `packages`, `trend` and `emerges` have failed, interrupted, incomplete and shared only if
    /// named here; `builds` has unmeasured_phases.
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    columns: Option<Vec<String>>,
}

/// Which rows `--limit` keeps without `--sort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    First,
    /// For rows in order of time.
    Last,
}

impl RowOptions {
    pub(super) fn is_empty(&self) -> bool {
        self.sort.is_none() && self.limit.is_none() && self.columns.is_none()
    }

    /// Whether every row is shown in the report's own order.
    pub(super) fn is_unsorted_and_unlimited(&self) -> bool {
        self.sort.is_none() && self.limit.is_none()
    }

    /// Whether the column is part of the output.
    pub(super) fn includes(&self, column: &str) -> bool {
        let columns = self.columns.as_ref();
        columns.is_none_or(|names| names.iter().any(|name| name == column))
    }

    /// Reads no more builds than `--limit` shows, for a report with one row per build.
    pub(super) fn limit_builds(&self, filter: &mut Filter) {
        if self.sort.is_none() {
            filter.last = [self.limit, filter.last].into_iter().flatten().min();
        }
    }

    fn apply<R: 'static>(&self, table: &mut Table<R>, keep: Keep) -> Result<(), Error> {
        if let Some(column) = &self.sort {
            table.sort(column)?;
        }
        let limit = self.limit.map_or(usize::MAX, |limit| limit as usize);
        if keep == Keep::Last && self.sort.is_none() {
            let older = table.rows.len().saturating_sub(limit);
            table.rows.drain(..older);
        } else {
            table.rows.truncate(limit);
        }
        Ok(())
    }

    pub(super) fn select_columns<R: 'static>(
        &self,
        table: &mut Table<R>,
        format: Format,
    ) -> Result<(), Error> {
        match &self.columns {
            Some(names) => table.select(names, format == Format::Json),
            None => Ok(()),
        }
    }
}

/// Options for how a report is written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputFormat {
    /// table, json, csv or tsv
    #[arg(long, value_enum, default_value_t = Format::Table, hide_possible_values = true)]
    pub(super) format: Format,

    /// Use colors: auto, always or never
    ///
    /// `auto` uses colors on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN", hide_possible_values = true)]
    color: ColorChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// The width of a terminal that doesn't report one.
const DEFAULT_WIDTH: usize = 80;

impl OutputFormat {
    pub(super) fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    pub(super) fn terminal(&self) -> Terminal {
        let is_terminal = io::stdout().is_terminal();
        let no_color = config::variable("NO_COLOR").is_some();
        Terminal {
            color: match self.color {
                ColorChoice::Auto => is_terminal && !no_color,
                ColorChoice::Always => true,
                ColorChoice::Never => false,
            },
            width: is_terminal.then(|| terminal_width(io::stdout()).unwrap_or(DEFAULT_WIDTH)),
        }
    }

    /// Writes rows in their own order. See [`OutputFormat::write_rows`].
    pub(super) fn write<R: 'static>(
        &self,
        columns: Vec<Column<R>>,
        rows: Result<Vec<R>, Error>,
        out: &mut dyn Write,
    ) -> Result<Status, Error> {
        self.write_rows(columns, rows, (&RowOptions::default(), Keep::First), out)
    }

    /// Sorts, limits and writes rows. Without a match writes an empty document or header, and
    /// returns why.
    fn write_rows<R: 'static>(
        &self,
        columns: Vec<Column<R>>,
        rows: Result<Vec<R>, Error>,
        (options, keep): (&RowOptions, Keep),
        out: &mut dyn Write,
    ) -> Result<Status, Error> {
        let (rows, no_match) = match rows {
            Ok(rows) if rows.is_empty() => (rows, Some(suggest::NO_BUILD.to_string())),
            Ok(rows) => (rows, None),
            Err(Error::NoMatch(why)) => (Vec::new(), Some(why)),
            Err(error) => return Err(error),
        };
        let mut table = Table { columns, rows };
        options.apply(&mut table, keep)?;
        options.select_columns(&mut table, self.format)?;
        let hidden = table.write(self.format, self.terminal(), out)?;
        if let Some(why) = no_match {
            return Err(Error::NoMatch(why));
        }
        if options.columns.is_some() && !hidden.is_empty() {
            let hidden = hidden.join(", ");
            warn(&format!("the terminal is too narrow for: {hidden}"));
        }
        Ok(Status::Success)
    }
}

/// The arguments of reports with one row per thing.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Packages: PN, CATEGORY/PN, or with wildcards ('dev-rust/*')
    #[arg(value_name = "PATTERN")]
    pub(super) patterns: Vec<String>,

    #[command(flatten)]
    pub(super) filter: BuildFilter,

    #[command(flatten)]
    pub(super) rows: RowOptions,

    #[command(flatten)]
    pub(super) output: OutputFormat,
}

impl ListArgs {
    pub(super) fn open(&self, database: &Database) -> Result<(Store, Filter), Error> {
        self.filter.open(&self.patterns, database, &[])
    }

    pub(super) fn write<R: 'static>(
        &self,
        columns: Vec<Column<R>>,
        rows: Result<Vec<R>, Error>,
        keep: Keep,
        out: &mut dyn Write,
    ) -> Result<Status, Error> {
        self.output
            .write_rows(columns, rows, (&self.rows, keep), out)
    }
}

/// The columns of a terminal; `None` if it isn't one, or doesn't report them.
pub(super) fn terminal_width(stream: impl AsFd) -> Option<usize> {
    terminal_size::terminal_size_of(stream).map(|(width, _)| usize::from(width.0))
}
