//! Several collectors on one database, of one version or of two. Migrations run once, and an old version doesn't change a
//! newer database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread::sleep;
use std::time::Instant;

use crate::support;
use crate::support::recorder::crash::*;
use crate::support::recorder::system::*;
use crate::support::recorder::*;
use rusqlite::Connection;
use sccache_report::store::{Error, Pending, Store};

#[test]
fn eight_collectors_start_at_once_on_a_missing_database() {
    let workspace = Workspace::new();
    // Pending builds, which each collector tries to record.
    for n in 0..5 {
        let stats = support::rust_stats(100 + n, 2);
        let build = support::build(n.into(), "a/b", "1", "2026-11-01T10:00:00Z", stats);
        workspace.pending().save(&build).unwrap();
    }
    let ts: Vec<PathBuf> = (0..8).map(|n| workspace.build_with(n)).collect();
    let children: Vec<Child> = ts.iter().map(|t| start(&workspace, t)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        // On a busy machine, one may time out. Then its build is pending.
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.is_empty() || said.contains("locked by another process"),
            "{said}"
        );
    }
    workspace.record_build(8);
    assert_eq!(workspace.hits(), Vec::from_iter((0..=8).chain(100..105)));
    assert_eq!(workspace.pending().count(), Some(0));
    assert_consistent(&workspace.db);
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'build'";
    let count = Connection::open(&workspace.db)
        .unwrap()
        .query_row(tables, [], |row| row.get::<_, i64>(0));
    assert_eq!(count.unwrap(), 1);
}

/// A migration of a later version.
const NEXT: &str = "ALTER TABLE build ADD COLUMN energy REAL; CREATE TABLE room (name TEXT) STRICT; \
                    INSERT INTO room VALUES ('kitchen'); UPDATE build SET energy = hits * 0.5;";

#[test]
fn an_old_version_leaves_a_newer_database_alone_and_the_new_one_takes_its_builds() {
    let workspace = Workspace::new();
    workspace.record_build(1);
    drop(Store::open_for_recording_with(&workspace.db, &[NEXT]).unwrap());
    let before = fs::read(&workspace.db).unwrap();
    for hits in [2, 3] {
        let done = workspace.record(&workspace.build_with(hits));
        assert!(
            done.assert_warnings(1).contains("supports only up to"),
            "{done:?}"
        );
        let report = support::run(&workspace.db, &["builds"]);
        assert_eq!(report.status.code(), Some(2), "{report:?}");
    }
    assert!(
        fs::read(&workspace.db).unwrap() == before,
        "the old version wrote"
    );
    assert_eq!(workspace.pending().count(), Some(2));

    let mut store = Store::open_for_recording_with(&workspace.db, &[NEXT]).unwrap();
    let taken = Pending::for_database(&workspace.db)
        .record(&mut store, Instant::now() + time_limit())
        .unwrap();
    assert_eq!((taken.recorded, workspace.pending().count()), (2, Some(0)));
    let raw = Connection::open(&workspace.db).unwrap();
    let hits = raw.prepare("SELECT hits FROM build ORDER BY hits").unwrap();
    let hits = { hits }
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<Vec<i64>, _>>();
    assert_eq!(hits.unwrap(), [1, 2, 3]);
    let rooms = raw.query_row("SELECT count(*) FROM room", [], |row| row.get::<_, i64>(0));
    assert_eq!(rooms.unwrap(), 1, "the migration ran more than once");
    assert_consistent(&workspace.db);
}

#[test]
fn a_database_of_an_unreleased_version_is_refused() {
    let (_folder, db) = support::folder();
    let raw = Connection::open(&db).unwrap();
    raw.execute_batch("PRAGMA application_id = 0x73637270; PRAGMA user_version = 8")
        .unwrap();
    let error = Store::open_for_recording(&db).err();
    assert!(
        matches!(error, Some(Error::ForeignDatabase(_))),
        "{error:?}"
    );
    let report = support::run(&db, &["builds"]);
    assert_eq!(support::err(&report).lines().count(), 2, "{report:?}");
}

/// Starts a process that upgrades a database to the schema with [`NEXT`].
fn start_upgrade(db: &Path) -> Child {
    start_test_process("store::versions::eight_upgrade_at_once_and_one_does_it", db)
}

#[test]
fn an_upgrade_killed_midway_leaves_the_old_or_the_new_schema() {
    let mut random = Random::new();
    let template = Workspace::new();
    let builds: Vec<_> = (0..300)
        .map(|n| {
            support::build(
                n,
                "a/b",
                "1",
                "2026-11-01T10:00:00Z",
                support::rust_stats(n as u64, 2),
            )
        })
        .collect();
    support::record(&template.db, &builds);
    let workspace = Workspace::new();
    let whole = median_duration(|| {
        fs::copy(&template.db, &workspace.db).unwrap();
        let begun = Instant::now();
        let mut child = start_upgrade(&workspace.db);
        assert!(wait(&mut child, time_limit()).success());
        begun.elapsed()
    });
    let mut seen = [0, 0];
    for _ in 0..50 {
        fs::copy(&template.db, &workspace.db).unwrap();
        let mut child = start_upgrade(&workspace.db);
        sleep(random_part(whole, &mut random));
        let _ = child.kill();
        let _ = child.wait();
        assert_consistent(&workspace.db);
        let raw = Connection::open(&workspace.db).unwrap();
        let number = |sql| raw.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let version = number("PRAGMA user_version");
        let new = number("SELECT count(*) FROM sqlite_schema WHERE name = 'room'");
        assert_eq!(version == 1, new == 0, "version {version}");
        assert_eq!(
            number("SELECT count(*) FROM pragma_table_info('build') WHERE name = 'energy'"),
            new
        );
        assert_eq!(number("SELECT count(*) FROM build"), 300);
        seen[new as usize] += 1;
    }
    assert!(
        seen[0] > 0 && seen[1] > 0,
        "all kills missed: {seen:?} in {whole:?}"
    );
}

#[test]
fn eight_upgrade_at_once_and_one_does_it() {
    if let Some(db) = process_argument() {
        drop(Store::open_for_recording_with(&db, &[NEXT]).unwrap());
        return;
    }
    let workspace = Workspace::new();
    workspace.record_build(1);
    let children: Vec<Child> = (0..8).map(|_| start_upgrade(&workspace.db)).collect();
    for mut child in children {
        assert!(wait(&mut child, time_limit()).success());
    }
    let raw = Connection::open(&workspace.db).unwrap();
    let rooms = raw.query_row("SELECT count(*) FROM room", [], |row| row.get::<_, i64>(0));
    assert_eq!(rooms.unwrap(), 1);
}
