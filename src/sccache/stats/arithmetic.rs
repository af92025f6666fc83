//! Sums of several servers' statistics (the phases of a build, the builds of a package), and what
//! a shared server counted in between.
//!
//! hits and misses always add. A counter that one of the two doesn't have is unknown in the result.
//! What describes the cache rather than counts (its place, size, limit, sccache's version) is the
//! latest that is known.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::{Counts, Field, Level, Statistics, Stats};

impl Stats {
    /// Returns the sum, in the order they were taken; `None` of none, because nothing measured is
    /// not zero.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Stats>) -> Option<Stats> {
        let mut all = all.into_iter();
        let mut sum = all.next()?.clone();
        for one in all {
            sum += one;
        }
        Some(sum)
    }

    /// Returns what was counted since `before`; `None` if a counter went down, because then the
    /// server was restarted in between and neither of the two says what it counted.
    pub fn since(&self, before: &Stats) -> Option<Stats> {
        if before.counts_more_than(self) {
            return None;
        }
        let mut difference = self.clone();
        for field in Self::COUNTERS {
            field.combine(&mut difference, before, |now, before| now - before);
        }
        for field in Self::SECONDS {
            // Sums of floating-point numbers: below zero by rounding only, since the counters rose.
            field.combine(&mut difference, before, |now, before| {
                (now - before).max(0.0)
            });
        }
        difference.hits = self.hits.since(&before.hits)?;
        difference.misses = self.misses.since(&before.misses)?;
        difference.errors = match (&self.errors, &before.errors) {
            (Some(now), Some(before)) => Some(now.since(before)?),
            _ => None,
        };
        difference.not_cached = difference_of_maps(&self.not_cached, &before.not_cached)?;
        difference.dist_compiles = difference_of_maps(&self.dist_compiles, &before.dist_compiles)?;
        // Levels are not compared: how they share the work of others is not this build's.
        difference.levels.clear();
        Some(difference)
    }

    /// Whether a counter is higher than in `other`. A server's counters never fall, except to 0.
    pub(crate) fn counts_more_than(&self, other: &Stats) -> bool {
        let totals = |stats: &Stats| {
            let always = [Some(stats.hits.total), Some(stats.misses.total)];
            always.into_iter().chain([stats.errors_total()])
        };
        let counters = Self::COUNTERS.iter();
        counters
            .map(|field| ((field.get)(self), (field.get)(other)))
            .chain(totals(self).zip(totals(other)))
            .any(|(one, other)| one.zip(other).is_some_and(|(one, other)| one > other))
    }
}

/// Adds what was taken later. Counts stop at their type's limit rather than wrap.
impl AddAssign<&Stats> for Stats {
    fn add_assign(&mut self, later: &Stats) {
        add_numbers(self, later);
        self.hits += &later.hits;
        self.misses += &later.misses;
        match (&mut self.errors, &later.errors) {
            (Some(sum), Some(addend)) => *sum += addend,
            _ => self.errors = None,
        }
        add_map(&mut self.not_cached, &later.not_cached);
        add_map(&mut self.dist_compiles, &later.dist_compiles);
        for level in &later.levels {
            match self.levels.iter_mut().find(|sum| sum.name == level.name) {
                Some(sum) => *sum += level,
                None => self.levels.push(level.clone()),
            }
        }
        keep_latest(&mut self.base_directories, &later.base_directories);
        keep_latest(&mut self.cache_location, &later.cache_location);
        keep_latest(&mut self.cache_size, &later.cache_size);
        keep_latest(&mut self.max_cache_size, &later.max_cache_size);
        keep_latest(
            &mut self.preprocessor_cache_mode,
            &later.preprocessor_cache_mode,
        );
        keep_latest(&mut self.version, &later.version);
        for line in &later.unrecognized {
            if !self.unrecognized.contains(line) {
                self.unrecognized.push(line.clone());
            }
        }
    }
}

impl AddAssign<&Level> for Level {
    fn add_assign(&mut self, later: &Level) {
        add_numbers(self, later);
        keep_latest(&mut self.location, &later.location);
    }
}

impl AddAssign<&Counts> for Counts {
    fn add_assign(&mut self, later: &Counts) {
        self.total = self.total.saturating_add(later.total);
        add_map(&mut self.languages, &later.languages);
        add_map(&mut self.compilers, &later.compilers);
    }
}

impl Counts {
    fn since(&self, before: &Counts) -> Option<Counts> {
        Some(Counts {
            total: self.total.checked_sub(before.total)?,
            languages: difference_of_maps(&self.languages, &before.languages)?,
            compilers: difference_of_maps(&self.compilers, &before.compilers)?,
        })
    }
}

