//! A build, its phases, and the emerge command that it belongs to.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::check::{MAX_SNAPSHOTS, check_name, check_text, check_time, json_error};
use super::emerge::MAX_COMMAND_BYTES;
use super::stable_paths::StablePaths;
use crate::error::{Error, Result, ensure};
use crate::sccache::compilations::CompilationList;
use crate::sccache::{NotMeasured, Stats};

/// One run of a package version's src phases from source, whatever its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Build {
    /// Globally unique, and the same whenever the same snapshots are recorded.
    pub id: Uuid,
    /// The name of the host.
    pub host: String,
    /// `CATEGORY/PN`.
    pub package: String,
    /// `PVR`, revision included.
    pub version: String,
    /// `SLOT`, sub-slot included.
    pub slot: Option<String>,
    /// `PORTAGE_REPO_NAME`.
    pub repository: Option<String>,
    /// The emerge command, if it is known.
    pub emerge: Option<Emerge>,
    /// Whether it is from a log, whose times are whole seconds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_imported: bool,
    /// How the build ended.
    pub outcome: Outcome,
    /// The beginning of the first phase in which sccache ran.
    pub started_at: DateTime<Utc>,
    /// When it was recorded; for a killed build, the end of its last phase.
    pub finished_at: DateTime<Utc>,
    /// The phases in which sccache ran, in the order they ended. A phase that was interrupted and run
    /// again occurs more than once: its numbers add up.
    pub phases: Vec<Phase>,
}

/// One run of the `emerge` or `ebuild` command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emerge {
    /// Globally unique: made from the host, its boot, the process, its namespace, and its start.
    pub id: Uuid,
    /// The command line, for people: `emerge -1 app-portage/emlop`.
    pub command: String,
    /// When it was started.
    pub started_at: DateTime<Utc>,
}

/// How a build ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It reached `pkg_preinst`.
    #[default]
    Merged,
    /// `emerge --buildpkgonly`: a binary package was made, nothing was merged.
    Packaged,
    /// A phase failed.
    Failed,
    /// It was stopped from outside.
    Interrupted,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [
        Self::Merged,
        Self::Packaged,
        Self::Failed,
        Self::Interrupted,
    ];

    /// Returns the word for the outcome in the database, on the command line, and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::Packaged => "packaged",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl FromStr for Outcome {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let outcome = Self::ALL.into_iter().find(|it| it.word() == word);
        outcome.ok_or_else(|| Error::Invalid(format!("`{word}` is not an outcome")))
    }
}

/// Whether the statistics belong to the build alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attribution {
    /// The server belonged to this build alone.
    Exact,
    /// The difference of a shared server's numbers, which may include those of other builds.
    Shared,
}

impl Attribution {
    /// Returns the word for it in the database, in JSON, and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Attribution::Exact => "exact",
            Attribution::Shared => "shared",
        }
    }
}

/// What sccache counted in one run of one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// `unpack`, `prepare`, `configure`, `compile`, `test`, or `install`.
    pub name: String,
    /// When the phase began. Older hooks recorded whole seconds.
    pub started_at: DateTime<Utc>,
    /// When its statistics were read.
    pub finished_at: DateTime<Utc>,
    /// Whether the statistics belong to the build alone.
    pub attribution: Attribution,
    /// Whether the cache was read-only (`SCCACHE_LOCAL_RW_MODE`), as the hook sets it where root must
    /// not write: then each miss counts a write error, as expected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Seconds of processor time, user and system, of the phase's shell and the programs it ran, from
    /// bash's `times`. The server and its children are not part of it. `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell_seconds: Option<f64>,
    /// Whether its crates had stable paths. `None` if that is not turned on, or there was nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable_paths: Option<StablePaths>,
    /// The statistics, or the reason why there are none. Not measured is not zero.
    pub stats: std::result::Result<Stats, NotMeasured>,
    /// The compilations that the phase's server logged. `None` if they are unknown: the hook didn't set up
    /// the log, or it doesn't match the statistics. A [snapshot](super::write_snapshot) has them in a
    /// separate file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compilations: Option<CompilationList>,
}

