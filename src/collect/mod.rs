//! What `sccache-collect` does: at the end of a phase, at the end of a build, and with the logs
//! of builds long past.

mod build_table;
pub mod forget;
pub mod import;
mod keep;
mod phase;
mod server;
mod shared;
mod summary;
mod unfinished;
mod warnings;

use std::path::PathBuf;

use anyhow::Result;
use chrono::Utc;

use crate::config::database_path;
use crate::portage::{
    Build, Emerge, Environment, FOLDER, Outcome, Snapshots, host, set_aside, told_to_stop,
};
use keep::Recorder;
pub use phase::{PhaseOptions, phase};
pub use shared::begin;
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
/// the database can't take the build, it is kept elsewhere, and that is said. Phases that were
/// killed before they could tell their end are not measured; their servers are ended.
///
/// # Errors
/// Where this isn't a phase, or the snapshots can't be read: then they stay.
pub fn record(outcome: Outcome, slot: Option<String>, db: Option<PathBuf>) -> Result<Said> {
    let environment = Environment::read()?.with_slot(slot);
    let mut recorder = Recorder::new(&database_path(db.as_deref()));
    let mut said = Said::default();
    retry(&environment, &mut recorder, &mut said)?;
    unfinished::settle(&environment.t, &mut said)?;
    let Some(mut snapshots) = Snapshots::read(&environment.t, FOLDER)? else {
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
    let build = build(environment, outcome, &mut snapshots);
    said.warnings.extend(warnings::warnings(&build));
    said.info
        .extend(summary::lines(&build, Output::from_environment()));
    if recorder.keep(&build, &mut said) {
        snapshots.remove();
    } else {
        snapshots.set_aside(build.outcome);
    }
    Ok(said)
}

/// Tries again to keep the builds whose numbers went into the log alone. They are in no other's sum,
/// and have the id that the log says: they are recorded once, whether or not that is imported.
fn retry(environment: &Environment, recorder: &mut Recorder, said: &mut Said) -> Result<()> {
    for (folder, outcome) in set_aside(&environment.t)? {
        let Ok(Some(mut snapshots)) = Snapshots::read(&environment.t, &folder) else {
            continue;
        };
        if snapshots.phases.is_empty() {
            continue;
        }
        let found = Build {
            outcome,
            ..build(environment.clone(), Outcome::Interrupted, &mut snapshots)
        };
        if recorder.retry(&found, said) {
            snapshots.remove();
        }
    }
    Ok(())
}

fn build(environment: Environment, outcome: Outcome, snapshots: &mut Snapshots) -> Build {
    let host = host();
    let phases = std::mem::take(&mut snapshots.phases);
    let now = Utc::now();
    let started_at = phases.iter().map(|phase| phase.started_at).min();
    let (outcome, finished_at, emerge) = match outcome {
        // Found when the package's next build begins, under another command: that of the build is
        // gone, and it ended no later than its last phase.
        Outcome::Interrupted => {
            let last = phases.iter().map(|phase| phase.finished_at).max();
            (outcome, last.unwrap_or(now), None)
        }
        Outcome::Failed if told_to_stop() => {
            (Outcome::Interrupted, now, Emerge::above_this_process(&host))
        }
        _ => (outcome, now, Emerge::above_this_process(&host)),
    };
    Build {
        id: snapshots.build_id(&environment.package, &environment.version),
        emerge,
        host,
        package: environment.package,
        version: environment.version,
        slot: environment.slot,
        repository: environment.repository,
        outcome,
        started_at: started_at.unwrap_or(finished_at).min(finished_at),
        finished_at,
        phases,
    }
}