impl<S, T> Field<S, T> {
    /// Replaces the number in `left` by what `with` makes of both; unknown if either is.
    fn combine(&self, left: &mut S, right: &S, with: impl Fn(T, T) -> T) {
        let number = (self.get_mut)(left);
        *number = number
            .take()
            .zip((self.get)(right))
            .map(|(left, right)| with(left, right));
    }
}

fn add_numbers<S: Statistics>(sum: &mut S, later: &S) {
    for field in S::COUNTERS {
        field.combine(sum, later, u64::saturating_add);
    }
    for field in S::SECONDS {
        field.combine(sum, later, |sum, addend| sum + addend);
    }
}

fn add_map(sum: &mut BTreeMap<String, u64>, addend: &BTreeMap<String, u64>) {
    for (name, count) in addend {
        let entry = sum.entry(name.clone()).or_default();
        *entry = entry.saturating_add(*count);
    }
}

/// `None` if a count went down.
fn difference_of_maps(
    now: &BTreeMap<String, u64>,
    before: &BTreeMap<String, u64>,
) -> Option<BTreeMap<String, u64>> {
    let mut difference = now.clone();
    for (name, before) in before {
        let count = difference.get_mut(name)?;
        *count = count.checked_sub(*before)?;
    }
    difference.retain(|_, count| *count > 0);
    Some(difference)
}

fn keep_latest<T: Clone>(known: &mut Option<T>, later: &Option<T>) {
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
    fn every_counter_and_time_adds_and_subtracts() {
        let mut one = Stats::default();
        for field in Stats::COUNTERS {
            *(field.get_mut)(&mut one) = Some(1);
        }
        for field in Stats::SECONDS {
            *(field.get_mut)(&mut one) = Some(0.5);
        }
        let sum = Stats::sum([&one, &one]).unwrap();
        for (stats, count, seconds) in [(&sum, 2, 1.0), (&sum.since(&one).unwrap(), 1, 0.5)] {
            for field in Stats::COUNTERS {
                assert_eq!((field.get)(stats), Some(count), "{}", field.name);
            }
            for field in Stats::SECONDS {
                assert_eq!((field.get)(stats), Some(seconds), "{}", field.name);
            }
        }
    }

    #[test]
    fn a_server_is_idle_until_something_is_counted() {
        let idle = |hits, executed| {
            let stats = Stats {
                not_cached: BTreeMap::new(),
                ..stats(hits, executed)
            };
            stats.is_idle()
        };
        assert!(Stats::default().is_idle());
        assert!(idle(0, Some(0)));
        assert!(!idle(0, Some(1)));
        // Client-side mode: hits without requests.
        assert!(!idle(1, Some(0)));
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

    fn counted(requests: u64, rust: u64, c: u64) -> Stats {
        let languages = [("Rust", rust), ("C/C++", c)]
            .into_iter()
            .filter(|(_, count)| *count > 0);
        Stats {
            requests: Some(requests),
            hits: Counts {
                total: rust + c,
                languages: languages
                    .map(|(name, count)| (name.to_owned(), count))
                    .collect(),
                ..Counts::default()
            },
            compiler_seconds: Some(requests as f64 * 0.1),
            cache_size: Some(requests * 1000),
            ..Stats::default()
        }
    }

    #[test]
    fn what_came_on_top() {
        let difference = counted(10, 4, 3).since(&counted(6, 4, 0)).unwrap();
        assert_eq!(difference.requests, Some(4));
        assert_eq!(difference.hits.total, 3);
        assert_eq!(
            difference.hits.languages,
            BTreeMap::from([("C/C++".to_owned(), 3)])
        );
        assert_eq!(difference.cache_size, Some(10_000));
        assert!((difference.compiler_seconds.unwrap() - 0.4).abs() < 1e-9);
        assert!(counted(6, 4, 0).since(&counted(6, 4, 0)).unwrap().is_idle());
    }

    #[test]
    fn a_restart_is_no_difference() {
        assert_eq!(counted(3, 3, 0).since(&counted(6, 4, 0)), None);
        // More in all, and less of one language.
        assert_eq!(counted(9, 0, 9).since(&counted(6, 4, 0)), None);
    }

    #[test]
    fn unknown_on_either_side_is_unknown() {
        let before = Stats {
            requests: None,
            ..counted(6, 4, 0)
        };
        assert_eq!(counted(10, 4, 0).since(&before).unwrap().requests, None);
    }
}
