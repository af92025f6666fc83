//! Misses that are expected: forced by a variable, or the first build of a version.

use serde_json::json;

use super::super::text;
use super::{Advice, Kind, Severity, most_recent, package_names, total};
use crate::store::Evidence;

/// One or two new versions may be cold for other reasons, such as a new compiler or USE flags.
const MIN_BUMPS: usize = 3;

/// A build up to this hit rate is cold. A few objects don't have the path in their key.
const COLD: f64 = 0.1;

/// A build with fewer compilations is no sample.
const MIN_COMPILATIONS: u64 = 20;

/// Builds had `SCCACHE_RECACHE` in their environment. This is a change while the newest build has it,
/// and a note afterwards.
pub(super) fn forced(evidence: &[Evidence]) -> Option<Advice> {
    let builds: Vec<&Evidence> = evidence.iter().filter(|b| b.forced_misses > 0).collect();
    let forced = total(builds.iter().map(|build| build.forced_misses));
    Some(Advice {
        kind: Kind::ForcedMisses,
        severity: if evidence.last()?.forced_misses > 0 {
            Severity::Change
        } else {
            Severity::Note
        },
        summary: "Misses were forced: SCCACHE_RECACHE makes sccache ignore cached objects.".into(),
        evidence: vec![
            format!(
                "{} of {}, {}.",
                text::number(builds.len() as u64),
                text::count(evidence.len() as u64, "build"),
                text::count(forced, "compilation"),
            ),
            most_recent(builds.last()?),
        ],
        recommendation: "Unset SCCACHE_RECACHE unless you want to rewrite the cache. It takes \
            effect even if its value is 0 or empty."
            .into(),
        packages: package_names(&builds),
        numbers: json!({ "builds": builds.len(), "forced_misses": forced }),
        ..Advice::default()
    })
}

/// Most new versions start cold. An object's key contains the path of Portage's build directory, and
/// that path contains the version: always with Rust, with C and C++ usually if debug information is
/// on.
pub(super) fn cold_versions(evidence: &[Evidence]) -> Option<Advice> {
    let mut bumps: Vec<&Evidence> = evidence.iter().collect();
    bumps.retain(|build| {
        let is_sample = build.forced_misses == 0 && build.compilations() >= MIN_COMPILATIONS;
        is_sample && build.is_version_bump()
    });
    let mut cold = bumps.clone();
    cold.retain(|build| build.hits.unwrap_or(0) as f64 <= COLD * build.compilations() as f64);
    if cold.len() < MIN_BUMPS || 2 * cold.len() <= bumps.len() {
        return None;
    }
    let hits = total(cold.iter().filter_map(|build| build.hits));
    let misses = total(cold.iter().filter_map(|build| build.misses));
    Some(Advice {
        kind: Kind::ColdVersions,
        severity: Severity::Note,
        summary: "New versions start cold (in Rust, always): an object's key contains the path \
            of the build directory, which contains the version."
            .into(),
        evidence: vec![format!(
            "{} of {} of a new version had {}.",
            cold.len(),
            text::count(bumps.len() as u64, "build"),
            text::hits_and_misses(hits, misses)
        )],
        recommendation: "Nothing to change. The cache helps when the same version is built again."
            .into(),
        packages: package_names(&cold),
        numbers: json!({
            "new_versions": bumps.len(),
            "cold": cold.len(),
            "hits": hits,
            "misses": misses,
        }),
        ..Advice::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;

    fn bumps(hits: u64, count: usize) -> Vec<Evidence> {
        vec![after(rust_build("a/b", "2", hits, 20 - hits), "1"); count]
    }

    #[test]
    fn cold_versions_are_a_note() {
        let advice = cold_versions(&bumps(2, MIN_BUMPS)).unwrap();
        assert_eq!(
            advice.evidence,
            ["3 of 3 builds of a new version had 6 hits, 54 misses."]
        );
        assert_eq!(advice.severity, Severity::Note);
        assert!(
            advice.setting.is_empty() && advice.recommendation.starts_with("Nothing to change")
        );
        assert_eq!(cold_versions(&bumps(3, MIN_BUMPS)), None, "15 % hits");
        assert_eq!(
            cold_versions(&bumps(2, MIN_BUMPS - 1)),
            None,
            "two versions"
        );
        let mut mostly_warm = bumps(0, MIN_BUMPS);
        mostly_warm.extend(bumps(19, MIN_BUMPS));
        assert_eq!(cold_versions(&mostly_warm), None);
    }

    #[test]
    fn first_builds_and_rebuilds_are_no_version_bumps() {
        let first = vec![rust_build("a/b", "1", 0, 20); MIN_BUMPS];
        assert_eq!(cold_versions(&first), None);
        let again = vec![after(rust_build("a/b", "1", 0, 20), "1"); MIN_BUMPS];
        assert_eq!(cold_versions(&again), None);
        let small = vec![after(rust_build("a/b", "2", 0, MIN_COMPILATIONS - 1), "1"); MIN_BUMPS];
        assert_eq!(cold_versions(&small), None);
    }

    #[test]
    fn forced_misses_are_a_change_while_they_continue() {
        let build = Evidence {
            forced_misses: 50,
            ..c_build("a/b", "1", 0, 50)
        };
        let advice = forced(&[build.clone(), build.clone()]).unwrap();
        assert_eq!(advice.severity, Severity::Change);
        assert_eq!(
            advice.evidence,
            [
                "2 of 2 builds, 100 compilations.",
                "The most recent: a/b 1 on 1970-01-01, `sccache-report show b0000001`."
            ]
        );
        let since = c_build("a/b", "1", 50, 0);
        let advice = forced(&[build, since.clone()]).unwrap();
        assert_eq!(advice.severity, Severity::Note);
        assert_eq!(forced(&[since]), None);
    }
}
