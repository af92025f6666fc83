//! A server that the user chose, for more than one phase: asked before and after, never stopped.

use std::io::Read;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Said;
use super::server::{Measured, addresses};
use crate::sccache::{NotMeasured, NotMeasuredReason, Sccache, ServerError, Stats, identity};

/// What a shared server had counted when the phase began.
#[derive(Serialize, Deserialize)]
struct Before {
    /// The snapshot's, however often the phase's end is told.
    id: Uuid,
    /// What tells it from the next server at its address, where one was there.
    server: Option<String>,
    /// `None` where none was running, or why it can't be told.
    stats: Result<Option<Stats>, NotMeasured>,
}

fn ask(server: &Sccache) -> Result<Option<Stats>, NotMeasured> {
    match server.show_stats() {
        Ok(stats) => Ok(Some(stats)),
        Err(ServerError::NotRunning) => Ok(None),
        Err(failure) => Err(NotMeasured::from(&failure)),
    }
}

/// The beginning of a phase that uses a shared server: what it has counted by now, as one line
/// for the hook to keep.
///
/// # Errors
/// None that a line of JSON can have. A server that can't be asked makes the phase one that is not
/// measured; where none is running, it has counted nothing.
pub fn begin(program: &Path) -> Result<Said> {
    let server = Sccache::new(program, addresses().remove(0));
    let line = serde_json::to_string(&Before {
        id: Uuid::new_v4(),
        server: identity(&server.address),
        stats: ask(&server),
    })?;
    Ok(Said {
        info: vec![line],
        warnings: Vec::new(),
    })
}

/// What came on top of the numbers in `before`, and the snapshot's id. That somebody set the numbers
/// to zero is only seen where they are lower than before: the server is asked twice, and what it was
/// told in between is not for us to log.
pub(super) fn end(server: &Sccache, before: &mut impl Read) -> (Uuid, Measured) {
    let Ok(before) = serde_json::from_reader::<_, Before>(before.take(1 << 20)) else {
        let why = NotMeasuredReason::NoStartNumbers;
        return (Uuid::new_v4(), Some(Err(why.into())));
    };
    let another = before.server.is_some() && before.server != identity(&server.address);
    let difference = match (before.stats, ask(server)) {
        (Ok(None), Ok(None)) => return (before.id, None),
        (Ok(_), Ok(None)) => Err(NotMeasuredReason::SharedServerGone.into()),
        (Ok(None), Ok(Some(now))) => Ok(now),
        (Ok(Some(before)), Ok(Some(now))) => Some(now)
            .filter(|_| !another)
            .and_then(|now| now.since(&before))
            .ok_or_else(|| NotMeasuredReason::SharedServerRestarted.into()),
        (Err(failure), _) | (_, Err(failure)) => Err(failure),
    };
    let measured = match difference {
        Ok(stats) if stats.is_idle() => None,
        difference => Some(difference),
    };
    (before.id, measured)
}
