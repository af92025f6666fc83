//! What builds of new versions show, and rebuilds beside them.

use super::is_bump;
use crate::sccache::hit_rate;
use crate::store::Evidence;

/// One or two new versions may be cold for other reasons: a new compiler, other USE flags.
pub(super) const BUMPS: usize = 3;

/// Up to this hit rate a build counts as cold: a few files have no path in their key.
const COLD: f64 = 0.1;

/// Fewer compilations than this in a build are no sample.
pub(super) const ENOUGH: u64 = 20;

/// What the builds show of a language.
pub(super) struct Shown<'a> {
    pub(super) bumps: usize,
    /// The bumps that were cold.
    pub(super) cold: Vec<&'a Evidence>,
    pub(super) cold_sum: (u64, u64),
    /// Hits and misses of builds of the same version as before.
    pub(super) again: (u64, u64),
    pub(super) rebuilds: usize,
}

pub(super) fn shown<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence>,
    language: &str,
) -> Shown<'a> {
    let mut shown = Shown {
        bumps: 0,
        cold: Vec::new(),
        cold_sum: (0, 0),
        again: (0, 0),
        rebuilds: 0,
    };
    for build in evidence {
        let Some(&(hits, misses)) = build.languages.get(language) else {
            continue;
        };
        if hits + misses < ENOUGH || build.previous_version.is_none() {
            continue;
        }
        if !is_bump(build) {
            shown.again = (shown.again.0 + hits, shown.again.1 + misses);
            shown.rebuilds += 1;
            continue;
        }
        shown.bumps += 1;
        if hit_rate(hits, misses).is_some_and(|rate| rate <= COLD) {
            shown.cold.push(build);
            shown.cold_sum = (shown.cold_sum.0 + hits, shown.cold_sum.1 + misses);
        }
    }
    shown
}

impl Shown<'_> {
    /// Whether most new versions are cold, and enough of them.
    pub(super) fn is_cold(&self) -> bool {
        self.cold.len() >= BUMPS && 2 * self.cold.len() > self.bumps
    }
}
