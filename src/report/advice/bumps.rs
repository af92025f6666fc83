//! New versions that start cold. An object's key contains the path of Portage's build directory, and
//! that path contains the version: what one version stored, the next can't find. With Rust that is
//! always so, with C and C++ as a rule where debug information is on.

use serde_json::json;

use super::super::text;
use super::{Advice, Severity, package_names};
use crate::sccache::hit_rate;
use crate::store::Evidence;

/// One or two new versions may be cold for other reasons: a new compiler, other USE flags.
const BUMPS: usize = 3;

/// Up to this hit rate a build counts as cold: a few files have no path in their key.
const COLD: f64 = 0.1;

/// Fewer compilations than this in a build are no sample.
const ENOUGH: u64 = 20;

/// Whether this is mostly Rust, of another version than was built before.
pub(super) fn is_rust_bump(build: &Evidence) -> bool {
    let (hits, misses) = build.languages.get("Rust").copied().unwrap_or_default();
    is_bump(build) && 2 * (hits + misses) > answered(build)
}

/// Whether the build before it was of another version.
pub(super) fn is_bump(build: &Evidence) -> bool {
    let before = build.previous_version.as_ref();
    before.is_some_and(|before| *before != build.version)
}

fn answered(build: &Evidence) -> u64 {
    build.hits.unwrap_or(0) + build.misses.unwrap_or(0)
}

/// Notes that most new versions start cold.
pub(super) fn cold(evidence: &[Evidence]) -> Option<Advice> {
    let is_sample =
        |build: &&Evidence| is_bump(build) && build.forced == 0 && answered(build) >= ENOUGH;
    let bumps: Vec<&Evidence> = evidence.iter().filter(is_sample).collect();
    let is_cold = |build: &&Evidence| {
        let rate = hit_rate(build.hits.unwrap_or(0), build.misses.unwrap_or(0));
        rate.is_some_and(|rate| rate <= COLD)
    };
    let cold: Vec<&Evidence> = bumps.iter().copied().filter(is_cold).collect();
    if cold.len() < BUMPS || 2 * cold.len() <= bumps.len() {
        return None;
    }
    let hits: u64 = cold.iter().filter_map(|build| build.hits).sum();
    let misses: u64 = cold.iter().filter_map(|build| build.misses).sum();
    Some(Advice {
        kind: "cold-versions",
        severity: Severity::Note,
        summary:
            "New versions start cold, in Rust always: an object's key contains the path of the \
               build directory, which contains the version."
                .into(),
        evidence: vec![format!(
            "{} of {} of another version than before had {}.",
            cold.len(),
            text::count(bumps.len() as u64, "build"),
            text::hits_and_misses(hits, misses)
        )],
        recommendation: "Nothing to change. The cache helps when the same version is built again."
            .into(),
        setting: Vec::new(),
        packages: package_names(&cold),
        numbers: json!({
            "new_versions": bumps.len(),
            "cold": cold.len(),
            "hits": hits,
            "misses": misses,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn bumps(hits: u64, count: usize) -> Vec<Evidence> {
        vec![after(rust_build("a/b", "2", hits, 20 - hits), "1"); count]
    }

    #[test]
    fn cold_versions_are_nobody_s_fault() {
        let advice = cold(&bumps(2, BUMPS)).unwrap();
        assert_eq!(
            advice.evidence,
            ["3 of 3 builds of another version than before had 6 hits, 54 misses."]
        );
        assert_eq!(advice.severity, Severity::Note);
        assert!(
            advice.setting.is_empty() && advice.recommendation.starts_with("Nothing to change")
        );
        assert_eq!(cold(&bumps(3, BUMPS)), None, "15 % hits");
        assert_eq!(cold(&bumps(2, BUMPS - 1)), None, "two versions");
        let mut mostly_warm = bumps(0, BUMPS);
        mostly_warm.extend(bumps(19, BUMPS));
        assert_eq!(cold(&mostly_warm), None);
    }

    #[test]
    fn first_builds_and_rebuilds_are_not_new_versions() {
        let first = vec![rust_build("a/b", "1", 0, 20); BUMPS];
        assert_eq!(cold(&first), None);
        let again = vec![after(rust_build("a/b", "1", 0, 20), "1"); BUMPS];
        assert_eq!(cold(&again), None);
        let small = vec![after(rust_build("a/b", "2", 0, ENOUGH - 1), "1"); BUMPS];
        assert_eq!(cold(&small), None);
    }
}
