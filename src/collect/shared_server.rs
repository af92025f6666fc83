//! A server that the user chose for more than one phase: it is queried before and after the phase,
//! and never stopped.

use std::io::Read;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Messages;
use super::phase::Measurement;
use crate::error::Result;
use crate::sccache::{
    Address, NotMeasured, NotMeasuredReason, Sccache, ServerError, Stats, identity,
};

/// The longest baseline that is read, in bytes.
const MAX_BASELINE: u64 = 1 << 20;

/// The state of the server at the start of the phase.
#[derive(Serialize, Deserialize)]
struct Baseline {
    /// The id of the phase's snapshot.
    id: Uuid,
    /// Distinguishes the running server from the next one at the same address.
    server: Option<String>,
    /// `None` if no server was running.
    stats: Result<Option<Stats>, NotMeasured>,
}

fn query(server: &Sccache) -> Result<Option<Stats>, NotMeasured> {
    match server.show_stats() {
        Ok(stats) => Ok(Some(stats)),
        Err(ServerError::NotRunning) => Ok(None),
        Err(error) => Err(NotMeasured::from(&error)),
    }
}

/// Returns the baseline as one line. The hook keeps it until the end of the phase.
pub(super) fn begin(server: &Sccache) -> Result<Messages> {
    let baseline = Baseline {
        id: Uuid::new_v4(),
        server: identity(&server.address),
        stats: query(server),
    };
    let line = serde_json::to_string(&baseline)?;
    Ok(Messages {
        info: vec![line],
        ..Messages::default()
    })
}

/// Returns the id of the snapshot, and the difference to the baseline that is read from `input`.
///
/// If somebody else resets the server's statistics during the phase, this is only noticed if the
/// numbers are lower than before.
pub(super) fn end(server: &Sccache, input: &mut impl Read) -> (Uuid, Measurement) {
    let Ok(baseline) = serde_json::from_reader::<_, Baseline>(input.take(MAX_BASELINE)) else {
        let reason = NotMeasuredReason::NoStartNumbers;
        return (Uuid::new_v4(), Some(Err(reason.into())));
    };
    let is_replaced = baseline.server.is_some() && baseline.server != identity(&server.address);
    let difference = match (baseline.stats, query(server)) {
        (Err(reason), _) | (_, Err(reason)) => Err(reason),
        (Ok(None), Ok(None)) => return (baseline.id, None),
        (Ok(Some(_)), Ok(None)) => Err(NotMeasuredReason::SharedServerGone.into()),
        // The first clients each start a server, which removes the socket of the one before and keeps what it counted
        // until then (`start_server` in sccache's src/server.rs, 0.16.0 and 0.19.0). At other addresses only one starts.
        (Ok(None), Ok(Some(_))) if matches!(server.address, Address::Path(_)) => {
            Err(NotMeasuredReason::SharedServerNotRunning.into())
        }
        (Ok(None), Ok(Some(after))) => Ok(after),
        (Ok(Some(_)), Ok(Some(_))) if is_replaced => {
            Err(NotMeasuredReason::SharedServerRestarted.into())
        }
        (Ok(Some(before)), Ok(Some(after))) => after
            .since(&before)
            .ok_or_else(|| NotMeasuredReason::SharedServerRestarted.into()),
    };
    let is_unused = difference.as_ref().is_ok_and(Stats::is_idle);
    (baseline.id, (!is_unused).then_some(difference))
}
