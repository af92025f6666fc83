//! Evidence for the tests of advice, and the tests of which advice excludes which.

use chrono::{DateTime, TimeDelta};

use super::*;
use crate::portage::Outcome;
use crate::savings::verdict;
use crate::sccache::NotMeasuredReason;
use crate::sccache::compilations::MissReason;
use crate::store::{CacheState, EvictionCause, Evidence, ReasonSum};

/// A build in Rust whose misses were all stored.
pub(super) fn rust_build(package: &str, version: &str, hits: u64, misses: u64) -> Evidence {
    c_build(package, version, hits, misses)
}

/// A build in C whose misses were all stored.
pub(super) fn c_build(package: &str, version: &str, hits: u64, misses: u64) -> Evidence {
    Evidence {
        id: uuid::Uuid::from_u128(0xb000_0001 << 96),
        package: package.into(),
        version: version.into(),
        host: "host".into(),
        outcome: Outcome::Merged,
        started_at: DateTime::UNIX_EPOCH,
        hits: Some(hits),
        misses: Some(misses),
        calls: Some(hits + misses),
        read_errors: Some(0),
        write_errors: Some(0),
        writes: Some(misses),
        storable_misses: misses,
        cache: None,
        forced_misses: 0,
        not_cached: Default::default(),
        not_measured: Vec::new(),
        miss_reasons: Vec::new(),
        stable_paths: Default::default(),
        eviction_cause: EvictionCause::Unknown,
    }
}

/// The build, with misses that have this reason.
pub(super) fn with_reason(
    mut build: Evidence,
    reason: MissReason,
    misses: u64,
    seconds: i64,
) -> Evidence {
    build.miss_reasons.push(ReasonSum {
        reason,
        misses,
        compile_time: TimeDelta::seconds(seconds),
    });
    build
}

pub(super) fn cache(size: u64, max_size: u64) -> Option<CacheState> {
    Some(CacheState {
        location: Some("Local disk: \"/var/cache/sccache\"".into()),
        size,
        max_size,
    })
}

/// A verdict on a package for which the cache costs this much per build.
pub(super) fn verdict_costs(seconds: f64) -> Verdict {
    Verdict {
        kind: verdict::Kind::Costs,
        builds: 4,
        rebuilds: 1,
        new_versions: 3,
        saved_builds: 4,
        mean_saved_seconds: Some(-seconds),
        kind_without_evictions: verdict::Kind::Costs,
        ..Verdict::default()
    }
}

/// The advice for these builds if the cache costs something for a/b.
fn kinds(evidence: Vec<Evidence>) -> Vec<(Kind, Severity)> {
    let verdicts = BTreeMap::from([("a/b".to_string(), verdict_costs(12.0))]);
    let advice = derive(evidence, &verdicts);
    advice.iter().map(|a| (a.kind, a.severity)).collect()
}

const COSTS: (Kind, Severity) = (Kind::CacheCosts, Severity::Change);
const STAYS_ON: (Kind, Severity) = (Kind::CacheCosts, Severity::Note);

#[test]
fn packages_to_turn_off_get_no_other_advice() {
    let build = with_reason(rust_build("a/b", "2", 0, 50), MissReason::Path, 50, 9);
    let builds = vec![build; 3];
    assert_eq!(kinds(builds.clone()), [COSTS]);
    let undecided = derive(builds, &BTreeMap::new());
    assert_eq!(undecided[0].kind, Kind::ColdVersions);
    let links = Evidence {
        calls: Some(200),
        not_cached: std::iter::once(("crate-type (bin)".to_string(), 150)).collect(),
        ..c_build("a/b", "1", 0, 50)
    };
    assert_eq!(kinds(vec![links; 3]), [COSTS]);
}

#[test]
fn sccache_stays_on_if_other_advice_may_help() {
    let misses = c_build("a/b", "1", 0, 50);
    let with = |change: fn(&mut Evidence)| {
        let mut builds = vec![misses.clone(); 3];
        builds.iter_mut().for_each(change);
        kinds(builds)
    };
    assert_eq!(with(|_| {}), [COSTS]);
    let incremental = with(|build| {
        build.calls = Some(100);
        build.not_cached = std::iter::once(("incremental".to_string(), 50)).collect();
    });
    assert_eq!(
        incremental,
        [(Kind::NotCacheable, Severity::Change), STAYS_ON]
    );
    let forced = with(|build| build.forced_misses = 50);
    assert_eq!(forced, [(Kind::ForcedMisses, Severity::Change), STAYS_ON]);
    let not_stored = with(|build| build.write_errors = Some(1));
    assert_eq!(
        not_stored,
        [(Kind::CacheErrors, Severity::Change), STAYS_ON]
    );
    // Complete statistics would not lead to hits.
    let not_measured = with(|build| build.not_measured = vec![NotMeasuredReason::Other]);
    assert_eq!(not_measured, [(Kind::NotMeasured, Severity::Change), COSTS]);
}
