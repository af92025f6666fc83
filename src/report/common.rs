//! The options that every report has, and what they pick.

use std::path::PathBuf;

use clap::Args;

use super::filters::Filters;
use super::format::Format;
use super::layout::{Layout, OF_ROWS, OUTPUT};
use super::unknown::{NOTHING_YET, unknown_package, why_nothing};
use super::{Trouble, say, text};
use crate::store::{Filter, Patterns, Pending, Store, default_path};

/// Options that every report has.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// The database [default: SCCACHE_REPORT_DB, or /var/lib/sccache-report/stats.db]
    #[arg(long, value_name = "FILE", global = true)]
    db: Option<PathBuf>,

    #[command(flatten)]
    filters: Filters,

    #[command(flatten)]
    pub(super) layout: Layout,

    /// How to write the report
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    #[arg(help_heading = OUTPUT)]
    pub(super) format: Format,
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
        self.select_or(patterns, &[])
    }

    /// As [`Common::select`], where the first of the patterns may be meant for one of these commands.
    pub(super) fn select_or(
        &self,
        patterns: &[String],
        commands: &[&str],
    ) -> Result<Selection, Trouble> {
        let mut filter = self.filter()?;
        let parsed = self.patterns(patterns)?;
        let store = self.open()?;
        if store.is_empty()? {
            return Ok(Selection::Nothing(NOTHING_YET.into()));
        }
        if !patterns.is_empty() {
            let names = store.matching_packages(&parsed)?;
            if names.is_empty() {
                return Ok(Selection::Nothing(unknown_package(
                    &store, patterns, commands,
                )?));
            }
            filter.packages = Some(names);
        }
        if let Some(why) = why_nothing(&store, &filter)? {
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

    pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
        self.layout.given().chain(self.filters.given())
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
}
