//! One level of a multi-level cache.

use serde::{Deserialize, Serialize};

/// What one level of a multi-level cache did (`LevelStats` in sccache's `src/cache/multilevel.rs`, 0.19.0).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Level {
    /// The number and kind, as sccache prints it: `L1 (redis)`.
    pub name: String,
    /// The location: `redis, name: unix://localhost/run/sccache/redis.sock, prefix: /`.
    pub location: Option<String>,
    /// Lookups that were answered here.
    pub hits: u64,
    /// Lookups that were not answered here. Those of a later level are misses of the earlier ones.
    pub misses: u64,
    /// Objects written.
    pub writes: u64,
    /// Objects that couldn't be written.
    pub write_failures: u64,
    /// Objects of this level that were copied to earlier ones.
    pub backfills_from: u64,
    /// Objects that were copied here from later levels.
    pub backfills_to: u64,
}

/// A count and its name in sccache's text.
type NamedCount = (&'static str, fn(&mut Level) -> &mut u64);

impl Level {
    /// The counts, by their names in sccache's text.
    const COUNTS: [NamedCount; 6] = [
        ("hits", |level| &mut level.hits),
        ("misses", |level| &mut level.misses),
        ("writes", |level| &mut level.writes),
        ("write failures", |level| &mut level.write_failures),
        ("backfills from", |level| &mut level.backfills_from),
        ("backfills to", |level| &mut level.backfills_to),
    ];

    /// Returns the count with this name in sccache's text.
    pub(in super::super) fn count_mut(&mut self, name: &str) -> Option<&mut u64> {
        let mut counts = Self::COUNTS.iter();
        let (_, get) = counts.find(|(one, _)| *one == name)?;
        Some(get(self))
    }

    /// Returns the names of the counts in sccache's text, with the counts.
    pub(in super::super) fn named_counts(&self) -> [(&'static str, u64); 6] {
        let mut level = self.clone();
        Self::COUNTS.map(|(name, get)| (name, *get(&mut level)))
    }

    /// Returns all counts.
    pub(super) fn counts(&self) -> impl Iterator<Item = u64> {
        self.named_counts().into_iter().map(|(_, count)| count)
    }

    /// Adds the counts of levels that were printed later, each to the level with the same name.
    pub(crate) fn add_all(levels: &mut Vec<Self>, later: &[Self]) {
        for added in later {
            let Some(level) = levels.iter_mut().find(|level| level.name == added.name) else {
                levels.push(added.clone());
                continue;
            };
            for ((_, get), count) in Self::COUNTS.iter().zip(added.counts()) {
                let sum = get(level);
                *sum = sum.saturating_add(count);
            }
            level.location = added.location.clone().or(level.location.take());
        }
    }

    /// Subtracts the counts of the same server at an earlier time. `None` if a count went down.
    pub(super) fn subtract_all(levels: &[Self], before: &[Self]) -> Option<Vec<Self>> {
        let mut difference = levels.to_vec();
        for level in &mut difference {
            let Some(earlier) = before.iter().find(|earlier| earlier.name == level.name) else {
                continue;
            };
            for ((_, get), count) in Self::COUNTS.iter().zip(earlier.counts()) {
                let now = get(level);
                *now = now.checked_sub(count)?;
            }
        }
        Some(difference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(name: &str, hits: u64) -> Level {
        Level {
            name: name.to_owned(),
            hits,
            ..Level::default()
        }
    }

    #[test]
    fn levels_add_up_by_name() {
        let mut sum = vec![level("L0 (disk)", 3), level("L1 (redis)", 4)];
        // A phase without Redis.
        Level::add_all(&mut sum, &[level("L0 (disk)", 2)]);
        assert_eq!(sum, [level("L0 (disk)", 5), level("L1 (redis)", 4)]);
        let before = [level("L0 (disk)", 1), level("L1 (redis)", 4)];
        let difference = Level::subtract_all(&sum, &before).unwrap();
        assert_eq!(difference, [level("L0 (disk)", 4), level("L1 (redis)", 0)]);
        assert_eq!(Level::subtract_all(&before, &sum), None);
    }
}
