//! What stable paths changed in builds, or would have changed.

use std::collections::HashMap;

use chrono::TimeDelta;
use uuid::Uuid;

use super::columns::{read_duration, read_uuid};
use super::filter::Filter;
use super::{Result, Store};
use crate::portage::StablePaths;

/// What stable paths changed in one or more builds, or would have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StablePathEffect {
    /// Whether the build used them, or why not; that of its last phase except src_test, which never gets the
    /// target directory. `None` if they were not turned on, or nothing had to be done.
    pub state: Option<StablePaths>,
    /// Misses that would have been hits with stable paths: an estimate.
    pub avoidable_misses: u64,
    /// The processor time of compiling these; `None` if it is unknown for one of them.
    pub avoidable_time: Option<TimeDelta>,
    /// Hits on objects that only builds in other directories, such as those of other versions, requested.
    pub gained_hits: u64,
    /// The processor time that compiling these would have taken; `None` if it is unknown for one of them.
    pub gained_time: Option<TimeDelta>,
}

impl Default for StablePathEffect {
    fn default() -> Self {
        Self {
            state: None,
            avoidable_misses: 0,
            avoidable_time: Some(TimeDelta::zero()),
            gained_hits: 0,
            gained_time: Some(TimeDelta::zero()),
        }
    }
}

impl StablePathEffect {
    /// Adds the numbers of a later build. Its state, if it has one, replaces this one's.
    pub fn add(&mut self, other: &Self) {
        // They are arbitrary in a foreign database.
        let add = |a: Option<TimeDelta>, b: Option<TimeDelta>| a?.checked_add(&b?);
        self.state = other.state.or(self.state);
        self.avoidable_misses = self.avoidable_misses.saturating_add(other.avoidable_misses);
        self.avoidable_time = add(self.avoidable_time, other.avoidable_time);
        self.gained_time = add(self.gained_time, other.gained_time);
        self.gained_hits = self.gained_hits.saturating_add(other.gained_hits);
    }
}

impl Store {
    /// Returns the effect of stable paths on each matching build. Builds without any, that didn't use them
    /// either, are left out.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn stable_path_effects(&self, filter: &Filter) -> Result<HashMap<Uuid, StablePathEffect>> {
        // CROSS JOIN keeps this order of tables, from the few builds to their phases.
        let query = filter.query(
            "SELECT matching.uuid, iif(phase.name = 'test', NULL, phase.stable_paths),
                effect.avoidable_misses, effect.avoidable_us, effect.gained_hits, effect.gained_us
             FROM matching CROSS JOIN phase ON phase.build_id = matching.id
             LEFT JOIN stable_path_effect AS effect ON effect.phase_id = phase.id
             WHERE phase.stable_paths IS NOT NULL OR effect.phase_id IS NOT NULL
             ORDER BY phase.position",
        );
        let mut builds: HashMap<Uuid, StablePathEffect> = HashMap::new();
        self.each_row(&query.sql, &*query.params(), |row| {
            let build = builds.entry(read_uuid(row, 0)?).or_default();
            let state: Option<String> = row.get(1)?;
            let state = state.as_deref().map(StablePaths::from_code);
            let mut phase = StablePathEffect {
                state: state.or(build.state),
                ..StablePathEffect::default()
            };
            if let Some(misses) = row.get(2)? {
                phase.avoidable_misses = misses;
                phase.avoidable_time = read_duration(row, 3)?;
                phase.gained_hits = row.get(4)?;
                phase.gained_time = read_duration(row, 5)?;
            }
            build.add(&phase);
            Ok(())
        })?;
        Ok(builds)
    }
}
