//! The database can't take a build: one warning, the merge goes on, and the build is recorded once at the next
//! opportunity. `tests/system/faults.rs` has the faults that need root.

use std::fs;
use std::io::{BufRead, BufReader};

use crate::support::recorder::faults::*;
use crate::support::recorder::system::*;
use crate::support::recorder::*;
use rusqlite::Connection;
use sccache_report::store::{Recorded, Store};

#[test]
#[ignore = "no test: another process for the one below"]
fn helper_that_holds_the_lock() {
    let Some(db) = helper_argument() else { return };
    let connection = Connection::open(db).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    println!("locked");
    // Until the other end is closed, or this process killed.
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn a_lock_that_another_process_holds() {
    let world = World::new();
    world.recorded(1);
    let mut holder = helper("store::faults::helper_that_holds_the_lock", &world.db);
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("locked")));
    // Each ends in a few seconds (`patience` kills it else), with a build that waits in the way too.
    waits(&world, 2, "locked by another process");
    waits(&world, 3, "locked by another process");
    drop(holder.stdin.take());
    assert!(wait(&mut holder, patience()).success());
    are_taken_up(&world, &[1, 2, 3]);
}

#[test]
fn a_damaged_file_another_programs_and_a_newer_one() {
    let newer = |path: &std::path::Path| {
        Connection::open(path)
            .unwrap()
            .execute_batch("PRAGMA user_version = 99")
            .unwrap();
    };
    let overwritten = |path: &std::path::Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[4096..].fill(0xa5);
        fs::write(path, bytes).unwrap();
    };
    let no_database =
        |path: &std::path::Path| fs::write(path, "SQLite no more\n".repeat(999)).unwrap();
    let foreign = |path: &std::path::Path| {
        fs::remove_file(path).unwrap();
        Connection::open(path)
            .unwrap()
            .execute_batch("CREATE TABLE moz (a)")
            .unwrap();
    };
    type Fault<'a> = (&'a dyn Fn(&std::path::Path), &'a str);
    let faults: [Fault; 4] = [
        (&newer, "has schema 99"),
        (&overwritten, "is damaged"),
        (&no_database, "is not a database"),
        (&foreign, "of another program"),
    ];
    for (fault, cause) in faults {
        let world = World::new();
        world.recorded(1);
        let good = fs::read(&world.db).unwrap();
        fault(&world.db);
        let bad = fs::read(&world.db).unwrap();
        waits(&world, 2, cause);
        waits(&world, 3, cause);
        assert!(
            fs::read(&world.db).unwrap() == bad,
            "{cause}: the file was changed"
        );
        // A backup is put back.
        fs::write(&world.db, good).unwrap();
        are_taken_up(&world, &[1, 2, 3]);
    }
}

#[test]
fn a_folder_in_the_databases_place() {
    let world = World::new();
    fs::create_dir(&world.db).unwrap();
    waits(&world, 1, "can't write");
    let done = world.record(&world.t(2));
    assert!(done.warned(1).contains("it is a folder"), "{done:?}");
    fs::remove_dir(&world.db).unwrap();
    are_taken_up(&world, &[1, 2]);
}

#[test]
fn a_folder_that_is_missing() {
    let mut world = World::new();
    // Missing only: it is made.
    world.db = world.folder.path().join("var/lib/sccache-report/stats.db");
    world.recorded(1);
    // Not to be made: what should be its folder is a file.
    let file = world.folder.path().join("file");
    fs::write(&file, "").unwrap();
    world.db = file.join("sccache-report/stats.db");
    let build = is_in_the_log(&world, 2, "can't create the folder");
    fs::remove_file(&file).unwrap();
    world.recorded(3);
    assert_eq!(
        Store::open_for_recording(&world.db)
            .unwrap()
            .record(&build)
            .unwrap(),
        Recorded::New
    );
    assert_eq!(world.hits(), [2, 3]);
}
