//! The period of a report if no option limits it.

use chrono::{TimeDelta, Utc};

use super::{text, warn};
use crate::error::Error;
use crate::store::{Filter, Store};

/// A build that starts later than this from now has a wrong date. Other hosts' clocks are off by
/// less.
const TOLERANCE: TimeDelta = TimeDelta::days(1);

/// Limits the filter to the `days` before the newest build. Builds dated in the future are left
/// out with a warning, because they would hide all others.
pub(super) fn limit_to_recent(store: &Store, filter: &mut Filter, days: i64) -> Result<(), Error> {
    let future = Utc::now() + TOLERANCE;
    let mut newest = store.newest(filter)?;
    if newest > Some(future) {
        let past = Filter {
            until: Some(future),
            ..filter.clone()
        };
        // If all builds are dated in the future, they are shown.
        if let Some(newest_past) = store.newest(&past)? {
            let date = text::date(future);
            warn(&format!(
                "ignored builds dated in the future; `sccache-report builds --since {date}` shows \
                 them"
            ));
            newest = Some(newest_past);
            *filter = past;
        }
    }
    filter.since = newest.map(|newest| newest - TimeDelta::days(days));
    Ok(())
}
