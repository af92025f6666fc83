//! `sccache-collect forget` leaves no trace of the builds that it removes.

use std::path::Path;
use std::process::{Command, Output};

use crate::support;
use crate::support::logs::{LIBRSVG, Logs, block, librsvg, recorded_librsvg};
use crate::support::{err, folder, out, record, sample};
use sccache_report::portage::Build;
use sccache_report::store::{Pending, Recorded, Store};

fn forget(db: &Path, args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin!("sccache-collect"))
        .env_clear()
        .env("TZ", "UTC0")
        .args(["forget", "--db"])
        .arg(db)
        .args(args)
        .output()
        .unwrap()
}

/// Returns the output of all reports, without ids of the database.
fn reports(db: &Path) -> String {
    let report = |args: &&[&str]| {
        let json = support::run(db, &[args, &["--format", "json"][..]].concat());
        format!("{args:?} {}{}\n", out(&json), out(&support::run(db, args)))
    };
    support::REPORTS.iter().map(report).collect()
}

/// Returns the rows of every table except those of forgotten builds, former units, and counters.
fn rows(db: &Path) -> Vec<(String, i64)> {
    let database = rusqlite::Connection::open(db).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' \
               AND name NOT IN ('forgotten', 'former_units', 'counter', 'package_counter')";
    let mut tables = database.prepare(sql).unwrap();
    let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    names
        .map(|name| {
            let name = name.unwrap();
            let count = format!("SELECT count(*) FROM {name}");
            let count = database.query_row(&count, [], |row| row.get(0)).unwrap();
            (name, count)
        })
        .collect()
}

fn with(builds: &[Build]) -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, db) = folder();
    record(&db, builds);
    (folder, db)
}

#[track_caller]
fn check(args: &[&str], stays: impl Fn(&Build) -> bool) {
    let (_folder, db) = with(&sample());
    let kept: Vec<Build> = sample().into_iter().filter(stays).collect();
    let count = sample().len() - kept.len();
    let dry_run = forget(&db, &[&["--dry-run"], args].concat());
    let (plural, before) = (if count == 1 { "" } else { "s" }, reports(&db));
    assert!(out(&dry_run).ends_with(&format!("\n{count} build{plural} would be removed\n")));
    assert_eq!(reports(&db), before);
    let done = forget(&db, args);
    assert_eq!(err(&done), "", "{args:?}");
    assert_eq!(done.status.code(), Some(0), "{args:?}");
    assert!(
        out(&done).ends_with(&format!("\n{count} build{plural} removed\n")),
        "{}",
        out(&done)
    );
    let (_other, never) = with(&kept);
    if !kept.is_empty() {
        assert_eq!(reports(&db), reports(&never), "{args:?}");
    }
    assert_eq!(rows(&db), rows(&never), "{args:?}");
    assert_eq!(forget(&db, args).status.code(), Some(1), "{args:?}");
}

#[test]
fn what_remains_is_as_if_nothing_else_had_been_there() {
    check(&["emlop"], |build| build.package != "app-portage/emlop");
    check(&["app-portage/emlop", "rip*"], |build| {
        !["app-portage/emlop", "sys-apps/ripgrep"].contains(&build.package.as_str())
    });
    check(&["-e", "^sys-apps/", "z.p$"], |build| {
        !build.package.starts_with("sys-apps/") && build.package != "dev-libs/quazip"
    });
    check(&["*", "--until", "2026-11-19"], |build| {
        build.id != support::id(1)
    });
    check(
        &["*", "--since", "2026-11-20", "--until", "2026-11-20"],
        |build| !build.started_at.to_string().starts_with("2026-11-20"),
    );
    check(&["*"], |_| false);
}

#[test]
fn one_build_goes_by_its_id() {
    let id = support::id(2).to_string();
    check(&[&id], |build| build.id != support::id(2));
    check(&[&id[..8], "ripgrep"], |build| {
        build.id != support::id(2) && build.package != "sys-apps/ripgrep"
    });
}

/// Only the removed build measured the cost of compilations.
#[test]
fn estimates_rest_on_what_remains() {
    let mut builds = sample();
    let mut slow = builds[0].clone();
    slow.id = support::id(9);
    if let Ok(stats) = &mut slow.phases[0].stats {
        stats.compiler_seconds = Some(5300.0);
        stats.processor_seconds = Some(5300.0);
    }
    builds.push(slow);
    let (_folder, db) = with(&builds);
    let (_other, never) = with(&sample());
    assert_ne!(reports(&db), reports(&never));
    assert_eq!(
        forget(&db, &[&support::id(9).to_string()]).status.code(),
        Some(0)
    );
    assert_eq!(reports(&db), reports(&never));
}

