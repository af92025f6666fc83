//! Several servers' statistics as one: the phases of a build, the builds of a package.
//!
//! hits and misses always add. For a counter that not every version prints, a sum with an
//! unknown part is unknown. What describes the cache rather than counts
//! (its place, size, limit, sccache's version) is the latest that is known.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::{Counts, Level, Stats};

impl Stats {
    /// The sum of all of them, in the order they were taken; `None` of none, because
    /// nothing measured is not zero.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Stats>) -> Option<Stats> {
        let mut all = all.into_iter();
        let mut sum = all.next()?.clone();
        for one in all {
            sum += one;
        }
        Some(sum)
    }
}

/// Adds what was taken later. Counts stop at their type's limit rather than wrap.
impl AddAssign<&Stats> for Stats {
    fn add_assign(&mut self, later: &Stats) {
        for (sum, addend) in self.counters_mut().into_iter().zip(later.counters()) {
            *sum = sum.zip(addend).map(|(a, b)| a.saturating_add(b));
        }
        for (sum, addend) in self.seconds_mut().into_iter().zip(later.seconds()) {
            *sum = sum.zip(addend).map(|(a, b)| a + b);
        }
        self.hits += &later.hits;
        self.misses += &later.misses;
        self.errors = self
            .errors
            .take()
            .zip(later.errors.as_ref())
            .map(|(mut sum, errors)| {
                sum += errors;
                sum
            });
        add_map(&mut self.not_cached, &later.not_cached);
        add_map(&mut self.dist_compiles, &later.dist_compiles);
        add_levels(&mut self.levels, &later.levels);
        take_later(&mut self.base_directories, &later.base_directories);
        take_later(&mut self.cache_location, &later.cache_location);
        take_later(&mut self.cache_size, &later.cache_size);
        take_later(&mut self.max_cache_size, &later.max_cache_size);
        take_later(
            &mut self.preprocessor_cache_mode,
            &later.preprocessor_cache_mode,
        );
        take_later(&mut self.version, &later.version);
        for line in &later.unrecognized {
            if !self.unrecognized.contains(line) {
                self.unrecognized.push(line.clone());
            }
        }
    }
}

impl AddAssign<&Counts> for Counts {
    fn add_assign(&mut self, later: &Counts) {
        self.total = self.total.saturating_add(later.total);
        add_map(&mut self.languages, &later.languages);
        add_map(&mut self.compilers, &later.compilers);
    }
}

impl Stats {
    /// Whether nothing was asked of the server: every counter is 0 or unknown.
    pub fn is_idle(&self) -> bool {
        let totals = [
            Some(self.hits.total),
            Some(self.misses.total),
            self.errors_total(),
        ];
        self.counters()
            .into_iter()
            .chain(totals)
            .flatten()
            .all(|count| count == 0)
    }

    pub(crate) fn counters(&self) -> [Option<u64>; 14] {
        [
            self.requests,
            self.executed,
            self.unsupported_compiler,
            self.non_compilation,
            self.non_cacheable,
            self.timeouts,
            self.read_errors,
            self.write_errors,
            self.writes,
            self.forced_recaches,
            self.non_cacheable_compilations,
            self.compilations,
            self.compile_failures,
            self.dist_errors,
        ]
    }

    /// In the order of [`Stats::counters`].
    pub(super) fn counters_mut(&mut self) -> [&mut Option<u64>; 14] {
        [
            &mut self.requests,
            &mut self.executed,
            &mut self.unsupported_compiler,
            &mut self.non_compilation,
            &mut self.non_cacheable,
            &mut self.timeouts,
            &mut self.read_errors,
            &mut self.write_errors,
            &mut self.writes,
            &mut self.forced_recaches,
            &mut self.non_cacheable_compilations,
            &mut self.compilations,
            &mut self.compile_failures,
            &mut self.dist_errors,
        ]
    }

    pub(crate) fn seconds(&self) -> [Option<f64>; 4] {
        [
            self.write_seconds,
            self.read_hit_seconds,
            self.compiler_seconds,
            self.processor_seconds,
        ]
    }

    /// In the order of [`Stats::seconds`].
    pub(super) fn seconds_mut(&mut self) -> [&mut Option<f64>; 4] {
        [
            &mut self.write_seconds,
            &mut self.read_hit_seconds,
            &mut self.compiler_seconds,
            &mut self.processor_seconds,
        ]
    }
}

fn add_map(sum: &mut BTreeMap<String, u64>, addend: &BTreeMap<String, u64>) {
    for (name, count) in addend {
        let entry = sum.entry(name.clone()).or_default();
        *entry = entry.saturating_add(*count);
    }
}

