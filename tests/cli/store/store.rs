//! The database returns what was recorded, once, and rejects impossible values.

use crate::support::*;
use proptest::prelude::*;
use rusqlite::Connection;
use sccache_report::portage::{Build, StablePaths};
use sccache_report::sccache::Stats;
use sccache_report::store::{Error, Filter, Patterns, Recorded, Store};
use serde_json::Value;

#[test]
fn what_is_recorded_comes_back_whole_and_once() {
    let (_folder, path) = folder();
    let mut builds = sample();
    builds[0].phases[0].stable_paths = Some(StablePaths::CratesOnly);
    record(&path, &builds);
    let mut store = Store::open_for_recording(&path).unwrap();
    for build in &builds {
        assert_eq!(store.record(build).unwrap(), Recorded::AlreadyRecorded);
    }
    let store = Store::open_for_reading(&path).unwrap();
    let rows = store.builds(&Filter::default()).unwrap();
    let phases = store.phases(&Filter::default()).unwrap();
    assert_eq!(rows.len(), builds.len());
    for (row, build) in rows.iter().zip(&builds) {
        assert_eq!(row.id, build.id);
        assert_eq!(
            (&row.package, &row.version),
            (&build.package, &build.version)
        );
        assert_eq!(
            (row.started_at, row.finished_at),
            (build.started_at, build.finished_at)
        );
        assert_eq!(row.outcome, build.outcome);
        assert_eq!(row.emerge, build.emerge.as_ref().map(|e| e.id));
        assert_eq!(phases[&build.id], build.phases);
    }
}

#[test]
fn a_phase_run_twice_is_kept_twice_and_added_up() {
    let (_folder, path) = folder();
    let mut build = build(1, "a/b", "1", "2026-11-01T10:00:00Z", rust_stats(1, 2));
    let again = phase("compile", build.started_at, Ok(rust_stats(10, 20)));
    build.phases.push(again);
    record(&path, std::slice::from_ref(&build));
    let store = Store::open_for_reading(&path).unwrap();
    let row = &store.builds(&Filter::default()).unwrap()[0];
    assert_eq!((row.hits, row.misses, row.phases), (Some(11), Some(22), 2));
    assert_eq!(
        store.phases(&Filter::default()).unwrap()[&build.id],
        build.phases
    );
}

#[test]
fn not_measured_is_unknown_and_never_zero() {
    let (_folder, path) = folder();
    record(&path, &sample());
    let store = Store::open_for_reading(&path).unwrap();
    let row = &store.builds(&Filter::default()).unwrap()[4];
    assert_eq!((row.hits, row.misses, row.requests), (None, None, None));
    assert_eq!((row.phases, row.measured_phases), (1, 0));
    assert_eq!(row.hit_rate(), None);
}

#[test]
fn directories_and_unknown_errors_are_read_as_they_were() {
    let (_folder, path) = folder();
    let stats = Stats {
        base_directories: Some(vec!["/var/tmp/portage".into(), "/a".into()]),
        ..rust_stats(1, 2)
    };
    let mut build = build(1, "a/b", "1", "2026-11-01T10:00:00Z", stats);
    let start = build.started_at;
    let none = Stats {
        base_directories: Some(vec![]),
        ..rust_stats(4, 0)
    };
    build.phases.push(phase("test", start, Ok(none)));
    let renamed = Stats {
        errors: None,
        ..rust_stats(1, 0)
    };
    build.phases.push(phase("install", start, Ok(renamed)));
    record(&path, std::slice::from_ref(&build));
    let store = Store::open_for_reading(&path).unwrap();
    let stored = &store.phases(&Filter::default()).unwrap()[&build.id];
    assert_eq!(stored, &build.phases);
    let row = &store.builds(&Filter::default()).unwrap()[0];
    assert_eq!((row.hits, row.errors), (Some(6), None));
    drop(store);

    let show = &json(&path, &["show", "b0000001"])[0];
    assert_eq!(show["phases"]["compile"]["base_directories"][1], "/a");
    assert_eq!(
        show["phases"]["test"]["base_directories"],
        Value::Array(vec![])
    );
    assert_eq!(show["phases"]["install"]["base_directories"], Value::Null);
    assert_eq!(show["phases"]["install"]["errors"], Value::Null);
    assert_eq!(show["languages"]["Rust"]["errors"], Value::Null);
}

