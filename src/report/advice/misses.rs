//! Packages that only ever miss: every build pays for the cache, and none gets anything.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::text;
use super::{Advice, ONLY_MISSES, Severity, errors};
use crate::config::installed_file;
use crate::portage::{is_package, plain};
use crate::store::Evidence;

/// The first build has to miss, the second may have been of another version; whoever missed
/// in a third has been given a chance.
const BUILDS: usize = 3;

/// What fewer misses cost isn't worth a file in package.env.
const MISSES: u64 = 30;

/// More packages than this are not for pasting; the worst come first.
const NAMED: usize = 10;

/// A package's builds.
#[derive(Default)]
struct Missing<'a> {
    /// Those that count: of every phase of theirs it is known that it had no hit, and the cache
    /// took what they had for it.
    builds: Vec<&'a Evidence>,
    misses: u64,
    /// Those that say nothing either way.
    others: u64,
    hit: bool,
}

/// Packages without a single hit, which no other piece `may_cure`. This alone decides who "never
/// hits", wherever that is said.
pub(super) fn only(evidence: &[Evidence], may_cure: impl Fn(&str) -> bool) -> Option<Advice> {
    let packages = by_package(evidence);
    let mut worst: Vec<(&str, Missing<'_>)> = { packages.into_iter() }
        .filter(|(_, package)| !package.hit && package.builds.len() >= BUILDS)
        .filter(|(name, package)| package.misses >= MISSES && !may_cure(name))
        .collect();
    worst.sort_by_key(|(_, package)| std::cmp::Reverse(package.misses));
    let summary = match worst.as_slice() {
        [] => return None,
        [(name, _)] => format!("{name} never hits: sccache only costs it time."),
        several => format!(
            "{} never hit: sccache only costs them time.",
            text::count(several.len() as u64, "package")
        ),
    };
    let misses: u64 = worst.iter().map(|(_, package)| package.misses).sum();
    let builds: usize = worst.iter().map(|(_, package)| package.builds.len()).sum();
    let packages: Vec<String> = worst.iter().map(|(name, _)| name.to_string()).collect();
    worst.truncate(NAMED);
    Some(Advice {
        kind: ONLY_MISSES,
        severity: Severity::Change,
        summary,
        evidence: worst
            .iter()
            .map(|(name, package)| told(name, package))
            .collect(),
        recommendation: match worst.len() {
            1 => "Turn sccache off for it with a file that Portage sources after bashrc:"
                .into(),
            _ => "Turn sccache off for them with a file for each, which Portage sources after bashrc:"
                .into(),
        },
        setting: setting(&worst),
        numbers: json!({ "packages": packages.len(), "builds": builds, "misses": misses }),
        packages,
    })
}

fn by_package(evidence: &[Evidence]) -> BTreeMap<&str, Missing<'_>> {
    // Where it isn't known of a build what it wrote: whether anything shows that the cache works.
    let works = { evidence.iter() }.any(|b| b.hits > Some(0) || b.writes > Some(0));
    let mut packages: BTreeMap<&str, Missing<'_>> = BTreeMap::new();
    for build in evidence {
        let package = packages.entry(&build.package).or_default();
        match (build.hits, build.misses) {
            (Some(1..), _) => package.hit = true,
            (Some(0), Some(misses))
                if build.forced == 0
                    && build.not_measured.is_empty()
                    && errors::kept(build).unwrap_or(works) =>
            {
                package.builds.push(build);
                package.misses = package.misses.saturating_add(misses);
            }
            (Some(0), Some(0)) if build.not_measured.is_empty() => {}
            _ => package.others += 1,
        }
    }
    packages
}

fn told(name: &str, package: &Missing<'_>) -> String {
    let builds = package.builds.len();
    let again = { package.builds.iter() }
        .filter(|build| build.previous_version.as_ref() == Some(&build.version))
        .count();
    let chances = match again {
        0 => "each of a new version, and what it wrote for one no other can use".to_string(),
        1 => "one of them of the same version as before".to_string(),
        n => format!("{n} of them of the same version as before"),
    };
    let others = match package.others {
        0 => String::new(),
        n => format!(
            " ({} left out: forced, not wholly measured, or not kept by the cache)",
            text::count(n, "more build")
        ),
    };
    format!(
        "{name}: {builds} builds, 0 hits, {} misses{others}; {chances}.",
        text::number(package.misses)
    )
}

