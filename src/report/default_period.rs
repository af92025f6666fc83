//! The default period of reports that cover recent builds only.

use chrono::{TimeDelta, Utc};

use super::{text, warn};
use crate::error::Error;
use crate::store::{Filter, Store};

/// A build that starts later than this from now has a wrong date. The clocks of other hosts differ by
/// less.
const TOLERANCE: TimeDelta = TimeDelta::days(1);

/// Limits the filter to the `days` before the newest build. Builds with a future date would hide all
/// others, so they are excluded with a warning, unless there are no others.
pub(super) fn limit_to_recent(store: &Store, filter: &mut Filter, days: i64) -> Result<(), Error> {
    let tomorrow = Utc::now() + TOLERANCE;
    let past = Filter {
        until: Some(tomorrow),
        ..filter.clone()
    };
    let newest = store.newest(filter)?;
    let newest_past = store.newest(&past)?;
    if newest_past.is_some() && newest_past != newest {
        warn(&format!(
            "ignored builds dated in the future; list them with `sccache-report builds --since {}`",
            text::date(tomorrow)
        ));
        *filter = past;
    }
    filter.since = newest_past
        .or(newest)
        .map(|newest| newest - TimeDelta::days(days));
    Ok(())
}
