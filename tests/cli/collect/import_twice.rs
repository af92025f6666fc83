//! `sccache-collect import` and the hook record a build once.

use crate::support;
use crate::support::logs::{LIBRSVG, Logs, block, librsvg, recorded_librsvg};
use sccache_report::portage::{BUILD_LINE, Build};
use sccache_report::sccache::print_block;
use sccache_report::store::{Pending, Recorded, Store};

#[test]
fn importing_again_adds_nothing_in_whatever_form() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    logs.add(
        "build/gnome-base/librsvg-2.50.4:20210405-101500.log",
        librsvg(),
    );
    logs.add_gz(&format!("old/{LIBRSVG}.gz"), &librsvg());
    logs.added(1, 2);
    logs.added(0, 3);
    logs.add("gnome-base:librsvg-2.50.4:20210405-111500.log", librsvg());
    logs.added(1, 3);
    assert_eq!(logs.builds().len(), 2);
}

#[test]
fn older_builds_are_recorded_first() {
    let logs = Logs::new();
    let log = |hits, misses| {
        let full = print_block(&support::rust_stats(hits, misses));
        let full: String = full.lines().map(|line| format!(" * {line}\n")).collect();
        let rates = format!(" * sccache: {hits} hits, {misses} misses, hit rate 0 %\n * \n");
        librsvg().replace(&block(), &format!("{rates}{full}"))
    };
    logs.add("gnome-base:librsvg-2.50.4:20210406-101500.log", log(53, 0));
    logs.add(LIBRSVG, log(0, 53));
    logs.added(2, 0);
    // 0.75 s per miss, and a tenth per lookup.
    let saved = |build: &serde_json::Value| build["time_saved_seconds"].as_f64();
    let builds = logs.builds();
    assert_eq!(saved(&builds[0]), Some(-3.975));
    assert_eq!(saved(&builds[1]), Some(35.775));
}

#[test]
fn a_dry_run_shows_and_adds_nothing() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    let output = logs.import("UTC0", &["--dry-run"]);
    let out = support::out(&output);
    assert!(!logs.db.exists());
    let build = "2021-04-05 10:15 gnome-base/librsvg-2.50.4 merged: 144 hits, 0 misses\n";
    assert!(out.starts_with(build), "{out}");
    assert!(out.contains("1 build would be added"), "{out}");
    logs.added(1, 0);
    let again = logs.import("UTC0", &["--dry-run"]);
    assert!(support::out(&again).contains("0 builds would be added, 1 already there"));
    assert!(again.status.success());
}

/// Returns a build that the hook recorded, and its lines in the build's log.
#[test]
fn a_build_that_the_hook_recorded_is_there() {
    let hooks = recorded_librsvg();
    let mut again = hooks.clone();
    again.id = support::id(2);
    (again.started_at, again.finished_at) = (
        support::at("2021-04-05T12:00:03Z"),
        support::at("2021-04-05T12:01:00.5Z"),
    );
    let logs = Logs::new();
    support::record(&logs.db, &[hooks, again]);
    let rates = " * sccache: 53 hits, 2 misses, hit rate 96.4 %, coverage 70.5 %\n * sccache: cache 1 GiB of 10 GiB (10 %)\n";
    let full: String = print_block(&support::rust_stats(53, 2))
        .lines()
        .map(|line| format!(" * {line}\n"))
        .collect();
    let brief = librsvg().replace(&block(), rates);
    logs.add(LIBRSVG, &brief);
    logs.add(
        "gnome-base:librsvg-2.50.4:20210405-120000.log",
        librsvg().replace(&block(), &format!("{rates} * \n{full}")),
    );
    logs.added(0, 2);
    // A third log with the same numbers is another build: each recorded build matches one log.
    logs.add("gnome-base:librsvg-2.50.4:20210405-090000.log", &brief);
    logs.added(1, 2);
    let build = &logs.builds()[0];
    assert_eq!(build["hits"], 53);
    assert_eq!(build["requests"], serde_json::Value::Null);
    assert_eq!(build["coverage"], serde_json::Value::Null);
    assert_eq!(build["attribution"], "exact");
}

#[test]
fn a_summary_counts_before_the_recipes_block() {
    let rates = " * sccache: 53 hits, 2 misses, 1 errors, hit rate 96.4 %, coverage -\n * sccache: hits by phase: compile 53 of 55, test not measured\n";
    let logs = Logs::with(
        LIBRSVG,
        &librsvg().replace(" * Stopping", &format!("{rates} * Stopping")),
    );
    logs.added(1, 0);
    let build = &logs.builds()[0];
    assert_eq!((&build["hits"], &build["errors"]), (&53.into(), &1.into()));
    assert!(build["phases"]["test"].is_object(), "{build}");
}

