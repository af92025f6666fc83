//! Sums of statistics (the phases of a build, the builds of a package), and what a shared server
//! counted between two queries.
//!
//! Hits and misses always add up. A number that one of the two doesn't have is unknown in the result.
//! Values that describe the cache (location, size, limit, sccache's version) are the latest known.

use std::collections::BTreeMap;

use super::{Counts, Field, Level, Stats};

impl Stats {
    /// Returns the sum of statistics in the order they were taken; `None` for an empty list, because
    /// not measured is not zero. Counts stop at their type's limit.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Stats>) -> Option<Stats> {
        let mut all = all.into_iter();
        let first = all.next()?.clone();
        Some(all.fold(first, Stats::plus))
    }

    fn plus(mut self, later: &Stats) -> Stats {
        for field in Self::COUNTERS {
            field.combine(&mut self, later, u64::saturating_add);
        }
        for field in Self::SECONDS {
            field.combine(&mut self, later, |sum, addend| sum + addend);
        }
        self.hits.add(&later.hits);
        self.misses.add(&later.misses);
        match (&mut self.errors, &later.errors) {
            (Some(sum), Some(addend)) => sum.add(addend),
            _ => self.errors = None,
        }
        add_map(&mut self.not_cached, &later.not_cached);
        add_map(&mut self.dist_compiles, &later.dist_compiles);
        Level::add_all(&mut self.levels, &later.levels);
        replace_if_known(&mut self.base_directories, &later.base_directories);
        replace_if_known(&mut self.cache_location, &later.cache_location);
        replace_if_known(&mut self.cache_size, &later.cache_size);
        replace_if_known(&mut self.max_cache_size, &later.max_cache_size);
        replace_if_known(
            &mut self.preprocessor_cache_mode,
            &later.preprocessor_cache_mode,
        );
        replace_if_known(&mut self.version, &later.version);
        for line in &later.unrecognized {
            if !self.unrecognized.contains(line) {
                self.unrecognized.push(line.clone());
            }
        }
        self
    }

    /// Returns what was counted since `before`; `None` if a counter went down, because then the
    /// server was restarted in between.
    pub fn since(&self, before: &Stats) -> Option<Stats> {
        if before.counts_more_than(self) {
            return None;
        }
        let mut difference = self.clone();
        for field in Self::COUNTERS {
            field.combine(&mut difference, before, |now, before| now - before);
        }
        for field in Self::SECONDS {
            // The counters rose, so below zero is a rounding error.
            let subtract = |now: f64, before: f64| (now - before).max(0.0);
            field.combine(&mut difference, before, subtract);
        }
        difference.hits = self.hits.since(&before.hits)?;
        difference.misses = self.misses.since(&before.misses)?;
        difference.errors = match (&self.errors, &before.errors) {
            (Some(now), Some(before)) => Some(now.since(before)?),
            _ => None,
        };
        difference.not_cached = subtract_map(&self.not_cached, &before.not_cached)?;
        difference.dist_compiles = subtract_map(&self.dist_compiles, &before.dist_compiles)?;
        difference.levels = Level::subtract_all(&self.levels, &before.levels)?;
        Some(difference)
    }

    /// Whether a counter is higher than in `other`. The counters of a server never fall.
    pub(crate) fn counts_more_than(&self, other: &Stats) -> bool {
        let counters = Self::COUNTERS
            .iter()
            .map(|field| ((field.get)(self), (field.get)(other)));
        let split = self.split_counts().zip(other.split_counts());
        counters
            .chain(split.map(|(one, other)| (Some(one.total), Some(other.total))))
            .any(|(one, other)| one.zip(other).is_some_and(|(one, other)| one > other))
    }
}

impl Counts {
    fn add(&mut self, later: &Counts) {
        self.total = self.total.saturating_add(later.total);
        add_map(&mut self.languages, &later.languages);
        add_map(&mut self.compilers, &later.compilers);
    }

    fn since(&self, before: &Counts) -> Option<Counts> {
        Some(Counts {
            total: self.total.checked_sub(before.total)?,
            languages: subtract_map(&self.languages, &before.languages)?,
            compilers: subtract_map(&self.compilers, &before.compilers)?,
        })
    }
}

impl<T> Field<T> {
    /// Replaces the number in `left` with what `operation` makes of both; unknown if either is.
    fn combine(&self, left: &mut Stats, right: &Stats, operation: impl Fn(T, T) -> T) {
        let number = (self.get_mut)(left);
        let both = number.take().zip((self.get)(right));
        *number = both.map(|(left, right)| operation(left, right));
    }
}

/// Replaces a value with a later one that is known.
fn replace_if_known<T: Clone>(value: &mut Option<T>, later: &Option<T>) {
    if later.is_some() {
        value.clone_from(later);
    }
}

fn add_map(sum: &mut BTreeMap<String, u64>, addend: &BTreeMap<String, u64>) {
    for (name, count) in addend {
        let entry = sum.entry(name.clone()).or_default();
        *entry = entry.saturating_add(*count);
    }
}

/// Returns the counts above 0 of the difference; `None` if a count went down.
fn subtract_map(
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
    fn the_sum_of_no_statistics_is_unknown() {
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
    fn descriptions_of_the_cache_are_the_latest_known() {
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
    fn a_server_is_idle_until_it_counts_something() {
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
    fn a_difference_has_what_was_counted_since() {
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
        // Higher total, lower count of one language.
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
