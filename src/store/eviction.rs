//! Why a cache lost objects: whether it was full before the build that needed them again.

use rusqlite::{Row, params};
use uuid::Uuid;

use super::{CacheState, Result, Store};

/// A cache that shrank below this fraction was cleared: sccache removes only as much as it needs for the next
/// object.
const CLEARED: f64 = 0.5;

/// The most states of the cache before a build, so that many builds of others take no longer.
const STATES: usize = 100;

/// Why the cache lost objects that a build needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EvictionCause {
    /// It was full before the build, and wasn't cleared since.
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

/// A build and the cache it left.
struct Loss {
    host: String,
    package: String,
    started_at_us: i64,
    after: CacheState,
}

impl Store {
    /// Returns why the cache lost objects that the build needed, from the states of the cache since the
    /// host's first build of the package: the objects are not older.
    ///
    /// # Errors
    /// As [`Store::builds`].
    pub fn eviction_cause(&self, build: Uuid) -> Result<EvictionCause> {
        let sql = "SELECT phase.cache_location, phase.cache_size_bytes, phase.max_cache_size_bytes,
                build.host, build.package, build.started_at_us
             FROM build CROSS JOIN phase ON phase.build_id = build.id
             WHERE build.uuid = ?
                AND phase.cache_size_bytes + phase.max_cache_size_bytes IS NOT NULL
             ORDER BY phase.position DESC LIMIT 1";
        let loss = self.query(sql, [build.to_string()], |row| {
            Ok(Loss {
                after: CacheState::read(row)?,
                host: row.get(3)?,
                package: row.get(4)?,
                started_at_us: row.get(5)?,
            })
        })?;
        let Some(loss) = loss.into_iter().next() else {
            return Ok(EvictionCause::Unknown);
        };
        let present_max_size = self.present_max_size(&loss)?;
        let before = self.states_before(&loss)?;
        Ok(cause(&before, &loss.after, present_max_size))
    }

    /// Returns the newest states of the cache before the build, the newest last, and whether each is one since
    /// the package's build before.
    fn states_before(&self, loss: &Loss) -> Result<Vec<(CacheState, bool)>> {
        // NULL, and so no state, if the build is the package's first.
        let sql = "SELECT phase.cache_location, phase.cache_size_bytes, phase.max_cache_size_bytes,
                build.started_at_us >= (SELECT max(started_at_us) FROM build
                    WHERE package = ?3 AND host = ?1 AND started_at_us < ?2)
             FROM build CROSS JOIN phase ON phase.build_id = build.id
             WHERE build.host = ?1 AND build.started_at_us < ?2
                AND build.started_at_us >= (SELECT min(started_at_us) FROM build
                    WHERE package = ?3 AND host = ?1 AND started_at_us < ?2)
                AND phase.finished_at_us <= ?2 AND phase.cache_location IS ?4
                AND phase.cache_size_bytes + phase.max_cache_size_bytes IS NOT NULL
             ORDER BY build.started_at_us DESC, phase.position DESC LIMIT ?5";
        let location = &loss.after.location;
        let params = params![
            loss.host,
            loss.started_at_us,
            loss.package,
            location,
            STATES as i64
        ];
        let read = |row: &Row<'_>| Ok((CacheState::read(row)?, row.get(3)?));
        let mut states = self.query(sql, params, read)?;
        states.reverse();
        Ok(states)
    }

    fn present_max_size(&self, loss: &Loss) -> Result<u64> {
        let sql = "SELECT phase.max_cache_size_bytes
             FROM build CROSS JOIN phase ON phase.build_id = build.id
             WHERE build.host = ? AND phase.cache_location IS ?
                AND phase.cache_size_bytes + phase.max_cache_size_bytes IS NOT NULL
             ORDER BY build.started_at_us DESC, phase.position DESC LIMIT 1";
        let params = params![loss.host, loss.after.location];
        let newest = self.query(sql, params, |row| row.get(0))?.pop();
        Ok(newest.unwrap_or(loss.after.max_size))
    }
}

