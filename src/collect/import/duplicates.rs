//! Detects builds that are already recorded.
//!
//! A build from a log has its own id, so importing it twice adds nothing. A build that the hook
//! recorded has another id. It is the same build if package, version, hits, and misses are equal
//! and it started while the log was written; each recorded build belongs to one log.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::log::Log;
use crate::portage::Build;
use crate::store::{KnownBuild, Result, Store};

/// Whether the database has a build.
#[derive(Debug, PartialEq, Eq)]
pub enum Presence {
    New,
    Recorded,
    /// It was recorded under this id and removed with `forget`.
    Forgotten(Uuid),
}

/// The builds and logs of one import.
#[derive(Default)]
pub struct Duplicates {
    /// The ids of builds that have a log, and of the texts of logs.
    pub seen: HashSet<Uuid>,
    /// When new builds started, by package, version, hits, and misses.
    new: HashMap<String, Vec<DateTime<Utc>>>,
}

impl Duplicates {
    /// Looks for the build of a log, and remembers it.
    ///
    /// # Errors
    /// The database can't be read.
    pub fn find(&mut self, store: Option<&Store>, build: &Build, log: &Log) -> Result<Presence> {
        if !self.seen.insert(build.id) {
            return Ok(Presence::Recorded);
        }
        let (first, last) = log.times.start_range;
        let known = match store {
            Some(store) => store.known_builds(build, first, last)?,
            None => Vec::new(),
        };
        let is_possible = |known: &&KnownBuild| {
            let is_free = !known.is_imported && !self.seen.contains(&known.id);
            known.id == build.id || log.name.is_elog || is_free
        };
        // The same version can have been built several times with equal numbers.
        let nearest = known.iter().filter(is_possible).min_by_key(|known| {
            let distance = (known.started_at - build.started_at).abs();
            (known.id != build.id, distance)
        });
        if let Some(known) = nearest {
            self.seen.insert(known.id);
            let forgotten = known.is_forgotten.then_some(known.id);
            return Ok(forgotten.map_or(Presence::Recorded, Presence::Forgotten));
        }
        let sum = build.total().unwrap_or_default();
        let (hits, misses) = (sum.hits.total, sum.misses.total);
        let numbers = format!("{} {} {hits} {misses}", build.package, build.version);
        let starts = self.new.entry(numbers).or_default();
        if log.name.is_elog && starts.iter().any(|start| (first..=last).contains(start)) {
            return Ok(Presence::Recorded);
        }
        starts.push(build.started_at);
        Ok(Presence::New)
    }
}
