//! Servers of sccache: more than one for a cache, one left on the default port, and a remote cache
//! that only a server outside the network sandbox reaches.

use std::path::Path;

use super::super::{Machine, shell};
use super::Finding;
use crate::sccache::{self, Address, Listener, RunningServer};

const SERVERS: &str = "servers";
const PORT: &str = "default-port";
const REMOTE: &str = "remote-cache";

/// Where a server listens that nothing else was said about.
const DEFAULT_PORT: u16 = 4226;

pub(super) fn findings(machine: &Machine) -> [Finding; 3] {
    let running = RunningServer::all();
    [
        several(machine, &running),
        port(machine, &running),
        remote(machine),
    ]
}

/// sccache means one server to have a cache for itself.
fn several(machine: &Machine, running: &[RunningServer]) -> Finding {
    let Some(cache) = machine.cache() else {
        return Finding::green(SERVERS, "there is no local cache that servers could share");
    };
    let uses = |server: &&RunningServer| {
        let environment = server.environment.as_ref();
        environment.is_some_and(|env| env.folder.as_deref() == Some(cache))
    };
    let here: Vec<&RunningServer> = running.iter().filter(uses).collect();
    let unseen = running
        .iter()
        .filter(|server| server.environment.is_none())
        .count();
    let (in_builds, others): (Vec<&RunningServer>, Vec<&RunningServer>) =
        here.iter().partition(|server| is_in_build(server));
    if here.len() > 1 && !others.is_empty() {
        let told: Vec<String> = others.iter().map(|server| of(server)).collect();
        let pids: Vec<String> = others.iter().map(|server| server.pid.to_string()).collect();
        let message = format!(
            "{} servers use {} at a time, and each misses what the others store: {}",
            here.len(),
            cache.display(),
            told.join(", ")
        );
        // Yellow: builds are cached and counted, and only miss what the others store meanwhile.
        return Finding::yellow(SERVERS, message).cure(format!("kill {}", pids.join(" ")));
    }
    if unseen > 0 {
        let message = format!(
            "servers of other users run ({unseen}): as root it is seen which cache they use"
        );
        return Finding::unknown(SERVERS, message);
    }
    Finding::green(
        SERVERS,
        match (in_builds.len(), others.first()) {
            (0, None) => "none runs".to_owned(),
            (0, Some(one)) => format!("one runs, {}", of(one)),
            (1, _) => "one runs, of a build that runs now".to_owned(),
            (builds, _) => format!("{builds} run, of builds that run now"),
        },
    )
}

fn is_in_build(server: &RunningServer) -> bool {
    let build = server
        .environment
        .as_ref()
        .and_then(|env| env.build.as_deref());
    build.is_some_and(Path::exists)
}

fn of(server: &RunningServer) -> String {
    let since = server
        .started_at
        .map(chrono::DateTime::<chrono::Local>::from);
    let since = since.map_or(String::new(), |since| {
        since.format(" since %F %R").to_string()
    });
    format!("process {} of user {}{since}", server.pid, server.uid)
}

/// What emerge without the hook, or an `sccache` typed by root, leaves there.
fn port(machine: &Machine, running: &[RunningServer]) -> Finding {
    let get = |name| machine.settings.get(name);
    let chosen = get("SCCACHE_SERVER_PORT").is_some_and(|port| port == DEFAULT_PORT.to_string());
    let address = Address::Port(DEFAULT_PORT);
    if !sccache::is_listening(&address) {
        return Finding::green(PORT, format!("nobody listens on port {DEFAULT_PORT}"));
    }
    if chosen {
        return Finding::green(
            PORT,
            format!("port {DEFAULT_PORT} is the one that you chose"),
        );
    }
    let listeners = Listener::find_all(&address);
    let Some(listener) = listeners.first() else {
        let message = format!("somebody listens on port {DEFAULT_PORT}: as root it is seen who");
        return Finding::unknown(PORT, message);
    };
    let Some(server) = running.iter().find(|server| server.pid == listener.pid()) else {
        let message = format!(
            "process {} on port {DEFAULT_PORT} is no sccache",
            listener.pid()
        );
        return Finding::green(PORT, message);
    };
    let builders = [Some(0), machine.builder.as_ref().map(|user| user.uid)];
    if !builders.contains(&Some(server.uid)) && !server.outdated {
        return Finding::green(PORT, format!("{}: not a build's", of(server)));
    }
    let outdated = if server.outdated {
        ", of a program that was replaced"
    } else {
        ""
    };
    let message = format!(
        "a server is left on port {DEFAULT_PORT}{outdated}: {}. sccache called outside a build \
         uses it, with its settings and rights",
        of(server)
    );
    // Yellow: builds have servers of their own and don't meet it.
    Finding::yellow(PORT, message).cure(format!(
        "env -u SCCACHE_SERVER_UDS SCCACHE_SERVER_PORT={DEFAULT_PORT} sccache --stop-server"
    ))
}

/// Under FEATURES=network-sandbox a phase has nothing but its own loopback interface. Sockets in the
/// file system go through all the same.
fn remote(machine: &Machine) -> Finding {
    let Some((variable, kind)) = machine.remotes().into_iter().next() else {
        return Finding::green(REMOTE, "none is set");
    };
    let shared =
        { machine.settings.get("SCCACHE_SERVER_UDS") }.filter(|socket| socket.starts_with('/'));
    if machine.settings.has_feature("network-sandbox") == Some(false) && shared.is_none() {
        return Finding::green(
            REMOTE,
            format!("{kind} ({variable}), and FEATURES has no network-sandbox"),
        );
    }
    let socket = shared.unwrap_or("/run/sccache/server.sock");
    let start = start_commands(machine, Path::new(socket));
    let finding = match shared {
        Some(_) if sccache::is_listening(&Address::Path(socket.into())) => {
            return Finding::green(REMOTE, format!("{kind} ({variable}), by the server at {socket}"));
        }
        Some(_) => Finding::red(REMOTE, format!(
            "no server listens at {socket}: builds start their own, which can't reach {kind} \
             ({variable}) from the network sandbox. One that runs outside it can"
        )),
        None => Finding::red(REMOTE, format!(
            "FEATURES=network-sandbox cuts builds off from {kind} ({variable}). One server for all, \
             outside the sandbox, reaches it; the numbers are then \"shared\""
        ))
        .set(machine, "SCCACHE_SERVER_UDS", socket),
    };
    start.into_iter().fold(finding, Finding::cure)
}

/// A server with Portage's settings, as the builder; it ends with the machine, not by itself.
fn start_commands(machine: &Machine, socket: &Path) -> [String; 2] {
    let (user, group) = machine.settings.builder();
    let folder = socket.parent().unwrap_or(Path::new("/"));
    [
        format!(
            "install -d -o {user} -g {group} -m 750 {}",
            shell::path(folder)
        ),
        format!(
            "su -s /bin/sh {user} -c 'set -a; eval \"$(portageq envvar -v \"SCCACHE_*\")\"; \
             SCCACHE_IDLE_TIMEOUT=0 sccache --start-server'"
        ),
    ]
}
