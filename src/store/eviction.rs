//! Why a cache lost objects: whether it was full before the build that needed them again.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Row, params};
use uuid::Uuid;

use super::columns::read_uuid;
use super::{CacheState, Result, Store};

/// A cache that shrank below this fraction was cleared: sccache removes only as much as it needs for the next
/// object.
const CLEARED: f64 = 0.5;

/// How many of a host's newest builds are searched for states of a cache, so that years of builds take no longer.
const BUILDS: u32 = 2000;

/// Why the cache lost objects that a build needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EvictionCause {
    /// It was full after the package's build before, and wasn't cleared since the objects were used.
    TooSmall {
        /// The cache when it was full.
        full: CacheState,
        /// The maximum that the newest build with this cache found, in bytes.
        present_max_size: u64,
    },
    /// It always had room for more since the host's first build of the package, when it was fullest as this
    /// state shows.
    Cleared(CacheState),
    /// Its size and its clearing are both possible.
    #[default]
    Unknown,
}

/// A build that needed lost objects, the cache it left, and when the host built the package before.
struct Loss {
    build: Uuid,
    host: String,
    started_at_us: i64,
    after: CacheState,
    first_us: Option<i64>,
    previous_us: Option<i64>,
    /// The last build of the same version, which has the same objects. Others may not have requested them.
    same_version_us: Option<i64>,
}

/// The states of a cache.
#[derive(Default)]
struct History {
    /// With the ends of their phases, in order of these.
    states: Vec<(i64, CacheState)>,
    /// Builds that started until then are missing.
    missing_until_us: Option<i64>,
    present_max_size: u64,
}

impl Store {
    /// Returns why the cache lost objects that the builds needed. Builds without a known state of their cache are
    /// left out.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn eviction_causes(&self, builds: &[Uuid]) -> Result<HashMap<Uuid, EvictionCause>> {
        if builds.is_empty() {
            return Ok(HashMap::new());
        }
        let mut caches: BTreeMap<(String, Option<String>), Vec<Loss>> = BTreeMap::new();
        for loss in self.losses(builds)? {
            let cache = (loss.host.clone(), loss.after.location.clone());
            caches.entry(cache).or_default().push(loss);
        }
        let mut causes = HashMap::new();
        for ((host, location), losses) in caches {
            let until_us = losses.iter().map(|loss| loss.started_at_us).max();
            let history = self.history(&host, location.as_deref(), until_us.unwrap_or_default())?;
            causes.extend(losses.iter().map(|loss| (loss.build, history.cause(loss))));
        }
        Ok(causes)
    }

    fn losses(&self, builds: &[Uuid]) -> Result<Vec<Loss>> {
        let sql = "SELECT phase.cache_location, phase.cache_size_bytes, phase.max_cache_size_bytes,
                build.uuid, build.host, build.started_at_us,
                (SELECT min(started_at_us) FROM build AS other WHERE other.package = build.package
                    AND other.started_at_us < build.started_at_us AND other.host = build.host),
                (SELECT max(started_at_us) FROM build AS other WHERE other.package = build.package
                    AND other.started_at_us < build.started_at_us AND other.host = build.host),
                (SELECT max(started_at_us) FROM build AS other WHERE other.package = build.package
                    AND other.started_at_us < build.started_at_us AND other.host = build.host
                    AND other.version = build.version)
             FROM json_each(?) AS id CROSS JOIN build ON build.uuid = id.value
             CROSS JOIN phase ON phase.id = (SELECT last.id FROM phase AS last
                WHERE last.build_id = build.id
                    AND last.cache_size_bytes + last.max_cache_size_bytes IS NOT NULL
                ORDER BY last.position DESC LIMIT 1)";
        let ids: Vec<String> = builds.iter().map(Uuid::to_string).collect();
        self.query(sql, [serde_json::Value::from(ids).to_string()], |row| {
            Ok(Loss {
                after: CacheState::read(row)?,
                build: read_uuid(row, 3)?,
                host: row.get(4)?,
                started_at_us: row.get(5)?,
                first_us: row.get(6)?,
                previous_us: row.get(7)?,
                same_version_us: row.get(8)?,
            })
        })
    }

    /// Returns the states of a cache in builds that started before `until_us`.
    fn history(&self, host: &str, location: Option<&str>, until_us: i64) -> Result<History> {
        let sql = "SELECT started_at_us FROM build WHERE host = ? AND started_at_us < ?
             ORDER BY started_at_us DESC LIMIT 1 OFFSET ?";
        let values = (host, until_us, BUILDS);
        let missing_until_us = self.query(sql, values, |row| row.get(0))?.pop();
        let sql = "SELECT phase.cache_location, phase.cache_size_bytes, phase.max_cache_size_bytes,
                phase.finished_at_us
             FROM build CROSS JOIN phase ON phase.build_id = build.id
             WHERE build.started_at_us > ? AND build.started_at_us < ? AND build.host = ?
                AND phase.cache_location IS ?
                AND phase.cache_size_bytes + phase.max_cache_size_bytes IS NOT NULL
             ORDER BY phase.finished_at_us, build.uuid, phase.position";
        let since_us = missing_until_us.unwrap_or(i64::MIN);
        let read = |row: &Row<'_>| Ok((row.get(3)?, CacheState::read(row)?));
        let states = self.query(sql, params![since_us, until_us, host, location], read)?;
        let sql = "SELECT phase.max_cache_size_bytes
             FROM build CROSS JOIN phase ON phase.build_id = build.id
             WHERE build.host = ? AND phase.cache_location IS ?
                AND phase.cache_size_bytes + phase.max_cache_size_bytes IS NOT NULL
             ORDER BY build.started_at_us DESC, build.uuid DESC, phase.position DESC LIMIT 1";
        let newest = self.query(sql, params![host, location], |row| row.get(0))?;
        Ok(History {
            states,
            missing_until_us,
            present_max_size: newest.first().copied().unwrap_or_default(),
        })
    }
}

