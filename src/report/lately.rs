//! The period that a report looks at where nobody names one.

use chrono::{TimeDelta, Utc};

use super::{Trouble, say, text};
use crate::store::{Filter, Store};

/// A build that starts later than so much from now has a wrong date. Clocks of other computers,
/// and logs whose times name no zone, are off by less.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// Narrows the filter to so many days up to the newest build. Builds dated in the future, of a
/// wrong clock or out of a log, are left out, which is said: they would leave nothing else in.
pub(super) fn lately(store: &Store, filter: &mut Filter, days: i64) -> Result<(), Trouble> {
    let future = Utc::now() + AHEAD;
    let mut newest = store.newest(filter)?;
    if newest > Some(future) {
        let known = Filter {
            until: Some(future),
            ..filter.clone()
        };
        // Where all are, they are what there is.
        if let Some(before) = store.newest(&known)? {
            let later = store.sums(&Filter {
                since: Some(future),
                ..filter.clone()
            })?;
            say(&format!(
                "left out: {} dated in the future (by a wrong clock?), which `sccache-report \
                 builds --since {}` shows",
                text::of(later.builds, "build"),
                text::day(future)
            ));
            (newest, *filter) = (Some(before), known);
        }
    }
    filter.since = newest.map(|newest| newest - TimeDelta::days(days));
    Ok(())
}