#[test]
fn nothing_matches_and_errors_are_told_apart() {
    let (_folder, db) = with(&sample());
    for args in [
        &["nothing"][..],
        &["0000000000"],
        &["emlop", "--since", "2026-11-25"],
    ] {
        let output = forget(&db, args);
        assert_eq!(
            (output.status.code(), out(&output).as_str()),
            (Some(1), ""),
            "{args:?}"
        );
        assert!(err(&output).contains(&format!("matches `{}`", args[0])));
    }
    for (args, why) in [
        (&["b000"][..], "no build matches `b000`"),
        (&[], "<BUILD-ID|PATTERN>"),
        (&["emlop", "--since", "never"], "--since"),
        (
            &["emlop", "--since", "2026-11-02", "--until", "2026-11-01"],
            "--since is later than",
        ),
        (&["["], "not a valid pattern"),
        (&["-e", "("], "not a valid pattern"),
        (&[""], "a value is required"),
    ] {
        let output = forget(&db, args);
        let status = if why.starts_with("no build") { 1 } else { 2 };
        assert_eq!(output.status.code(), Some(status), "{args:?}");
        assert!(err(&output).contains(why), "{args:?}: {}", err(&output));
    }
    assert_eq!(
        Store::open_for_reading(&db)
            .unwrap()
            .builds(&Default::default())
            .unwrap()
            .len(),
        6
    );
    let missing = db.with_file_name("missing.db");
    let output = forget(&missing, &["*"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("there is no database") && !missing.exists());
}

#[test]
fn a_forgotten_build_stays_away() {
    let hooks = recorded_librsvg();
    let rates = " * sccache: 53 hits, 2 misses, hit rate 96.4 %, coverage 70.5 %\n";
    let logs = Logs::with(LIBRSVG, &librsvg().replace(&block(), rates));
    logs.add("gnome-base:librsvg-2.50.4:20210406-101500.log", librsvg());
    record(&logs.db, std::slice::from_ref(&hooks));
    logs.added(1, 1);
    assert_eq!(forget(&logs.db, &["librsvg"]).status.code(), Some(0));
    // Neither from logs, nor from pending builds, nor by the hook.
    Pending::for_database(&logs.db).save(&hooks).unwrap();
    let (said, status) = logs.sums();
    assert!(
        status == 0 && said.contains(" 0 builds added, 0 already"),
        "{said}"
    );
    assert!(
        said.contains("2 builds skipped: removed with `forget`"),
        "{said}"
    );
    assert_eq!(Pending::for_database(&logs.db).count(), Some(0));
    let mut store = Store::open_for_recording(&logs.db).unwrap();
    assert_eq!(store.record(&hooks).unwrap(), Recorded::AlreadyRecorded);
    drop(store);
    // Except on request.
    let restored = logs.import("UTC0", &["--restore"]);
    assert!(
        out(&restored).contains("2 builds added"),
        "{}",
        out(&restored)
    );
    logs.added(0, 2);
    assert_eq!(logs.builds().len(), 2);
}

#[test]
fn only_the_hooks_own_commands_never_fail() {
    let run = |args: &[&str]| {
        Command::new(assert_cmd::cargo::cargo_bin!("sccache-collect"))
            .env_clear()
            .args(args)
            .output()
            .unwrap()
    };
    for args in [
        &["imprt"][..],
        &[],
        &["--wrong"],
        &["import", "--wrong"],
        &["Record"],
    ] {
        let output = run(args);
        assert_eq!(
            (output.status.code(), out(&output).as_str()),
            (Some(2), ""),
            "{args:?}"
        );
        assert!(
            err(&output).contains("Usage: sccache-collect"),
            "{args:?}: {}",
            err(&output)
        );
    }
    for args in [
        &["phase", "--wrong"][..],
        &["record", "--outcome", "lost"],
        &["record", "x"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let said = err(&output);
        assert!(
            said.starts_with("warning: ") && said.lines().count() == 1,
            "{said}"
        );
    }
}
