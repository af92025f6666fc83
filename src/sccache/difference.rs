//! What a shared server counted between two looks at it.

use std::collections::BTreeMap;

use super::{Counts, Stats};

impl Stats {
    /// What came on top of `before`; `None` where a counter went down, because then the server was
    /// restarted in between and neither look says what it counted.
    ///
    /// A counter that one of the two doesn't have is unknown. What describes the cache rather than
    /// counts is as in `self`.
    pub fn since(&self, before: &Stats) -> Option<Stats> {
        let mut difference = self.clone();
        for (counter, before) in difference.counters_mut().into_iter().zip(before.counters()) {
            *counter = match (*counter, before) {
                (Some(now), Some(before)) => Some(now.checked_sub(before)?),
                _ => None,
            };
        }
        for (seconds, before) in difference.seconds_mut().into_iter().zip(before.seconds()) {
            // Sums of floating-point numbers: below zero by rounding only, for the counters went up.
            *seconds = seconds
                .zip(before)
                .map(|(now, before)| (now - before).max(0.0));
        }
        difference.hits = counts(&self.hits, &before.hits)?;
        difference.misses = counts(&self.misses, &before.misses)?;
        difference.errors = match (&self.errors, &before.errors) {
            (Some(now), Some(before)) => Some(counts(now, before)?),
            _ => None,
        };
        difference.not_cached = map(&self.not_cached, &before.not_cached)?;
        difference.dist_compiles = map(&self.dist_compiles, &before.dist_compiles)?;
        // Levels are not compared: how they share the work of others is not this build's.
        difference.levels.clear();
        Some(difference)
    }
}

fn counts(now: &Counts, before: &Counts) -> Option<Counts> {
    Some(Counts {
        total: now.total.checked_sub(before.total)?,
        languages: map(&now.languages, &before.languages)?,
        compilers: map(&now.compilers, &before.compilers)?,
    })
}

fn map(
    now: &BTreeMap<String, u64>,
    before: &BTreeMap<String, u64>,
) -> Option<BTreeMap<String, u64>> {
    if before.keys().any(|key| !now.contains_key(key)) {
        return None;
    }
    let mut difference = BTreeMap::new();
    for (key, now) in now {
        let count = now.checked_sub(before.get(key).copied().unwrap_or(0))?;
        if count > 0 {
            difference.insert(key.clone(), count);
        }
    }
    Some(difference)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(requests: u64, rust: u64, c: u64) -> Stats {
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
        let difference = stats(10, 4, 3).since(&stats(6, 4, 0)).unwrap();
        assert_eq!(difference.requests, Some(4));
        assert_eq!(difference.hits.total, 3);
        assert_eq!(
            difference.hits.languages,
            BTreeMap::from([("C/C++".to_owned(), 3)])
        );
        assert_eq!(difference.cache_size, Some(10_000));
        assert!((difference.compiler_seconds.unwrap() - 0.4).abs() < 1e-9);
        assert!(stats(6, 4, 0).since(&stats(6, 4, 0)).unwrap().is_idle());
    }

    #[test]
    fn a_restart_is_no_difference() {
        assert_eq!(stats(3, 3, 0).since(&stats(6, 4, 0)), None);
        // More in all, and less of one language.
        assert_eq!(stats(9, 0, 9).since(&stats(6, 4, 0)), None);
    }

    #[test]
    fn unknown_on_either_side_is_unknown() {
        let before = Stats {
            requests: None,
            ..stats(6, 4, 0)
        };
        assert_eq!(stats(10, 4, 0).since(&before).unwrap().requests, None);
    }
}
