//! Any user can read a database while root writes it.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::recorder::system::copy_program;
use crate::support::*;

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
                .uid(65534)
                .gid(65534)
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
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(left.len(), 3, "a reader left files: {left:?}");
}
