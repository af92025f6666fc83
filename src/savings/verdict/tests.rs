//! Single cases. [`super::replay`] tests the formula as a whole.

use super::*;

/// What is usual for a user who builds new versions only.
const NEW_VERSIONS: Prior = Prior {
    rebuild_share: 0.02,
    rebuild_hits: 0.9,
    new_version_hits: 0.3,
};

/// A build of 100 s of compiling with an overhead of 12 s, as of emlop.
fn build(version: &str, hits: u64) -> PastBuild {
    PastBuild {
        version: version.into(),
        is_example: true,
        hits,
        misses: 100 - hits,
        saved_seconds: Some(hits as f64 - 12.0),
        costs: Some((hits as f64, 100.0 - hits as f64)),
        ..PastBuild::default()
    }
}

/// The builds, without knowing what the compilations cost.
fn without_costs(builds: &[PastBuild]) -> Vec<PastBuild> {
    let builds = builds.iter().cloned();
    builds
        .map(|build| PastBuild {
            costs: None,
            ..build
        })
        .collect()
}

fn kind(builds: &[PastBuild]) -> Kind {
    Verdict::new(builds, &NEW_VERSIONS).kind
}

/// Returns a build of each of `count` versions.
fn versions(count: usize, hits: u64) -> Vec<PastBuild> {
    (0..count)
        .map(|n| build(&n.to_string(), if n == 0 { 0 } else { hits }))
        .collect()
}

#[test]
fn new_versions_that_never_hit_cost() {
    let verdict = Verdict::new(&versions(6, 0), &NEW_VERSIONS);
    assert_eq!(verdict.kind, Kind::Costs);
    let counts = (verdict.builds, verdict.rebuilds, verdict.new_versions);
    assert_eq!(counts, (6, 0, 6));
    assert_eq!(verdict.mean_saved_seconds, Some(-12.0));
    assert!((verdict.overhead_share.unwrap() - 0.12).abs() < 1e-9);
    assert_eq!(kind(&versions(2, 0)), Kind::Undecided);
}

#[test]
fn the_chance_of_a_rebuild_keeps_a_package_undecided() {
    let rebuilds = Prior {
        rebuild_share: 0.3,
        ..NEW_VERSIONS
    };
    let builds = versions(6, 0);
    assert_eq!(Verdict::new(&builds, &rebuilds).kind, Kind::Undecided);
}

#[test]
fn hits_pay() {
    assert_eq!(kind(&[]), Kind::Undecided);
    assert_eq!(kind(&versions(1, 0)), Kind::Undecided, "the first fills");
    assert_eq!(kind(&versions(2, 40)), Kind::Pays, "new versions that hit");
    let rebuilds = [("1", 0), ("1", 95), ("2", 0), ("2", 95), ("2", 95)];
    let rebuilds = rebuilds.map(|(version, hits)| build(version, hits));
    let verdict = Verdict::new(&rebuilds, &NEW_VERSIONS);
    assert_eq!((verdict.kind, verdict.rebuilds), (Kind::Pays, 3));
}

#[test]
fn the_same_version_on_another_host_is_no_rebuild() {
    let other = PastBuild {
        host: "other".into(),
        ..build("1", 0)
    };
    let verdict = Verdict::new(&[build("1", 0), other], &NEW_VERSIONS);
    assert_eq!((verdict.builds, verdict.rebuilds), (2, 0));
}

#[test]
fn builds_that_are_no_example_only_fill_the_cache() {
    let failed = PastBuild {
        is_example: false,
        ..build("1", 0)
    };
    let idle = PastBuild {
        misses: 0,
        ..build("2", 0)
    };
    let verdict = Verdict::new(&[failed, build("1", 95), idle], &NEW_VERSIONS);
    assert_eq!((verdict.builds, verdict.rebuilds), (1, 1));
}

#[test]
fn estimates_can_show_that_it_pays_but_not_that_it_costs() {
    assert_eq!(kind(&without_costs(&versions(30, 0))), Kind::Undecided);
    assert_eq!(kind(&without_costs(&versions(3, 60))), Kind::Pays);
    // Within what the overhead may be.
    assert_eq!(kind(&without_costs(&versions(3, 25))), Kind::Undecided);
}

#[test]
fn no_verdict_contradicts_the_time_saved() {
    let mut builds = versions(6, 0);
    // One large version that hit, for an unknown reason.
    builds[3].saved_seconds = Some(900.0);
    builds[3].costs = Some((912.0, 99_000.0));
    assert_eq!(kind(&builds), Kind::Undecided);
}

/// Databases may come from others.
#[test]
fn absurd_numbers_are_no_verdict() {
    let absurd = PastBuild {
        hits: u64::MAX,
        misses: u64::MAX,
        saved_seconds: Some(f64::MIN),
        costs: Some((0.0, 0.0)),
        ..build("1", 0)
    };
    let verdict = Verdict::new(&vec![absurd; 9], &NEW_VERSIONS);
    assert_eq!(verdict.kind, Kind::Undecided);
}
