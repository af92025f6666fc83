//! The two rates that every summary and report gives, each with its one formula.
//!
//! Neither ever divides by requests: in client-side mode sccache reports 0 of them
//! beside hundreds of hits. Rates of several builds come from sums of their counts,
//! never from averages of their rates.

use super::Stats;

/// hits / (hits + misses), between 0 and 1, as sccache computes it; `None` where there
/// were neither, because then there is nothing to judge.
pub fn hit_rate(hits: u64, misses: u64) -> Option<f64> {
    ratio(hits, hits.saturating_add(misses))
}

/// (hits + misses) / (executed + non-cacheable calls): how much of the compiling the
/// cache could answer at all. `None` where a part of the divisor is unknown, or all of
/// it is 0.
pub fn coverage(
    hits: u64,
    misses: u64,
    executed: Option<u64>,
    non_cacheable: Option<u64>,
) -> Option<f64> {
    let calls = executed?.saturating_add(non_cacheable?);
    ratio(hits.saturating_add(misses), calls)
}

/// `97.4 %`. What is not all never reads `100.0 %`, and what is not nothing never
/// `0.0 %`.
pub fn percent(rate: f64) -> String {
    let percent = match rate * 100.0 {
        p if p < 100.0 && p > 99.9 => 99.9,
        p if p > 0.0 && p < 0.1 => 0.1,
        p => p,
    };
    format!("{percent:.1} %")
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Stats {
    /// See [`hit_rate`].
    pub fn hit_rate(&self) -> Option<f64> {
        hit_rate(self.hits.total, self.misses.total)
    }

    /// See [`coverage`].
    pub fn coverage(&self) -> Option<f64> {
        coverage(
            self.hits.total,
            self.misses.total,
            self.executed,
            self.non_cacheable,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hits_and_no_misses_is_no_rate() {
        assert_eq!(hit_rate(0, 0), None);
        assert_eq!(hit_rate(0, 5), Some(0.0));
        assert_eq!(hit_rate(5, 0), Some(1.0));
        assert_eq!(hit_rate(1, 3), Some(0.25));
    }

    #[test]
    fn coverage_needs_the_whole_divisor() {
        assert_eq!(coverage(53, 0, Some(56), Some(20)), Some(53.0 / 76.0));
        assert_eq!(coverage(53, 0, None, Some(20)), None);
        assert_eq!(coverage(53, 0, Some(56), None), None);
        assert_eq!(coverage(0, 0, Some(0), Some(0)), None);
    }

    #[test]
    fn counts_beyond_all_bounds_do_not_overflow() {
        assert_eq!(hit_rate(u64::MAX, u64::MAX), Some(1.0));
        assert!(coverage(1, 1, Some(u64::MAX), Some(1)).is_some());
    }
}
