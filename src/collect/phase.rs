//! The end of a src phase: what its server counted.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use rustix::fs::Uid;
use uuid::Uuid;

use super::server::{ABSTRACT, Measured, PATH, addresses};
use super::{Said, shared};
use crate::portage::{Attribution, Environment, PHASES, Phase, lock, write_snapshot_as};
use crate::sccache::{
    Address, Configuration, Listener, NotMeasured, NotMeasuredReason, Sccache, ServerError,
    ServerLog, Stats, give_back, is_listening,
};

/// How long another collector may take with the same phase: it needs about 0.1 s, and 5 s where the
/// server hangs.
const PATIENCE: Duration = Duration::from_secs(6);

/// What the hook says of the phase and its server.
#[derive(Debug, Default)]
pub struct PhaseOptions {
    /// When the phase began.
    pub started: Option<DateTime<Utc>>,
    /// The sccache program, a path or a name on `PATH`.
    pub program: PathBuf,
    /// The server at the address can be nobody else's than this phase's, whatever its name.
    pub own: bool,
    /// The server is one that the user chose, for more than this phase.
    pub shared: bool,
    /// A server was started ahead of the first client.
    pub ahead: bool,
    /// The file to which all servers that start in the phase log.
    pub log: Option<PathBuf>,
}

/// Takes the numbers of this phase's server, stops it, and leaves a snapshot in `${T}`. Of a
/// shared server it takes what came on top of the numbers in standard input, which
/// [`begin`](super::begin) printed, and doesn't stop it.
///
/// A server that could not be asked leaves a snapshot too, one that says so: the phase was
/// not measured, which is not the same as that nothing was compiled.
///
/// # Errors
/// Where this isn't a phase, the address isn't one that the hook chooses (that server is
/// somebody else's), or the snapshot can't be written.
pub fn phase(options: &PhaseOptions) -> Result<Said> {
    let environment = Environment::read()?;
    let mut said = Said::default();
    // Several may be told of one end at once: of those that die together, and of a phase whose
    // function and trap both run. One server is taken once; of a shared one, all write one snapshot.
    let _alone = lock(&environment.t, PATIENCE);
    let (id, measured) = if options.shared {
        let server = shared::server(&options.program, addresses().remove(0));
        shared::end(&server, &mut std::io::stdin().lock())
    } else {
        (Uuid::new_v4(), own(options, &environment.t, &mut said)?)
    };
    if let Some(stats) = measured {
        take_down(id, options, &environment, stats, &mut said)?;
    }
    // Not before the snapshot is there: what is left of a phase says that it wasn't measured.
    for left in [Some(&environment.t.join(PATH)), options.log.as_ref()] {
        left.map(std::fs::remove_file);
    }
    Ok(said)
}

/// Leaves the snapshot.
fn take_down(
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
    // Of numbers that can't be had nobody knows what they were.
    if { stats.as_ref() }.map_or(true, |stats| stats.hits.total + stats.misses.total > 0) {
        give_back_what_root_wrote(options.started, &environment.t);
    }
    // setup and pretend only get their server stopped.
    if !PHASES.contains(&name.as_str()) {
        return Ok(());
    }
    let finished_at = Utc::now();
    let phase = Phase {
        name: name.clone(),
        // A clock that was set back in between must not make the phase end before it began.
        started_at: options.started.unwrap_or(finished_at).min(finished_at),
        finished_at,
        attribution: if options.shared {
            Attribution::Shared
        } else {
            Attribution::Exact
        },
        stats,
    };
    write_snapshot_as(id, &environment.t, &phase.made_printable())
}

