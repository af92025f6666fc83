//! The values of the metrics for Prometheus. tests/metrics has the tests with a real Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use chrono::{TimeDelta, Utc};
use sccache_report::portage::Build;
use sccache_report::sccache::Counts;
use sccache_report::store::{CacheState, CounterName, Filter, Store};

use serde_json::Value;

use crate::support::listed::{hit, listed, miss};
use crate::support::*;

/// Returns the series whose names begin with `prefix`, as `LABELS=VALUE`.
fn labeled(series: &BTreeMap<String, f64>, prefix: &str) -> String {
    let labels = series.iter().filter_map(|(name, value)| {
        let labels = name.strip_prefix(prefix)?.strip_prefix('{')?;
        Some(format!("{}={value}", labels.trim_end_matches('}')))
    });
    labels.collect::<Vec<_>>().join(" ")
}

/// Whether it is the name of a counter, with or without labels.
fn is_counter(name: &str) -> bool {
    name.split('{').next().unwrap().ends_with("_total")
}

/// Moves the builds so that the newest started an hour ago.
pub fn until_now(mut builds: Vec<Build>) -> Vec<Build> {
    let newest = builds.iter().map(|build| build.started_at).max().unwrap();
    let later = Utc::now() - TimeDelta::hours(1) - newest;
    for build in &mut builds {
        build.started_at += later;
        build.finished_at += later;
    }
    builds
}

#[test]
fn counters_are_the_sums_of_the_builds() {
    let (_folder, db) = folder();
    record(&db, &on_this_host(sample()));
    let series = metrics(&db, &[]);
    for (name, expected) in [
        (
            "builds_total",
            "outcome=\"failed\"=1 outcome=\"interrupted\"=1 outcome=\"merged\"=3 outcome=\"packaged\"=1",
        ),
        (
            "lookups_total",
            "language=\"C/C++\"=17 language=\"CUDA\"=0 language=\"Rust\"=125 language=\"unknown\"=0",
        ),
        (
            "hits_total",
            "language=\"C/C++\"=6 language=\"CUDA\"=0 language=\"Rust\"=66 language=\"unknown\"=0",
        ),
        (
            "lookup_errors_total",
            "language=\"C/C++\"=2 language=\"CUDA\"=0 language=\"Rust\"=0 language=\"unknown\"=0",
        ),
        ("phases_total", "measured=\"false\"=2 measured=\"true\"=6"),
        (
            "cache_errors_total",
            "operation=\"read\"=0 operation=\"write\"=0",
        ),
        (
            "misses_total",
            "reason=\"changed\"=0 reason=\"evicted\"=0 reason=\"first\"=0 reason=\"flags\"=0 \
             reason=\"forced\"=0 reason=\"path\"=0 reason=\"unknown\"=0",
        ),
        (
            "lookup_cost_seconds_total",
            "result=\"hit\"=0 result=\"miss\"=0",
        ),
        (
            "info",
            concat!("version=\"", env!("CARGO_PKG_VERSION"), "\",schema=\"1\"=1"),
        ),
    ] {
        assert_eq!(labeled(&series, name), expected, "{name}");
    }
    let [overview] = &json(&db, &["--since", "2026-11-01"])[..] else {
        panic!("one row");
    };
    let value = |name: &str| series[name];
    let coverage = value("compiler_calls_cacheable_total") / value("compiler_calls_total");
    assert_eq!(overview["coverage"], coverage);
    assert_eq!(overview["time_saved_seconds"], value("time_saved_seconds"));
    assert_eq!(value("cache_size_bytes"), f64::from(1 << 30));
    assert_eq!(value("cache_size_limit_bytes"), 10.0 * f64::from(1 << 30));
    assert_eq!(value("pending_builds"), 0.0);
    let last = at("2026-11-21T09:01:05Z").timestamp() as f64;
    assert_eq!(value("last_build_finished_timestamp_seconds"), last);
}

/// Costs and reasons are those of builds whose compilations are known, and phases with a read-only cache have
/// write errors that mean nothing.
#[test]
fn costs_reasons_and_errors_are_counted() {
    let (_folder, db) = folder();
    let first = listed(1, "a/a", &[miss("a.o", 1), miss("b.o", 2)]);
    let mut second = listed(2, "a/a", &[hit("a.o", 1), miss("c.o", 3)]);
    for (phase, read_only, errors) in [(0, true, (1, 2)), (1, false, (4, 8))] {
        if phase == 1 {
            let copy = second.phases[0].clone();
            second.phases.push(copy);
        }
        second.phases[phase].read_only = read_only;
        let stats = second.phases[phase].stats.as_mut().unwrap();
        (stats.read_errors, stats.write_errors) = (Some(errors.0), Some(errors.1));
    }
    record(&db, &[first, second]);
    let series = metrics(&db, &[]);
    assert_eq!(
        labeled(&series, "cache_errors_total"),
        "operation=\"read\"=5 operation=\"write\"=8"
    );
    let store = Store::open_for_reading(&db).unwrap();
    let sums = all_sums(&store);
    let cost = |cost: Option<TimeDelta>| cost.unwrap().as_seconds_f64();
    let counter = |result| series[&format!("lookup_cost_seconds_total{{result=\"{result}\"}}")];
    assert_eq!(counter("hit"), cost(sums.hit_cost));
    assert_eq!(counter("miss"), cost(sums.miss_cost));
    let reasons = series
        .iter()
        .filter(|(name, _)| name.starts_with("misses_total"));
    let reasons: f64 = reasons.map(|(_, value)| value).sum();
    assert_eq!(reasons, 4.0);
}

