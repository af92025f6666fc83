//! The end of a src phase: what its server counted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::server::{Measured, PATH, addresses};
use super::{Said, shared};
use crate::portage::{
    Attribution, Environment, PHASES, Phase, lock, snapshot_exists, write_snapshot_as,
};
use crate::sccache::{
    Address, Listener, NotMeasured, NotMeasuredReason, Sccache, ServerError, ServerLog, Stats,
    is_listening,
};

/// How long to wait for another collector of the same phase. Most need about 0.1 s.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the hook knows about the phase and its server.
#[derive(Debug, Default)]
pub struct PhaseOptions {
    /// When the phase began.
    pub started: Option<DateTime<Utc>>,
    /// The sccache program, a path or a name on `PATH`.
    pub program: PathBuf,
    /// The server is one that the user chose, for more than this phase.
    pub shared: bool,
    /// The file to which all servers that start in the phase log.
    pub log: Option<PathBuf>,
}

/// Takes the numbers of this phase's server, stops it, and leaves a snapshot in `${T}`. From a
/// shared server it takes the difference to the numbers in standard input, which
/// [`begin`](super::begin) printed, and doesn't stop it.
///
/// A server that could not be queried leaves a snapshot too, which says so: the phase was not
/// measured, which is not the same as that nothing was compiled.
///
/// This takes less than 5 s. Once there is a snapshot, further calls for the same phase do nothing.
///
/// # Errors
/// Where this isn't a phase, or the snapshot can't be written.
pub fn phase(options: &PhaseOptions) -> Result<Said> {
    let environment = Environment::read()?;
    let mut said = Said::default();
    let t = &environment.t;
    let own_id = own_id(options, &environment);
    if !options.shared && snapshot_exists(t, own_id) {
        return Ok(said);
    }
    // Several subshells may die at once, and a phase's function and trap may both run. One server is
    // taken once; of a shared one, all write one snapshot.
    let alone = lock(t, PATIENCE);
    let (id, measured) = if options.shared {
        let server = Sccache::new(&options.program, addresses().remove(0));
        shared::end(&server, &mut std::io::stdin().lock())
    } else if snapshot_exists(t, own_id) {
        (own_id, None)
    } else if alone.is_none() {
        // If another collector is still at it, its snapshot replaces this one.
        let why = NotMeasured::with_detail(NotMeasuredReason::NoAnswer, "${T} is locked");
        (own_id, Some(Err(why)))
    } else {
        (own_id, own(options, t, &mut said))
    };
    if let Some(stats) = measured {
        leave_snapshot(id, options, &environment, stats, &mut said)?;
    }
    // Not before the snapshot is there: what is left of a phase shows that it wasn't measured.
    if alone.is_some() {
        let path = t.join(PATH);
        let left = [Some(&path), options.log.as_ref()];
        left.into_iter().flatten().for_each(|file| {
            let _ = std::fs::remove_file(file);
        });
    }
    Ok(said)
}

