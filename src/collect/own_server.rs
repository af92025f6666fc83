//! A server that belongs to one phase: it is queried once and stopped.

use std::path::Path;

use super::Messages;
use super::phase::{Args, Measurement};
use crate::sccache::{
    Address, Listener, NotMeasured, NotMeasuredReason, Sccache, ServerError, ServerLog, Stats,
    is_listening,
};

/// Reads the statistics of the phase's server, and stops it.
pub(super) fn collect(
    args: &Args,
    addresses: &[Address],
    t: &Path,
    messages: &mut Messages,
) -> Measurement {
    let address = addresses.iter().find(|address| is_own(address, t));
    // Before the server is queried and stopped, which it logs as well.
    let loss = find_loss(args, addresses, address.is_some());
    let measurement = address.and_then(|address| read_and_stop(args, address, t, messages));
    match (measurement, loss) {
        (Some(Err(reason)), _) | (_, Some(reason)) => Some(Err(reason)),
        (measurement, None) => measurement,
    }
}

/// Returns why the running server, or no server, doesn't have all statistics of the phase.
fn find_loss(args: &Args, addresses: &[Address], is_running: bool) -> Option<NotMeasured> {
    let Some(log) = &args.log else {
        // The user's own log settings apply. A socket without a server shows that one was killed.
        let has_socket =
            |address: &Address| matches!(address, Address::Path(path) if path.exists());
        let is_gone = !is_running && addresses.iter().any(has_socket);
        return is_gone.then(|| NotMeasuredReason::ServerKilled.into());
    };
    // In a shared network, the hook chooses only a path socket, which sccache before 0.9 ignores.
    let is_path_only = matches!(addresses, [Address::Path(_)]);
    match ServerLog::read(log) {
        Ok(Some(log)) if !is_running && is_path_only && log.is_at_port() => {
            Some(NotMeasuredReason::OldSccacheSharedNetwork.into())
        }
        Ok(Some(log)) => log.loss(is_running).map(Into::into),
        Ok(None) => is_running.then(|| NotMeasuredReason::NoLog.into()),
        Err(error) => Some(NotMeasured::with_detail(
            NotMeasuredReason::LogUnreadable,
            error,
        )),
    }
}

/// Whether this phase's server listens at the address. A socket's name is unique, but any process can
/// listen at a port.
fn is_own(address: &Address, t: &Path) -> bool {
    match address {
        Address::Port(_) => !own_listeners(address, t).is_empty(),
        _ => is_listening(address),
    }
}

/// Returns the servers at the address that have this build's `T` in their environment.
fn own_listeners(address: &Address, t: &Path) -> Vec<Listener> {
    Listener::find_started_with(address, "T", t.as_os_str())
}

fn read_and_stop(args: &Args, address: &Address, t: &Path, messages: &mut Messages) -> Measurement {
    let listeners = own_listeners(address, t);
    if listeners.len() > 1 {
        Listener::kill_all(&listeners, address);
        return Some(Err(NotMeasuredReason::SeveralServers.into()));
    }
    // Before the server stops, because the number belongs to its process.
    let processor_seconds = listeners.first().and_then(Listener::children_seconds);
    let add_processor_time = |stats: Stats| Stats {
        // Compilers on other machines are not children of the server.
        processor_seconds: processor_seconds.filter(|_| stats.dist_compiles.is_empty()),
        ..stats
    };
    match Sccache::new(&args.sccache, address.clone()).read_and_stop() {
        // A server that the hook started may have had no client.
        Ok(stats) if stats.is_idle() => None,
        Ok(stats) => Some(Ok(add_processor_time(stats))),
        Err(failure) if failure.error == ServerError::NotRunning => None,
        Err(failure) => {
            if failure.still_listening {
                Listener::kill_all(&listeners, address);
            }
            let Some(stats) = failure.stats else {
                return Some(Err(NotMeasured::from(&failure.error)));
            };
            messages.warn(format!("{}; it was killed", failure.error));
            Some(Ok(add_processor_time(*stats)))
        }
    }
}
