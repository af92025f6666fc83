use std::fs::File;
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
