//! Option groups. A subcommand flattens the groups that it supports.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ColorChoice, value_parser};

use super::table::{Column, Format, Page, Table, Terminal};
use super::{Status, suggest, text, warn};
use crate::config;
use crate::error::{Error, Result};
use crate::portage::Outcome;
use crate::store::{Filter, Patterns, Store};
use crate::when::{self, PeriodEnd};

/// A build that starts later than this from now has a wrong date. The clocks of other hosts differ by
/// less.
pub(super) const TOLERANCE: TimeDelta = TimeDelta::days(1);

/// Which database to read. Every subcommand has this option.
#[derive(Debug, Args)]
pub(super) struct Database {
    /// Database [default: SCCACHE_REPORT_DB, or the system's]
    ///
    /// The system database is /var/lib/sccache-report/stats.db, on Gentoo Prefix below EPREFIX.
    #[arg(long, value_name = "FILE", global = true, help_heading = None::<&str>)]
    db: Option<PathBuf>,
}

impl Database {
    /// The file named by the option or the environment. A relative option is resolved, because its
    /// meaning is clear; a relative variable is a mistake.
    pub(super) fn named(&self) -> Option<PathBuf> {
        let absolute = self
            .db
            .as_deref()
            .and_then(|db| std::path::absolute(db).ok());
        config::named_database(absolute.as_deref())
    }

    pub(super) fn path(&self) -> PathBuf {
        config::database_path(self.db.as_deref())
    }

    pub(super) fn open(&self) -> Result<Store> {
        Store::open_for_reading(&self.path())
    }
}

/// Which packages a report is about.
#[derive(Debug, Default, Args)]
pub(super) struct PackagePatterns {
    /// Packages: PN or CATEGORY/PN, wildcards allowed ('dev-rust/*')
    #[arg(value_name = "PATTERN")]
    pub(super) patterns: Vec<String>,

    /// PATTERN is a regular expression
    ///
    /// It may match anywhere in CATEGORY/PN.
    #[arg(short = 'e', long, requires = "patterns")]
    pub(super) regex: bool,
}

/// Options that select builds.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct BuildFilter {
    /// Only builds started at WHEN or later: 2026-11-01, 3d
    ///
    /// Also 2026-11, 2026-W47, yesterday, "last month", "2 weeks ago", or an RFC 3339 time.
    #[arg(long, value_name = "WHEN", value_parser = |text: &str| when::parse_option(text, PeriodEnd::Since))]
    since: Option<DateTime<Utc>>,

    /// Only builds that started before the end of WHEN
    #[arg(long, value_name = "WHEN", value_parser = |text: &str| when::parse_option(text, PeriodEnd::Until))]
    until: Option<DateTime<Utc>>,

    /// Only the N newest matching builds
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    last: Option<u32>,

    /// Only merged, packaged, failed, or interrupted builds
    ///
    /// Separate multiple values with commas.
    #[arg(long, value_parser = outcome_parser(), value_delimiter = ',', hide_possible_values = true)]
    outcome: Vec<Outcome>,

    /// Only builds from this ebuild repository
    ///
    /// Separate multiple values with commas.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    repository: Vec<String>,

    /// Only builds of this host
    ///
    /// Separate multiple values with commas.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    host: Vec<String>,

    /// Only builds with this language (rust, c++)
    ///
    /// Separate multiple values with commas. Counts include the whole build.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    language: Vec<String>,

    /// Only packages with at least N matching builds
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..), hide_short_help = true)]
    min_builds: Option<u32>,
}

fn outcome_parser() -> impl TypedValueParser<Value = Outcome> {
    PossibleValuesParser::new(Outcome::ALL.map(Outcome::word)).try_map(|word| word.parse())
}

