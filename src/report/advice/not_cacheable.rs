//! Calls that sccache can't cache, if they are a large part of a package's calls.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::json;

use super::super::text;
use super::{Advice, Kind, Severity, total};
use crate::sccache::{Fix, explain};
use crate::store::Evidence;
use crate::text::printable;

/// Fewer calls come from a configure script rather than from compiling a package.
const MIN_CALLS: u64 = 100;

/// A reason that nobody can change explains a package's numbers only from this fraction of calls on.
const MIN_NORMAL: f64 = 0.5;

/// A reason that a setting can remove is worth mentioning earlier.
const MIN_FIXABLE: f64 = 0.1;

/// The most packages listed per reason, those with the most such calls first.
const LISTED: usize = 5;

/// Returns one piece of advice per reason with this severity, the reason with the most calls first.
pub(super) fn advise(evidence: &[Evidence], severity: Severity) -> Vec<Advice> {
    let mut calls: BTreeMap<&str, u64> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for build in evidence.iter().filter(|build| build.calls.is_some()) {
        let sum = calls.entry(&build.package).or_default();
        *sum = sum.saturating_add(build.calls.unwrap_or(0));
        for (reason, count) in &build.not_cached {
            let packages = reasons.entry(reason).or_default();
            let sum = packages.entry(&build.package).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    reasons.retain(|reason, _| severity_of(reason) == severity);
    let min_fraction = match severity {
        Severity::Note => MIN_NORMAL,
        Severity::Change => MIN_FIXABLE,
    };
    let mut advice: Vec<(u64, Advice)> = Vec::new();
    for (reason, packages) in reasons {
        let mut shares: Vec<(u64, &str, String)> = Vec::new();
        for (package, count) in packages {
            let calls = calls[package].max(count);
            let fraction = count as f64 / calls as f64;
            if calls >= MIN_CALLS && fraction >= min_fraction {
                let (not_cached, calls) = (text::number(count), text::number(calls));
                let percent = text::percent(fraction);
                let sentence = format!("{package}: {not_cached} of {calls} calls ({percent}).");
                shares.push((count, package, sentence));
            }
        }
        shares.sort_by_key(|(count, ..)| Reverse(*count));
        let calls = total(shares.iter().map(|(count, ..)| *count));
        if !shares.is_empty() {
            advice.push((calls, advise_on(reason, calls, &shares)));
        }
    }
    advice.sort_by_key(|(calls, _)| Reverse(*calls));
    advice.into_iter().map(|(_, advice)| advice).collect()
}

fn severity_of(reason: &str) -> Severity {
    match explain(reason).fix {
        Fix::Nothing => Severity::Note,
        Fix::Option(_) | Fix::Variable(..) => Severity::Change,
    }
}

/// `shares` has the number of calls, the package, and a sentence about them.
fn advise_on(reason: &str, calls: u64, shares: &[(u64, &str, String)]) -> Advice {
    let explanation = explain(reason);
    let mut setting = Vec::new();
    let recommendation = match explanation.fix {
        Fix::Nothing => "Nothing to change: sccache can't speed up these calls.".to_string(),
        Fix::Option(option) => format!("{}{}.", option[..1].to_uppercase(), &option[1..]),
        Fix::Variable(name, value) => {
            setting.push(format!("{name}=\"{value}\""));
            "Set this in /etc/portage/make.conf, or for these packages in package.env:".to_string()
        }
    };
    let sentences = shares.iter().take(LISTED);
    let mut evidence: Vec<String> = sentences.map(|(.., sentence)| sentence.clone()).collect();
    if shares.len() > LISTED {
        let more = text::count((shares.len() - LISTED) as u64, "more package");
        evidence.push(format!("And {more}."));
    }
    let (reason_shown, meaning) = (printable(reason, 80), explanation.meaning);
    Advice {
        kind: Kind::NotCacheable,
        severity: severity_of(reason),
        summary: format!("Many calls can't be cached (`{reason_shown}`): {meaning}."),
        evidence,
        recommendation,
        setting,
        packages: shares.iter().map(|(_, name, _)| name.to_string()).collect(),
        numbers: json!({ "reason": reason, "packages": shares.len(), "calls": calls }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;

    fn advise(evidence: &[Evidence]) -> Vec<Advice> {
        [Severity::Change, Severity::Note]
            .map(|severity| super::advise(evidence, severity))
            .concat()
    }

    fn with(reason: &str, count: u64, calls: u64) -> Evidence {
        Evidence {
            calls: Some(calls),
            not_cached: std::iter::once((reason.to_string(), count)).collect(),
            ..rust_build("a/b", "1", 0, calls - count)
        }
    }

    #[test]
    fn reasons_that_nobody_can_change_are_notes_from_half_of_the_calls_on() {
        let advice = advise(&[with("crate-type (bin)", 50, 100)]);
        assert_eq!((advice.len(), advice[0].severity), (1, Severity::Note));
        assert!(
            advice[0]
                .summary
                .contains("(`crate-type (bin)`): a program"),
            "{advice:?}"
        );
        assert!(advice[0].recommendation.starts_with("Nothing to change"));
        assert!(advice[0].setting.is_empty());
        assert_eq!(advice[0].evidence, ["a/b: 50 of 100 calls (50.0 %)."]);
        assert_eq!(advise(&[with("crate-type (bin)", 49, 100)]), []);
        assert_eq!(advise(&[with("crate-type (bin)", 99, 99)]), [], "few calls");
    }

    #[test]
    fn reasons_that_a_setting_changes_need_fewer_calls() {
        let advice = advise(&[with("incremental", 10, 100)]);
        assert_eq!(advice[0].setting, ["CARGO_INCREMENTAL=\"0\""]);
        assert_eq!(advice[0].severity, Severity::Change);
        assert_eq!(advise(&[with("incremental", 9, 100)]), []);
        let option = advise(&[with("-fprofile-use", 10, 100)]);
        assert!(
            option[0]
                .recommendation
                .starts_with("Choose between faster code and the cache: USE=\"-pgo\"")
        );
        assert!(option[0].setting.is_empty());
    }

    #[test]
    fn builds_add_up_and_unknown_calls_do_not_count() {
        let half = with("incremental", 5, 50);
        assert_eq!(advise(std::slice::from_ref(&half)), []);
        assert_eq!(advise(&[half.clone(), half.clone()]).len(), 1);
        let unknown = Evidence {
            calls: None,
            ..half
        };
        assert_eq!(advise(&[unknown.clone(), unknown]), []);
    }

    #[test]
    fn there_is_one_piece_of_advice_per_reason() {
        let builds: Vec<Evidence> = (0..7)
            .map(|n| Evidence {
                package: format!("a/p{n}"),
                ..with("incremental", 50 + n, 100)
            })
            .collect();
        let advice = advise(&builds);
        assert_eq!(advice.len(), 1);
        assert_eq!(advice[0].packages.len(), 7);
        assert_eq!(advice[0].packages[0], "a/p6");
        assert_eq!(advice[0].evidence[LISTED], "And 2 more packages.");
    }
}
