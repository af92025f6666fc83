//! The time saved of builds whose compilations are unknown. Unit tests cover the formula.

use std::path::Path;

use crate::support::*;
use chrono::TimeDelta;
use proptest::prelude::*;
use rusqlite::Connection;
use sccache_report::portage::Build;
use sccache_report::savings::TIME_SAVED;
use sccache_report::sccache::{Counts, Stats};
use sccache_report::store::{Filter, Store};

/// Returns the time saved of every build, the oldest first.
fn estimates(path: &Path) -> Vec<Option<f64>> {
    let store = Store::open_for_reading(path).unwrap();
    let rows = store.builds(&Filter::default()).unwrap();
    let seconds = |time: TimeDelta| time.as_seconds_f64();
    rows.iter().map(|row| row.time_saved.map(seconds)).collect()
}

fn emlop(number: u128, version: &str, hits: u64, misses: u64) -> Build {
    let start = format!("2026-11-{number:02}T10:00:00Z");
    build(
        number,
        "app-portage/emlop",
        version,
        &start,
        rust_stats(hits, misses),
    )
}

#[test]
fn the_readme_gives_the_formula_as_the_code_does() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(include_str!("../../../docs/time-saved.md")).contains(&words(TIME_SAVED)));
}

#[test]
fn a_warm_build_saves_what_the_cold_one_cost() {
    let (_folder, path) = folder();
    record(&path, &[emlop(1, "0.9.0", 0, 53), emlop(2, "0.9.0", 53, 0)]);
    // 0.75 s per miss, and a tenth per lookup.
    assert_eq!(estimates(&path), [Some(-3.975), Some(35.775)]);
    let store = Store::open_for_reading(&path).unwrap();
    let sums = all_sums(&store);
    assert_eq!(sums.time_saved, Some(TimeDelta::microseconds(31_800_000)));
    assert_eq!(sums.estimated_hits, 53);
    let row = &store.packages(&Filter::default()).unwrap()[0];
    assert_eq!(row.sums, sums);
}

#[test]
fn what_is_recorded_never_changes() {
    let (_folder, path) = folder();
    // Nothing is known about the package, and no other package counts.
    let other = build(9, "a/b", "1", "2026-11-09T10:00:00Z", rust_stats(0, 8));
    record(&path, &[other, emlop(2, "0.9.0", 53, 0)]);
    assert_eq!(estimates(&path)[0], None);
    // Another version's cost, then its own.
    let mut old = emlop(1, "0.8.2", 0, 50);
    let stats = old.phases[0].stats.as_mut().unwrap();
    (stats.compiler_seconds, stats.processor_seconds) = (Some(150.0), Some(100.0));
    record(&path, &[old, emlop(3, "0.9.0", 53, 0)]);
    record(&path, &[emlop(4, "0.9.0", 0, 53), emlop(5, "0.9.0", 53, 0)]);
    let saved = estimates(&path);
    assert_eq!(saved[1..3], [None, Some(53.0 * 2.0 * 0.9)]);
    assert_eq!(saved[4], Some(35.775));
    Store::open_for_recording(&path)
        .unwrap()
        .forget(&[id(1), id(4)])
        .unwrap();
    assert_eq!(estimates(&path)[..3], [None, saved[2], saved[4]]);
}

#[test]
fn what_was_not_measured_has_no_estimate() {
    let (_folder, path) = folder();
    record(&path, &sample());
    // Only the Rust phases have compiler times, and the fifth build wasn't measured.
    let known: Vec<bool> = estimates(&path).iter().map(Option::is_some).collect();
    assert_eq!(known, [true, true, false, false, false, true]);
}

#[test]
fn two_languages_in_one_phase_each_cost_their_own() {
    let (_folder, path) = folder();
    let with = |number, rust: (u64, u64), c: (u64, u64), seconds| {
        let both = |rust, c| Counts {
            total: rust + c,
            languages: [("Rust".to_string(), rust), ("C/C++".to_string(), c)].into(),
            ..Counts::default()
        };
        let start = format!("2026-11-{number:02}T10:00:00Z");
        let stats = Stats {
            hits: both(rust.0, c.0),
            misses: both(rust.1, c.1),
            compilations: Some(rust.1 + c.1),
            compiler_seconds: Some(seconds),
            ..Stats::default()
        };
        build(number, "a/b", "1", &start, stats)
    };
    let builds = [
        with(1, (0, 10), (0, 0), 40.0),
        with(2, (0, 0), (0, 10), 10.0),
        with(3, (5, 0), (20, 0), 0.0),
    ];
    record(&path, &builds);
    assert_eq!(estimates(&path)[2], Some((5.0 * 4.0 + 20.0) * 0.9));
}

fn costs(path: &Path) -> Vec<(String, String, String, i64, i64)> {
    Connection::open(path)
        .unwrap()
        .prepare("SELECT package, version, language, compilations, compiler_us FROM compile_cost ORDER BY 1, 2, 3")
        .unwrap()
        .query_map([], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    /// In any order, and after others are forgotten, the costs of a package are those of its builds.
    #[test]
    fn costs_are_those_of_the_builds(
        parts in prop::collection::vec((0usize..3, 0usize..3, 0u64..40, 0u64..40), 1..14)
            .prop_flat_map(|parts| {
                let order = Just((0..parts.len()).collect::<Vec<_>>()).prop_shuffle();
                (Just(parts), order)
            }),
        forgotten in 0usize..5,
    ) {
        let (parts, order) = parts;
        let build = |n: usize| {
            let (package, version, hits, misses) = parts[n];
            let start = format!("2026-11-{:02}T10:00:00Z", n + 1);
            let package = ["a/a", "a/b", "c/c"][package];
            build(n as u128, package, ["1", "2", "3"][version], &start, rust_stats(hits, misses))
        };
        let (folder, path) = folder();
        let other = folder.path().join("other.db");
        record(&path, &order.iter().map(|n| build(*n)).collect::<Vec<_>>());
        let ids: Vec<_> = (0..forgotten.min(parts.len())).map(|n| id(n as u128)).collect();
        Store::open_for_recording(&path).unwrap().forget(&ids).unwrap();
        record(&other, &(ids.len()..parts.len()).map(build).collect::<Vec<_>>());
        prop_assert_eq!(costs(&path), costs(&other));
    }
}