#[test]
fn a_clock_that_stepped_back_loses_no_build() {
    let (_folder, path) = folder();
    let mut build = build(1, "a/b", "1", "2026-11-01T10:00:00Z", rust_stats(1, 2));
    build.finished_at = at("2026-11-01T09:00:00Z");
    build.phases[0].finished_at = at("2026-11-01T08:00:00Z");
    record(&path, std::slice::from_ref(&build));
    let store = Store::open_for_reading(&path).unwrap();
    let row = &store.builds(&Filter::default()).unwrap()[0];
    assert_eq!(row.finished_at, row.started_at);
}

#[test]
fn counts_that_sqlite_has_no_integer_for_leave_nothing() {
    let (_folder, path) = folder();
    let good = build(1, "a/b", "1", "2026-11-01T10:00:00Z", rust_stats(1, 2));
    let mut store = Store::open_for_recording(&path).unwrap();
    for change in [
        |stats: &mut Stats| stats.hits.total = u64::MAX,
        |stats: &mut Stats| stats.executed = Some(u64::MAX),
    ] {
        let mut bad = good.clone();
        change(bad.phases[0].stats.as_mut().unwrap());
        let error = store.record(&bad).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
    }
    assert_eq!(all_sums(&store).builds, 0);
    assert_eq!(store.record(&good).unwrap(), Recorded::New);
}

#[test]
fn impossible_rows_fail_in_sql_too() {
    let (_folder, path) = folder();
    record(&path, &sample());
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    for sql in [
        "UPDATE build SET hits = 'many' WHERE id = 1",
        "UPDATE build SET outcome = 'won' WHERE id = 1",
        "UPDATE build SET attribution = 'mine' WHERE id = 1",
        "UPDATE build SET finished_at_us = started_at_us - 1 WHERE id = 1",
        "UPDATE build SET emerge_id = 99 WHERE id = 1",
        "UPDATE build SET uuid = (SELECT uuid FROM build WHERE id = 2) WHERE id = 1",
        "UPDATE phase SET position = 0",
        "UPDATE phase SET build_id = 99 WHERE id = 1",
        "UPDATE phase SET preprocessor_cache_mode = 2 WHERE id = 1",
        "UPDATE phase_language SET phase_id = 99",
        "DELETE FROM emerge",
    ] {
        assert!(raw.execute(sql, []).is_err(), "went through: {sql}");
    }
}