#[test]
fn a_builds_own_line_is_the_build() {
    let mut build = support::build(
        7,
        "gnome-base/librsvg",
        "2.50.4",
        "2021-04-05T10:15:07Z",
        support::rust_stats(53, 2),
    );
    build.emerge = Some(support::emerge(1, "emerge librsvg", "2021-04-05T10:14:00Z"));
    let line = |build: &Build| {
        let json = serde_json::to_string(build).unwrap();
        format!(" * {BUILD_LINE}{json}\n")
    };
    let logs = Logs::with(LIBRSVG, &librsvg().replace(&block(), &line(&build)));
    logs.added(1, 0);
    let row = &logs.builds()[0];
    // A build can print a line with any id.
    assert_eq!(row["id"], build.imported_id().to_string());
    assert_eq!(row["emerge"], serde_json::Value::Null);
    assert_eq!(
        (&row["attribution"], &row["outcome"], &row["hits"]),
        (&"exact".into(), &"merged".into(), &53.into())
    );
    // The build itself is known, and a build of another package with that id isn't.
    let mut store = Store::open_for_recording(&logs.db).unwrap();
    assert_eq!(store.record(&build).unwrap(), Recorded::AlreadyRecorded);
    let other = Build {
        package: "dev-libs/other".into(),
        ..build.clone()
    };
    assert_eq!(store.record(&other).unwrap(), Recorded::New);
    drop(store);
    logs.added(0, 1);
    build.package = "dev-libs/other".into();
    let logs = Logs::with(LIBRSVG, &librsvg().replace(&block(), &line(&build)));
    let (out, status) = logs.sums();
    assert!(status == 1 && out.contains("of another package"), "{out}");
    assert!(out.contains(" 0 builds added"), "{out}");
}

/// The collector's output if neither database nor folder can be written: a summary, and the build in a long line.
#[test]
fn a_summary_and_the_line_of_the_same_build_are_one() {
    let mut build = support::build(
        7,
        "gnome-base/librsvg",
        "2.50.4",
        "2021-04-05T10:15:07Z",
        support::rust_stats(53, 2),
    );
    for name in ["configure", "test", "install", "prepare", "unpack"] {
        let mut phase = build.phases[0].clone();
        phase.name = name.into();
        build.phases.push(phase);
    }
    let json = serde_json::to_string(&build).unwrap();
    assert!(json.len() > 4096);
    let said = format!(
        " * sccache: 318 hits, 12 misses, hit rate 96.4 %, coverage -\n * sccache: cache 1 GiB of 10 GiB (10 %)\n \
         * {BUILD_LINE}{json}\n"
    );
    let logs = Logs::with(LIBRSVG, &librsvg().replace(&block(), &said));
    logs.added(1, 0);
    assert_eq!(logs.builds()[0]["id"], build.imported_id().to_string());
    assert_eq!(logs.builds()[0]["outcome"], "merged");
    logs.added(0, 1);
}

#[test]
fn a_build_that_waits_beside_the_database_is_recorded_first_and_once() {
    let hooks = recorded_librsvg();
    let rates = " * sccache: 53 hits, 2 misses, hit rate 96.4 %, coverage 70.5 %\n";
    let logs = Logs::with(LIBRSVG, &librsvg().replace(&block(), rates));
    let pending = Pending::for_database(&logs.db);
    pending.save(&hooks).unwrap();
    logs.added(0, 1);
    assert_eq!(pending.count(), Some(0));
    let builds = logs.builds();
    assert_eq!(
        (builds.len(), &builds[0]["id"]),
        (1, &hooks.id.to_string().into())
    );
}

#[test]
fn many_logs_are_recorded_in_several_transactions() {
    let logs = Logs::new();
    for n in 0..600 {
        let name = format!("a-b:c-{}:20210405-{:02}{:02}00.log", n % 7, n / 60, n % 60);
        logs.add(&name, block());
    }
    logs.added(600, 0);
    logs.added(0, 600);
    assert_eq!(logs.builds().len(), 600);
}

#[test]
fn emerges_says_that_logs_name_no_command() {
    let logs = Logs::with(LIBRSVG, &librsvg());
    logs.added(1, 0);
    let emerges = support::run(&logs.db, &["emerges"]);
    assert_eq!(emerges.status.code(), Some(1));
    let why = "imported builds never do";
    assert!(support::err(&emerges).contains(why), "{emerges:?}");
}
