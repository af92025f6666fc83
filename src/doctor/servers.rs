//! Checks for leftover servers, or for the configured server.

use std::ffi::OsStr;

use super::{Context, Finding, green, yellow};
use crate::sccache::{Address, RunningServer, is_listening};

pub(super) fn check(context: &Context) -> Finding {
    let socket = context.settings.value("SCCACHE_SERVER_UDS");
    let port = context.settings.value("SCCACHE_SERVER_PORT");
    if socket.is_none() && port.is_none() {
        return check_left_over(context);
    }
    let address = Address::from_variables(socket.map(OsStr::new), port.map(OsStr::new));
    if is_listening(&address) {
        return green("the server at the configured address is running");
    }
    yellow("no server runs at the configured address, so each build starts its own")
}

fn check_left_over(context: &Context) -> Finding {
    let cache = context.settings.cache_folder();
    let builder = context.machine.builder.as_ref().map_or(0, |user| user.uid);
    let mut servers = RunningServer::find_all();
    // The environment of other users' servers can't be trusted.
    servers.retain(|server| server.uid == 0 || server.uid == builder);
    servers.retain(|server| {
        let shares_cache = cache.is_some() && server.cache_folder() == cache;
        !server.is_in_build() && (shares_cache || server.is_at_default_address())
    });
    if servers.is_empty() {
        return green("no leftover servers");
    }
    let pids = servers.iter().map(|server| server.pid.to_string());
    let pids = pids.collect::<Vec<String>>().join(" ");
    let message = "leftover servers run that don't see what other servers store";
    yellow(format!("{message} (PID {pids})")).fix(format!("kill {pids}"))
}
