//! Phases whose shell was killed: nobody asked their servers, and one may still run.

use std::path::Path;

use anyhow::Result;

use super::Said;
use super::server::PATH;
use crate::portage::{forget, unfinished, write_snapshot_as};
use crate::sccache::Listener;

/// Makes what is left of such phases snapshots that say so, and ends their servers. Those are only to
/// be found where they aren't in a namespace that ended with the phase.
pub(super) fn settle(t: &Path, said: &mut Said) -> Result<()> {
    let unfinished = unfinished(t)?;
    // The socket: of a phase whose servers the user has log elsewhere.
    if unfinished.is_empty() && t.join(PATH).symlink_metadata().is_err() {
        return Ok(());
    }
    Listener::kill_all_started_with("T", t.as_os_str());
    for unfinished in unfinished {
        if let Err(reason) = &unfinished.phase.stats {
            let name = &unfinished.phase.name;
            said.warnings
                .push(format!("the {name} phase was not measured: {reason}"));
        }
        write_snapshot_as(unfinished.id, t, &unfinished.phase)?;
        forget(t, &unfinished);
    }
    Ok(())
}
