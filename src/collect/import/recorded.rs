//! Whether a build is in the database already, by its id or because the hook recorded it.

use std::collections::{HashMap, HashSet};

use chrono::{TimeDelta, Timelike};
use uuid::Uuid;

use crate::portage::Build;
use crate::portage::log::Start;
use crate::sccache::Stats;
use crate::store::{BuildRow, Filter, Result, Store};

/// Clocks of a file system and of a process may differ so much.
const SLACK: TimeDelta = TimeDelta::seconds(2);

/// What is known to be there.
#[derive(Default)]
pub struct Known {
    /// The database's builds, of the packages that were asked for.
    rows: HashMap<String, Vec<BuildRow>>,
    /// Builds that a log was found for.
    claimed: HashSet<Uuid>,
}

impl Known {
    /// Whether the build is there already; remembers it either way.
    ///
    /// # Errors
    /// Those of reading the database.
    pub fn has(&mut self, store: Option<&Store>, build: &Build, start: &Start) -> Result<bool> {
        if !self.claimed.insert(build.id) {
            return Ok(true);
        }
        let Some(store) = store else {
            return Ok(false);
        };
        let rows = match self.rows.entry(build.package.clone()) {
            std::collections::hash_map::Entry::Occupied(rows) => rows.into_mut(),
            std::collections::hash_map::Entry::Vacant(none) => {
                let packages = Some(vec![build.package.clone()]);
                none.insert(store.builds(&Filter {
                    packages,
                    ..Filter::default()
                })?)
            }
        };
        if rows.iter().any(|row| row.id == build.id) {
            return Ok(true);
        }
        let same = |row: &&BuildRow| {
            !self.claimed.contains(&row.id) && !imported(row) && is_same(row, build, start)
        };
        // The nearest: what was built again and again may have the same numbers each time.
        let nearest = rows
            .iter()
            .filter(same)
            .min_by_key(|row| (row.started_at - build.started_at).abs());
        Ok(match nearest {
            Some(row) => self.claimed.insert(row.id),
            None => false,
        })
    }
}

/// Whether a row came from a log, whose times are whole seconds; the hook's are not. It is
/// known by its id alone.
fn imported(row: &BuildRow) -> bool {
    row.emerge.is_none() && row.finished_at.nanosecond() == 0
}

fn is_same(row: &BuildRow, build: &Build, start: &Start) -> bool {
    let measured = build.phases.iter().filter_map(|p| p.stats.as_ref().ok());
    let Some(sum) = Stats::sum(measured) else {
        return false;
    };
    let either = |a: Option<u64>, b: Option<u64>| a.is_none() || b.is_none() || a == b;
    let in_time =
        |&(from, until): &(_, _)| row.started_at >= from - SLACK && row.started_at <= until + SLACK;
    row.version == build.version
        && row.hits == Some(sum.hits.total)
        && row.misses == Some(sum.misses.total)
        && either(row.errors, sum.errors_total())
        && either(row.requests, sum.requests)
        && either(row.executed, sum.executed)
        && either(row.non_cacheable, sum.non_cacheable)
        && start.possible.iter().any(in_time)
}
