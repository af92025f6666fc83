//! Calls that sccache can't cache, where they are much of a package's compiling.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::text;
use super::{Advice, Severity};
use crate::sccache::{Cure, explain};
use crate::store::Evidence;

/// Fewer calls than this are a configure script's, not a package's.
const CALLS: u64 = 100;

/// A reason that nobody can do anything about explains a package only where it is most of it.
const DOMINANT: f64 = 0.5;

/// One that a setting removes is worth it earlier.
const CURABLE: f64 = 0.1;

/// So many packages are told of a reason, those with the most such calls.
const NAMED: usize = 5;

/// One package and one reason.
struct Share<'a> {
    package: &'a str,
    count: u64,
    calls: u64,
}

impl Share<'_> {
    fn share(&self) -> f64 {
        self.count as f64 / self.calls as f64
    }
}

/// A piece for each reason that somebody can do something about, the most calls first.
pub(super) fn curable(evidence: &[Evidence]) -> Vec<Advice> {
    dominant(evidence, Severity::Change)
}

/// As [`curable`], for the reasons that are as they have to be.
pub(super) fn normal(evidence: &[Evidence]) -> Vec<Advice> {
    dominant(evidence, Severity::Note)
}

fn severity(cure: Cure) -> Severity {
    match cure {
        Cure::Normal => Severity::Note,
        Cure::Choice(_) | Cure::Variable(..) => Severity::Change,
    }
}

fn dominant(evidence: &[Evidence], wanted: Severity) -> Vec<Advice> {
    let least = match wanted {
        Severity::Note => DOMINANT,
        Severity::Change => CURABLE,
    };
    let mut reasons: BTreeMap<&str, Vec<Share<'_>>> = BTreeMap::new();
    for (package, (calls, counts)) in counted(evidence) {
        for (reason, count) in counts {
            let share = Share {
                package,
                count,
                calls: calls.max(count),
            };
            let fits = severity(explain(reason).cure) == wanted;
            if fits && calls >= CALLS && share.share() >= least {
                reasons.entry(reason).or_default().push(share);
            }
        }
    }
    let mut advice: Vec<(u64, Advice)> = reasons
        .into_iter()
        .map(|(reason, shares)| (shares.iter().map(|s| s.count).sum(), piece(reason, shares)))
        .collect();
    advice.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    advice.into_iter().map(|(_, advice)| advice).collect()
}

/// Calls and reasons of each package, of builds that know their calls.
fn counted(evidence: &[Evidence]) -> BTreeMap<&str, (u64, BTreeMap<&str, u64>)> {
    let mut packages: BTreeMap<&str, (u64, BTreeMap<&str, u64>)> = BTreeMap::new();
    for build in evidence {
        let Some(calls) = build.calls else { continue };
        let package = packages.entry(&build.package).or_default();
        package.0 = package.0.saturating_add(calls);
        for (reason, count) in &build.not_cached {
            let sum = package.1.entry(reason).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    packages
}

fn piece(reason: &str, mut shares: Vec<Share<'_>>) -> Advice {
    shares.sort_by_key(|share| std::cmp::Reverse(share.count));
    let all = shares.len();
    let calls: u64 = shares.iter().map(|share| share.count).sum();
    let packages = { shares.iter() }.map(|share| share.package.to_string());
    let packages = packages.collect();
    shares.truncate(NAMED);
    let explained = explain(reason);
    let (recommendation, setting) = match explained.cure {
        Cure::Normal => (
            "Nothing is wrong and nothing can be set: sccache can't speed up this part."
                .to_string(),
            Vec::new(),
        ),
        Cure::Choice(what) => (
            format!("{}{}.", what[..1].to_uppercase(), &what[1..]),
            Vec::new(),
        ),
        Cure::Variable(name, value) => (
            "In /etc/portage/make.conf, or for these packages in package.env:".to_string(),
            vec![format!("{name}=\"{value}\"")],
        ),
    };
    let mut evidence: Vec<String> = shares.iter().map(told).collect();
    if all > NAMED {
        let more = text::count((all - NAMED) as u64, "more package");
        evidence.push(format!("And {more}."));
    }
    Advice {
        kind: "not-cacheable",
        severity: severity(explained.cure),
        summary: format!(
            "Much can't be cached (`{}`): {}.",
            crate::text::printable(reason, 80),
            explained.meaning
        ),
        evidence,
        recommendation,
        setting,
        packages,
        numbers: json!({ "reason": reason, "packages": all, "calls": calls }),
    }
}

fn told(share: &Share<'_>) -> String {
    format!(
        "{}: {} of {} calls ({}).",
        share.package,
        text::number(share.count),
        text::number(share.calls),
        text::percent(share.share())
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn dominant(evidence: &[Evidence]) -> Vec<Advice> {
        [curable(evidence), normal(evidence)].concat()
    }

    fn with(reason: &str, count: u64, calls: u64) -> Evidence {
        Evidence {
            calls: Some(calls),
            not_cached: std::iter::once((reason.to_string(), count)).collect(),
            ..rust_build("a/b", "1", 0, calls - count)
        }
    }

    #[test]
    fn what_nobody_can_change_has_to_be_most_of_it() {
        let advice = dominant(&[with("crate-type (bin)", 50, 100)]);
        assert_eq!((advice.len(), advice[0].severity), (1, Severity::Note));
        assert!(
            advice[0]
                .summary
                .contains("(`crate-type (bin)`): a program"),
            "{advice:?}"
        );
        assert!(advice[0].recommendation.starts_with("Nothing is wrong"));
        assert!(advice[0].setting.is_empty());
        assert_eq!(advice[0].evidence, ["a/b: 50 of 100 calls (50.0 %)."]);
        assert_eq!(dominant(&[with("crate-type (bin)", 49, 100)]), []);
        assert_eq!(
            dominant(&[with("crate-type (bin)", 99, 99)]),
            [],
            "few calls"
        );
    }

    #[test]
    fn what_a_setting_changes_is_told_earlier() {
        let advice = dominant(&[with("incremental", 10, 100)]);
        assert_eq!(advice[0].setting, ["CARGO_INCREMENTAL=\"0\""]);
        assert_eq!(advice[0].severity, Severity::Change);
        assert_eq!(dominant(&[with("incremental", 9, 100)]), []);
        let choice = dominant(&[with("-fprofile-use", 10, 100)]);
        assert!(
            choice[0]
                .recommendation
                .starts_with("Faster code or a cache: USE=\"-pgo\"")
        );
        assert!(choice[0].setting.is_empty());
    }

    #[test]
    fn builds_add_up_and_unknown_calls_are_no_evidence() {
        let half = with("incremental", 5, 50);
        assert_eq!(dominant(std::slice::from_ref(&half)), []);
        assert_eq!(dominant(&[half.clone(), half.clone()]).len(), 1);
        let unknown = Evidence {
            calls: None,
            ..half
        };
        assert_eq!(dominant(&[unknown.clone(), unknown]), []);
    }

    #[test]
    fn a_reason_is_one_piece_however_many_packages() {
        let builds: Vec<Evidence> = (0..7)
            .map(|n| Evidence {
                package: format!("a/p{n}"),
                ..with("incremental", 50 + n, 100)
            })
            .collect();
        let advice = dominant(&builds);
        assert_eq!(advice.len(), 1);
        assert_eq!(advice[0].packages.len(), 7);
        assert_eq!(advice[0].packages[0], "a/p6");
        assert_eq!(advice[0].evidence[NAMED], "And 2 more packages.");
    }
}
