//! `sccache-collect merge` killed at any moment, beside recorders, and with hostile or damaged databases.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

use rusqlite::Connection;
use sccache_report::portage::Build;
use sccache_report::store::{Filter, Store};

use crate::support::listed::{listed, miss};
use crate::support::merging::*;
use crate::support::recorder::crash::*;
use crate::support::recorder::*;
use crate::support::*;

/// Records so many builds as those of a host.
fn many(folder: &Path, host: &str, count: u128) -> std::path::PathBuf {
    let offset = u128::from(host.as_bytes()[0]) * 100_000;
    let build = |n: u128| {
        let stats = rust_stats(n as u64, 2);
        let package = ["a/a", "a/b", "b/c"][n as usize % 3];
        let mut build = build(offset + n, package, "1", "2026-11-01T10:00:00Z", stats);
        build.id = uuid::Uuid::from_u128(offset + n);
        build.started_at += chrono::TimeDelta::minutes(n as i64);
        build.finished_at = build.started_at;
        if n.is_multiple_of(100) {
            let list: Vec<_> = (0..50).map(|n| miss(&format!("{n}.o"), n)).collect();
            build.phases = listed(1, package, &list).phases;
        }
        of_host(host, &build)
    };
    let path = folder.join(format!("{host}.db"));
    let builds: Vec<Build> = (0..count).map(build).collect();
    let mut store = Store::open_for_recording(&path).unwrap();
    store.record_all(&builds).unwrap();
    path
}