fn add_levels(sum: &mut Vec<Level>, later: &[Level]) {
    for level in later {
        match sum.iter_mut().find(|known| known.name == level.name) {
            None => sum.push(level.clone()),
            Some(known) => {
                for (sum, addend) in [
                    (&mut known.hits, level.hits),
                    (&mut known.misses, level.misses),
                    (&mut known.writes, level.writes),
                    (&mut known.write_failures, level.write_failures),
                    (&mut known.backfills_from, level.backfills_from),
                    (&mut known.backfills_to, level.backfills_to),
                ] {
                    *sum = sum.zip(addend).map(|(a, b)| a.saturating_add(b));
                }
                for (sum, addend) in [
                    (&mut known.hit_seconds, level.hit_seconds),
                    (&mut known.write_seconds, level.write_seconds),
                ] {
                    *sum = sum.zip(addend).map(|(a, b)| a + b);
                }
                take_later(&mut known.location, &level.location);
            }
        }
    }
}

fn take_later<T: Clone>(known: &mut Option<T>, later: &Option<T>) {
    if later.is_some() {
        known.clone_from(later);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(hits: u64, executed: Option<u64>) -> Stats {
        Stats {
            executed,
            hits: Counts {
                total: hits,
                languages: BTreeMap::from([("Rust".to_string(), hits)]),
                compilers: BTreeMap::from([("rust".to_string(), hits)]),
            },
            not_cached: BTreeMap::from([("crate-type".to_string(), 2)]),
            ..Stats::default()
        }
    }

    #[test]
    fn the_sum_of_nothing_is_nothing() {
        assert_eq!(Stats::sum([]), None);
        let one = stats(1, None);
        assert_eq!(Stats::sum([&one]), Some(one));
    }

    #[test]
    fn an_unknown_addend_makes_the_sum_unknown() {
        let sum = Stats::sum([&stats(1, Some(5)), &stats(2, None)]).unwrap();
        assert_eq!(sum.executed, None);
        assert_eq!(sum.hits.total, 3);
        assert_eq!(sum.hits.languages["Rust"], 3);
        assert_eq!(sum.hits.compilers["rust"], 3);
        assert_eq!(sum.not_cached["crate-type"], 4);
        let sum = Stats::sum([&stats(1, Some(5)), &stats(2, Some(7))]).unwrap();
        assert_eq!(sum.executed, Some(12));
    }

    #[test]
    fn what_describes_the_cache_is_the_latest_known() {
        let first = Stats {
            cache_size: Some(10),
            version: Some("0.15.0".into()),
            ..Stats::default()
        };
        let second = Stats {
            cache_size: Some(20),
            ..Stats::default()
        };
        let sum = Stats::sum([&first, &second]).unwrap();
        assert_eq!(sum.cache_size, Some(20));
        assert_eq!(sum.version.as_deref(), Some("0.15.0"));
    }

    #[test]
    fn every_counter_and_duration_adds() {
        let mut one = Stats::default();
        for counter in one.counters_mut() {
            *counter = Some(1);
        }
        for seconds in one.seconds_mut() {
            *seconds = Some(0.5);
        }
        let sum = Stats::sum([&one, &one]).unwrap();
        assert_eq!(sum.counters(), [Some(2); 14]);
        assert_eq!(sum.seconds(), [Some(1.0); 4]);
    }

    #[test]
    fn a_server_is_idle_until_something_is_counted() {
        assert!(Stats::default().is_idle());
        assert!(stats(0, Some(0)).is_idle());
        assert!(!stats(0, Some(1)).is_idle());
        // Client-side mode: hits without requests.
        assert!(!stats(1, Some(0)).is_idle());
    }

    #[test]
    fn levels_add_by_name() {
        let stats = |name: &str, hits| Stats {
            levels: vec![Level {
                name: name.into(),
                hits,
                ..Level::default()
            }],
            ..Stats::default()
        };
        let all = [
            stats("L0", Some(1)),
            stats("L0", Some(2)),
            stats("L1", None),
        ];
        let sum = Stats::sum(&all).unwrap();
        assert_eq!(sum.levels[0].hits, Some(3));
        assert_eq!(sum.levels[1].name, "L1");
    }

    #[test]
    fn counts_stop_at_their_limit() {
        let sum = Stats::sum([&stats(u64::MAX, Some(u64::MAX)), &stats(1, Some(1))]).unwrap();
        assert_eq!(sum.hits.total, u64::MAX);
        assert_eq!(sum.executed, Some(u64::MAX));
    }
}
