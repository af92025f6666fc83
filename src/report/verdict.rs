//! The overview's first sentences: whether the cache was worth it.

use super::advice::{Advice, CACHE_ERRORS, ONLY_MISSES, find};
use super::text::{count, duration, is_negligible, number};
use crate::store::Sums;

/// Whether the cache paid off in the `period` ("in 30 days"), and which packages never hit
/// according to the advice. `sample` (" in 90 days") is the advice's period, if it differs.
pub(super) fn verdict(sums: &Sums, period: &str, advice: &[Advice], sample: &str) -> String {
    let is_usable = find(advice, CACHE_ERRORS).is_none();
    let mut verdict = overall(sums, period, is_usable);
    if let Some(never) = find(advice, ONLY_MISSES) {
        verdict.push_str(&format!(" {}", never_hits(never, sample)));
    }
    verdict
}

fn never_hits(never: &Advice, sample: &str) -> String {
    let value = |name: &str| never.numbers[name].as_u64().unwrap_or(0);
    let builds = count(value("builds"), "build");
    let misses = number(value("misses"));
    let who = match never.packages.as_slice() {
        [one] => format!("{one} never hits"),
        [one, two] => format!("{one} and {two} never hit"),
        several => {
            let more = number((several.len() - 2) as u64);
            format!("{} and {more} more never hit", several[..2].join(", "))
        }
    };
    format!("{who}: {builds}, {misses} misses{sample}.")
}

/// The estimate of the time saved, and how many of the hits it covers.
pub(super) fn time_saved(sums: &Sums) -> String {
    let Some(saved) = sums.time_saved else {
        return "- (no compile time is known to estimate it from)".into();
    };
    let saved = duration(saved.as_seconds_f64());
    match sums.hits.unwrap_or(0) {
        hits if sums.estimated_hits < hits => {
            let estimated = number(sums.estimated_hits);
            format!(
                "{saved} (estimate, for {estimated} of {})",
                count(hits, "hit")
            )
        }
        _ => format!("{saved} (estimate)"),
    }
}

fn overall(sums: &Sums, period: &str, is_usable: bool) -> String {
    let (Some(hits), Some(misses)) = (sums.hits, sums.misses) else {
        return "No build was measured: `sccache-report builds` lists them, `sccache-report show` \
                gives the reason."
            .into();
    };
    let Some(rate) = sums.hit_rate() else {
        return "sccache ran, but got no request that it can cache.".into();
    };
    let requested = count(hits.saturating_add(misses), "compilation");
    let saved = sums.time_saved.map(|saved| saved.as_seconds_f64());
    if hits == 0 {
        return no_hits(&requested, period, saved, is_usable);
    }
    let answered = format!("it answered {} of {requested}", number(hits));
    match saved {
        Some(saved) if is_negligible(saved) => {
            format!("The cache saved about as much as it cost {period} (estimate): {answered}.")
        }
        Some(saved) if saved > 0.0 => {
            let saved = duration(saved);
            format!("The cache saved about {saved} of compiling {period} (estimate): {answered}.")
        }
        Some(saved) => format!(
            "The cache cost about {} more than it saved {period} (estimate): {answered}. New \
             versions often start cold.",
            duration(-saved)
        ),
        None if rate >= 0.1 => format!("The cache helps: {answered} {period}."),
        None => format!("The cache hardly helps: {answered} {period}."),
    }
}

fn no_hits(requested: &str, period: &str, saved: Option<f64>, is_usable: bool) -> String {
    let mut verdict = if is_usable {
        format!("The cache was only filled {period}: none of {requested} had been cached before.")
    } else {
        format!("The cache did not work {period}: none of {requested} was answered.")
    };
    if let Some(cost) = saved.filter(|saved| *saved < 0.0 && !is_negligible(*saved)) {
        verdict.push_str(&format!(" That cost about {} (estimate).", duration(-cost)));
    }
    verdict
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::super::advice::Severity;
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
        verdict(&sums(hits, misses, time_saved), "in 30 days", &[], "")
    }

    #[test]
    fn every_state_has_its_sentence() {
        let verdict = without_advice;
        assert!(verdict(None, None, None).starts_with("No build was measured"));
        assert!(verdict(Some(0), Some(0), Some(0.0)).contains("no request"));
        assert_eq!(
            verdict(Some(0), Some(1), Some(0.0)),
            "The cache was only filled in 30 days: none of 1 compilation had been cached before."
        );
        assert_eq!(
            verdict(Some(1), Some(1), None),
            "The cache helps: it answered 1 of 2 compilations in 30 days."
        );
        assert!(verdict(Some(1), Some(99), None).contains("hardly helps"));
        assert_eq!(
            verdict(Some(5000), Some(1000), Some(11_400.0)),
            "The cache saved about 3 h 10 min of compiling in 30 days (estimate): it answered \
             5,000 of 6,000 compilations."
        );
        let loss = verdict(Some(1), Some(9), Some(-120.0));
        assert!(loss.starts_with("The cache cost about 2 min 00 s more"));
    }

    #[test]
    fn negligible_amounts_are_neither_gain_nor_loss() {
        for saved in [0.04, 0.0, -0.04] {
            assert_eq!(
                without_advice(Some(1), Some(1), Some(saved)),
                "The cache saved about as much as it cost in 30 days (estimate): it answered 1 of \
                 2 compilations."
            );
            assert!(!without_advice(Some(0), Some(9), Some(saved)).contains("cost"));
        }
    }

    #[test]
    fn the_cost_of_filling_the_cache_is_named() {
        let filled = without_advice(Some(0), Some(9), Some(-5.0));
        assert!(
            filled.ends_with("That cost about 5.0 s (estimate)."),
            "{filled}"
        );
        assert!(!without_advice(Some(0), Some(9), None).contains("cost"));
    }

    fn piece(kind: &'static str, packages: &[&str]) -> Advice {
        Advice {
            kind,
            severity: Severity::Change,
            summary: String::new(),
            evidence: Vec::new(),
            recommendation: String::new(),
            setting: Vec::new(),
            packages: packages.iter().map(ToString::to_string).collect(),
            numbers: json!({ "builds": 3, "misses": 4211 }),
        }
    }

    #[test]
    fn packages_that_never_hit_are_those_of_the_advice() {
        let sums = sums(Some(1), Some(1), None);
        for (packages, expected) in [
            (
                &["a/b"][..],
                " a/b never hits: 3 builds, 4,211 misses in 90 days.",
            ),
            (&["a/b", "a/c"], " a/b and a/c never hit: 3 builds,"),
            (
                &["a/b", "a/c", "a/d"],
                " a/b, a/c and 1 more never hit: 3 builds,",
            ),
        ] {
            let verdict = verdict(&sums, "", &[piece(ONLY_MISSES, packages)], " in 90 days");
            assert!(verdict.contains(expected), "{verdict}");
        }
        let other = verdict(&sums, "", &[piece("not-cacheable", &["a/b"])], "");
        assert!(!other.contains("never"));
    }

    #[test]
    fn a_cache_with_errors_was_not_filled() {
        let advice = [piece(CACHE_ERRORS, &[])];
        let verdict = verdict(&sums(Some(0), Some(9), None), "in 30 days", &advice, "");
        assert!(verdict.contains("did not work in 30 days: none of 9"));
    }
}
