//! What `sccache-collect` does: at the end of a phase, at the end of a build, and with the logs
//! of builds long past.

pub mod import;
mod summary;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};

use crate::portage::{
    Attribution, Build, Emerge, Environment, FOLDER, Outcome, Phase, Snapshots, host,
    write_snapshot,
};
use crate::sccache::{Address, Sccache, ServerError, Stats, is_listening};
use crate::store::Store;
pub use summary::Output;

/// What is to be said in the merge log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// For `einfo`.
    pub info: Vec<String>,
    /// For `ewarn`.
    pub warnings: Vec<String>,
}

/// The name of the abstract socket that the hook chooses, and of the path socket in `${T}`.
const ABSTRACT: &[u8] = b"sccache-report";
const PATH: &str = ".sccache-report.sock";

/// Takes the numbers of this build's server, stops it, and leaves a snapshot in `${T}`.
///
/// A server that could not be asked leaves a snapshot too, one that says so: the phase was
/// not measured, which is not the same as that nothing was compiled.
///
/// # Errors
/// Where this isn't a phase, the address isn't one that the hook chooses (that server is
/// somebody else's), or the snapshot can't be written.
pub fn phase(program: PathBuf, started: Option<DateTime<Utc>>) -> Result<Said> {
    let environment = Environment::read()?;
    let address = Address::from_environment();
    let path = environment.t.join(PATH);
    ensure!(
        address == Address::Abstract(ABSTRACT.to_vec()) || address == Address::Path(path.clone()),
        "the sccache server at this address is not one of sccache-report's, and was left alone"
    );
    if !is_listening(&address) {
        return Ok(Said::default());
    }

    let mut said = Said::default();
    let stats = match Sccache::new(program, address).take() {
        Ok(stats) => Ok(stats),
        Err(failure) => {
            if failure.why == ServerError::NotRunning {
                return Ok(said);
            }
            said.warnings.push(match &failure.stats {
                Some(_) => format!("{failure}"),
                None => format!(
                    "the {} phase was not measured: {failure}",
                    environment.phase
                ),
            });
            failure
                .stats
                .map_or_else(|| Err(failure.why.to_string()), |stats| Ok(*stats))
        }
    };
    // sccache leaves the socket's file behind.
    let _ = std::fs::remove_file(path);
    // The hook starts a server ahead where the network is shared: nobody may have come.
    if stats.as_ref().is_ok_and(Stats::is_idle) {
        return Ok(said);
    }

    let finished_at = Utc::now();
    let phase = Phase {
        name: environment.phase,
        // A clock that was set back in between must not make the phase end before it began.
        started_at: started.unwrap_or(finished_at).min(finished_at),
        finished_at,
        attribution: Attribution::Exact,
        stats,
    };
    write_snapshot(&environment.t, &phase.made_printable())?;
    Ok(said)
}

/// Records the build whose phases left their snapshots in `${T}`, and removes those.
///
/// # Errors
/// Where this isn't a phase, or the database can't take the build: then the snapshots stay.
pub fn record(outcome: Outcome, slot: Option<String>, db: Option<PathBuf>) -> Result<Said> {
    let environment = Environment::read()?.with_slot(slot);
    let mut said = Said::default();
    let Some(snapshots) = Snapshots::read(&environment.t)? else {
        return Ok(said);
    };
    if !snapshots.refused.is_empty() {
        said.warnings.push(format!(
            "numbers in {} were not taken: {}",
            environment.t.join(FOLDER).display(),
            snapshots.refused.join("; ")
        ));
    }
    if snapshots.phases.is_empty() {
        return Ok(said);
    }
    let build = build(environment, outcome, &snapshots);
    let path = db.unwrap_or_else(crate::store::default_path);
    let mut store = Store::open_for_recording(&path)?;
    store
        .record(&build)
        .with_context(|| format!("the build was not recorded in {}", path.display()))?;
    snapshots.remove();
    said.info = summary::lines(&build, Output::from_environment());
    Ok(said)
}

fn build(environment: Environment, outcome: Outcome, snapshots: &Snapshots) -> Build {
    let host = host();
    let finished_at = Utc::now();
    let starts = snapshots.phases.iter().map(|phase| phase.started_at);
    Build {
        id: snapshots.build_id(),
        emerge: Emerge::above_this_process(&host),
        host,
        package: environment.package,
        version: environment.version,
        slot: environment.slot,
        repository: environment.repository,
        merge_type: environment.merge_type,
        outcome,
        started_at: starts.min().unwrap_or(finished_at).min(finished_at),
        finished_at,
        phases: snapshots.phases.clone(),
    }
}
