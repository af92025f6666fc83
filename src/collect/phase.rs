//! The end of a src phase: what its server counted.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Said;
use crate::portage::{Attribution, Environment, PHASES, Phase, lock, write_snapshot_as};
use crate::sccache::{Address, Listener, Sccache, ServerError, Stats, give_back, is_listening};

/// The name of the abstract socket that the hook chooses, and of the path socket in `${T}`.
const ABSTRACT: &[u8] = b"sccache-report";
const PATH: &str = ".sccache-report.sock";

/// How long another collector may take with the same phase; it needs about 0.1 s.
const PATIENCE: Duration = Duration::from_secs(4);

/// A server's first start makes its log's file. One that started this much later is another.
const FIRST_START: Duration = Duration::from_secs(1);

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
    /// A file that the phase's first server made when it started.
    pub log: Option<PathBuf>,
}

/// What a phase comes to: nothing to tell, numbers, or a reason why there are none.
type Measured = Option<Result<Stats, String>>;

/// Takes the numbers of this phase's server, stops it, and leaves a snapshot in `${T}`. Of a
/// shared server it takes what came on top of the numbers in standard input, which [`begin`]
/// printed, and doesn't stop it.
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
    let mut id = Uuid::new_v4();
    let measured = if options.shared {
        shared(options, &mut std::io::stdin().lock(), &mut id)
    } else {
        own(options, &environment.t, &mut said)?
    };
    let Some(stats) = measured else {
        return Ok(said);
    };
    if let Err(reason) = &stats {
        said.warnings.push(format!(
            "the {} phase was not measured: {reason}",
            environment.phase
        ));
    }
    // setup and pretend only get their server stopped.
    if !PHASES.contains(&environment.phase.as_str()) {
        return Ok(said);
    }
    if let Ok(stats) = &stats {
        give_back_what_root_wrote(stats, options.started);
    }
    let finished_at = Utc::now();
    let phase = Phase {
        name: environment.phase,
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
    write_snapshot_as(id, &environment.t, &phase.made_printable())?;
    Ok(said)
}

/// The numbers of a server of the phase's own, which is gone afterwards.
fn own(options: &PhaseOptions, t: &Path, said: &mut Said) -> Result<Measured> {
    let path = t.join(PATH);
    let mine = [
        Address::Abstract(ABSTRACT.to_vec()),
        Address::Path(path.clone()),
    ];
    let addresses = addresses();
    ensure!(
        options.own || addresses.iter().any(|address| mine.contains(address)),
        "the sccache server at this address is not one of sccache-report's, and was left alone"
    );
    let started = options.log.as_deref().and_then(made_at);
    let measured = match addresses.iter().find(|address| is_ours(address, t)) {
        Some(address) => take(options, address, started, t, said),
        // There was one: its log is there, or the file of its socket.
        None if started.is_some() || path.exists() => {
            Some(Err("its sccache server was killed".into()))
        }
        None => None,
    };
    for left in [Some(&path), options.log.as_ref()].into_iter().flatten() {
        let _ = std::fs::remove_file(left);
    }
    Ok(measured)
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
    let mut listeners = Listener::find_all(address);
    listeners.retain(|listener| listener.was_started_with("T", t.as_os_str()));
    listeners
}

fn take(
    options: &PhaseOptions,
    address: &Address,
    first: Option<SystemTime>,
    t: &Path,
    said: &mut Said,
) -> Measured {
    let listeners = ours(address, t);
    if listeners.len() > 1 {
        Listener::kill_all(&listeners, address);
        return Some(Err(format!(
            "{} sccache servers were started at once. To do: name sccache in RUSTC_WRAPPER, CC, CXX or a \
             CMAKE_*_COMPILER_LAUNCHER in make.conf, so that one is started ahead",
            listeners.len()
        )));
    }
    let another = first
        .zip(listeners.first())
        .is_some_and(|(first, listener)| {
            listener
                .started_at
                .duration_since(first)
                .is_ok_and(|later| later > FIRST_START)
        });
    let stats = match Sccache::new(&options.program, address.clone()).take() {
        Ok(stats) => Ok(stats),
        Err(failure) if failure.why == ServerError::NotRunning => return None,
        Err(failure) => {
            if failure.still_listening {
                Listener::kill_all(&listeners, address);
            }
            match failure.stats {
                Some(stats) => {
                    said.warnings
                        .push(format!("{}; it was killed", failure.why));
                    Ok(*stats)
                }
                None => Err(failure.why.to_string()),
            }
        }
    };
    match stats {
        _ if another => Some(Err(
            "its sccache server was killed, and another took its place".into(),
        )),
        // The hook starts a server ahead where the network is shared: nobody may have come.
        Ok(stats) if stats.is_idle() => None,
        stats => Some(stats),
    }
}