#[test]
fn every_query_finds_its_builds_through_an_index() {
    let (_folder, path) = folder();
    record(&path, &sample());
    let raw = Connection::open(&path).unwrap();
    for (sql, index) in [
        (
            "SELECT * FROM build WHERE package IN (SELECT value FROM json_each('[]'))",
            "build_by_package",
        ),
        (
            "SELECT * FROM build WHERE started_at_us >= 5 AND started_at_us < 9",
            "build_by_time",
        ),
        (
            "SELECT * FROM build ORDER BY started_at_us DESC, id DESC LIMIT 5",
            "build_by_time",
        ),
        (
            "SELECT min(package) FROM build WHERE package > 'a'",
            "build_by_package",
        ),
        (
            "SELECT uuid FROM build WHERE uuid >= 'a' AND uuid < 'b' ORDER BY uuid",
            "autoindex_build",
        ),
        ("SELECT * FROM phase WHERE build_id = 1", "autoindex_phase"),
    ] {
        let plan: Vec<String> = raw
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap()
            .query_map([], |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(
            plan.iter().any(|step| step.contains(index)),
            "{sql}: {plan:?}"
        );
    }
}

#[test]
fn filters_pick_what_they_say() {
    let (_folder, path) = folder();
    record(&path, &sample());
    let store = Store::open_for_reading(&path).unwrap();
    let names = |globs: &[&str]| {
        store
            .matching_packages(&Patterns::parse(globs, false).unwrap())
            .unwrap()
    };
    assert_eq!(names(&["emlop"]), ["app-portage/emlop"]);
    assert_eq!(names(&["app-portage/emlop"]), ["app-portage/emlop"]);
    assert_eq!(names(&["dev-*/*"]), ["dev-libs/quazip", "dev-util/ccls"]);
    assert_eq!(names(&["f?", "rip*"]), ["sys-apps/fd", "sys-apps/ripgrep"]);
    assert_eq!(names(&["EMLOP", "sys-apps"]), [""; 0]);
    assert!(Patterns::parse(&["a[b"], false).is_err());
    assert!(Patterns::parse(&["a(b"], true).is_err());
    let regex = Patterns::parse(&["^sys-.*/f"], true).unwrap();
    assert_eq!(store.matching_packages(&regex).unwrap(), ["sys-apps/fd"]);

    let versions = |filter: Filter| -> Vec<String> {
        let rows = store.builds(&filter).unwrap();
        rows.into_iter().map(|row| row.version).collect()
    };
    let since = Some(at("2026-11-20T18:05:00Z"));
    let until = Some(at("2026-11-20T18:10:00Z"));
    assert_eq!(
        versions(Filter {
            since,
            until,
            ..Filter::default()
        }),
        ["1.4"]
    );
    let last = Some(2);
    assert_eq!(
        versions(Filter {
            last,
            ..Filter::default()
        }),
        ["10.2.0", "14.1.1"]
    );
    assert_eq!(
        versions(Filter {
            last,
            until,
            ..Filter::default()
        }),
        ["0.9.0", "1.4"]
    );
    assert_eq!(
        versions(Filter {
            packages: Some(vec![]),
            ..Filter::default()
        }),
        [""; 0]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn sums_are_those_of_the_builds(
        parts in prop::collection::vec(
            (0usize..4, prop::collection::vec(prop::option::of((0u64..1000, 0u64..1000)), 0..4)),
            1..12,
        )
    ) {
        let (_folder, path) = folder();
        let packages = ["a/a", "a/b", "b/a", "c/c"];
        let builds: Vec<Build> = parts.iter().enumerate().map(|(n, (package, phases))| {
            let mut build = build(n as u128, packages[*package], "1", "2026-11-01T10:00:00Z", Stats::default());
            build.phases = phases.iter().map(|measured| {
                let stats = measured.map(|(h, m)| rust_stats(h, m)).ok_or(NotMeasuredReason::Other.into());
                phase("compile", build.started_at, stats)
            }).collect();
            build
        }).collect();
        record(&path, &builds);
        let store = Store::open_for_reading(&path).unwrap();
        let sum = |package: Option<&str>| Stats::sum(
            builds.iter().filter(|b| package.is_none_or(|p| b.package == p))
                .flat_map(|b| &b.phases).filter_map(|p| p.stats.as_ref().ok()));
        let all = all_sums(&store);
        prop_assert_eq!(all.hits, sum(None).map(|s| s.hits.total));
        prop_assert_eq!(all.hit_rate(), sum(None).and_then(|s| s.hit_rate()));
        prop_assert_eq!(all.coverage(), sum(None).and_then(|s| s.coverage()));
        for row in store.packages(&Filter::default()).unwrap() {
            let expected = sum(Some(&row.package));
            prop_assert_eq!(row.sums.misses, expected.as_ref().map(|s| s.misses.total));
            prop_assert_eq!(row.sums.hit_rate(), expected.and_then(|s| s.hit_rate()));
        }
        let stored = store.phases(&Filter::default()).unwrap();
        for build in &builds {
            let phases = stored.get(&build.id).cloned().unwrap_or_default();
            prop_assert_eq!(&phases, &build.phases);
        }
    }
}
