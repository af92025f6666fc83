//! Packages that only ever miss: every build pays for the cache, and none gets anything.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::text;
use super::{Advice, errors};
use crate::store::Evidence;

/// The first build has to miss, the second may have been of another version; whoever missed
/// in a third has been given a chance.
const BUILDS: usize = 3;

/// What fewer misses cost isn't worth a file in package.env.
const MISSES: u64 = 30;

/// More packages than this are not for pasting; the worst come first.
const NAMED: usize = 10;

/// A package's builds that count.
struct Missing<'a> {
    builds: Vec<&'a Evidence>,
    misses: u64,
}

/// Packages without a single hit, in builds whose objects reached the cache.
pub(super) fn only(evidence: &[Evidence]) -> Option<Advice> {
    let mut packages: BTreeMap<&str, Missing<'_>> = BTreeMap::new();
    let mut hitting: Vec<&str> = Vec::new();
    for build in evidence {
        match (build.hits, build.misses) {
            (Some(0), Some(misses)) if misses > 0 && errors::kept(build) => {
                let package = packages.entry(&build.package).or_insert(Missing {
                    builds: Vec::new(),
                    misses: 0,
                });
                package.builds.push(build);
                package.misses = package.misses.saturating_add(misses);
            }
            (Some(1..), _) => hitting.push(&build.package),
            _ => {}
        }
    }
    packages.retain(|name, package| {
        package.builds.len() >= BUILDS && package.misses >= MISSES && !hitting.contains(name)
    });
    let mut worst: Vec<(&str, Missing<'_>)> = packages.into_iter().collect();
    worst.sort_by_key(|(_, package)| std::cmp::Reverse(package.misses));
    if worst.is_empty() {
        return None;
    }
    let all = worst.len();
    worst.truncate(NAMED);
    let says = match worst.as_slice() {
        [(name, _)] => format!("{name} never hits: sccache only costs it time."),
        _ => format!(
            "{} never hit: sccache only costs them time.",
            text::of(all as u64, "package")
        ),
    };
    let misses: u64 = worst.iter().map(|(_, package)| package.misses).sum();
    Some(Advice {
        kind: "only-misses",
        says,
        evidence: worst
            .iter()
            .map(|(name, package)| told(name, package))
            .collect(),
        to_do: match worst.len() {
            1 => "Turn sccache off for it, until something changes there:".into(),
            _ => "Turn sccache off for them, until something changes there:".into(),
        },
        setting: setting(&worst),
        packages: worst.iter().map(|(name, _)| name.to_string()).collect(),
        numbers: json!({ "packages": all, "misses": misses }),
    })
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
    format!(
        "{name}: {builds} builds, 0 hits, {} misses; {chances}.",
        text::number(package.misses)
    )
}

/// An environment without sccache, and the packages that get it. Empty takes the place of what
/// make.conf says, and cargo and CMake read empty as none.
fn setting(packages: &[(&str, Missing<'_>)]) -> Vec<String> {
    let wanted = |language: fn(&str) -> bool| {
        let builds = packages.iter().flat_map(|(_, package)| &package.builds);
        builds
            .flat_map(|build| build.languages.keys())
            .any(|name| language(name))
    };
    let rust = wanted(|name| name == "Rust");
    let other = wanted(|name| name != "Rust") || !rust;
    let mut lines = vec!["# /etc/portage/env/no-sccache.conf".to_string()];
    if rust {
        lines.push("RUSTC_WRAPPER=\"\"".into());
    }
    if other {
        lines.push("CMAKE_C_COMPILER_LAUNCHER=\"\"".into());
        lines.push("CMAKE_CXX_COMPILER_LAUNCHER=\"\"".into());
        lines.push("# where make.conf has CC=\"sccache gcc\", these too, without the #:".into());
        lines.push("#CC=\"gcc\"".into());
        lines.push("#CXX=\"g++\"".into());
    }
    lines.push("# /etc/portage/package.env".into());
    lines.extend(
        packages
            .iter()
            .map(|(name, _)| format!("{name} no-sccache.conf")),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn three_builds_without_a_hit() {
        let builds = vec![rust_build("www-client/firefox", "1", 0, 10); BUILDS];
        let advice = only(&builds).unwrap();
        assert_eq!(advice.packages, ["www-client/firefox"]);
        assert_eq!(
            advice.setting,
            [
                "# /etc/portage/env/no-sccache.conf",
                "RUSTC_WRAPPER=\"\"",
                "# /etc/portage/package.env",
                "www-client/firefox no-sccache.conf"
            ]
        );
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
        let mut builds = vec![rust_build("a/b", "1", 0, 100); BUILDS];
        builds[0].writes = Some(0);
        assert_eq!(only(&builds), None);
        let unmeasured = Evidence {
            hits: None,
            misses: None,
            ..rust_build("a/b", "1", 0, 0)
        };
        assert_eq!(only(&vec![unmeasured; BUILDS]), None);
    }

    #[test]
    fn the_worst_come_first_and_not_all_of_them() {
        let mut builds = Vec::new();
        for n in 0..NAMED as u64 + 2 {
            let name = format!("a/p{n:02}");
            builds.extend(vec![after(c_build(&name, "1", 0, 100 + n), "1"); BUILDS]);
        }
        let advice = only(&builds).unwrap();
        assert_eq!(advice.packages.len(), NAMED);
        assert_eq!(advice.packages[0], "a/p11");
        assert!(advice.says.starts_with("12 packages never hit"));
        assert!(advice.evidence[0].contains("3 of them of the same version"));
        assert!(
            advice
                .setting
                .contains(&"CMAKE_C_COMPILER_LAUNCHER=\"\"".to_string())
        );
    }
}