/// What root writes into the cache in src_install, user portage can't read in the next build: cache
/// errors with status 0, and `Permission denied (os error 13)`. A cache that is read-only for root
/// (`SCCACHE_LOCAL_RW_MODE`, 0.7.5+) would cost the objects, and every miss an error; this costs
/// nothing as long as root writes nothing. `SCCACHE_REPORT_CHOWN=no` turns it off.
fn give_back_what_root_wrote(stats: &Stats, started: Option<DateTime<Utc>>) {
    let wrote = stats.writes != Some(0) || stats.misses.total > 0;
    let wanted = std::env::var_os("SCCACHE_REPORT_CHOWN").is_none_or(|value| value != "no");
    if !wrote || !wanted || !rustix::process::geteuid().is_root() {
        return;
    }
    // The server's word for where the cache is must be the configuration's too: what answers at a path
    // socket in ${T} need not be ours.
    let configured = std::env::var_os("SCCACHE_DIR").map(PathBuf::from);
    let folder = stats
        .cache_folder()
        .filter(|folder| Some(folder) == configured.as_ref());
    if let (Some(folder), Some(started)) = (folder, started) {
        // Where it can't be opened there is nothing to give.
        let _ = give_back(&folder, started.into());
    }
}

/// The addresses in the environment: that of an sccache that knows sockets (0.9.0+), and the port
/// that older ones take.
fn addresses() -> Vec<Address> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let (socket, port) = (
        variable("SCCACHE_SERVER_UDS"),
        variable("SCCACHE_SERVER_PORT"),
    );
    let socket = socket.map(|socket| Address::from_variables(Some(&socket), None));
    let port = port.map(|port| Address::from_variables(None, Some(&port)));
    let addresses: Vec<Address> = [socket, port].into_iter().flatten().collect();
    if addresses.is_empty() {
        vec![Address::from_variables(None, None)]
    } else {
        addresses
    }
}

/// When a file was made; where the file system doesn't know, when it was last written to, which
/// nobody does to an sccache's log in the ordinary course of things.
fn made_at(file: &Path) -> Option<SystemTime> {
    let metadata = std::fs::symlink_metadata(file).ok()?;
    metadata.created().or_else(|_| metadata.modified()).ok()
}

/// What a shared server had counted when the phase began.
#[derive(Serialize, Deserialize)]
struct Before {
    /// The snapshot's, however often the phase's end is told.
    id: Uuid,
    /// Nothing where none was running.
    stats: Option<Stats>,
}

fn shared_server(program: &Path) -> Sccache {
    Sccache {
        elsewhere: true,
        ..Sccache::new(program, addresses().remove(0))
    }
}

/// The beginning of a phase that uses a shared server: what it has counted by now, as one line
/// for the hook to keep.
///
/// # Errors
/// Where the server can't be asked. Not where none is running: then it has counted nothing.
pub fn begin(program: &Path) -> Result<Said> {
    let stats = match shared_server(program).show_stats() {
        Ok(stats) => Some(stats),
        Err(ServerError::NotRunning) => None,
        Err(failure) => return Err(failure.into()),
    };
    let line = serde_json::to_string(&Before {
        id: Uuid::new_v4(),
        stats,
    })?;
    Ok(Said {
        info: vec![line],
        warnings: Vec::new(),
    })
}

fn shared(options: &PhaseOptions, before: &mut impl Read, id: &mut Uuid) -> Measured {
    let before = serde_json::from_reader::<_, Before>(before.take(1 << 20))
        .context("no numbers from its start");
    let before = before.map(|before| {
        *id = before.id;
        before.stats
    });
    let now = shared_server(&options.program).show_stats();
    let difference = match (before, now) {
        (Ok(None), Err(ServerError::NotRunning)) => return None,
        (Ok(None), Ok(now)) => Ok(now),
        (Ok(Some(before)), Ok(now)) => now
            .since(&before)
            .ok_or_else(|| "the shared sccache server was restarted during it".into()),
        (Ok(_), Err(failure)) => Err(format!("the shared sccache server: {failure}")),
        (Err(error), _) => Err(format!("{error:#}")),
    };
    match difference {
        Ok(stats) if stats.is_idle() => None,
        difference => Some(difference),
    }
}
