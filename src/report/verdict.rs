//! What a newcomer should take home, in one or two sentences.

use super::advise::{Advice, CACHE_ERRORS, ONLY_MISSES, of_kind};
use super::duration::{duration, is_nothing};
use super::text::{number, of};
use crate::store::Sums;

/// So many packages that never hit are named; the rest only count.
const NAMED: usize = 2;

/// Whether the cache was worth it in this `period` ("in 30 days"), and who never hits: those of
/// the advice, and no others. A low hit rate is nobody's fault: Rust packages hit only where the
/// same version is built again. `looked_at` (" in 90 days") is the advice's time, where it is
/// another.
pub(super) fn verdict(sums: &Sums, period: &str, advice: &[Advice], looked_at: &str) -> String {
    let usable = of_kind(advice, CACHE_ERRORS).is_none();
    let mut said = whole(sums, period, usable);
    if let Some(never) = of_kind(advice, ONLY_MISSES) {
        said.push_str(&format!(" {}", never_hits(never, looked_at)));
    }
    said
}

fn never_hits(never: &Advice, looked_at: &str) -> String {
    let count = |name: &str| never.numbers[name].as_u64().unwrap_or(0);
    let numbers = format!(
        "{}, {} misses{looked_at}.",
        of(count("builds"), "build"),
        number(count("misses"))
    );
    match never.packages.as_slice() {
        [one] => format!("{one} never hits: {numbers}"),
        [one, two] => format!("{one} and {two} never hit: {numbers}"),
        several => format!(
            "{} and {} more never hit: {numbers}",
            several[..NAMED].join(", "),
            number((several.len() - NAMED) as u64)
        ),
    }
}

/// The estimate, and how much of the hits it is about.
pub(super) fn saved(sums: &Sums) -> String {
    let Some(saved) = sums.time_saved else {
        return "- (no compile time is known to estimate it from)".into();
    };
    let saved = duration(saved.as_seconds_f64());
    match sums.hits.unwrap_or(0) {
        hits if sums.estimated_hits < hits => format!(
            "{saved} (an estimate, for {} of {})",
            number(sums.estimated_hits),
            of(hits, "hit")
        ),
        _ => format!("{saved} (an estimate)"),
    }
}

fn whole(sums: &Sums, period: &str, usable: bool) -> String {
    let (Some(hits), Some(misses)) = (sums.hits, sums.misses) else {
        return "Nothing could be measured: `sccache-report builds` shows which builds, \
                `sccache-report show` why."
            .into();
    };
    let asked = of(hits.saturating_add(misses), "compilation");
    let Some(rate) = sums.hit_rate() else {
        return "sccache ran, but was never asked for anything that it can cache.".into();
    };
    let answered = format!("it answered {} of {asked}", number(hits));
    let saved = sums.time_saved.map(|saved| saved.as_seconds_f64());
    match (saved, rate) {
        _ if hits == 0 => {
            let cost = match saved {
                Some(saved) if saved < 0.0 && !is_nothing(saved) => {
                    format!(" That cost about {} (an estimate).", duration(-saved))
                }
                _ => String::new(),
            };
            let (what, why) = match usable {
                true => ("was only filled", "had been cached before"),
                false => ("could not be used as it should", "was answered"),
            };
            format!("The cache {what} {period}: none of {asked} {why}.{cost}")
        }
        (Some(saved), _) if is_nothing(saved) => {
            format!("The cache saved about as much as it cost {period} (an estimate): {answered}.")
        }
        (Some(saved), _) if saved > 0.0 => format!(
            "The cache saved about {} of compiling {period} (an estimate): {answered}.",
            duration(saved)
        ),
        (Some(saved), _) => format!(
            "The cache cost about {} more than it saved {period} (an estimate): {answered}; new \
             versions often start cold.",
            duration(-saved)
        ),
        (None, r) if r >= 0.5 => format!("The cache pays: {answered} {period}."),
        (None, r) if r >= 0.1 => format!("The cache helps a little: {answered} {period}."),
        (None, _) => {
            format!("The cache hardly helps: {answered} {period}; new versions often start cold.")
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::super::advise::Severity;
    use super::*;

    fn sums(hits: Option<u64>, misses: Option<u64>, time_saved: Option<f64>) -> Sums {
        Sums {
            hits,
            misses,
            time_saved: time_saved.map(|s| TimeDelta::milliseconds((s * 1e3) as i64)),
            ..Sums::default()
        }
    }

    fn said(hits: Option<u64>, misses: Option<u64>, time_saved: Option<f64>) -> String {
        verdict(&sums(hits, misses, time_saved), "in 30 days", &[], "")
    }

    #[test]
    fn every_state_has_its_sentence() {
        assert!(said(None, None, None).starts_with("Nothing could be measured"));
        assert!(said(Some(0), Some(0), Some(0.0)).contains("never asked"));
        assert_eq!(
            said(Some(0), Some(1), Some(0.0)),
            "The cache was only filled in 30 days: none of 1 compilation had been cached before."
        );
        assert_eq!(
            said(Some(1), Some(1), None),
            "The cache pays: it answered 1 of 2 compilations in 30 days."
        );
        assert!(said(Some(1), Some(9), None).contains("helps a little"));
        assert!(said(Some(1), Some(99), None).contains("hardly helps"));
        assert_eq!(
            said(Some(5000), Some(1000), Some(11_400.0)),
            "The cache saved about 3 h 10 min of compiling in 30 days (an estimate): it answered \
             5,000 of 6,000 compilations."
        );
        assert!(
            said(Some(1), Some(9), Some(-120.0))
                .starts_with("The cache cost about 2 min 00 s more")
        );
    }

    #[test]
    fn next_to_nothing_is_neither_gain_nor_loss() {
        for saved in [0.04, 0.0, -0.04] {
            assert_eq!(
                said(Some(1), Some(1), Some(saved)),
                "The cache saved about as much as it cost in 30 days (an estimate): it answered 1 \
                 of 2 compilations."
            );
            assert!(!said(Some(0), Some(9), Some(saved)).contains("cost"));
        }
    }

    #[test]
    fn what_filling_it_cost_is_said() {
        assert_eq!(
            said(Some(0), Some(9), Some(-5.0)),
            "The cache was only filled in 30 days: none of 9 compilations had been cached before. \
             That cost about 5.0 s (an estimate)."
        );
        assert!(!said(Some(0), Some(9), None).contains("cost"));
    }

    fn piece(kind: &'static str, packages: &[&str]) -> Advice {
        Advice {
            kind,
            severity: Severity::Change,
            says: String::new(),
            evidence: Vec::new(),
            to_do: String::new(),
            setting: Vec::new(),
            packages: packages.iter().map(ToString::to_string).collect(),
            numbers: json!({ "builds": 3, "misses": 4211 }),
        }
    }

    #[test]
    fn who_never_hits_is_who_the_advice_names() {
        let said =
            |advice: &[Advice]| verdict(&sums(Some(1), Some(1), None), "", advice, " in 90 days");
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
            let said = said(&[piece(ONLY_MISSES, packages)]);
            assert!(said.contains(expected), "{said}");
        }
        assert!(!said(&[piece("not-cacheable", &["a/b"])]).contains("never"));
    }

    #[test]
    fn a_cache_that_takes_nothing_was_not_filled() {
        let advice = [piece(CACHE_ERRORS, &[])];
        let said = verdict(&sums(Some(0), Some(9), None), "in 30 days", &advice, "");
        assert!(said.contains("could not be used as it should in 30 days: none of 9"));
    }
}
