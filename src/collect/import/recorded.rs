//! Whether a build is in the database already, by its id or because the hook recorded it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Log;
use crate::portage::Build;
use crate::sccache::Stats;
use crate::store::{KnownBuild, Result, Store};

/// Clocks of a file system and of a process may differ by this much.
const SLACK: TimeDelta = TimeDelta::seconds(2);

/// Portage saves the messages of a build at most this long after its start.
const MAX_ELOG_DELAY: TimeDelta = TimeDelta::days(2);

/// What was seen in this import.
#[derive(Default)]
pub struct Seen {
    /// Builds that a log was found for.
    claimed: HashSet<Uuid>,
    /// The texts of the logs that builds were made from.
    pub texts: HashSet<Uuid>,
    /// When the new builds started, by package, version, hits and misses.
    new: HashMap<(String, String, u64, u64), Vec<DateTime<Utc>>>,
}

/// What the database knows of a build.
#[derive(Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nothing.
    New,
    /// It is there.
    Recorded,
    /// It was there under this id, and was taken out.
    Forgotten(Uuid),
}

impl From<&KnownBuild> for Presence {
    fn from(known: &KnownBuild) -> Self {
        match known.is_forgotten {
            true => Self::Forgotten(known.id),
            false => Self::Recorded,
        }
    }
}

impl Seen {
    /// Returns whether the build of this log is there already, and remembers it either way.
    ///
    /// # Errors
    /// Those of reading the database.
    pub fn presence(
        &mut self,
        store: Option<&Store>,
        build: &Build,
        log: &Log,
    ) -> Result<Presence> {
        if !self.claimed.insert(build.id) {
            return Ok(Presence::Recorded);
        }
        let (first, last) = match log.name.is_elog {
            true => (build.started_at - MAX_ELOG_DELAY, build.started_at),
            false => log.time.start_range,
        };
        let (first, last) = (first - SLACK, last + SLACK);
        let known = match store {
            Some(store) => store.known_builds(build, first, last)?,
            None => Vec::new(),
        };
        // Of a version that was built again and again with equal numbers, the nearest.
        let may_be = |known: &&KnownBuild| {
            let is_free = !known.is_imported && !self.claimed.contains(&known.id);
            known.id == build.id || log.name.is_elog || is_free
        };
        let nearest = known.iter().filter(may_be).min_by_key(|known| {
            let distance = (known.started_at - build.started_at).abs();
            (known.id != build.id, distance)
        });
        if let Some(known) = nearest {
            self.claimed.insert(known.id);
            return Ok(known.into());
        }
        let stats = build.phases.iter().filter_map(|p| p.stats.as_ref().ok());
        let sum = Stats::sum(stats).unwrap_or_default();
        let (package, version) = (build.package.clone(), build.version.clone());
        let numbers = (package, version, sum.hits.total, sum.misses.total);
        let starts = self.new.entry(numbers).or_default();
        let is_in_range = |start: &DateTime<Utc>| (first..=last).contains(start);
        if log.name.is_elog && starts.iter().any(is_in_range) {
            return Ok(Presence::Recorded);
        }
        starts.push(build.started_at);
        Ok(Presence::New)
    }
}