/// The errors of a build are unknown if those of one phase are. Those of its other phases count.
#[test]
fn a_phase_without_errors_leaves_those_of_the_others() {
    let (_folder, db) = folder();
    let mut first = build(1, "a/a", "1", "2026-11-01T00:00:00Z", rust_stats(1, 5));
    let errors = Counts {
        total: 4,
        ..Counts::default()
    };
    first.phases[0].stats.as_mut().unwrap().errors = Some(errors);
    let mut second = build(2, "a/a", "1", "2026-11-02T00:00:00Z", rust_stats(1, 5));
    let mut without = second.phases[0].clone();
    without.stats.as_mut().unwrap().errors = None;
    second.phases.push(without);
    second.phases[0].stats.as_mut().unwrap().errors = Some(counts("Rust", "rust", 3));
    record(&db, &[first]);
    let before = metrics(&db, &[]);
    record(&db, &[second]);
    let after = metrics(&db, &[]);
    assert_eq!(json(&db, &["builds"])[1]["errors"], Value::Null);
    assert_eq!(
        labeled(&after, "lookup_errors_total"),
        "language=\"C/C++\"=0 language=\"CUDA\"=0 language=\"Rust\"=3 language=\"unknown\"=4"
    );
    for (name, value) in before.iter().filter(|(name, _)| is_counter(name)) {
        assert!(after[name] >= *value, "{name}");
    }
}

/// Otherwise, a misspelled name would count 0.
#[test]
fn the_database_has_the_counters_of_the_program() {
    let (_folder, db) = folder();
    record(&db, &[listed(1, "a/a", &[miss("a.o", 1)])]);
    let raw = rusqlite::Connection::open(&db).unwrap();
    let mut names = raw.prepare("SELECT DISTINCT name FROM counter").unwrap();
    let names = names.query_map([], |row| row.get(0)).unwrap();
    let stored: BTreeSet<String> = names.map(Result::unwrap).collect();
    let known = CounterName::ALL.map(|name| name.word().to_string());
    assert_eq!(stored, BTreeSet::from(known));
}

#[test]
fn what_forget_removes_stays_in_the_counters() {
    let (_folder, db) = folder();
    record(&db, &until_now(sample()));
    let before = metrics(&db, &["--by", "package"]);
    let mut store = Store::open_for_recording(&db).unwrap();
    store.forget(&[id(2), id(3)]).unwrap();
    let after = metrics(&db, &["--by", "package"]);
    for name in before.keys().filter(|name| is_counter(name)) {
        assert_eq!(before[name], after[name], "{name}");
    }
    // No build of this package is left.
    assert_eq!(
        after["package_builds_total{package=\"dev-libs/quazip\"}"],
        1.0
    );
    let saved = "package_time_saved_seconds{package=\"dev-libs/quazip\"}";
    assert_eq!(after[saved], 0.0);
    // The gauges are those of the builds that are left.
    let recent = |series: &BTreeMap<String, f64>| series["recent_hits{window=\"30d\"}"];
    let [overview] = &json(&db, &[])[..] else {
        panic!("one row");
    };
    assert_eq!(recent(&before), 72.0);
    assert_eq!(recent(&after), 4.0);
    assert_eq!(overview["hits"], 4);

    // A build that is recorded again counts again.
    let warm = until_now(sample()).swap_remove(1);
    store.record_restored(&[warm], &[id(2)]).unwrap();
    let hits = |series: &BTreeMap<String, f64>| series["hits_total{language=\"Rust\"}"];
    assert_eq!(hits(&metrics(&db, &[])), hits(&before) + 63.0);
    let builds = |filter| store.builds(filter).unwrap().len();
    assert_eq!(builds(&Filter::default()), 5);
}

