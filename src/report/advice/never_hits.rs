//! Packages that never hit: the cache slows down every build of them.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::text;
use super::{Advice, Kind, cache, total};
use crate::config::installed_file;
use crate::portage::{is_package, plain_path};
use crate::store::Evidence;

/// The first build has to miss, and the second may be of another version. The third could have hit.
const MIN_BUILDS: u64 = 3;

/// Fewer misses cost too little to matter.
const MIN_MISSES: u64 = 30;

/// The most packages in one piece of advice, those with the most misses first.
const LISTED: usize = 10;

/// A package's builds.
#[derive(Default)]
struct Package<'a> {
    name: &'a str,
    /// Builds that count: fully measured, no hit, and the cache stored their objects.
    builds: u64,
    /// Those of the same version as the build before.
    rebuilds: u64,
    misses: u64,
    /// Builds that prove nothing.
    other_builds: u64,
    has_hits: bool,
}

/// Packages without a single hit that no other advice `may_help`. Only this function decides which
/// packages "never hit".
pub(super) fn advise(evidence: &[Evidence], may_help: impl Fn(&str) -> bool) -> Option<Advice> {
    let mut worst = packages(evidence);
    worst.retain(|package| {
        let is_sample = package.builds >= MIN_BUILDS && package.misses >= MIN_MISSES;
        is_sample && !package.has_hits && is_package(package.name) && !may_help(package.name)
    });
    worst.sort_by_key(|package| std::cmp::Reverse(package.misses));
    let packages: Vec<String> = worst.iter().map(|p| p.name.to_string()).collect();
    let never_hit = match packages.as_slice() {
        [] => return None,
        [name] => format!("{name} never hits"),
        names => format!("{} packages never hit", names.len()),
    };
    let misses = total(worst.iter().map(|package| package.misses));
    let builds = total(worst.iter().map(|package| package.builds));
    worst.truncate(LISTED);
    Some(Advice {
        kind: Kind::OnlyMisses,
        summary: format!("{never_hit}: using sccache only costs time."),
        evidence: worst.iter().map(sentence).collect(),
        recommendation: "Turn sccache off with a file per package, which Portage sources after \
            bashrc. As root, run:"
            .into(),
        setting: commands(&worst),
        numbers: json!({ "packages": packages.len(), "builds": builds, "misses": misses }),
        packages,
        ..Advice::default()
    })
}

fn packages(evidence: &[Evidence]) -> Vec<Package<'_>> {
    // If the writes of a build are unknown, other builds show whether the cache works.
    let cache_works = evidence
        .iter()
        .any(|build| build.hits > Some(0) || build.writes > Some(0));
    let mut packages: BTreeMap<&str, Package<'_>> = BTreeMap::new();
    for build in evidence {
        let package = packages.entry(&build.package).or_default();
        package.name = &build.package;
        let is_complete = build.not_measured.is_empty() && build.hits.is_some();
        if build.hits > Some(0) {
            package.has_hits = true;
        } else if is_complete && build.misses == Some(0) {
            // Nothing was compiled.
        } else if is_complete
            && build.forced_misses == 0
            && cache::is_stored(build).unwrap_or(cache_works)
        {
            let is_rebuild = build.previous_version.is_some() && !build.is_version_bump();
            package.builds += 1;
            package.rebuilds += u64::from(is_rebuild);
            package.misses = package.misses.saturating_add(build.compilations());
        } else {
            package.other_builds += 1;
        }
    }
    packages.into_values().collect()
}

fn sentence(package: &Package<'_>) -> String {
    let (name, builds, misses) = (package.name, package.builds, text::number(package.misses));
    let others = match package.other_builds {
        0 => String::new(),
        n => format!(
            " ({} not counted: not fully measured or stored)",
            text::count(n, "more build")
        ),
    };
    let rebuilds = match package.rebuilds {
        0 => "each of a new version, which can't use the objects of another".to_string(),
        n => format!("{n} of them rebuilt the same version"),
    };
    format!("{name}: {builds} builds, 0 hits, {misses} misses{others}; {rebuilds}.")
}

