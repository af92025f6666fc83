//! Servers of sccache that were left over.

use std::ffi::OsStr;

use super::{Context, Finding, State, count};
use crate::sccache::{Address, Listener, RunningServer, is_listening};

const CHECK: &str = "servers";

/// Where a server listens that nothing else was said about.
const DEFAULT_PORT: u16 = 4226;

pub(super) fn check(context: &Context) -> Finding {
    if let Some(finding) = shared(context) {
        return finding;
    }
    let cache = context.in_effect.cache_folder();
    let on_default_port = Listener::find_all(&Address::Port(DEFAULT_PORT));
    let builder = context.machine.builder.as_ref().map_or(0, |user| user.uid);
    let mut left = RunningServer::find_all();
    // First, because the rest believes a process's environment.
    left.retain(|server| server.uid == 0 || server.uid == builder);
    left.retain(|server| {
        let shares_cache = cache.is_some() && server.cache_folder() == cache;
        let is_default = on_default_port.iter().any(|it| it.pid() == server.pid);
        !server.is_in_build() && (shares_cache || is_default)
    });
    if left.is_empty() {
        return Finding::new(CHECK, State::Green, "no server is left over");
    }
    let pids: Vec<String> = left.iter().map(|server| server.pid.to_string()).collect();
    let message = format!(
        "{} of builds that ended: sccache called outside a build uses it, with its settings and \
         rights, and it doesn't see what other servers store (process {})",
        count(left.len() as u64, "server"),
        pids.join(", ")
    );
    let command = format!("kill {}", pids.join(" "));
    Finding::new(CHECK, State::Yellow, message).fix(command)
}

/// One server for all builds, where the user chose an address.
fn shared(context: &Context) -> Option<Finding> {
    let in_effect = &context.in_effect;
    let socket = in_effect.value("SCCACHE_SERVER_UDS").map(OsStr::new);
    let port = in_effect.value("SCCACHE_SERVER_PORT").map(OsStr::new);
    if socket.is_none() && port.is_none() {
        return None;
    }
    let address = Address::from_variables(socket, port);
    if is_listening(&address) {
        return Some(Finding::new(
            CHECK,
            State::Green,
            "the server at the configured address is running",
        ));
    }
    let is_remote = !in_effect.remotes().is_empty();
    let message = "no server listens at the configured address: builds start their own";
    let state = if is_remote && in_effect.has_feature("network-sandbox") != Some(false) {
        State::Red
    } else {
        State::Yellow
    };
    Some(Finding::new(CHECK, state, message))
}
