use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustix::fs::{FlockOperation, flock};

use crate::support::merging::*;
use crate::support::recorder::*;
use crate::support::*;

/// Returns a workspace with a build, the folder of its database, and a source with another build.
fn workspace() -> (Workspace, File, std::path::PathBuf) {
    let workspace = Workspace::new();
    workspace.record_build(0);
    let folder = File::open(workspace.db.parent().unwrap()).unwrap();
    let other = build(77, "a/a", "1", "2026-11-01T10:00:00Z", c_stats(1, 1));
    let source = record_on(workspace.folder.path(), "other", &[other]);
    (workspace, folder, source)
}

#[test]
fn every_process_that_waits_for_the_database_requests_a_turn() {
    let (workspace, folder, source) = workspace();
    let forget = || {
        let mut command = Command::new(collector());
        command.args(["forget", "--db"]).arg(&workspace.db).arg("*");
        command
    };
    let t = workspace.build_with(1);
    for mut command in [
        workspace.command(&t),
        merge_command(&workspace.db, &[&source]),
        forget(),
    ] {
        let writer = Connection::open(&workspace.db).unwrap();
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut child = command.spawn().unwrap();
        let end = Instant::now() + time_limit();
        while flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            flock(&folder, FlockOperation::Unlock).unwrap();
            assert!(Instant::now() < end, "{command:?}");
            assert!(child.try_wait().unwrap().is_none(), "{command:?}");
            sleep(Duration::from_millis(1));
        }
        writer.execute_batch("ROLLBACK").unwrap();
        assert!(child.wait().unwrap().success(), "{command:?}");
    }
    assert_eq!(workspace.pending().count(), Some(0));
}

/// For two attempts of SQLite's busy handler, which are 100 ms apart, and no longer: any user can request a turn.
#[test]
fn a_merge_lets_others_go_first_but_not_for_ever() {
    let (workspace, folder, source) = workspace();
    flock(&folder, FlockOperation::NonBlockingLockShared).unwrap();
    let begun = Instant::now();
    let run = run_to_end(merge_command(&workspace.db, &[&source]));
    assert_eq!(run.err, "");
    assert!(begun.elapsed() >= Duration::from_millis(250));
}

/// Returns how many transactions have changed the database: the file change counter of its header
/// (<https://sqlite.org/fileformat2.html#file_change_counter>).
fn transactions(db: &Path) -> u32 {
    let file = fs::read(db).unwrap();
    u32::from_be_bytes(file[24..28].try_into().unwrap())
}

#[test]
fn a_merge_takes_few_transactions_and_more_of_them_while_another_process_waits() {
    let (folder, db) = folder();
    let source = many(folder.path(), "a", 6000);
    let merged_in = |db: &Path| {
        record(db, &[]);
        let before = transactions(db);
        merge(db, &[&source]);
        transactions(db) - before
    };
    let begun = Instant::now();
    let alone = merged_in(&db);
    // One for the builds, one for lists, and one per 16 of 256 slices of objects, or more if they take longer than a second.
    let seconds = u32::try_from(begun.elapsed().as_secs()).unwrap();
    assert!(alone <= 18 + seconds, "{alone} in {seconds} s");
    let place = folder.path().join("place");
    fs::create_dir(&place).unwrap();
    let waiting = File::open(&place).unwrap();
    flock(&waiting, FlockOperation::NonBlockingLockShared).unwrap();
    let beside = merged_in(&place.join("stats.db"));
    assert!(beside >= alone + 4, "{beside} instead of {alone}");
}
