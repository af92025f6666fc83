//! Rust packages that stable paths would let hit after version bumps.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::json;

use super::super::{stable_paths, text};
use super::{Advice, Kind, total};
use crate::portage::is_package;
use crate::store::{Evidence, StablePathEffect};

/// Packages that would save less are not listed.
const MIN_TIME: TimeDelta = TimeDelta::seconds(1);

/// The most packages that are listed, those with the highest gain first.
const LISTED: usize = 10;

/// Packages whose newest builds missed crates that would have been hits. A package in whose newest build
/// stable paths were turned on is left out.
pub(super) fn advise(evidence: &[Evidence]) -> Option<Advice> {
    let mut packages: BTreeMap<&str, (StablePathEffect, Option<&Evidence>)> = BTreeMap::new();
    for build in evidence.iter().filter(|build| is_package(&build.package)) {
        let (sum, newest) = packages.entry(&build.package).or_default();
        sum.add(&build.stable_paths);
        if build.stable_paths.avoidable_misses > 0 {
            *newest = Some(build);
        }
    }
    let mut gaining: Vec<(&str, StablePathEffect, &Evidence)> = packages
        .into_iter()
        .filter(|(_, (sum, _))| sum.state.is_none())
        .filter(|(_, (sum, _))| sum.avoidable_time.is_none_or(|time| time >= MIN_TIME))
        .filter_map(|(name, (sum, newest))| Some((name, sum, newest?)))
        .collect();
    gaining.sort_by_key(|(_, sum, _)| Reverse(sum.avoidable_time));
    let packages: Vec<String> = gaining.iter().map(|(name, ..)| name.to_string()).collect();
    let about = match packages.as_slice() {
        [] => return None,
        [name] => name.clone(),
        names => text::count(names.len() as u64, "Rust package"),
    };
    let misses = total(gaining.iter().map(|(_, sum, _)| sum.avoidable_misses));
    let seconds: Option<f64> = gaining
        .iter()
        .map(|(_, sum, _)| Some(sum.avoidable_time?.as_seconds_f64()))
        .sum();
    gaining.truncate(LISTED);
    let sentence = |(name, _, newest): &(&str, StablePathEffect, &Evidence)| {
        let build = format!("{name} {}", newest.version);
        let text = stable_paths::would_gain(&newest.stable_paths, newest.misses, &build);
        format!("{text}.")
    };
    Some(Advice {
        kind: Kind::StablePaths,
        summary: format!("Stable paths would let {about} hit after version bumps."),
        evidence: gaining.iter().map(sentence).collect(),
        recommendation: format!(
            "Turn them on in package.env, or for all packages in make.conf, with SCCACHE_REPORT_STABLE_PATHS=\"yes\". \
             See the limitations in docs/stable-paths.md first. As root, run{}:",
            if packages.len() > LISTED {
                format!(" (for the {LISTED} packages with the highest gain)")
            } else {
                String::new()
            }
        ),
        setting: stable_paths::commands(gaining.iter().map(|(name, ..)| *name)),
        numbers: json!({
            "packages": packages.len(),
            "avoidable_misses": misses,
            "avoidable_seconds": seconds,
        }),
        packages,
        ..Advice::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::portage::StablePaths;

    fn avoidable(version: &str, misses: u64, seconds: i64) -> Evidence {
        let mut build = rust_build("a/b", version, 0, 53);
        build.stable_paths.avoidable_misses = misses;
        build.stable_paths.avoidable_time = Some(TimeDelta::seconds(seconds));
        build
    }

    #[test]
    fn a_package_that_would_gain_gets_commands() {
        let first = rust_build("a/b", "1", 0, 53);
        let advice = advise(&[first, avoidable("1-r1", 48, 31)]).unwrap();
        assert_eq!(
            advice.evidence,
            [
                "48 of 53 misses of a/b 1-r1 would have been hits with stable paths (31 s of compiling, an \
                 estimate)."
            ]
        );
        assert_eq!(advice.packages, ["a/b"]);
        let line = advice.setting.last().unwrap();
        assert!(
            line.contains(" || echo 'a/b sccache-stable-paths.conf' >> "),
            "{line}"
        );
        assert_eq!(advise(&[avoidable("1-r1", 48, 0)]), None, "no time to gain");
        let mut unknown = avoidable("1-r1", 48, 0);
        unknown.stable_paths.avoidable_time = None;
        let advice = advise(&[unknown]).unwrap();
        assert_eq!(
            advice.evidence,
            ["48 of 53 misses of a/b 1-r1 would have been hits with stable paths (an estimate)."]
        );
        assert_eq!(advice.numbers["avoidable_seconds"], serde_json::Value::Null);
    }

    #[test]
    fn a_package_that_has_them_gets_none() {
        let old = avoidable("1-r1", 48, 31);
        for state in StablePaths::ALL {
            let mut newest = rust_build("a/b", "1-r2", 0, 53);
            newest.stable_paths.state = Some(*state);
            assert_eq!(advise(&[old.clone(), newest]), None, "{state:?}");
        }
        let hostile = Evidence {
            package: "a/../../../bashrc".into(),
            ..old
        };
        assert_eq!(advise(&[hostile]), None);
    }
}
