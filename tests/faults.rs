//! The database can't take a build: one warning, the merge goes on, and the build is recorded once at the next
//! opportunity. The faults are real ones; mounts and other users need root.

mod common;
mod recorder;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use recorder::system::*;
use recorder::*;
use rusqlite::Connection;
use sccache_report::portage::Build;
use sccache_report::store::{Recorded, Store};

const NOBODY: u32 = 65534;

/// A build while something is wrong: one warning with `cause`, kept beside the database, and the reports say so.
#[track_caller]
fn waits(world: &World, hits: u64, cause: &str) {
    let before = world.pending().count();
    let t = world.t(hits);
    waits_in(world, world.command(&t), cause);
    assert!(!snapshots(&t).exists(), "the numbers are in two places");
    assert_eq!(world.pending().count(), before + 1);
    let overview = common::run(&world.db, &[]);
    let said = common::err(&overview);
    assert!(said.contains("could not be recorded yet"), "{said}");
}

#[track_caller]
fn waits_in(world: &World, record: Command, cause: &str) {
    let done = finish(record);
    let warning = done.warned(1);
    assert!(warning.contains(cause), "{cause}: {warning}");
    assert_eq!(
        warning.contains("Hint: "),
        !cause.contains("locked"),
        "{warning}"
    );
    assert!(
        warning.contains(world.pending().folder().to_str().unwrap()),
        "{warning}"
    );
    assert!(done.out.contains(", 2 misses"), "{done:?}");
}

/// All is well again: the next build takes up those that waited, and no later one does so again.
#[track_caller]
fn are_taken_up(world: &World, all: &[u64]) {
    let (more, last) = (world.t(90), world.t(91));
    let first = world.record(&more);
    first.warned(0);
    assert!(first.out.contains("that waited recorded"), "{first:?}");
    assert_eq!(world.pending().count(), 0);
    let second = world.record(&last);
    second.warned(0);
    assert!(!second.out.contains("that waited"), "{second:?}");
    assert_eq!(world.hits(), [all, &[90, 91]].concat());
    assert!(common::err(&common::run(&world.db, &[])).is_empty());
}

/// Not even beside the database is there room: the build is a line of the log.
#[track_caller]
fn is_in_the_log(world: &World, hits: u64, cause: &str) -> Build {
    let done = world.record(&world.t(hits));
    let warning = done.warned(1);
    assert!(
        warning.contains(cause) && warning.contains("in this log"),
        "{warning}"
    );
    assert_eq!(world.pending().count(), 0);
    // As Portage's einfo prints it, in colour.
    let log = done.out.replace(
        "sccache-report-build",
        " \x1b[32;01m*\x1b[0m sccache-report-build",
    );
    let mut builds = log.lines().filter_map(Build::from_log_line);
    let build = builds.next().expect("a line").unwrap();
    assert!(builds.next().is_none());
    assert_eq!(build.package, "dev-test/thing");
    assert_eq!(build.phases[0].stats.as_ref().unwrap().hits.total, hits);
    build
}

/// The database's folder becomes a file system of this size.
fn small_disk(world: &World, size: &str) -> PathBuf {
    let lib = world.db.parent().unwrap();
    let options = format!("size={size},mode=755");
    mount(&[
        "-t",
        "tmpfs",
        "-o",
        &options,
        "tmpfs",
        lib.to_str().unwrap(),
    ]);
    lib.to_path_buf()
}

#[test]
fn a_full_disk() {
    with_own_mounts("a_full_disk", |world| {
        let lib = small_disk(world, "512k");
        world.recorded(1);
        let filler = lib.join("filler");
        let room = |kilobytes: usize| {
            let _ = fs::remove_file(&filler);
            let mut file = fs::File::create(&filler).unwrap();
            while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
            let full = file.metadata().unwrap().len();
            file.set_len(full - kilobytes as u64 * 1024).unwrap();
        };
        room(8);
        waits(world, 2, "no space left");
        room(8);
        waits(world, 3, "no space left");
        room(0);
        let done = world.record(&world.t(4));
        assert!(done.warned(1).contains("in this log"), "{done:?}");
        assert_eq!(world.pending().count(), 2);
        fs::remove_file(&filler).unwrap();
        are_taken_up(world, &[1, 2, 3]);
    });
}

#[test]
fn a_full_disk_without_a_database_yet() {
    with_own_mounts("a_full_disk_without_a_database_yet", |world| {
        let lib = small_disk(world, "16k");
        waits(world, 1, "no space left");
        mount(&["-o", "remount,size=1m", lib.to_str().unwrap()]);
        are_taken_up(world, &[1]);
    });
}

#[test]
fn a_read_only_file_system() {
    with_own_mounts("a_read_only_file_system", |world| {
        world.recorded(1);
        let lib = world.db.parent().unwrap().to_str().unwrap().to_owned();
        mount(&["--bind", &lib, &lib]);
        mount(&["-o", "remount,bind,ro", &lib]);
        let build = is_in_the_log(world, 2, "can't write");
        mount(&["-o", "remount,bind,rw", &lib]);
        let mut store = Store::open_for_recording(&world.db).unwrap();
        assert_eq!(store.record(&build).unwrap(), Recorded::New);
        assert_eq!(store.record(&build).unwrap(), Recorded::AlreadyThere);
        assert_eq!(world.hits(), [1, 2]);
    });
}

#[test]
fn a_read_only_file() {
    with_own_mounts("a_read_only_file", |world| {
        world.recorded(1);
        let db = world.db.to_str().unwrap().to_owned();
        mount(&["--bind", &db, &db]);
        mount(&["-o", "remount,bind,ro", &db]);
        waits(world, 2, "can't write");
        waits(world, 3, "can't write");
        mount(&["-o", "remount,bind,rw", &db]);
        are_taken_up(world, &[1, 2, 3]);
    });
}

#[test]
fn a_lost_permission() {
    if !is_root("a_lost_permission") {
        return;
    }
    let world = World::new();
    let lib = world.db.parent().unwrap();
    world.recorded(1);
    // The tester's build folder may be one that nobody else can enter.
    let program = world.folder.path().join("sccache-collect");
    fs::copy(collector(), &program).unwrap();
    let as_nobody = |hits| {
        let t = world.t(hits);
        world.give_to(&t, NOBODY);
        let command = world.command(&t);
        let mut other = Command::new(&program);
        other
            .args(command.get_args())
            .env_clear()
            .uid(NOBODY)
            .gid(NOBODY);
        other.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        other
    };
    world.give_to(lib, NOBODY);
    fs::set_permissions(&world.db, Permissions::from_mode(0o444)).unwrap();
    waits_in(&world, as_nobody(2), "can't write");
    assert_eq!(world.pending().count(), 1);
    fs::set_permissions(&world.db, Permissions::from_mode(0o000)).unwrap();
    waits_in(&world, as_nobody(3), "can't write");
    world.give_to(lib, 0);
    let done = finish(as_nobody(4));
    assert!(done.warned(1).contains("in this log"), "{done:?}");
    assert_eq!(world.pending().count(), 2);
    fs::set_permissions(&world.db, Permissions::from_mode(0o644)).unwrap();
    are_taken_up(&world, &[1, 2, 3]);
}

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
    let mut holder = helper("helper_that_holds_the_lock", &world.db);
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
