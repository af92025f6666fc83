//! Any user can read a database while root writes it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::recorder::system::copy_program;
use crate::support::*;

const NOBODY: u32 = 65534;

#[test]
#[ignore = "needs root"]
fn anybody_reads_while_root_writes() {
    let (folder, db) = folder();
    record(&db, &sample());
    let writer = rusqlite::Connection::open(&db).unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; UPDATE build SET version = 'uncommitted'")
        .unwrap();
    let copy = folder.path().join("sccache-report");
    copy_program(assert_cmd::cargo::cargo_bin!("sccache-report"), &copy);
    for args in REPORTS {
        for format in ["table", "json", "csv", "tsv"] {
            let output = Command::new(&copy)
                .env_clear()
                .uid(NOBODY)
                .gid(NOBODY)
                .arg("--db")
                .arg(&db)
                .args(args)
                .args(["--format", format])
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(0), "{args:?}: {}", err(&output));
            assert!(!out(&output).contains("uncommitted"));
        }
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 3, "a reader left files: {left:?}");
}

/// Not 0: there may be some.
#[test]
#[ignore = "needs root"]
fn pending_builds_are_unknown_to_those_who_cannot_read_their_folder() {
    let (folder, db) = folder();
    record(&db, &sample());
    let pending = folder.path().join("stats.db.pending");
    fs::create_dir(&pending).unwrap();
    fs::set_permissions(&pending, Permissions::from_mode(0o700)).unwrap();
    fs::write(pending.join("one.json"), "{}").unwrap();
    let copy = folder.path().join("sccache-report");
    copy_program(assert_cmd::cargo::cargo_bin!("sccache-report"), &copy);
    let read = |user: u32| {
        let mut command = Command::new(&copy);
        command.env_clear().uid(user).gid(user);
        let output = command.arg("metrics").arg("--db").arg(&db).output();
        series(&out(&output.unwrap()))
            .get("pending_builds")
            .copied()
    };
    assert_eq!((read(0), read(NOBODY)), (Some(1.0), None));
}