/// Returns the cause, from the states of the cache before a build (as [`Store::states_before`] returns them) and
/// the one after it.
fn cause(
    before: &[(CacheState, bool)],
    after: &CacheState,
    present_max_size: u64,
) -> EvictionCause {
    let is_full = |state: &CacheState| state.fill() >= Some(CacheState::FULL);
    let is_cut = before.len() >= STATES;
    let was_full = before.iter().any(|(state, _)| is_full(state));
    let full = before
        .iter()
        .rposition(|(state, is_recent)| *is_recent && is_full(state));
    let before: Vec<&CacheState> = before.iter().map(|(state, _)| state).collect();
    let states: Vec<&CacheState> = before.iter().copied().chain([after]).collect();
    let last_states = &states[full.unwrap_or(0)..];
    // A smaller maximum also makes sccache remove objects.
    let was_cleared = last_states.windows(2).any(|pair| {
        let kept = pair[0].size.min(pair[1].max_size);
        (pair[1].size as f64) < CLEARED * kept as f64
    });
    let was_reduced = states
        .windows(2)
        .any(|pair| pair[1].max_size < pair[0].size);
    let fullest = before.iter().max_by(|a, b| a.compare_fill(b));
    match (full, fullest) {
        (Some(index), _) if !was_cleared => EvictionCause::TooSmall {
            full: before[index].clone(),
            present_max_size,
        },
        (None, Some(fullest)) if !is_cut && !was_full && !is_full(after) && !was_reduced => {
            EvictionCause::Cleared((*fullest).clone())
        }
        _ => EvictionCause::Unknown,
    }
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

    fn cause(before: &[CacheState], after: &CacheState, present_max_size: u64) -> EvictionCause {
        let recent: Vec<_> = before.iter().map(|state| (state.clone(), true)).collect();
        super::cause(&recent, after, present_max_size)
    }

    fn too_small(size: u64, max_size: u64, present_max_size: u64) -> EvictionCause {
        EvictionCause::TooSmall {
            full: state(size, max_size),
            present_max_size,
        }
    }

    #[test]
    fn a_cache_that_was_full_before_was_too_small() {
        let full = state(95, 100);
        let small = too_small(95, 100, 100);
        assert_eq!(cause(std::slice::from_ref(&full), &full, 100), small);
        let room = state(50, 100);
        let before = [room, full.clone()];
        assert_eq!(cause(&before, &state(80, 100), 100), small);
        let since = [full, state(100, 1000)];
        let enlarged = too_small(95, 100, 1000);
        assert_eq!(cause(&since, &state(120, 1000), 1000), enlarged);
    }

    #[test]
    fn a_cache_that_had_room_was_cleared() {
        let before = [state(50, 100), state(10, 100)];
        let cleared = EvictionCause::Cleared(state(50, 100));
        assert_eq!(cause(&before, &state(60, 100), 100), cleared);
        assert_eq!(cause(&before, &state(0, 100), 100), cleared);
    }

    #[test]
    fn a_cause_that_nothing_shows_is_unknown() {
        let unknown = EvictionCause::Unknown;
        let full = state(95, 100);
        assert_eq!(cause(&[], &full, 100), unknown);
        assert_eq!(cause(&[], &state(1, 100), 100), unknown);
        // Only this build filled it.
        assert_eq!(cause(&[state(1, 100)], &full, 100), unknown);
        // Cleared after it was full.
        let cleared = [full.clone(), state(10, 100)];
        assert_eq!(cause(&cleared, &full, 100), unknown);
        assert_eq!(cause(&[full], &state(10, 100), 100), unknown);
        // Full before the package was built last, which need not have used the objects.
        let earlier = [(state(95, 100), false), (state(100, 1000), true)];
        assert_eq!(super::cause(&earlier, &state(120, 1000), 1000), unknown);
        // States that were not read.
        let many = vec![state(50, 100); STATES];
        assert_eq!(cause(&many, &state(60, 100), 100), unknown);
        // Reduced before the build.
        assert_eq!(cause(&[state(95, 1000)], &state(80, 90), 90), unknown);
    }
}