/// The id of this phase's snapshot, the same however often the phase's end is reported.
fn own_id(options: &PhaseOptions, environment: &Environment) -> Uuid {
    let (addresses, phase) = (addresses(), &environment.phase);
    let name = format!(
        "{phase} {:?} {addresses:?} {:?}",
        options.started, options.log
    );
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

fn leave_snapshot(
    id: Uuid,
    options: &PhaseOptions,
    environment: &Environment,
    stats: Result<Stats, NotMeasured>,
    said: &mut Said,
) -> Result<()> {
    let name = &environment.phase;
    if let Err(reason) = &stats {
        said.warnings
            .push(format!("the {name} phase was not measured: {reason}"));
    }
    let read_only =
        crate::config::variable("SCCACHE_LOCAL_RW_MODE").is_some_and(|mode| mode == "READ_ONLY");
    let is_root = rustix::process::geteuid().is_root();
    if is_root && read_only && stats.as_ref().is_ok_and(|stats| stats.writes > Some(0)) {
        said.warnings.push(format!(
            "sccache wrote into its cache as root in the {name} phase, and other builds can't use \
             these files: sccache before 0.7 doesn't know SCCACHE_LOCAL_RW_MODE. \
             Update sccache, and run `sccache-report doctor`"
        ));
    }
    // In setup and pretend only the server is stopped.
    if !PHASES.contains(&name.as_str()) {
        return Ok(());
    }
    let finished_at = Utc::now();
    let phase = Phase {
        name: name.clone(),
        // A clock that was set back must not make the phase end before it began.
        started_at: options.started.unwrap_or(finished_at).min(finished_at),
        finished_at,
        attribution: if options.shared {
            Attribution::Shared
        } else {
            Attribution::Exact
        },
        read_only,
        stats,
    };
    write_snapshot_as(id, &environment.t, &phase.sanitized())
}

/// The numbers of a server of the phase's own, which is gone afterwards.
fn own(options: &PhaseOptions, t: &Path, said: &mut Said) -> Measured {
    let addresses = addresses();
    let address = addresses.iter().find(|address| is_ours(address, t));
    // Before it is queried and stopped, which is logged as well.
    let lost = lost(options, &addresses, address.is_some());
    let measured = address.and_then(|address| take(options, address, t, said));
    match (measured, lost) {
        (Some(Err(reason)), _) | (_, Some(reason)) => Some(Err(reason)),
        (measured, None) => measured,
    }
}

/// Why the numbers of the server that is there now, or of none, are not all of the phase's.
fn lost(options: &PhaseOptions, addresses: &[Address], listening: bool) -> Option<NotMeasured> {
    let Some(log) = &options.log else {
        // The user's servers log elsewhere: it only shows that one is gone.
        let has_socket =
            |address: &Address| matches!(address, Address::Path(path) if path.exists());
        let gone = !listening && addresses.iter().any(has_socket);
        return gone.then(|| NotMeasuredReason::ServerKilled.into());
    };
    match ServerLog::read(log) {
        Ok(Some(log)) if !listening && log.is_at_port() && is_path_alone(addresses) => {
            Some(NotMeasuredReason::OldSccacheSharedNetwork.into())
        }
        Ok(Some(log)) => log.loss(listening).map(Into::into),
        Ok(None) => listening.then(|| NotMeasuredReason::NoLog.into()),
        Err(why) => Some(NotMeasured::with_detail(
            NotMeasuredReason::LogUnreadable,
            why,
        )),
    }
}

/// In a shared network the hook gives a path socket only, which sccache knows from 0.9 on.
fn is_path_alone(addresses: &[Address]) -> bool {
    matches!(addresses, [Address::Path(_)])
}

/// Whether this phase's server listens there. A socket's name is ours, a port may be anybody's.
fn is_ours(address: &Address, t: &Path) -> bool {
    match address {
        Address::Port(_) => !ours(address, t).is_empty(),
        _ => is_listening(address),
    }
}

/// The servers there that this package's phases started, by the `T` in their environment.
fn ours(address: &Address, t: &Path) -> Vec<Listener> {
    Listener::find_started_with(address, "T", t.as_os_str())
}

fn take(options: &PhaseOptions, address: &Address, t: &Path, said: &mut Said) -> Measured {
    let listeners = ours(address, t);
    if listeners.len() > 1 {
        Listener::kill_all(&listeners, address);
        return Some(Err(NotMeasuredReason::SeveralServers.into()));
    }
    // While its process can be read.
    let processor_seconds = listeners.first().and_then(Listener::children_seconds);
    let measured = |stats: Stats| Stats {
        // Compilers that ran on other machines are not among its children.
        processor_seconds: processor_seconds.filter(|_| stats.dist_compiles.is_empty()),
        ..stats
    };
    match Sccache::new(&options.program, address.clone()).take() {
        // The hook starts a server ahead where the network is shared: it may have had no client.
        Ok(stats) => (!stats.is_idle()).then_some(Ok(measured(stats))),
        Err(failure) if failure.error == ServerError::NotRunning => None,
        Err(failure) => {
            if failure.still_listening {
                Listener::kill_all(&listeners, address);
            }
            match failure.stats {
                Some(stats) => {
                    said.warnings
                        .push(format!("{}; it was killed", failure.error));
                    Some(Ok(measured(*stats)))
                }
                None => Some(Err(NotMeasured::from(&failure.error))),
            }
        }
    }
}