#[test]
fn killed_at_50_random_moments_every_build_is_whole_and_there_once() {
    let mut random = Random::new();
    let (folder, db) = folder();
    let sources = ["a", "b"].map(|host| many(folder.path(), host, 1500));
    let sources = [sources[0].as_path(), &sources[1]];
    let start = || {
        let mut command = merge_command(&db, &sources);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let begun = Instant::now();
    assert!(start().wait().unwrap().success());
    let whole = begun.elapsed();
    let complete = all_reports(&db);
    let mut seen = std::collections::BTreeSet::new();
    let mut db_is_new = true;
    for _ in 0..50 {
        if db_is_new {
            fs::remove_file(&db).unwrap();
        }
        let mut child = start();
        sleep(random_part(whole, &mut random));
        let _ = child.kill();
        child.wait().unwrap();
        let count = match Store::open_for_reading(&db) {
            Ok(store) => store.builds(&Filter::default()).unwrap().len(),
            Err(_) => 0,
        };
        seen.insert(count);
        if count > 0 {
            // Sums, and no row below a build that is missing.
            assert_consistent(&db);
            let raw = Connection::open(&db).unwrap();
            let sql = "SELECT count(*) FROM build WHERE phases <>
                (SELECT count(*) FROM phase WHERE build_id = build.id
                 AND EXISTS (SELECT 1 FROM phase_language WHERE phase_id = phase.id))";
            let partial: u64 = raw.query_row(sql, (), |row| row.get(0)).unwrap();
            assert_eq!(partial, 0, "of {count}");
        }
        // Every other time, the next merge goes on from here.
        db_is_new = db.exists() && (count == 3000 || random.below(2) == 0);
    }
    assert!(start().wait().unwrap().success());
    assert_eq!(all_reports(&db), complete);
    assert_consistent(&db);
    assert!(seen.len() > 3, "all kills missed: {seen:?} in {whole:?}");
    eprintln!("after {whole:?} at most: {seen:?} builds");
}

#[test]
fn a_recorder_beside_a_merge_records_at_once() {
    let workspace = Workspace::new();
    let source = many(workspace.folder.path(), "a", 6000);
    workspace.record_build(0);
    let mut child = merge_command(&workspace.db, &[&source]).spawn().unwrap();
    let mut recorded = 0;
    while child.try_wait().unwrap().is_none() {
        recorded += 1;
        let t = workspace.build_with(recorded);
        let done = workspace.record(&t);
        assert_eq!(done.err, "");
        assert_eq!(workspace.pending().count(), Some(0));
    }
    assert!(child.wait().unwrap().success());
    let store = Store::open_for_reading(&workspace.db).unwrap();
    let builds = store.builds(&Filter::default()).unwrap().len() as u64;
    assert_eq!(builds, 6000 + 1 + recorded);
    assert_consistent(&workspace.db);
    eprintln!("{recorded} recorded during the merge");
}

#[test]
fn a_database_in_use_is_merged_as_it_was_committed_last() {
    let (folder, db) = folder();
    let source = record_on(folder.path(), "a", &sample());
    let writer = Connection::open(&source).unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; DELETE FROM build")
        .unwrap();
    assert_eq!(merge(&db, &[&source]), ["6 builds added, 0 already there"]);
    // Its writer holds the lock for a commit that was interrupted, and left a journal.
    writer.execute_batch("ROLLBACK; BEGIN EXCLUSIVE").unwrap();
    let other = folder.path().join("other.db");
    assert_eq!(
        merge(&other, &[&source]),
        ["6 builds added, 0 already there"]
    );
    drop(writer);
    assert_eq!(dump(&db), dump(&other));
}

#[track_caller]
fn refused(db: &Path, source: &Path, problem: &str) {
    let before = dump(db);
    let good = source.with_file_name("good.db");
    let output = merge_command(db, &[source, &good]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(err(&output).contains(problem), "{output:?}");
    assert!(err(&output).contains(&source.display().to_string()));
    assert!(out(&output).ends_with("good.db: 0 builds added, 1 already there\n"));
    assert_eq!(dump(db), before);
    assert_consistent(db);
}

#[test]
fn databases_that_are_no_good_are_refused_and_the_others_merged() {
    let (folder, db) = folder();
    let path = |name: &str| folder.path().join(name);
    let good = build(77, "a/a", "1", "2026-11-01T10:00:00Z", c_stats(1, 1));
    record(&path("good.db"), std::slice::from_ref(&good));
    record(&db, &[good]);
    refused(&db, &path("missing"), "no database at");
    fs::write(path("text"), "no database").unwrap();
    refused(&db, &path("text"), "is not a database");
    fs::write(path("empty"), "").unwrap();
    refused(&db, &path("empty"), "is empty");
    Connection::open(path("foreign"))
        .unwrap()
        .execute_batch("CREATE TABLE build (id)")
        .unwrap();
    refused(&db, &path("foreign"), "another program");
    for (n, damage, problem) in [
        (
            0,
            "UPDATE build SET hits = 1 << 62 WHERE hits > 0",
            "has an impossible value",
        ),
        (
            1,
            "UPDATE build SET misses = -1 WHERE hits > 0",
            "has an impossible value",
        ),
        (
            2,
            "UPDATE build SET uuid = 'x' WHERE id = 2",
            "has an impossible value",
        ),
        (
            3,
            "UPDATE build SET started_at_us = -1, finished_at_us = 0 WHERE id = 2",
            "has an impossible value",
        ),
        (
            4,
            "ALTER TABLE phase RENAME TO other; CREATE VIEW phase AS SELECT * FROM other",
            "is not as sccache-report creates it",
        ),
        (
            5,
            "ALTER TABLE build ADD COLUMN x TEXT",
            "is not as sccache-report creates it",
        ),
    ] {
        let source = record_on(folder.path(), &format!("bad{n}"), &sample());
        let raw = Connection::open(&source).unwrap();
        raw.execute_batch("DROP TRIGGER build_update_before; DROP TRIGGER build_update_after")
            .unwrap();
        raw.execute_batch(damage).unwrap();
        drop(raw);
        refused(&db, &source, problem);
    }
    let damaged = record_on(folder.path(), "damaged", &sample());
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[4096..].iter_mut().for_each(|byte| *byte ^= 0x5a);
    fs::write(&damaged, bytes).unwrap();
    refused(&db, &damaged, "is damaged");
}

#[test]
fn a_dry_run_shows_what_a_merge_would_add_and_adds_nothing() {
    let (folder, db) = folder();
    let a = record_on(folder.path(), "a", &sample());
    let b = record_on(folder.path(), "b", &sample()[..2]);
    let dry = |sources: &[&Path]| {
        let output = merge_command(&db, sources)
            .arg("--dry-run")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        out(&output)
    };
    let text = dry(&[&b, &a]);
    assert!(
        text.contains("b.db: 2 builds would be added, 0 already there\n"),
        "{text}"
    );
    assert!(
        text.ends_with("a.db: 4 builds would be added, 2 already there\n"),
        "{text}"
    );
    assert!(!db.exists());
    merge(&db, &[&b]);
    let before = fs::read(&db).unwrap();
    assert!(dry(&[&a]).ends_with("a.db: 4 builds would be added, 2 already there\n"));
    assert!(fs::read(&db).unwrap() == before);
}
