//! The first sentences of the overview: whether the cache saved time.

use super::advice::{Advice, Kind, find};
use super::text::{self, count, duration, is_negligible, number};
use crate::store::Sums;

/// Returns whether the cache saved time in the `period` ("in 30 days"), and for which packages it costs more
/// than it saves, according to the advice.
pub(super) fn headline(sums: &Sums, period: &str, advice: &[Advice]) -> String {
    let has_errors = find(advice, Kind::CacheErrors).is_some();
    let mut headline = whole_cache(sums, period, has_errors);
    if let Some(costs) = find(advice, Kind::CacheCosts) {
        headline.push_str(&format!(" {}", costs.summary));
    }
    headline
}

/// Returns the time saved, its share of the processor time without the cache, and the number of hits that it
/// includes.
pub(super) fn time_saved(sums: &Sums) -> String {
    let Some(saved) = sums.time_saved else {
        return "- (no compile times known)".into();
    };
    let is_metered = sums.metered_time_saved == Some(saved);
    let processor_time = sums.processor_time.filter(|_| is_metered);
    let mut text = text::time_saved(saved, processor_time, sums.exact_share());
    if let Some(metered) = sums.metered_time_saved.filter(|_| !is_metered) {
        let metered = text::time_saved(metered, sums.processor_time, sums.exact_share());
        text = format!(
            "{} (estimate), where measured {metered}",
            duration(saved.as_seconds_f64())
        );
    }
    let hits = sums.hits.unwrap_or(0);
    if sums.estimated_hits < hits {
        let estimated = number(sums.estimated_hits);
        text.push_str(&format!(", for {estimated} of {}", count(hits, "hit")));
    }
    text
}

/// Returns the time saved in percent of the processor time that the builds would have taken without the cache, where
/// both are known.
pub(super) fn saved_percent(sums: &Sums) -> Option<f64> {
    let saved = sums.metered_time_saved?.as_seconds_f64();
    let without = sums.processor_time?.as_seconds_f64() + saved;
    // -0 becomes 0.
    (without > 0.0).then(|| (100.0 * saved / without).round() + 0.0)
}

fn whole_cache(sums: &Sums, period: &str, has_errors: bool) -> String {
    let (Some(hits), Some(misses)) = (sums.hits, sums.misses) else {
        return "No build was measured. List builds with `sccache-report builds`; \
                `sccache-report show` prints the reasons."
            .into();
    };
    let compilations = count(hits.saturating_add(misses), "compilation");
    let saved = sums.time_saved.map(chrono::TimeDelta::as_seconds_f64);
    if hits == 0 {
        let headline = match misses {
            0 => "sccache ran, but got no requests that it can cache.".to_string(),
            _ if has_errors => {
                format!("The cache did not work {period}: none of {compilations} was answered.")
            }
            _ => format!("The cache was only filled {period}: none of {compilations} was cached."),
        };
        return match saved {
            Some(saved) if saved < 0.0 && !is_negligible(saved) => {
                format!(
                    "{headline} That cost about {} (estimate).",
                    duration(-saved)
                )
            }
            _ => headline,
        };
    }
    let answered = format!("{} of {compilations}", number(hits));
    let effect = match saved {
        None => return format!("The cache answered {answered} {period}."),
        Some(saved) if is_negligible(saved) => "saved about as much as it cost".to_string(),
        Some(saved) if saved < 0.0 => {
            format!("cost about {} more than it saved", duration(-saved))
        }
        Some(saved) => format!("saved about {} of compiling", duration(saved)),
    };
    let is_exact = sums.metered_time_saved == sums.time_saved && sums.exact_share() == Some(1.0);
    let estimate = if is_exact { "" } else { " (estimate)" };
    format!("The cache {effect} {period}{estimate}. It answered {answered}.")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn sums(hits: Option<u64>, misses: Option<u64>, time_saved: Option<f64>) -> Sums {
        Sums {
            hits,
            misses,
            time_saved: time_saved.map(|s| TimeDelta::milliseconds((s * 1e3) as i64)),
            ..Sums::default()
        }
    }

    fn without_advice(hits: Option<u64>, misses: Option<u64>, time_saved: Option<f64>) -> String {
        headline(&sums(hits, misses, time_saved), "in 30 days", &[])
    }

    #[test]
    fn every_state_has_a_sentence() {
        let headline = without_advice;
        assert!(headline(None, None, None).starts_with("No build was measured"));
        assert!(headline(Some(0), Some(0), Some(0.0)).contains("no requests"));
        assert_eq!(
            headline(Some(0), Some(1), Some(0.0)),
            "The cache was only filled in 30 days: none of 1 compilation was cached."
        );
        assert_eq!(
            headline(Some(1), Some(1), None),
            "The cache answered 1 of 2 compilations in 30 days."
        );
        assert_eq!(
            headline(Some(5000), Some(1000), Some(11_400.0)),
            "The cache saved about 3 h 10 min of compiling in 30 days (estimate). It answered \
             5,000 of 6,000 compilations."
        );
        let loss = headline(Some(1), Some(9), Some(-120.0));
        assert!(loss.starts_with("The cache cost about 2 min 00 s more"));
    }

    #[test]
    fn only_a_partly_known_saving_is_an_estimate() {
        let saved = Some(TimeDelta::seconds(60));
        let exact = Sums {
            metered_time_saved: saved,
            hit_cost: saved,
            exact_cost: saved,
            ..sums(Some(1), Some(1), Some(60.0))
        };
        assert!(!whole_cache(&exact, "in 30 days", false).contains("estimate"));
        for other in [
            Sums {
                metered_time_saved: None,
                ..exact
            },
            Sums {
                exact_cost: Some(TimeDelta::seconds(59)),
                ..exact
            },
        ] {
            assert!(whole_cache(&other, "in 30 days", false).contains("(estimate)"));
        }
    }

    #[test]
    fn negligible_amounts_are_neither_gain_nor_loss() {
        for saved in [0.04, 0.0, -0.04] {
            assert_eq!(
                without_advice(Some(1), Some(1), Some(saved)),
                "The cache saved about as much as it cost in 30 days (estimate). It answered 1 of \
                 2 compilations."
            );
            assert!(!without_advice(Some(0), Some(9), Some(saved)).contains("cost"));
        }
    }

    #[test]
    fn the_cost_of_filling_the_cache_is_stated() {
        let filled = without_advice(Some(0), Some(9), Some(-5.0));
        assert!(
            filled.ends_with("That cost about 5.0 s (estimate)."),
            "{filled}"
        );
        assert!(!without_advice(Some(0), Some(9), None).contains("cost"));
    }

    fn advice(kind: Kind) -> Advice {
        Advice {
            kind,
            summary: "The summary.".into(),
            ..Advice::default()
        }
    }

    #[test]
    fn packages_that_cost_come_from_the_advice() {
        let sums = sums(Some(1), Some(1), None);
        let with = |kind| headline(&sums, "in 30 days", &[advice(kind)]);
        assert!(with(Kind::CacheCosts).ends_with(" The summary."));
        assert!(!with(Kind::NotCacheable).contains("summary"));
    }

    #[test]
    fn a_cache_with_errors_was_not_filled() {
        let errors = [advice(Kind::CacheErrors)];
        let headline = headline(&sums(Some(0), Some(9), None), "in 30 days", &errors);
        assert!(headline.contains("did not work in 30 days: none of 9"));
    }
}