impl BuildFilter {
    /// Returns what narrows the builds, apart from the period and the hosts: `dev-vcs/git, --last 5`.
    pub(super) fn conditions(&self, packages: &PackagePatterns) -> String {
        let list = |name: &str, values: &[String]| {
            (!values.is_empty()).then(|| format!("{name} {}", values.join(",")))
        };
        let outcomes: Vec<String> = self
            .outcome
            .iter()
            .map(|outcome| outcome.word().to_owned())
            .collect();
        let patterns = packages.patterns.iter().cloned().map(Some);
        patterns
            .chain([
                list("--outcome", &outcomes),
                list("--repository", &self.repository),
                list("--language", &self.language),
                self.min_builds
                    .map(|builds| format!("--min-builds {builds}")),
                self.last.map(|builds| format!("--last {builds}")),
            ])
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Opens the database, and returns it with the filter for these patterns and options.
    ///
    /// # Errors
    /// [`Error::NoMatch`] if there are no builds, or no package matches.
    pub(super) fn open(
        &self,
        packages: &PackagePatterns,
        database: &Database,
    ) -> Result<(Store, Filter)> {
        let mut filter = self.filter()?;
        let patterns = Patterns::parse(&packages.patterns, packages.regex)?;
        let store = database.open()?;
        suggest::require_builds(&store)?;
        suggest::check_hosts(&store, &filter)?;
        if !packages.patterns.is_empty() {
            let mut names = store.package_names()?;
            let unmatched = patterns.unmatched(&names);
            if unmatched.len() == packages.patterns.len() {
                return Err(suggest::unknown_package(&names, &unmatched));
            }
            for pattern in unmatched {
                warn(&format!("no recorded package matches {pattern}"));
            }
            names.retain(|name| patterns.matches(name));
            filter.packages = Some(names);
        }
        suggest::check_period(&store, &filter)?;
        Ok((store, filter))
    }

    /// The filter without patterns.
    pub(super) fn filter(&self) -> Result<Filter> {
        when::check_period(self.since, self.until)?;
        Ok(Filter {
            since: self.since,
            until: self.until,
            outcomes: self.outcome.clone(),
            repositories: self.repository.clone(),
            hosts: self.host.clone(),
            languages: self.language.clone(),
            min_builds: self.min_builds,
            last: self.last,
            ..Filter::default()
        })
    }

    /// Whether no option limits the period.
    pub(super) fn is_any_time(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.last.is_none()
    }
}

/// Limits the filter to the `days` before the newest build. Builds with a future date would hide all
/// others, so they are excluded with a warning, unless there are no others.
pub(super) fn limit_to_recent(store: &Store, filter: &mut Filter, days: i64) -> Result<()> {
    let tomorrow = Utc::now() + TOLERANCE;
    let past = Filter {
        until: Some(tomorrow),
        ..filter.clone()
    };
    let newest = store.newest(filter)?;
    let newest_past = store.newest(&past)?;
    if newest_past.is_some() && newest_past != newest {
        warn(&format!(
            "ignored builds dated in the future; list them with `sccache-report builds --since {}`",
            text::date(tomorrow)
        ));
        *filter = past;
    }
    filter.since = newest_past
        .or(newest)
        .map(|newest| newest - TimeDelta::days(days));
    Ok(())
}

/// Options of reports that print rows.
#[derive(Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct RowOptions {
    /// Sort by COLUMN[:asc|:desc] (its JSON name)
    ///
    /// Numbers are sorted in descending order, everything else ascending, unless `:asc` or `:desc`
    /// is given.
    #[arg(long, value_name = "COLUMN")]
    pub(super) sort: Option<String>,

    /// Show at most N rows: the newest, or the first of --sort
    ///
    /// `packages` always shows the first rows.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(super) limit: Option<u32>,

    /// Show these columns (their JSON names), in this order
    ///
    /// Narrow terminals hide the least important columns, unless this option names them.
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    pub(super) columns: Option<Vec<String>>,
}

/// The order of rows without `--sort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowOrder {
    /// `--limit` keeps the first.
    Ranked,
    /// `--limit` keeps the newest, which are the last.
    Chronological,
}

impl RowOptions {
    /// Whether the column is part of the output.
    pub(super) fn includes(&self, column: &str) -> bool {
        let columns = self.columns.as_ref();
        columns.is_none_or(|names| names.iter().any(|name| name == column))
    }

