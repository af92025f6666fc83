//! One build and what belongs to it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::sccache::Stats;

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
    /// `MERGE_TYPE`: `source` or `buildonly`.
    pub merge_type: Option<String>,
    /// The emerge command that it was part of, where it could be seen.
    pub emerge: Option<Emerge>,
    pub outcome: Outcome,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    /// The phases in which sccache ran, in the order they ended. The same phase can be
    /// there more than once (it was interrupted and run again): the numbers add up.
    pub phases: Vec<Phase>,
}

/// One run of the `emerge` or `ebuild` command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emerge {
    /// Globally unique: made from the host, its boot, the process and when it started.
    pub id: uuid::Uuid,
    /// The command line, for people: `emerge -1 app-portage/emlop`.
    pub command: String,
    pub started_at: DateTime<Utc>,
}

/// What came of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It got to `pkg_preinst`.
    Merged,
    /// `emerge --buildpkgonly`: a binary package was made, nothing was merged.
    Packaged,
    /// A phase failed.
    Failed,
    /// It was stopped from outside.
    Interrupted,
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
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    pub attribution: Attribution,
    /// The numbers, or why there are none. Not measured is not zero.
    pub stats: Result<Stats, String>,
}
