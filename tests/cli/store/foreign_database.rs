//! Databases in folders that other users can write: read as a private copy with nothing of theirs run or deleted,
//! and never recorded into.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::recorder::Workspace;
use crate::support::*;
use rusqlite::Connection;
use sccache_report::store::{Error, Filter, Store, check_trusted};

/// A folder that everybody can write, with a database in it.
fn foreign() -> (tempfile::TempDir, PathBuf) {
    let (folder, db) = folder();
    record(&db, &sample());
    open_to_all(folder.path());
    (folder, db)
}

fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
}

fn beside(db: &Path, suffix: &str) -> PathBuf {
    format!("{}{suffix}", db.display()).into()
}

/// Returns the rollback journal of a crashed transaction over two databases. SQLite restores nothing, and then deletes
/// `super_journal`.
fn forged_journal(db: &Path, super_journal: &Path) -> Vec<u8> {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let pages = (fs::metadata(db).unwrap().len() / 4096) as u32;
    let mut journal = MAGIC.to_vec();
    // Records, nonce, pages of the database, sector size, page size.
    for number in [0, 0, pages, 512, 4096] {
        journal.extend(u32::to_be_bytes(number));
    }
    journal.resize(512, 0);
    let name = super_journal.to_str().unwrap().as_bytes();
    journal.extend(u32::to_be_bytes((1 << 30) / 4096 + 1));
    journal.extend(name);
    journal.extend(u32::to_be_bytes(name.len() as u32));
    journal.extend(u32::to_be_bytes(
        name.iter().map(|byte| u32::from(*byte)).sum(),
    ));
    journal.extend(MAGIC);
    journal
}

#[test]
fn a_forged_journal_deletes_nothing() {
    for mode in [0o700, 0o777] {
        let (folder, db) = foreign();
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let victim = elsewhere.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let journal = forged_journal(&db, &victim);
        fs::write(beside(&db, "-journal"), &journal).unwrap();
        let error = Store::open_for_reading(&db).err();
        assert!(matches!(error, Some(Error::ForgedJournal(_))), "{error:?}");
        assert!(victim.exists());
        // SQLite itself trusts the journal.
        let copy = elsewhere.path().join("copy");
        fs::copy(&db, &copy).unwrap();
        fs::write(beside(&copy, "-journal"), &journal).unwrap();
        let raw = Connection::open(&copy).unwrap();
        raw.query_row("SELECT count(*) FROM build", [], |_| Ok(()))
            .unwrap();
        assert!(!victim.exists(), "the test proves nothing");
    }
}

#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    for suffix in ["", "-journal", "-wal"] {
        for make in [make_fifo, link_to_terminal] {
            let (_folder, db) = foreign();
            let path = beside(&db, suffix);
            let _ = fs::remove_file(&path);
            make(&path);
            let begun = Instant::now();
            let output = run(&db, &["builds"]);
            assert!(begun.elapsed() < Duration::from_secs(5), "{suffix}");
            assert_eq!(output.status.code(), Some(2), "{suffix}: {output:?}");
            let said = err(&output);
            assert!(said.contains("not a"), "{suffix}: {said}");
        }
    }
}

/// The kernel's log is a regular file, and reading it waits for a message.
#[test]
fn a_journal_without_a_size_is_not_read() {
    for suffix in ["-journal", "-wal"] {
        let (_folder, db) = foreign();
        symlink("/proc/kmsg", beside(&db, suffix)).unwrap();
        let begun = Instant::now();
        let output = run(&db, &["builds"]);
        assert!(begun.elapsed() < Duration::from_secs(5), "{suffix}");
        assert!(output.status.code().is_some(), "{suffix}: {output:?}");
    }
}

fn make_fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

fn link_to_terminal(path: &Path) {
    symlink("/dev/ptmx", path).unwrap();
}

#[test]
fn code_in_a_foreign_schema_does_not_run() {
    let (_folder, db) = foreign();
    let raw = Connection::open(&db).unwrap();
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    raw.execute_batch(&format!(
        "ALTER TABLE package_sum RENAME TO kept;
         CREATE VIEW package_sum AS SELECT *, ({endless}) AS endless FROM kept;
         CREATE TRIGGER endless BEFORE INSERT ON build BEGIN {endless}; END;"
    ))
    .unwrap();
    drop(raw);
    let store = Store::open_for_reading(&db).unwrap();
    let begun = Instant::now();
    let error = store.packages(&Filter::default()).unwrap_err();
    assert!(error.to_string().contains("package_sum"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(store);
    let error = Store::open_for_recording(&db).err();
    assert!(matches!(error, Some(Error::Untrusted(..))), "{error:?}");
}

#[test]
fn a_build_is_not_recorded_where_others_can_write_but_kept_in_the_log() {
    // The folder with and without a database, and its parent.
    for (mode, recorded) in [(0o777, false), (0o777, true), (0o1777, true), (0o775, true)] {
        let workspace = Workspace::new();
        if recorded {
            workspace.record_build(1);
        }
        let lib = workspace.db.parent().unwrap();
        fs::set_permissions(lib, Permissions::from_mode(mode)).unwrap();
        refused(&workspace, lib);
    }
    let workspace = Workspace::new();
    open_to_all(workspace.folder.path());
    refused(&workspace, workspace.folder.path());
}

#[track_caller]
fn refused(workspace: &Workspace, folder: &Path) {
    let before = fs::read(&workspace.db).ok();
    let done = workspace.record(&workspace.build_with(7));
    let warning = done.assert_warnings(1);
    let why = format!("other users can change {}", folder.display());
    assert!(
        warning.contains(&why) && warning.contains("This log contains the build"),
        "{done:?}"
    );
    assert!(done.out.contains("sccache-report-build: {"), "{done:?}");
    assert_eq!(fs::read(&workspace.db).ok(), before);
    assert!(!workspace.pending().folder().exists());
}

#[test]
fn links_count_as_what_they_lead_to() {
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("open");
    fs::create_dir(&open).unwrap();
    open_to_all(&open);
    symlink(&open, folder.path().join("link")).unwrap();
    symlink(open.join("real.db"), folder.path().join("link.db")).unwrap();
    fs::write(open.join("real.db"), "").unwrap();
    symlink(folder.path(), open.join("back")).unwrap();
    for (path, trusted) in [
        ("new/stats.db", true),
        ("stats.db", true),
        ("link/stats.db", false),
        ("link/new/stats.db", false),
        ("link.db", false),
        ("open/back/stats.db", false),
    ] {
        let checked = check_trusted(&folder.path().join(path));
        assert_eq!(checked.is_ok(), trusted, "{path}: {checked:?}");
    }
}