impl History {
    fn cause(&self, loss: &Loss) -> EvictionCause {
        let (Some(first_us), Some(previous_us)) = (loss.first_us, loss.previous_us) else {
            return EvictionCause::Unknown;
        };
        // Other builds may end after this one started.
        let end = self
            .states
            .partition_point(|(end_us, _)| *end_us <= loss.started_at_us);
        let since = |start_us: i64| -> Vec<&CacheState> {
            let before = &self.states[..end];
            let start = before.partition_point(|(end_us, _)| *end_us < start_us);
            before[start..].iter().map(|(_, state)| state).collect()
        };
        let is_known_since = |start_us| self.missing_until_us.is_none_or(|us| us < start_us);
        let is_full = |state: &&CacheState| state.fill() >= Some(CacheState::FULL);
        let last_use_us = loss.same_version_us.unwrap_or(previous_us);
        if let Some(full) = since(previous_us).into_iter().rfind(is_full)
            && is_known_since(last_use_us)
            && !was_cleared(&since(last_use_us), &loss.after)
        {
            return EvictionCause::TooSmall {
                full: full.clone(),
                present_max_size: self.present_max_size,
            };
        }
        let before = since(first_us);
        let had_room = is_known_since(first_us)
            && !before.iter().any(is_full)
            && !is_full(&&loss.after)
            && !was_reduced(&before, &loss.after);
        match before.into_iter().max_by(|a, b| a.compare_fill(b)) {
            Some(fullest) if had_room => EvictionCause::Cleared(fullest.clone()),
            _ => EvictionCause::Unknown,
        }
    }
}

/// Returns each state with the one after it.
fn steps<'a>(
    before: &[&'a CacheState],
    after: &'a CacheState,
) -> impl Iterator<Item = (&'a CacheState, &'a CacheState)> {
    let next = before.iter().skip(1).copied().chain([after]);
    before.iter().copied().zip(next)
}

fn was_cleared(before: &[&CacheState], after: &CacheState) -> bool {
    steps(before, after).any(|(old, new)| {
        // A smaller maximum also makes sccache remove objects.
        let kept = old.size.min(new.max_size);
        (new.size as f64) < CLEARED * kept as f64
    })
}