#[test]
fn windows_are_whole_hours_and_have_every_outcome() {
    let (_folder, db) = folder();
    let mut builds = until_now(sample());
    let future = &mut builds[0];
    future.started_at = Utc::now() + TimeDelta::days(40);
    future.finished_at = future.started_at;
    builds[1].started_at = Utc::now() - TimeDelta::days(3);
    record(&db, &builds);
    let series = metrics(&db, &[]);
    assert_eq!(
        labeled(&series, "recent_builds"),
        "outcome=\"failed\",window=\"1d\"=1 outcome=\"failed\",window=\"30d\"=1 \
         outcome=\"failed\",window=\"7d\"=1 outcome=\"interrupted\",window=\"1d\"=1 \
         outcome=\"interrupted\",window=\"30d\"=1 outcome=\"interrupted\",window=\"7d\"=1 \
         outcome=\"merged\",window=\"1d\"=1 outcome=\"merged\",window=\"30d\"=2 \
         outcome=\"merged\",window=\"7d\"=2 outcome=\"packaged\",window=\"1d\"=1 \
         outcome=\"packaged\",window=\"30d\"=1 outcome=\"packaged\",window=\"7d\"=1"
    );
    assert_eq!(
        labeled(&series, "recent_hits"),
        "window=\"1d\"=9 window=\"30d\"=72 window=\"7d\"=72"
    );
    let finished = series["last_build_finished_timestamp_seconds"];
    assert!(finished < Utc::now().timestamp() as f64, "{finished}");
}

/// Nothing was saved while nothing was built. It is unknown what builds saved that were not measured.
#[test]
fn time_saved_is_0_without_builds_and_absent_without_an_estimate() {
    let (_folder, db) = folder();
    let unmeasured = until_now(sample()).swap_remove(4);
    let mut old = build(1, "a/a", "1", "2026-11-01T00:00:00Z", rust_stats(5, 5));
    old.started_at = Utc::now() - TimeDelta::days(20);
    old.finished_at = old.started_at;
    record(&db, &[old]);
    let saved = |window: &str| {
        let name = format!("recent_time_saved_seconds{{window=\"{window}\"}}");
        metrics(&db, &[]).get(&name).copied()
    };
    assert_eq!((saved("1d"), saved("7d")), (Some(0.0), Some(0.0)));
    assert_ne!(saved("30d"), Some(0.0));
    record(&db, &[unmeasured]);
    assert_eq!((saved("1d"), saved("7d")), (None, None));
    assert!(saved("30d").is_some());
}

/// A database can have the builds of several hosts.
#[test]
fn the_cache_is_that_of_this_host() {
    let (_folder, db) = folder();
    let mut other = build(2, "a/a", "1", "2026-11-02T00:00:00Z", rust_stats(1, 0));
    other.phases[0].stats.as_mut().unwrap().cache_size = Some(5);
    record(&db, &[other]);
    assert!(!metrics(&db, &[]).contains_key("cache_size_bytes"));
    let here = build(1, "a/a", "1", "2026-11-01T00:00:00Z", rust_stats(1, 0));
    record(&db, &on_this_host(vec![here]));
    assert_eq!(metrics(&db, &[])["cache_size_bytes"], f64::from(1 << 30));
}

#[test]
fn packages_and_categories_have_metrics_on_request() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let plain = metrics(&db, &[]);
    let packages = metrics(&db, &["--by", "package"]);
    assert_eq!(
        labeled(&packages, "package_hits_total"),
        "package=\"app-portage/emlop\"=63 package=\"dev-libs/quazip\"=5 \
         package=\"dev-util/ccls\"=1 package=\"sys-apps/fd\"=0 package=\"sys-apps/ripgrep\"=3"
    );
    assert_eq!(
        labeled(&packages, "package_builds_total"),
        "package=\"app-portage/emlop\"=2 package=\"dev-libs/quazip\"=1 \
         package=\"dev-util/ccls\"=1 package=\"sys-apps/fd\"=1 package=\"sys-apps/ripgrep\"=1"
    );
    let categories = metrics(&db, &["--by", "category"]);
    assert_eq!(
        labeled(&categories, "category_lookups_total"),
        "category=\"app-portage\"=121 category=\"dev-libs\"=7 category=\"dev-util\"=10 \
         category=\"sys-apps\"=4"
    );
    // A category or package whose time saved is unknown has no such series.
    let saved = |series: &BTreeMap<String, f64>, prefix: &str| -> f64 {
        let series = series.iter().filter(|(name, _)| name.starts_with(prefix));
        series.map(|(_, value)| value).sum()
    };
    let all = plain["time_saved_seconds"];
    assert!((saved(&packages, "package_time_saved_seconds") - all).abs() < 1e-6);
    assert!((saved(&categories, "category_time_saved_seconds") - all).abs() < 1e-6);
    assert!(!packages.contains_key("package_time_saved_seconds{package=\"sys-apps/fd\"}"));
    for (name, value) in &plain {
        assert_eq!(packages.get(name), Some(value), "{name}");
    }
}