    /// Whether `--columns` or `--sort` names the column.
    pub(super) fn names(&self, column: &str) -> bool {
        let sorts = |by: &String| by.split(':').next() == Some(column);
        self.columns.is_some() && self.includes(column) || self.sort.as_ref().is_some_and(sorts)
    }

    /// Reads no more builds than `--limit` shows, for a report with one row per build.
    pub(super) fn limit_builds(&self, filter: &mut Filter) {
        if self.sort.is_none() {
            filter.last = [self.limit, filter.last].into_iter().flatten().min();
        }
    }

    /// Sorts and limits the rows, and selects the columns.
    pub(super) fn apply<R: 'static>(
        &self,
        table: &mut Table<R>,
        order: RowOrder,
        format: Format,
    ) -> Result<()> {
        if let Some(column) = &self.sort {
            table.sort(column)?;
        }
        let limit = self.limit.map_or(usize::MAX, |limit| limit as usize);
        if order == RowOrder::Chronological && self.sort.is_none() {
            let older = table.rows.len().saturating_sub(limit);
            table.rows.drain(..older);
        } else {
            table.rows.truncate(limit);
        }
        if let Some(names) = &self.columns {
            table.select(names, format == Format::Json)?;
        }
        Ok(())
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

/// The width of a terminal that doesn't report one, and of pages that aren't written to a terminal.
pub(super) const DEFAULT_WIDTH: usize = 80;

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

    pub(super) fn page<'a>(&self, out: &'a mut dyn Write) -> Page<'a> {
        let terminal = self.terminal();
        Page { terminal, out }
    }

    /// Writes rows in their own order. See [`ListArgs::write`].
    pub(super) fn write<R: 'static>(
        &self,
        columns: Vec<Column<R>>,
        rows: Result<Vec<R>>,
        out: &mut dyn Write,
    ) -> Result<Status> {
        self.write_rows(
            columns,
            rows,
            (&RowOptions::default(), RowOrder::Ranked),
            out,
        )
    }

    pub(super) fn write_rows<R: 'static>(
        &self,
        columns: Vec<Column<R>>,
        rows: Result<Vec<R>>,
        (options, order): (&RowOptions, RowOrder),
        out: &mut dyn Write,
    ) -> Result<Status> {
        let (rows, no_match) = match rows {
            Ok(rows) if rows.is_empty() => (rows, Some(suggest::NO_BUILD.to_string())),
            Ok(rows) => (rows, None),
            Err(Error::NoMatch(why)) => (Vec::new(), Some(why)),
            Err(error) => return Err(error),
        };
        let mut table = Table { columns, rows };
        options.apply(&mut table, order, self.format)?;
        table.write(self.format, self.terminal(), out)?;
        match no_match {
            Some(why) => Err(Error::NoMatch(why)),
            None => Ok(Status::Success),
        }
    }
}

/// The arguments of reports that print rows.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) packages: PackagePatterns,

    #[command(flatten)]
    pub(super) filter: BuildFilter,

    #[command(flatten)]
    pub(super) rows: RowOptions,

    #[command(flatten)]
    pub(super) output: OutputFormat,
}

impl ListArgs {
    pub(super) fn open(&self, database: &Database) -> Result<(Store, Filter)> {
        self.filter.open(&self.packages, database)
    }

    /// Sorts, limits and writes rows. Without a match writes an empty document or header, and
    /// returns why.
    pub(super) fn write<R: 'static>(
        &self,
        columns: Vec<Column<R>>,
        rows: Result<Vec<R>>,
        order: RowOrder,
        out: &mut dyn Write,
    ) -> Result<Status> {
        self.output
            .write_rows(columns, rows, (&self.rows, order), out)
    }
}

/// The columns of a terminal; `None` if it isn't one, or doesn't report them.
pub(super) fn terminal_width(stream: impl AsFd) -> Option<usize> {
    terminal_size::terminal_size_of(stream).map(|(width, _)| usize::from(width.0))
}
