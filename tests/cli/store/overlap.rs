//! Builds on a shared server at the same time.

use crate::support::merging::{assert_same_content, merge};
use crate::support::*;
use sccache_report::portage::{Attribution, Build};
use sccache_report::sccache::NotMeasuredReason;
use sccache_report::store::{Filter, Store};

fn shared(number: u128, package: &str, start: &str) -> Build {
    let mut build = build(number, package, "1", start, c_stats(5, 2));
    build.phases[0].attribution = Attribution::Shared;
    build
}

#[test]
fn builds_on_a_shared_server_at_the_same_time_are_left_out() {
    let (_folder, path) = folder();
    let mut exact = shared(1, "a/own-server", "2026-11-01T10:00:00Z");
    exact.phases[0].attribution = Attribution::Exact;
    let mut elsewhere = shared(2, "a/elsewhere", "2026-11-01T10:00:00Z");
    elsewhere.host = "other".into();
    let builds = [
        exact,
        elsewhere,
        shared(3, "a/alone", "2026-11-01T08:00:00Z"),
        shared(4, "a/first", "2026-11-01T10:00:00Z"),
        shared(5, "a/second", "2026-11-01T10:00:05Z"),
    ];
    record(&path, &builds);
    let store = Store::open_for_reading(&path).unwrap();
    assert_sums_match(&store);
    let rows = store.builds(&Filter::default()).unwrap();
    let phases = store.phases(&Filter::default()).unwrap();
    assert_eq!(rows.len(), 5);
    for row in &rows {
        let is_left_out = ["a/first", "a/second"].contains(&&*row.package);
        let expected = (!is_left_out).then_some(5);
        assert_eq!(
            (row.hits, row.measured_phases == 1),
            (expected, !is_left_out),
            "{row:?}"
        );
        let reason = phases[&row.id][0].stats.as_ref().err().map(|it| it.reason);
        let overlap = NotMeasuredReason::SharedServerOverlap;
        assert_eq!(reason, is_left_out.then_some(overlap));
    }
    let packages = store.packages(&Filter::default()).unwrap();
    let hits: u64 = packages.iter().filter_map(|row| row.sums.hits).sum();
    assert_eq!(hits, 15);
    let first = packages.iter().find(|row| row.package == "a/first");
    assert_eq!(first.unwrap().sums.time_saved, None);
}

/// The parts and the costs of a build in the same transaction aren't in the database yet when it is withdrawn.
#[test]
fn builds_that_are_recorded_in_one_transaction_are_left_out_too() {
    let (folder, one) = folder();
    let several = folder.path().join("several.db");
    let builds = [
        shared(3, "a/alone", "2026-11-01T08:00:00Z"),
        shared(4, "a/first", "2026-11-01T10:00:00Z"),
        shared(5, "a/second", "2026-11-01T10:00:05Z"),
    ];
    let mut store = Store::open_for_recording(&one).unwrap();
    store.record_all(&builds).unwrap();
    record(&several, &builds);
    assert_same_content(&one, &several);
    assert_sums_match(&Store::open_for_reading(&one).unwrap());
}

/// The last one's start is in whole seconds, as an older hook recorded it: it may have overlapped.
#[test]
fn sequential_builds_on_a_shared_server_are_measured() {
    let (_folder, path) = folder();
    let times = |number, start: &str, end: &str| {
        let mut build = shared(number, &format!("a/number{number}"), start);
        build.phases[0].finished_at = at(end);
        build
    };
    let builds = [
        times(1, "2026-11-01T10:00:00.7Z", "2026-11-01T10:00:05.2Z"),
        times(2, "2026-11-01T10:00:05.200001Z", "2026-11-01T10:00:07.2Z"),
    ];
    record(&path, &builds);
    let hits = || -> Vec<Option<u64>> {
        let store = Store::open_for_reading(&path).unwrap();
        let rows = store.builds(&Filter::default()).unwrap();
        rows.iter().map(|row| row.hits).collect()
    };
    assert_eq!(hits(), [Some(5), Some(5)]);
    let older = times(3, "2026-11-01T10:00:07Z", "2026-11-01T10:00:09Z");
    record(&path, &[older]);
    assert_eq!(hits(), [Some(5), None, None]);
}

/// As two chroots of a machine do.
#[test]
fn merges_find_builds_of_two_databases_that_shared_a_server() {
    let (folder, first) = folder();
    let mut one = shared(1, "a/one", "2026-11-01T10:00:00Z");
    one.phases
        .push(phase("test", at("2026-11-01T11:00:00Z"), Ok(c_stats(1, 1))));
    let a = folder.path().join("a.db");
    let b = folder.path().join("b.db");
    record(&a, &[one]);
    record(
        &b,
        &[
            shared(2, "a/two", "2026-11-01T10:00:10Z"),
            shared(3, "a/three", "2026-11-01T12:00:10Z"),
        ],
    );
    let second = folder.path().join("second.db");
    merge(&first, &[&a, &b]);
    merge(&second, &[&b, &a]);
    assert_same_content(&first, &second);
    let store = Store::open_for_reading(&first).unwrap();
    assert_sums_match(&store);
    let rows = store.builds(&Filter::default()).unwrap();
    let hits: Vec<Option<u64>> = rows.iter().map(|row| row.hits).collect();
    assert_eq!(hits, [Some(1), None, Some(5)]);
    assert_eq!(rows[0].time_saved, None);
}