/// Returns the commands that turn sccache off for these packages. The names must be names of packages,
/// because databases may come from others.
fn commands(packages: &[Package<'_>]) -> Vec<String> {
    let script = installed_file("no-sccache.sh");
    let Some(script) = plain_path(&script) else {
        return Vec::new();
    };
    let commands = packages.iter().flat_map(|package| {
        let (category, _) = package.name.split_once('/').unwrap_or_default();
        [
            format!("mkdir -p /etc/portage/env/{category}"),
            format!(
                "echo 'source {script}' >> /etc/portage/env/{}",
                package.name
            ),
        ]
    });
    commands.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::portage::Outcome;
    use crate::sccache::NotMeasuredReason;

    fn advise(evidence: &[Evidence]) -> Option<Advice> {
        super::advise(evidence, |_| false)
    }

    #[test]
    fn three_builds_without_a_hit() {
        let builds = vec![rust_build("www-client/firefox", "1", 0, 10); MIN_BUILDS as usize];
        let advice = advise(&builds).unwrap();
        assert_eq!(advice.packages, ["www-client/firefox"]);
        assert_eq!(
            advice.setting,
            [
                "mkdir -p /etc/portage/env/www-client",
                "echo 'source /usr/share/sccache-report/no-sccache.sh' >> \
              /etc/portage/env/www-client/firefox"
            ]
        );
        let hostile = vec![rust_build("a/../../../bashrc", "1", 0, 10); MIN_BUILDS as usize];
        assert_eq!(advise(&hostile), None);
        assert_eq!(
            advice.evidence,
            [
                "www-client/firefox: 3 builds, 0 hits, 30 misses; each of a new version, \
                 which can't use the objects of another."
            ]
        );
        assert_eq!(advise(&builds[1..]), None, "two builds");
        let few = vec![rust_build("a/b", "1", 0, 9); MIN_BUILDS as usize];
        assert_eq!(advise(&few), None, "27 misses");
    }

    #[test]
    fn one_hit_is_enough_to_keep_it() {
        let mut builds = vec![rust_build("a/b", "1", 0, 100); MIN_BUILDS as usize];
        builds.push(rust_build("a/b", "1", 1, 100));
        assert_eq!(advise(&builds), None);
    }

    #[test]
    fn builds_that_were_not_stored_do_not_count() {
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
                forced_misses: 100,
                ..good.clone()
            },
            Evidence {
                storable_misses: 0,
                ..good.clone()
            },
        ] {
            let mut builds = vec![good.clone(); MIN_BUILDS as usize - 1];
            builds.push(bad.clone());
            assert_eq!(advise(&builds), None, "{bad:?}");
            builds.push(good.clone());
            let advice = advise(&builds).unwrap();
            assert!(
                advice.evidence[0].contains("300 misses (1 more build not counted"),
                "{advice:?}"
            );
        }
    }

    #[test]
    fn unmeasured_builds_do_not_count() {
        let good = rust_build("a/b", "1", 0, 100);
        let not_measured = vec![NotMeasuredReason::Other];
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
            let mut builds = vec![good.clone(); MIN_BUILDS as usize - 1];
            builds.extend(vec![unknown; MIN_BUILDS as usize]);
            assert_eq!(advise(&builds), None);
            builds.push(good.clone());
            assert!(
                advise(&builds).unwrap().evidence[0].contains("3 builds, 0 hits, 300 misses (3")
            );
        }
        let mut builds = vec![good; MIN_BUILDS as usize];
        builds.push(Evidence {
            hits: Some(1),
            ..partly
        });
        assert_eq!(advise(&builds), None, "a hit is a hit");
    }

    #[test]
    fn unknown_writes_count_if_other_builds_show_that_the_cache_works() {
        let unknown = Evidence {
            writes: None,
            ..rust_build("a/b", "1", 0, 100)
        };
        let mut builds = vec![unknown; MIN_BUILDS as usize];
        assert_eq!(advise(&builds), None);
        builds.push(c_build("a/c", "1", 1, 0));
        assert!(advise(&builds).is_some());
    }

    #[test]
    fn the_packages_with_the_most_misses_come_first() {
        let mut builds = Vec::new();
        for n in 0..LISTED as u64 + 2 {
            let name = format!("a/p{n:02}");
            builds.extend(vec![
                after(c_build(&name, "1", 0, 100 + n), "1");
                MIN_BUILDS as usize
            ]);
        }
        let advice = advise(&builds).unwrap();
        assert_eq!(advice.packages.len(), LISTED + 2);
        assert_eq!(advice.packages[0], "a/p11");
        assert_eq!(advice.evidence.len(), LISTED);
        assert!(advice.summary.starts_with("12 packages never hit"));
        assert!(advice.evidence[0].contains("3 of them rebuilt the same version"));
    }
}
