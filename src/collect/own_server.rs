//! A server that belongs to one phase: it is queried once and stopped.

use std::path::{Path, PathBuf};

use super::Messages;
use super::phase::{Args, Measurement};
use crate::config::{text_variable, variable};
use crate::portage::Environment;
use crate::sccache::compilations::{
    BuildDirectories, CompilationList, Compilations, hash_directory,
};
use crate::sccache::{
    Address, Listener, NotMeasured, NotMeasuredReason, Sccache, ServerError, ServerLog, Stats,
    is_listening,
};

/// Reads the statistics and the compilations of the phase's server, and stops it.
pub(super) fn collect(
    args: &Args,
    addresses: &[Address],
    environment: &Environment,
    messages: &mut Messages,
) -> (Measurement, Option<CompilationList>) {
    let Environment { t, directories, .. } = environment;
    let address = addresses.iter().find(|address| is_own(args, address, t));
    let stats = match address.map(|address| read_and_stop(args, address, t, messages)) {
        Some(Ok(stats)) => stats,
        Some(Err(reason)) => return (Some(Err(reason)), None),
        None => None,
    };
    // Now the log is complete.
    let log = match args.log.as_deref() {
        Some(path) => ServerLog::read(path, build_directories(environment)),
        None => Ok(None),
    };
    let loss = match &log {
        Ok(log) => find_loss(args, addresses, log.as_ref(), stats.as_ref()),
        Err(error) => {
            let reason = NotMeasuredReason::LogUnreadable;
            Some(NotMeasured::with_detail(reason, error))
        }
    };
    if let Some(reason) = loss {
        return (Some(Err(reason)), None);
    }
    // A server that the hook started may have had no client.
    let Some(stats) = stats.filter(|stats| !stats.is_idle()) else {
        return (None, None);
    };
    let list = log.ok().flatten().and_then(|log| log.compilations(&stats));
    let compilations = list.map(|list| {
        let directory = hash_directory(&directories[0]);
        CompilationList::encode(&Compilations { directory, list })
    });
    (Some(Ok(stats)), compilations)
}

/// Returns the directories that the arguments of the build's compilers contain.
fn build_directories(environment: &Environment) -> BuildDirectories {
    let Environment { t, directories, .. } = environment;
    // T is PORTAGE_TMPDIR/portage/CATEGORY/PF/temp.
    let root = t.ancestors().nth(3).unwrap_or(t);
    let stable = root.join("sccache-report").join(&environment.package);
    let can_be_stable = can_have_stable_paths(&directories[1]);
    BuildDirectories::new(directories.clone())
        .with_stable_paths(&stable.to_string_lossy(), can_be_stable)
}

/// Whether SCCACHE_REPORT_STABLE_PATHS=yes can have an effect: cargo.eclass unpacked crates in WORKDIR, and
/// nothing rules it out (`___sccache_report_can_use_place` in the hook, which is not loaded without the
/// setting).
fn can_have_stable_paths(workdir: &str) -> bool {
    let home = PathBuf::from(variable("CARGO_HOME").unwrap_or_default());
    let has_word = |name: &str, word: &str| {
        let words = text_variable(name).unwrap_or_default();
        words.split_whitespace().any(|other| other == word)
    };
    let installs_sources =
        has_word("FEATURES", "installsources") && !has_word("PORTAGE_RESTRICT", "installsources");
    home.starts_with(workdir)
        && home.join("config.toml").is_file()
        && !installs_sources
        && !has_word("FEATURES", "noauto")
        && !has_word("PORTAGE_PROPERTIES", "live")
}

/// Returns why the statistics of the server, or no statistics, are not those of the whole phase.
fn find_loss(
    args: &Args,
    addresses: &[Address],
    log: Option<&ServerLog>,
    stats: Option<&Stats>,
) -> Option<NotMeasured> {
    let reason = if args.log.is_none() {
        // The user's own log settings apply. A socket without a server shows that one was killed.
        let has_socket =
            |address: &Address| matches!(address, Address::Path(path) if path.exists());
        let is_gone = stats.is_none() && addresses.iter().any(has_socket);
        is_gone.then_some(NotMeasuredReason::ServerKilled)
    } else if let Some(log) = log {
        // In a shared network, the hook chooses only a path socket, which sccache before 0.9 ignores.
        let is_path_only = matches!(addresses, [Address::Path(_)]);
        if stats.is_none() && is_path_only && log.is_at_port() {
            Some(NotMeasuredReason::OldSccacheSharedNetwork)
        } else {
            log.loss(stats)
        }
    } else {
        stats.map(|_| NotMeasuredReason::NoLog)
    };
    reason.map(Into::into)
}

/// Whether this phase's server listens at the address. A socket's name is unique, but any process can
/// listen at a port.
fn is_own(args: &Args, address: &Address, t: &Path) -> bool {
    match address {
        Address::Port(_) => !own_listeners(args, address, t).is_empty(),
        _ => is_listening(address),
    }
}

/// Returns the servers at the address that have this phase's log in their environment, or this build's
/// `T`, which Portage doesn't export in EAPI 9.
fn own_listeners(args: &Args, address: &Address, t: &Path) -> Vec<Listener> {
    let log = args.log.as_ref();
    let by_log = log.map(|log| ("SCCACHE_ERROR_LOG", log.as_os_str()));
    let marks = by_log.into_iter().chain([("T", t.as_os_str())]);
    marks
        .map(|(name, value)| Listener::find_started_with(address, name, value))
        .find(|listeners| !listeners.is_empty())
        .unwrap_or_default()
}

/// Returns what the server counted, and stops it; `None` if it ended before it was queried.
fn read_and_stop(
    args: &Args,
    address: &Address,
    t: &Path,
    messages: &mut Messages,
) -> Result<Option<Stats>, NotMeasured> {
    let listeners = own_listeners(args, address, t);
    if listeners.len() > 1 {
        Listener::kill_all(&listeners, address);
        return Err(NotMeasuredReason::SeveralServers.into());
    }
    // Before the server stops, because the numbers belong to its process.
    let time = listeners.first().and_then(Listener::processor_time);
    let add_processor_time = |stats: Stats| Stats {
        server_seconds: time.map(|time| time.own),
        // Compilers on other machines are not children of the server.
        processor_seconds: time
            .map(|time| time.children)
            .filter(|_| stats.dist_compiles.is_empty()),
        ..stats
    };
    match Sccache::new(&args.sccache, address.clone()).read_and_stop() {
        Ok(stats) => Ok(Some(add_processor_time(stats))),
        Err(failure) if failure.error == ServerError::NotRunning => Ok(None),
        Err(failure) => {
            if failure.still_listening {
                Listener::kill_all(&listeners, address);
            }
            let Some(stats) = failure.stats else {
                return Err(NotMeasured::from(&failure.error));
            };
            messages.warn(format!("{}; it was killed", failure.error));
            Ok(Some(add_processor_time(*stats)))
        }
    }
}