fn was_reduced(before: &[&CacheState], after: &CacheState) -> bool {
    steps(before, after).any(|(old, new)| new.max_size < old.size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(size: u64, max_size: u64) -> CacheState {
        CacheState {
            location: None,
            size,
            max_size,
        }
    }

    fn history(states: &[CacheState]) -> History {
        let states = states.iter().cloned();
        History {
            states: (0..).zip(states).collect(),
            missing_until_us: None,
            present_max_size: 1000,
        }
    }

    /// The package was built first and last when the first state was found.
    fn loss(after: CacheState) -> Loss {
        Loss {
            build: Uuid::nil(),
            host: String::new(),
            started_at_us: 100,
            after,
            first_us: Some(0),
            previous_us: Some(0),
            same_version_us: Some(0),
        }
    }

    fn cause(before: &[CacheState], after: &CacheState) -> EvictionCause {
        history(before).cause(&loss(after.clone()))
    }

    fn too_small(size: u64, max_size: u64) -> EvictionCause {
        EvictionCause::TooSmall {
            full: state(size, max_size),
            present_max_size: 1000,
        }
    }

    #[test]
    fn a_cache_that_was_full_before_was_too_small() {
        let full = state(95, 100);
        let small = too_small(95, 100);
        assert_eq!(cause(std::slice::from_ref(&full), &full), small);
        let room = state(50, 100);
        let before = [room, full.clone()];
        assert_eq!(cause(&before, &state(80, 100)), small);
        let since = [full, state(100, 1000)];
        assert_eq!(cause(&since, &state(120, 1000)), small, "enlarged");
    }

    #[test]
    fn a_cache_that_had_room_was_cleared() {
        let before = [state(50, 100), state(10, 100)];
        let cleared = EvictionCause::Cleared(state(50, 100));
        assert_eq!(cause(&before, &state(60, 100)), cleared);
        assert_eq!(cause(&before, &state(0, 100)), cleared);
    }

    #[test]
    fn a_cause_that_nothing_shows_is_unknown() {
        let unknown = EvictionCause::Unknown;
        let full = state(95, 100);
        assert_eq!(cause(&[], &full), unknown);
        assert_eq!(cause(&[], &state(1, 100)), unknown);
        // Only this build filled it.
        assert_eq!(cause(&[state(1, 100)], &full), unknown);
        // Cleared after or before it was full.
        let cleared = [full.clone(), state(10, 100)];
        assert_eq!(cause(&cleared, &full), unknown);
        assert_eq!(cause(std::slice::from_ref(&full), &state(10, 100)), unknown);
        let filled = [state(50, 100), state(5, 100), full];
        assert_eq!(cause(&filled, &state(96, 100)), unknown);
        // Reduced before the build.
        assert_eq!(cause(&[state(95, 1000)], &state(80, 90)), unknown);
    }

    #[test]
    fn the_last_build_of_another_version_need_not_have_used_the_objects() {
        let versions = |first, previous, same| Loss {
            first_us: Some(first),
            previous_us: Some(previous),
            same_version_us: same,
            ..loss(state(96, 100))
        };
        // 1.0, cleared, 1.1, full, and 1.0 again.
        let cleared = history(&[state(50, 100), state(5, 100), state(6, 100), state(95, 100)]);
        let again = versions(0, 2, Some(0));
        assert_eq!(cleared.cause(&again), EvictionCause::Unknown);
        let next = versions(0, 2, None);
        assert_eq!(cleared.cause(&next), too_small(95, 100), "1.2");
        // Full and enlarged before 1.1.
        let mut enlarged = history(&[state(95, 100), state(100, 1000), state(110, 1000)]);
        let later = Loss {
            after: state(120, 1000),
            ..versions(0, 2, Some(0))
        };
        assert_eq!(enlarged.cause(&later), EvictionCause::Unknown);
        enlarged.states.remove(0);
        let room = EvictionCause::Cleared(state(110, 1000));
        assert_eq!(enlarged.cause(&later), room);
    }

    #[test]
    fn states_that_are_not_read_can_be_anything() {
        let unknown = EvictionCause::Unknown;
        for after in [state(60, 100), state(96, 100)] {
            let mut history = history(&[state(50, 100), after.clone()]);
            assert_ne!(history.cause(&loss(after.clone())), unknown);
            history.missing_until_us = Some(0);
            assert_eq!(history.cause(&loss(after)), unknown);
        }
    }

    /// Of another build that went on while this one ran.
    #[test]
    fn a_state_after_the_start_is_none_before() {
        let late = History {
            states: vec![(0, state(50, 100)), (101, state(95, 100))],
            ..history(&[])
        };
        let cleared = EvictionCause::Cleared(state(50, 100));
        assert_eq!(late.cause(&loss(state(60, 100))), cleared);
    }
}