/// The numbers of a server of the phase's own, which is gone afterwards.
fn own(options: &PhaseOptions, t: &Path, said: &mut Said) -> Result<Measured> {
    let path = t.join(PATH);
    let mine = |address: &Address| match address {
        Address::Abstract(name) => name.starts_with(ABSTRACT),
        address => *address == Address::Path(path.clone()),
    };
    let addresses = addresses();
    ensure!(
        options.own || addresses.iter().any(mine),
        "the sccache server at this address is not one of sccache-report's, and was left alone"
    );
    let address = addresses.iter().find(|address| is_ours(address, t));
    // Before it is asked and stopped, which is logged as well.
    let lost = lost(options, address.is_some(), path.exists());
    let measured = address.and_then(|address| take(options, address, t, said));
    Ok(match (measured, lost) {
        (Some(Err(reason)), _) | (_, Some(reason)) => Some(Err(reason)),
        (measured, None) => measured,
    })
}

/// Why the numbers of the server that is there now, or of none, are not all of the phase's.
fn lost(options: &PhaseOptions, listening: bool, has_socket: bool) -> Option<NotMeasured> {
    let Some(log) = &options.log else {
        // The user's servers log elsewhere: no more can be seen than that one is gone.
        return (has_socket && !listening).then(|| NotMeasuredReason::ServerKilled.into());
    };
    match ServerLog::read(log) {
        Ok(Some(log)) => log.lost(listening).map(Into::into),
        Ok(None) => listening.then(|| NotMeasuredReason::NoLog.into()),
        Err(why) => Some(NotMeasured::with_detail(
            NotMeasuredReason::LogUnreadable,
            why,
        )),
    }
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
    // While it is there to be looked at.
    let processor_seconds = listeners.first().and_then(Listener::children_seconds);
    let measured = |stats: Stats| Stats {
        // Compilers that ran elsewhere are not among its children.
        processor_seconds: processor_seconds.filter(|_| stats.dist_compiles.is_empty()),
        ..stats
    };
    match Sccache::new(&options.program, address.clone()).take() {
        // The hook starts a server ahead where the network is shared: nobody may have come.
        Ok(stats) => (!stats.is_idle()).then_some(Ok(measured(stats))),
        Err(failure) if failure.why == ServerError::NotRunning => None,
        Err(failure) => {
            if failure.still_listening {
                Listener::kill_all(&listeners, address);
            }
            match failure.stats {
                Some(stats) => {
                    said.warnings
                        .push(format!("{}; it was killed", failure.why));
                    Some(Ok(measured(*stats)))
                }
                None => Some(Err(NotMeasured::from(&failure.why))),
            }
        }
    }
}

/// What root writes into the cache in src_install and pkg_setup, user portage can't read in the next build:
/// cache errors with status 0, and `Permission denied (os error 13)`. A cache that is read-only for root
/// (`SCCACHE_LOCAL_RW_MODE`, 0.7.5+) would cost the objects, and every miss an error; this costs
/// nothing as long as root asks for nothing. (A hit writes too, into the preprocessor's part, and
/// counts no write.) `SCCACHE_REPORT_CHOWN=no` turns it off.
pub(super) fn give_back_what_root_wrote(started: Option<DateTime<Utc>>, t: &Path) {
    let wanted = std::env::var_os("SCCACHE_REPORT_CHOWN").is_none_or(|value| value != "no");
    if !wanted || !rustix::process::geteuid().is_root() {
        return;
    }
    // ${T} belongs to who builds.
    let user = std::fs::symlink_metadata(t).map(|t| Uid::from_raw(t.uid()));
    if let (Some(folder), Some(started), Ok(user)) = (configured_folder(), started, user) {
        // Where it can't be opened there is nothing to give.
        let _ = give_back(&folder, user, started.into());
    }
}

/// Where the configuration has the cache (`SCCACHE_DIR`, or else the file `SCCACHE_CONF`). The server's
/// word isn't asked for: what answers at a path socket in `${T}` need not be ours.
fn configured_folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("SCCACHE_DIR") {
        return Some(folder.into());
    }
    let file = std::env::var_os("SCCACHE_CONF")?;
    Configuration::read(Path::new(&file)).ok()?.folder
}
