//! One build and what belongs to it.

use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::environment::check_name;
use super::phase::{MAX_SNAPSHOTS, check_text, check_time};
use crate::sccache::{NotMeasured, Stats};

/// One run of a package version's src phases from source, whatever came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Build {
    /// Globally unique, and the same whenever the same snapshots are recorded.
    pub id: uuid::Uuid,
    /// The machine it was built on.
    pub host: String,
    /// `CATEGORY/PN`.
    pub package: String,
    /// `PVR`, revision included.
    pub version: String,
    /// `SLOT`, sub-slot included as Portage has it.
    pub slot: Option<String>,
    /// `PORTAGE_REPO_NAME`.
    pub repository: Option<String>,
    /// The emerge command that it was part of, where it could be seen.
    pub emerge: Option<Emerge>,
    /// What came of it.
    pub outcome: Outcome,
    /// When the first phase began in which sccache ran.
    pub started_at: DateTime<Utc>,
    /// When it was recorded; of a build that was killed, when its last phase ended.
    pub finished_at: DateTime<Utc>,
    /// The phases in which sccache ran, in the order they ended. The same phase can be
    /// there more than once (it was interrupted and run again): the numbers add up.
    pub phases: Vec<Phase>,
}

/// One run of the `emerge` or `ebuild` command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emerge {
    /// Globally unique: made from the host, its boot, the process, its namespace and when it
    /// started.
    pub id: uuid::Uuid,
    /// The command line, for people: `emerge -1 app-portage/emlop`.
    pub command: String,
    /// When it was started.
    pub started_at: DateTime<Utc>,
}

/// What came of a build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It got to `pkg_preinst`.
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
    pub const ALL: [Outcome; 4] = [
        Outcome::Merged,
        Outcome::Packaged,
        Outcome::Failed,
        Outcome::Interrupted,
    ];

    /// In one word, the same wherever it is stored, read or printed.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Merged => "merged",
            Outcome::Packaged => "packaged",
            Outcome::Failed => "failed",
            Outcome::Interrupted => "interrupted",
        }
    }
}

impl FromStr for Outcome {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Outcome> {
        Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.word() == word)
            .with_context(|| format!("no outcome is called `{word}`"))
    }
}

/// Whose the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attribution {
    /// The server belonged to this build alone.
    Exact,
    /// The difference of a shared server's numbers: others may be in it.
    Shared,
}

/// What sccache counted in one run of one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// `unpack`, `prepare`, `configure`, `compile`, `test` or `install`.
    pub name: String,
    /// When the phase began, in whole seconds.
    pub started_at: DateTime<Utc>,
    /// When its numbers were taken.
    pub finished_at: DateTime<Utc>,
    /// Whose the numbers are.
    pub attribution: Attribution,
    /// The cache was read-only (`SCCACHE_LOCAL_RW_MODE`), as the hook has it where root must not
    /// write: each miss counts a write error, and that is expected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// The numbers, or why there are none. Not measured is not zero.
    pub stats: std::result::Result<Stats, NotMeasured>,
}

/// What a build's line in a log begins with, whatever `einfo` puts before it.
pub const BUILD_LINE: &str = "sccache-report-build: ";

impl Build {
    /// Whether this is a build that a collector can have written: names that PMS allows,
    /// nothing that a terminal would obey, numbers that the store takes.
    ///
    /// # Errors
    /// The first thing that is not.
    pub fn check(&self) -> Result<()> {
        check_text(&self.host, 255).context("host")?;
        ensure!(!self.host.is_empty(), "no host");
        let (category, name) = self.package.split_once('/').context("no CATEGORY/PN")?;
        let slot = self.slot.iter().flat_map(|slot| slot.split('/'));
        [category, name, &self.version]
            .into_iter()
            .chain(slot)
            .chain(self.repository.as_deref())
            .try_for_each(check_name)?;
        if let Some(emerge) = &self.emerge {
            check_text(&emerge.command, super::emerge::MAX_COMMAND_BYTES).context("command")?;
            check_time(emerge.started_at)?;
        }
        check_time(self.started_at)?;
        check_time(self.finished_at)?;
        ensure!(self.phases.len() <= MAX_SNAPSHOTS, "too many phases");
        self.phases.iter().try_for_each(Phase::check)
    }

    /// The id that this build has in the database if it was imported from its line in a log.
    ///
    /// Anything that runs in a build can print such a line. With the line's own id, it could keep
    /// another package's build out of the database.
    pub fn imported_id(&self) -> uuid::Uuid {
        let name = format!(
            "sccache-report imported {} {} {}",
            self.package, self.version, self.id
        );
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes())
    }

    /// The build as one line of text, for the merge log: the last place that is left when
    /// neither the database nor the folder beside it can be written.
    ///
    /// # Errors
    /// None that a checked build can have.
    pub fn to_log_line(&self) -> serde_json::Result<String> {
        Ok(format!("{BUILD_LINE}{}", serde_json::to_string(self)?))
    }

    /// Back from a line of a log, with whatever stands around it; `None` where there is no
    /// build in the line.
    ///
    /// # Errors
    /// Where there is one, but broken, or not one that a collector can have written. Anything
    /// that runs in a build can print such a line: whoever imports a log has to see for
    /// themselves whether `package` and `version` are those that the log is about.
    pub fn from_log_line(line: &str) -> Option<Result<Self>> {
        let (_, json) = line.split_once(BUILD_LINE)?;
        // No further than the value's end: what follows may be a terminal's colours.
        let mut parser = serde_json::Deserializer::from_str(json);
        let build = Self::deserialize(&mut parser).map_err(super::json::syntax);
        Some(build.and_then(|build| build.check().map(|()| build)))
    }
}