/// The text before a build's JSON in a line of a log. `einfo` prints a star before it.
pub const BUILD_LINE: &str = "sccache-report-build: ";

impl Phase {
    /// Returns the sum of the measured phases; `None` if there is none.
    pub fn total<'a>(phases: impl IntoIterator<Item = &'a Phase>) -> Option<Stats> {
        let measured = phases
            .into_iter()
            .filter_map(|phase| phase.stats.as_ref().ok());
        Stats::sum(measured)
    }
}

impl Build {
    /// Returns the sum of the measured phases; `None` if there is none.
    pub fn total(&self) -> Option<Stats> {
        Phase::total(&self.phases)
    }

    /// Checks that the collector could have written this build: names that PMS allows, no terminal
    /// escapes, numbers that the store accepts.
    ///
    /// # Errors
    /// Returns the first value that is impossible.
    pub fn check(&self) -> Result<()> {
        check_text(&self.host, 255).map_err(|error| Error::failed("host", error))?;
        ensure!(!self.host.is_empty(), "no host");
        let Some((category, name)) = self.package.split_once('/') else {
            return Err(Error::invalid("no CATEGORY/PN"));
        };
        let slot = self.slot.iter().flat_map(|slot| slot.split('/'));
        [category, name, &self.version]
            .into_iter()
            .chain(slot)
            .chain(self.repository.as_deref())
            .try_for_each(check_name)?;
        if let Some(emerge) = &self.emerge {
            check_text(&emerge.command, MAX_COMMAND_BYTES)
                .map_err(|error| Error::failed("command", error))?;
            check_time(emerge.started_at)?;
        }
        check_time(self.started_at)?;
        check_time(self.finished_at)?;
        ensure!(self.phases.len() <= MAX_SNAPSHOTS, "too many phases");
        let check = if self.is_imported {
            Phase::check_numbers
        } else {
            Phase::check
        };
        self.phases.iter().try_for_each(check)
    }

    /// Returns the id of this build in the database if it is imported from its line in a log.
    ///
    /// Anything that runs in a build can print such a line. With the line's own id, it could keep
    /// another package's build out of the database.
    pub fn imported_id(&self) -> Uuid {
        imported_id(&self.package, &self.version, self.id)
    }

    /// Returns the build without its compilations.
    #[must_use]
    pub fn without_compilations(&self) -> Self {
        let mut build = self.clone();
        for phase in &mut build.phases {
            phase.compilations = None;
        }
        build
    }

    /// Returns the build as one line for the merge log, the last resort if neither the database nor
    /// the folder beside it can be written. It has no compilations, which can be a megabyte.
    ///
    /// # Errors
    /// None for a checked build.
    pub fn to_log_line(&self) -> serde_json::Result<String> {
        let json = serde_json::to_string(&self.without_compilations())?;
        Ok(format!("{BUILD_LINE}{json}"))
    }

    /// Parses the build in a line of a log, ignoring the text around it; `None` if there is no build.
    ///
    /// # Errors
    /// Returns an error if the build is incomplete, or if the collector can't have written it. Anything
    /// that runs in a build can print such a line: the caller has to check that the log is about this
    /// `package` and `version`.
    pub fn from_log_line(line: &str) -> Option<Result<Self>> {
        let (_, json) = line.split_once(BUILD_LINE)?;
        // Up to the end of the value, because terminal escapes may follow.
        let mut parser = serde_json::Deserializer::from_str(json);
        let build = Self::deserialize(&mut parser).map_err(json_error);
        Some(build.and_then(|build| build.check().map(|()| build)))
    }
}

/// Returns the id of the build with this package, version and id if it is imported from its line in a log: see
/// [`Build::imported_id`].
pub fn imported_id(package: &str, version: &str, id: Uuid) -> Uuid {
    let name = format!("sccache-report imported {package} {version} {id}");
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}