/// A file for each package that turns sccache off for it. None where a name could lead elsewhere:
/// databases may come from others.
fn setting(packages: &[(&str, Missing<'_>)]) -> Vec<String> {
    let script = installed_file("no-sccache.sh");
    let Some(script) = plain(&script) else {
        return Vec::new();
    };
    let names = packages.iter().map(|(name, _)| *name);
    names
        .filter(|name| is_package(name))
        .flat_map(|name| {
            [
                format!("# /etc/portage/env/{name}"),
                format!("source {script}"),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::portage::Outcome;
    use crate::sccache::NotMeasuredReason;

    fn only(evidence: &[Evidence]) -> Option<Advice> {
        super::only(evidence, |_| false)
    }

    #[test]
    fn three_builds_without_a_hit() {
        let builds = vec![rust_build("www-client/firefox", "1", 0, 10); BUILDS];
        let advice = only(&builds).unwrap();
        assert_eq!(advice.packages, ["www-client/firefox"]);
        let [.., file, line] = advice.setting.as_slice() else {
            panic!("{advice:?}")
        };
        assert_eq!(file, "# /etc/portage/env/www-client/firefox");
        assert_eq!(line, "source /usr/share/sccache-report/no-sccache.sh");
        let hostile = vec![rust_build("a/../../../bashrc", "1", 0, 10); BUILDS];
        assert!(only(&hostile).unwrap().setting.is_empty());
        assert_eq!(
            advice.evidence,
            [
                "www-client/firefox: 3 builds, 0 hits, 30 misses; each of a new version, \
              and what it wrote for one no other can use."
            ]
        );
        assert_eq!(only(&builds[1..]), None, "two builds");
        let few = vec![rust_build("a/b", "1", 0, 9); BUILDS];
        assert_eq!(only(&few), None, "27 misses");
    }

    #[test]
    fn one_hit_is_enough_to_keep_it() {
        let mut builds = vec![rust_build("a/b", "1", 0, 100); BUILDS];
        builds.push(rust_build("a/b", "1", 1, 100));
        assert_eq!(only(&builds), None);
    }

    #[test]
    fn a_cache_that_takes_nothing_is_not_the_package_s_fault() {
        let good = rust_build("a/b", "1", 0, 100);
        for bad in [
            Evidence {
                writes: Some(0),
                ..good.clone()
            },
            Evidence {
                writes: Some(0),
                outcome: Outcome::Failed,
                ..good.clone()
            },
            Evidence {
                write_errors: Some(1),
                ..good.clone()
            },
            Evidence {
                read_errors: Some(1),
                ..good.clone()
            },
            Evidence {
                forced: 100,
                ..good.clone()
            },
            Evidence {
                errors: Some(100),
                ..good.clone()
            },
        ] {
            let mut builds = vec![good.clone(); BUILDS - 1];
            builds.push(bad.clone());
            assert_eq!(only(&builds), None, "{bad:?}");
            builds.push(good.clone());
            let advice = only(&builds).unwrap();
            assert!(
                advice.evidence[0].contains("300 misses (1 more build left out"),
                "{advice:?}"
            );
        }
    }

    #[test]
    fn what_was_not_measured_is_no_miss() {
        let good = rust_build("a/b", "1", 0, 100);
        let not_measured = vec![("test".to_string(), NotMeasuredReason::Other)];
        let partly = Evidence {
            not_measured: not_measured.clone(),
            ..good.clone()
        };
        let unmeasured = Evidence {
            hits: None,
            misses: None,
            not_measured,
            ..good.clone()
        };
        for unknown in [partly.clone(), unmeasured] {
            let mut builds = vec![good.clone(); BUILDS - 1];
            builds.extend(vec![unknown; BUILDS]);
            assert_eq!(only(&builds), None);
            builds.push(good.clone());
            assert!(only(&builds).unwrap().evidence[0].contains("3 builds, 0 hits, 300 misses (3"));
        }
        let mut builds = vec![good; BUILDS];
        builds.push(Evidence {
            hits: Some(1),
            ..partly
        });
        assert_eq!(only(&builds), None, "a hit is a hit");
    }

    #[test]
    fn unknown_writes_count_where_the_cache_is_seen_to_work() {
        let unknown = Evidence {
            writes: None,
            ..rust_build("a/b", "1", 0, 100)
        };
        let mut builds = vec![unknown; BUILDS];
        assert_eq!(only(&builds), None);
        builds.push(c_build("a/c", "1", 1, 0));
        assert!(only(&builds).is_some());
    }

    #[test]
    fn the_worst_come_first_and_not_all_of_them() {
        let mut builds = Vec::new();
        for n in 0..NAMED as u64 + 2 {
            let name = format!("a/p{n:02}");
            builds.extend(vec![after(c_build(&name, "1", 0, 100 + n), "1"); BUILDS]);
        }
        let advice = only(&builds).unwrap();
        assert_eq!(advice.packages.len(), NAMED + 2);
        assert_eq!(advice.packages[0], "a/p11");
        assert_eq!(advice.evidence.len(), NAMED);
        assert!(advice.summary.starts_with("12 packages never hit"));
        assert!(advice.evidence[0].contains("3 of them of the same version"));
    }
}
