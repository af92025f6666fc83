//! Metrics for Prometheus: the values, and how the file is replaced. tests/metrics has the tests with a
//! real Prometheus.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{TimeDelta, Utc};
use sccache_report::portage::Build;
use sccache_report::store::{Filter, Store};

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

/// Moves the builds so that the newest started an hour ago.
fn until_now(mut builds: Vec<Build>) -> Vec<Build> {
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
    record(&db, &sample());
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
        "operation=\"read\"=4 operation=\"write\"=8"
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

#[test]
fn what_forget_removes_stays_in_the_counters() {
    let (_folder, db) = folder();
    record(&db, &until_now(sample()));
    let before = metrics(&db, &["--by", "package"]);
    let mut store = Store::open_for_recording(&db).unwrap();
    store.forget(&[id(2), id(3)]).unwrap();
    let after = metrics(&db, &["--by", "package"]);
    let is_counter = |name: &&String| name.split('{').next().unwrap().ends_with("_total");
    for name in before.keys().filter(is_counter) {
        assert_eq!(before[name], after[name], "{name}");
    }
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
    record(&db, &sample());
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
    let text = "sccache-report-hook=1\ntime=1700000000\npackage=a/b-1\nfeatures=\nend\n";
    fs::write(hook.join("last-merge"), text).unwrap();
    assert_eq!(read()[hook_at], 1_700_000_000.0);
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
}

/// Whatever fails, the old file stays. A collector can read the new one, and nothing else is left.
#[test]
fn the_file_is_replaced_or_unchanged() {
    let (folder, db) = folder();
    record(&db, &sample());
    let out_folder = folder.path().join("textfile");
    fs::create_dir(&out_folder).unwrap();
    let file = out_folder.join("sccache_report.prom");
    let file_name = file.to_str().unwrap();
    fs::write(&file, "old").unwrap();
    let missing = folder.path().join("missing.db");
    let failed = run(&missing, &["metrics", "-o", file_name]);
    assert_eq!(failed.status.code(), Some(2), "{}", err(&failed));
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    let nowhere = folder.path().join("nowhere/x.prom");
    let failed = run(&db, &["metrics", "-o", nowhere.to_str().unwrap()]);
    assert_eq!(failed.status.code(), Some(2), "{}", err(&failed));
    assert!(err(&failed).contains("can't write"), "{}", err(&failed));

    // A mistyped name must not replace another file.
    let settings = folder.path().join("make.conf");
    fs::write(&settings, "").unwrap();
    let failed = run(&db, &["metrics", "-o", settings.to_str().unwrap()]);
    assert_eq!(failed.status.code(), Some(2));
    assert!(
        err(&failed).contains("doesn't end in .prom"),
        "{}",
        err(&failed)
    );
    assert_eq!(fs::read_to_string(&settings).unwrap(), "");

    // A link is replaced, not followed.
    let other = folder.path().join("other");
    fs::write(&other, "other").unwrap();
    fs::remove_file(&file).unwrap();
    symlink(&other, &file).unwrap();
    let mut command = program();
    // SAFETY: umask is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            libc::umask(0o077);
            Ok(())
        });
    }
    let args = ["metrics", "--output", file_name];
    let output = command.arg("--db").arg(&db).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!((out(&output), err(&output)), (String::new(), String::new()));
    assert_eq!(fs::read_to_string(&other).unwrap(), "other");
    let metadata = fs::symlink_metadata(&file).unwrap();
    assert!(metadata.is_file());
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o644);
    let printed = out(&run(&db, &["metrics"]));
    assert_eq!(fs::read_to_string(&file).unwrap(), printed);
    assert_eq!(fs::read_dir(&out_folder).unwrap().count(), 1);
}

/// Reads a file 100,000 times while the program keeps replacing it, with contents of two lengths.
#[test]
fn readers_never_see_half_a_file() {
    let (folder, db) = folder();
    // Far from the edges of the windows, which move while this runs.
    record(&db, &until_now(sample()));
    let file = folder.path().join("sccache_report.prom");
    let write = |args: &[&str]| {
        let output = run(
            &db,
            &[&["metrics", "-o", file.to_str().unwrap()], args].concat(),
        );
        assert!(output.status.success(), "{}", err(&output));
        fs::read_to_string(&file).unwrap()
    };
    let contents = [write(&[]), write(&["--by", "package"])];
    assert_ne!(contents[0], contents[1]);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut replaced = 0;
            while !is_done.load(Ordering::Relaxed) {
                write(&[]);
                write(&["--by", "package"]);
                replaced += 2;
            }
            replaced
        });
        let mut seen = [0, 0];
        for _ in 0..100_000 {
            seen[read_whole(&file, &contents)] += 1;
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 2);
        assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    });
}

/// Returns which of the contents the file has.
#[track_caller]
fn read_whole(file: &Path, contents: &[String]) -> usize {
    let content = fs::read_to_string(file).unwrap();
    let index = contents.iter().position(|whole| *whole == content);
    index.unwrap_or_else(|| panic!("half a file: {content}"))
}

/// The cron line writes the file if the folder of the settings exists.
#[test]
fn the_cron_line_writes_the_file() {
    let (folder, db) = folder();
    record(&db, &sample());
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/prometheus");
    let read = |name: &str| fs::read_to_string(packaging.join(name)).unwrap();
    let textfile = folder.path().join("textfile");
    let settings = read("sccache-report-metrics.conf")
        .replace("/var/lib/node_exporter", textfile.to_str().unwrap())
        .replace(
            "OPTIONS=\"\"",
            &format!("OPTIONS=\"--by category --db {}\"", db.display()),
        );
    let settings_file = folder.path().join("settings");
    fs::write(&settings_file, settings).unwrap();
    let cron = read("sccache-report-metrics.cron");
    let (_, command) = cron.split_once(" root ").unwrap();
    let command = command
        .replace("/run/systemd/system", "/nonexistent")
        .replace(
            "/etc/conf.d/sccache-report-metrics",
            settings_file.to_str().unwrap(),
        )
        .replace(
            "/usr/bin/sccache-report",
            env!("CARGO_BIN_EXE_sccache-report"),
        );
    let run = || {
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", &command]).output().unwrap();
        assert!(output.status.success(), "{}", err(&output));
        assert_eq!((out(&output), err(&output)), (String::new(), String::new()));
    };
    run();
    assert!(!textfile.exists());
    fs::create_dir(&textfile).unwrap();
    run();
    let written = fs::read_to_string(textfile.join("sccache_report.prom")).unwrap();
    assert!(series(&written).contains_key("category_builds_total{category=\"sys-apps\"}"));
    assert_eq!(fs::read_dir(&textfile).unwrap().count(), 1);
}
