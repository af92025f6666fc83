//! What `sccache-collect` does: at the end of a phase, and at the end of a build.

mod keep;
mod phase;
mod summary;

use std::path::PathBuf;

use anyhow::Result;
use chrono::Utc;

use crate::portage::{Build, Emerge, Environment, FOLDER, Outcome, Snapshots, host, told_to_stop};
pub use keep::TAKE_UP_TIME;
pub use phase::{PhaseOptions, begin, phase};
pub use summary::Output;

/// What is to be said in the merge log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// For `einfo`.
    pub info: Vec<String>,
    /// For `ewarn`.
    pub warnings: Vec<String>,
}

/// Records the build whose phases left their snapshots in `${T}`, and removes those. Where
/// the database can't take the build, it is kept elsewhere, and that is said.
///
/// # Errors
/// Where this isn't a phase, or the snapshots can't be read: then they stay.
pub fn record(outcome: Outcome, slot: Option<String>, db: Option<PathBuf>) -> Result<Said> {
    let environment = Environment::read()?.with_slot(slot);
    let mut said = Said::default();
    let Some(mut snapshots) = Snapshots::read(&environment.t)? else {
        return Ok(said);
    };
    if !snapshots.refused.is_empty() {
        said.warnings.push(format!(
            "numbers in {} were not taken: {}",
            environment.t.join(FOLDER).display(),
            snapshots.refusals()
        ));
    }
    if snapshots.phases.is_empty() {
        return Ok(said);
    }
    let outcome = match outcome {
        Outcome::Failed if told_to_stop() => Outcome::Interrupted,
        outcome => outcome,
    };
    let build = build(environment, outcome, &mut snapshots);
    said.info = summary::lines(&build, Output::from_environment());
    let path = db.unwrap_or_else(crate::store::default_path);
    keep::keep(&build, &path, &mut said);
    snapshots.remove();
    Ok(said)
}

fn build(environment: Environment, outcome: Outcome, snapshots: &mut Snapshots) -> Build {
    let host = host();
    let finished_at = Utc::now();
    let starts = snapshots.phases.iter().map(|phase| phase.started_at);
    let started_at = starts.min().unwrap_or(finished_at).min(finished_at);
    Build {
        id: snapshots.build_id(&environment.package, &environment.version),
        emerge: Emerge::above_this_process(&host),
        host,
        package: environment.package,
        version: environment.version,
        slot: environment.slot,
        repository: environment.repository,
        merge_type: environment.merge_type,
        outcome,
        started_at,
        finished_at,
        phases: std::mem::take(&mut snapshots.phases),
    }
}