/// A machine that builds has a folder for the hook's record beside its database.
#[test]
fn the_hook_and_pending_builds_are_watched() {
    let (folder, db) = folder();
    record(&db, &on_this_host(until_now(sample())));
    let prefix = folder.path().join("prefix");
    let installed = prefix.join("var/db/pkg/app-misc/foo-1");
    fs::create_dir_all(&installed).unwrap();
    fs::write(installed.join("COUNTER"), "1").unwrap();
    let read = || {
        let mut command = program();
        command.env("EPREFIX", &prefix).arg("--db").arg(&db);
        series(&out(&command.arg("metrics").output().unwrap()))
    };
    let (hook_at, merged_at) = (
        "hook_last_run_timestamp_seconds",
        "last_merge_timestamp_seconds",
    );
    assert!(!read().contains_key(hook_at));
    assert!(!read().contains_key(merged_at));
    let hook = folder.path().join("hook");
    fs::create_dir(&hook).unwrap();
    assert!(!read().contains_key(hook_at));
    let age = Utc::now().timestamp() as f64 - read()[merged_at];
    assert!((-1.0..600.0).contains(&age), "{age}");
    // It was merged while the clock was wrong.
    let wrong = prefix.join("var/db/pkg/app-misc/bar-1");
    fs::create_dir(&wrong).unwrap();
    let counter = fs::File::create(wrong.join("COUNTER")).unwrap();
    let future = Utc::now() + TimeDelta::days(1000);
    counter.set_modified(future.into()).unwrap();
    let age = Utc::now().timestamp() as f64 - read()[merged_at];
    assert!((-1.0..600.0).contains(&age), "{age}");
    let text = "sccache-report-hook=1\ntime=1700000000\npackage=a/b-1\nfeatures=\nend\n";
    fs::write(hook.join("last-merge"), text).unwrap();
    assert_eq!(read()[hook_at], 1_700_000_000.0);
    assert_eq!(read()["pending_builds"], 0.0);
    let docs = include_str!("../../../docs/metrics.md");
    let count = format!("There are {} series", read().len());
    assert!(docs.contains(&count), "{count}");
    let pending = folder.path().join("stats.db.pending");
    fs::create_dir(&pending).unwrap();
    fs::write(pending.join("one.json"), "{}").unwrap();
    assert_eq!(read()["pending_builds"], 1.0);
}

/// Before the first build, and for a language that sccache doesn't name, or that has an odd name.
#[test]
fn counters_start_at_zero_and_names_are_escaped() {
    let (_folder, db) = folder();
    drop(Store::open_for_recording(&db).unwrap());
    let empty = metrics(&db, &["--by", "package"]);
    let zeros = empty.iter().filter(|(name, _)| !name.starts_with("info"));
    assert!(zeros.clone().count() > 30);
    assert!(zeros.clone().all(|(_, value)| *value == 0.0), "{empty:?}");

    let mut without = rust_stats(3, 1);
    without.hits.languages.clear();
    without.misses.languages.clear();
    let mut odd = rust_stats(2, 2);
    odd.hits = counts("a\"b\\c", "x", 2);
    odd.misses = counts("unknown", "x", 2);
    record(
        &db,
        &[
            build(1, "a/a", "1", "2026-11-01T00:00:00Z", without),
            build(2, "a/a", "1", "2026-11-02T00:00:00Z", odd),
        ],
    );
    let series = metrics(&db, &[]);
    assert_eq!(
        labeled(&series, "lookups_total"),
        "language=\"C/C++\"=0 language=\"CUDA\"=0 language=\"Rust\"=0 \
         language=\"a\\\"b\\\\c\"=2 language=\"unknown\"=6"
    );
    // A foreign database can have any name.
    let raw = rusqlite::Connection::open(&db).unwrap();
    raw.execute("INSERT INTO package_counter VALUES ('b\"', 3, 2, 1)", ())
        .unwrap();
    assert_eq!(
        labeled(
            &metrics(&db, &["--by", "category"]),
            "category_builds_total"
        ),
        "category=\"a\"=2 category=\"b\\\"\"=3"
    );
}

/// `advise`, the alert, and the dashboard call the same cache full.
#[test]
fn a_full_cache_is_full_everywhere() {
    let alerts = include_str!("../../../packaging/prometheus/alerts.yml");
    let rule = format!("cache_size_limit_bytes >= {}\n", CacheState::FULL);
    assert!(alerts.contains(&rule), "{rule}");
    let dashboard = include_str!("../../../packaging/grafana/sccache-report.json");
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let mut panels = dashboard["panels"].as_array().unwrap().iter();
    let panel = panels.find(|panel| panel["title"] == "Cache fill").unwrap();
    let steps = &panel["fieldConfig"]["defaults"]["thresholds"]["steps"];
    let red = steps.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&red["color"], &red["value"]),
        (&"red".into(), &CacheState::FULL.into())
    );
}
