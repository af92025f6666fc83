//! `sccache-collect record`: records the build whose phases saved snapshots in `${T}`.

use std::path::Path;

use chrono::Utc;

use super::phase::SOCKET_NAME;
use super::recorder::Recorder;
use super::{Database, Messages, summary};
use crate::error::Result;
use crate::portage::{
    Attribution, Build, Emerge, Environment, FOLDER, Outcome, Snapshots, find_set_aside,
    find_unfinished, host, is_emerge_stopping, write_snapshot,
};
use crate::sccache::{Listener, NotMeasuredReason};
use crate::store::BuildRow;

/// Record a build in the database
///
/// Sums the statistics that the phases saved in ${T}/.sccache-report. SCCACHE_REPORT_OUTPUT selects
/// how much is printed: full (sccache's whole block of statistics), brief or none. If the database
/// can't be written, the build is kept in FILE.pending and recorded by the next merge. If that
/// isn't possible either, it is printed as one line for the log.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Outcome of the build
    #[arg(long, value_enum, default_value = "merged")]
    outcome: Outcome,
    /// The ebuild's SLOT, which Portage doesn't export
    #[arg(long)]
    slot: Option<String>,
    #[command(flatten)]
    database: Database,
}

/// Records the build, and removes its snapshots.
///
/// # Errors
/// This is not a phase, or the snapshots can't be read. They are kept.
pub(super) fn run(args: Args) -> Result<Messages> {
    let environment = Environment::read(args.slot)?;
    let mut recorder = Recorder::new(args.database.path());
    let mut messages = Messages::default();
    retry_unrecorded(&environment, &mut recorder, &mut messages)?;
    save_unfinished(&environment.t, &mut messages)?;
    let Some(mut snapshots) = Snapshots::read(&environment.t, FOLDER)? else {
        return Ok(messages);
    };
    if let Some(refusals) = &snapshots.refusals {
        messages.warn(format!(
            "some files in {} were ignored: {refusals}",
            environment.t.join(FOLDER).display()
        ));
    }
    if snapshots.phases.is_empty() {
        return Ok(messages);
    }
    let mut build = make_build(environment, args.outcome, &mut snapshots);
    messages.warnings.extend(summary::warnings(&build));
    let end = messages.info.len();
    let is_kept = recorder.record(&build, &mut messages);
    // The time saved is known after recording. `import` expects the summary before the build's line.
    let recorded = recorder.recorded_row(build.id);
    if let Some(row) = &recorded {
        warn_about_overlap(&mut build, row, &mut messages);
    }
    let summary = summary::lines(&build, recorded.as_ref());
    messages.info.splice(end..end, summary);
    if is_kept {
        snapshots.remove();
    } else {
        snapshots.set_aside(build.outcome);
    }
    Ok(messages)
}

/// Warns if the database has fewer measured phases than the build, because of another build on the same
/// server, and removes the numbers from what is printed.
fn warn_about_overlap(build: &mut Build, row: &BuildRow, messages: &mut Messages) {
    let measured = build.phases.iter().filter(|phase| phase.stats.is_ok());
    if measured.count() <= row.measured_phases as usize {
        return;
    }
    messages.warn(
        "another build used the shared sccache server at the same time: no report counts the numbers of \
         either build",
    );
    for phase in &mut build.phases {
        if phase.attribution == Attribution::Shared {
            phase.stats = Err(NotMeasuredReason::SharedServerOverlap.into());
        }
    }
}

/// Records earlier builds of this package that exist only in its log and in `${T}`. They keep the id
/// in that log, so that they are recorded once, even if the log is imported too.
fn retry_unrecorded(
    environment: &Environment,
    recorder: &mut Recorder,
    messages: &mut Messages,
) -> Result<()> {
    for (folder, outcome) in find_set_aside(&environment.t)? {
        let Ok(Some(mut snapshots)) = Snapshots::read(&environment.t, &folder) else {
            continue;
        };
        if snapshots.phases.is_empty() {
            continue;
        }
        let build = Build {
            outcome,
            ..make_build(environment.clone(), Outcome::Interrupted, &mut snapshots)
        };
        if recorder.retry(&build, messages) {
            snapshots.remove();
        }
    }
    Ok(())
}

/// Saves a snapshot without statistics for each phase whose shell was killed, and kills its
/// servers. Servers in a namespace of the phase are already gone.
fn save_unfinished(t: &Path, messages: &mut Messages) -> Result<()> {
    let unfinished = find_unfinished(t)?;
    // If the user's own log settings apply, only the socket shows a killed phase.
    if unfinished.is_empty() && t.join(SOCKET_NAME).symlink_metadata().is_err() {
        return Ok(());
    }
    Listener::kill_all_of_build(t);
    for unfinished in unfinished {
        if let Err(reason) = &unfinished.phase.stats {
            let name = &unfinished.phase.name;
            messages.warn(format!("the {name} phase was not measured: {reason}"));
        }
        write_snapshot(unfinished.id, t, &unfinished.phase)?;
        unfinished.remove(t);
    }
    Ok(())
}

fn make_build(environment: Environment, outcome: Outcome, snapshots: &mut Snapshots) -> Build {
    let host = host();
    let phases = std::mem::take(&mut snapshots.phases);
    let now = Utc::now();
    let started_at = phases.iter().map(|phase| phase.started_at).min();
    let (outcome, finished_at, emerge) = match outcome {
        // This is found by the next emerge of the package. The emerge of the build is gone.
        Outcome::Interrupted => {
            let last = phases.iter().map(|phase| phase.finished_at).max();
            // A build can write any time into its snapshots.
            (outcome, last.unwrap_or(now).min(now), None)
        }
        Outcome::Failed if is_emerge_stopping() => {
            (Outcome::Interrupted, now, Emerge::above_this_process(&host))
        }
        _ => (outcome, now, Emerge::above_this_process(&host)),
    };
    Build {
        id: snapshots.build_id(&environment.package, &environment.version),
        emerge,
        is_imported: false,
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
