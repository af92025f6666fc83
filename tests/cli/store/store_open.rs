//! Opening a database: new, damaged, locked, after a crash, or by several processes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::*;
use rusqlite::Connection;
use sccache_report::store::{Error, Filter, Recorded, Store};

#[test]
fn folder_and_file_are_made_readable_for_all() {
    let (folder, _) = folder();
    let path = folder.path().join("lib/sccache-report/stats.db");
    Store::open_for_recording(&path).unwrap();
    let mode = |p: &std::path::Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o644);
    assert_eq!(mode(path.parent().unwrap()), 0o755);
}

#[test]
fn each_broken_file_is_its_own_error_and_left_as_it_is() {
    let (folder, good) = folder();
    record(&good, &sample());
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let newer = file("newer", &fs::read(&good).unwrap());
    Connection::open(&newer)
        .unwrap()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    let foreign = folder.path().join("foreign");
    Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE moz (a)")
        .unwrap();
    let text = file("text", &b"not a database at all\n".repeat(100));
    let mut bytes = fs::read(&good).unwrap();
    let half = bytes.len() / 2;
    bytes[8192..half].fill(0xa5);
    let damaged = file("damaged", &bytes);

    let kind = |error: Option<Error>| match error {
        Some(Error::NewerSchema(_, 99, _)) => "newer",
        Some(Error::ForeignDatabase(_)) => "foreign",
        Some(Error::NotADatabase(_)) => "text",
        Some(Error::Damaged(..)) => "damaged",
        Some(Error::MissingDatabase(_)) => "missing",
        Some(Error::EmptyDatabase(_)) => "empty",
        Some(_) => "other",
        None => "none",
    };
    for path in [&newer, &foreign, &text] {
        let before = fs::read(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(kind(Store::open_for_reading(path).err()), name);
        assert_eq!(kind(Store::open_for_recording(path).err()), name);
        assert_eq!(fs::read(path).unwrap(), before, "{name} was changed");
    }
    let missing = folder.path().join("missing");
    assert_eq!(kind(Store::open_for_reading(&missing).err()), "missing");
    assert!(!missing.exists());
    assert_eq!(
        kind(Store::open_for_reading(&file("empty", b"")).err()),
        "empty"
    );
    let read = |path| {
        let store = Store::open_for_reading(path)?;
        store
            .phases(&Filter::default())
            .and(store.packages(&Filter::default()))
    };
    assert_eq!(kind(read(&damaged).err()), "damaged");
    assert_eq!(read(&good).unwrap().len(), 5);
}

#[test]
fn eight_at_once_on_a_new_database_record_everything() {
    let (_folder, path) = folder();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let mut store = Store::open_for_recording(path).unwrap();
                for n in 0..5 {
                    let number = thread * 100 + n;
                    let build = build(number, "a/b", "1", "2026-11-01T10:00:00Z", rust_stats(1, 2));
                    assert_eq!(store.record(&build).unwrap(), Recorded::New);
                }
            });
        }
    });
    let sums = all_sums(&Store::open_for_reading(&path).unwrap());
    assert_eq!(
        (sums.builds, sums.hits, sums.misses),
        (40, Some(40), Some(80))
    );
}

#[test]
fn a_held_lock_is_an_error_within_seconds() {
    let (_folder, path) = folder();
    record(&path, &sample()[..1]);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = std::time::Instant::now();
    let mut store = Store::open_for_recording(&path).unwrap();
    assert!(matches!(store.record(&sample()[1]), Err(Error::Locked(_))));
    assert!(begun.elapsed().as_secs() < 8);
    drop(other);
    assert_eq!(store.record(&sample()[1]).unwrap(), Recorded::New);
}

#[test]
fn an_exclusive_lock_and_a_crash_are_read_around() {
    let (folder, path) = folder();
    record(&path, &sample());
    let writer = Connection::open(&path).unwrap();
    writer
        .execute_batch("PRAGMA cache_size = 2; BEGIN EXCLUSIVE; UPDATE phase SET name = 'x'")
        .unwrap();
    let fill = "INSERT INTO not_cached SELECT 1, hex(randomblob(200)), 1 FROM \
                (WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 2000) \
                 SELECT i FROM n)";
    writer.execute_batch(fill).unwrap();
    let count = |path: &std::path::Path| {
        let store = Store::open_for_reading(path).unwrap();
        let phases = store.phases(&Filter::default()).unwrap();
        assert!(phases.values().flatten().all(|p| p.name != "x"));
        all_sums(&store).builds
    };
    assert_eq!(count(&path), 6, "under an exclusive lock");
    // A crash leaves the half-written file and its journal.
    let crashed = folder.path().join("crashed.db");
    fs::copy(&path, &crashed).unwrap();
    fs::copy(
        folder.path().join("stats.db-journal"),
        folder.path().join("crashed.db-journal"),
    )
    .unwrap();
    assert_eq!(count(&crashed), 6, "after a crash");
    assert!(
        folder.path().join("crashed.db-journal").exists(),
        "reading wrote"
    );
}
