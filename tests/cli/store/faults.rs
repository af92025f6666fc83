//! The database can't be written: one warning, the merge succeeds, and the next `record` records the build once.
//! `tests/system/faults.rs` has the faults that need root.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::support::recorder::faults::*;
use crate::support::recorder::system::*;
use crate::support::recorder::*;
use rusqlite::Connection;
use sccache_report::store::{Recorded, Store};

/// Locks a database until standard input ends.
fn hold_lock(db: &Path) {
    let connection = Connection::open(db).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    println!("locked");
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn a_lock_that_another_process_holds() {
    if let Some(db) = process_argument() {
        return hold_lock(&db);
    }
    let workspace = Workspace::new();
    workspace.record_build(1);
    let test = "store::faults::a_lock_that_another_process_holds";
    let mut holder = start_test_process(test, &workspace.db);
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("locked")));
    // Each waits for the lock for a few seconds only, with a pending build as well.
    assert_kept_pending(&workspace, 2, "locked by another process");
    assert_kept_pending(&workspace, 3, "locked by another process");
    drop(holder.stdin.take());
    assert!(wait(&mut holder, time_limit()).success());
    assert_recorded_later(&workspace, &[1, 2, 3]);
}

#[test]
fn a_damaged_file_another_programs_and_a_newer_one() {
    let newer = |path: &Path| {
        Connection::open(path)
            .unwrap()
            .execute_batch("PRAGMA user_version = 99")
            .unwrap();
    };
    let overwritten = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[4096..].fill(0xa5);
        fs::write(path, bytes).unwrap();
    };
    let no_database = |path: &Path| fs::write(path, "SQLite no more\n".repeat(999)).unwrap();
    let foreign = |path: &Path| {
        fs::remove_file(path).unwrap();
        Connection::open(path)
            .unwrap()
            .execute_batch("CREATE TABLE moz (a)")
            .unwrap();
    };
    type Fault<'a> = (&'a dyn Fn(&Path), &'a str);
    let faults: [Fault; 4] = [
        (&newer, "has schema 99"),
        (&overwritten, "is damaged"),
        (&no_database, "is not a database"),
        (&foreign, "of another program"),
    ];
    for (fault, cause) in faults {
        let workspace = Workspace::new();
        workspace.record_build(1);
        let good = fs::read(&workspace.db).unwrap();
        fault(&workspace.db);
        let bad = fs::read(&workspace.db).unwrap();
        assert_kept_pending(&workspace, 2, cause);
        assert_kept_pending(&workspace, 3, cause);
        assert!(
            fs::read(&workspace.db).unwrap() == bad,
            "{cause}: the file was changed"
        );
        // A backup is put back.
        fs::write(&workspace.db, good).unwrap();
        assert_recorded_later(&workspace, &[1, 2, 3]);
    }
}

#[test]
fn a_folder_in_the_databases_place() {
    let workspace = Workspace::new();
    fs::create_dir(&workspace.db).unwrap();
    assert_kept_pending(&workspace, 1, "can't write");
    let done = workspace.record(&workspace.build_with(2));
    assert!(
        done.assert_warnings(1).contains("it is a directory"),
        "{done:?}"
    );
    fs::remove_dir(&workspace.db).unwrap();
    assert_recorded_later(&workspace, &[1, 2]);
}

#[test]
fn a_folder_that_is_missing() {
    let mut workspace = Workspace::new();
    // Missing only: it is made.
    workspace.db = workspace
        .folder
        .path()
        .join("var/lib/sccache-report/stats.db");
    workspace.record_build(1);
    // Not to be made: what should be its folder is a file.
    let file = workspace.folder.path().join("file");
    fs::write(&file, "").unwrap();
    workspace.db = file.join("sccache-report/stats.db");
    let build = assert_kept_in_log(&workspace, 2, "can't create the directory");
    fs::remove_file(&file).unwrap();
    workspace.record_build(3);
    assert_eq!(
        Store::open_for_recording(&workspace.db)
            .unwrap()
            .record(&build)
            .unwrap(),
        Recorded::New
    );
    assert_eq!(workspace.hits(), [2, 3]);
}
