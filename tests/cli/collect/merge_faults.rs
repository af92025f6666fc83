//! `sccache-collect merge` killed at any moment, beside recorders, and with hostile or damaged databases.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

use rusqlite::Connection;
use rustix::fs::{FlockOperation, flock};
use sccache_report::portage::{Build, Outcome};
use sccache_report::store::{Error, Filter, MergeError, Store};

use crate::support::listed::{listed, miss};
use crate::support::merging::*;
use crate::support::recorder::crash::*;
use crate::support::recorder::*;
use crate::support::*;

#[test]
fn killed_at_50_random_moments_every_build_is_whole_and_there_once() {
    let mut random = Random::new();
    let (folder, db) = folder();
    // The builds of each source take at least one transaction.
    let sources = ["a", "b", "c", "d", "e", "f"].map(|host| many(folder.path(), host, 500));
    let sources = sources.each_ref().map(std::path::PathBuf::as_path);
    let start = || {
        let mut command = merge_command(&db, &sources);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let begun = Instant::now();
    assert!(start().wait().unwrap().success());
    let whole = begun.elapsed();
    let complete = all_reports(&db);
    let mut seen = BTreeSet::new();
    let mut db_is_new = true;
    for _ in 0..50 {
        if db_is_new {
            fs::remove_file(&db).unwrap();
        }
        // Transactions are short while another process waits for the database.
        let waiting = fs::File::open(folder.path()).unwrap();
        if random.below(2) == 0 {
            flock(&waiting, FlockOperation::LockShared).unwrap();
        }
        let mut child = start();
        sleep(random_part(whole, &mut random));
        let _ = child.kill();
        child.wait().unwrap();
        let count = match Store::open_for_reading(&db) {
            Ok(store) => store.builds(&Filter::default()).unwrap().len(),
            Err(_) => 0,
        };
        seen.insert(count);
        if count > 0 {
            // Sums, and no row below a build that is missing.
            assert_consistent(&db);
            let raw = Connection::open(&db).unwrap();
            let sql = "SELECT count(*) FROM build WHERE phases <>
                (SELECT count(*) FROM phase WHERE build_id = build.id
                 AND EXISTS (SELECT 1 FROM phase_language WHERE phase_id = phase.id))";
            let partial: u64 = raw.query_row(sql, (), |row| row.get(0)).unwrap();
            assert_eq!(partial, 0, "of {count}");
        }
        // Every other time, the next merge goes on from here.
        db_is_new = db.exists() && (count == 3000 || random.below(2) == 0);
    }
    assert!(start().wait().unwrap().success());
    assert_eq!(all_reports(&db), complete);
    assert_consistent(&db);
    assert!(
        seen.len() > 3,
        "too few kills in between: {seen:?} in {whole:?}"
    );
}

#[test]
fn a_recorder_beside_a_merge_records_at_once() {
    let workspace = Workspace::new();
    let source = many(workspace.folder.path(), "a", 6000);
    workspace.record_build(0);
    let mut child = merge_command(&workspace.db, &[&source]).spawn().unwrap();
    let mut recorded = 0;
    while child.try_wait().unwrap().is_none() {
        recorded += 1;
        let t = workspace.build_with(recorded);
        let done = workspace.record(&t);
        assert_eq!(done.err, "");
        assert_eq!(workspace.pending().count(), Some(0));
    }
    assert!(child.wait().unwrap().success());
    let store = Store::open_for_reading(&workspace.db).unwrap();
    let builds = store.builds(&Filter::default()).unwrap().len() as u64;
    assert_eq!(builds, 6000 + 1 + recorded);
    assert_consistent(&workspace.db);
}

#[test]
fn a_database_in_use_is_merged_as_it_was_committed_last() {
    let (folder, db) = folder();
    let source = record_on(folder.path(), "a", &sample());
    let writer = Connection::open(&source).unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; DELETE FROM build")
        .unwrap();
    assert_eq!(merge(&db, &[&source]), ["6 builds added, 0 already there"]);
    // Its writer holds the lock for a commit that was interrupted, and left a journal.
    writer.execute_batch("ROLLBACK; BEGIN EXCLUSIVE").unwrap();
    let other = folder.path().join("other.db");
    assert_eq!(
        merge(&other, &[&source]),
        ["6 builds added, 0 already there"]
    );
    drop(writer);
    assert_eq!(dump(&db), dump(&other));
}

#[track_caller]
fn refused(db: &Path, source: &Path, problem: &str) {
    let before = dump(db);
    let good = source.with_file_name("good.db");
    let output = merge_command(db, &[source, &good]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(err(&output).contains(problem), "{output:?}");
    assert!(err(&output).contains(&source.display().to_string()));
    assert!(out(&output).ends_with("good.db: 0 builds added, 1 already there\n"));
    assert_eq!(dump(db), before);
    assert_consistent(db);
}

#[test]
fn invalid_databases_are_refused_and_the_others_merged() {
    let (folder, db) = folder();
    let path = |name: &str| folder.path().join(name);
    let good = build(77, "a/a", "1", "2026-11-01T10:00:00Z", c_stats(1, 1));
    record(&path("good.db"), std::slice::from_ref(&good));
    record(&db, &[good]);
    refused(&db, &path("missing"), "no database at");
    fs::write(path("text"), "no database").unwrap();
    refused(&db, &path("text"), "is not a database");
    fs::write(path("empty"), "").unwrap();
    refused(&db, &path("empty"), "is empty");
    Connection::open(path("foreign"))
        .unwrap()
        .execute_batch("CREATE TABLE build (id)")
        .unwrap();
    refused(&db, &path("foreign"), "another program");
    let view = record_on(folder.path(), "view", &sample());
    let raw = Connection::open(&view).unwrap();
    // A view could run an endless query.
    raw.execute_batch(
        "ALTER TABLE build RENAME TO other; CREATE VIEW build AS SELECT * FROM other",
    )
    .unwrap();
    refused(&db, &view, "access to view");
    let damaged = record_on(folder.path(), "damaged", &sample());
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[4096..].iter_mut().for_each(|byte| *byte ^= 0x5a);
    fs::write(&damaged, bytes).unwrap();
    refused(&db, &damaged, "is damaged");
}

#[test]
fn a_row_with_impossible_values_is_skipped_and_the_others_merged() {
    let (folder, db) = folder();
    let source = record_on(folder.path(), "a", &sample());
    let raw = Connection::open(&source).unwrap();
    raw.execute_batch("UPDATE phase SET hits = 1 << 62 WHERE build_id = 2")
        .unwrap();
    let output = merge_command(&db, &[&source]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let summary = "a.db: 5 builds added, 0 already there, 1 row skipped: impossible values\n";
    assert!(out(&output).ends_with(summary), "{output:?}");
    let problem = format!(
        "a.db: build {}: a count is too large: 4611686018427387904\n",
        id(2)
    );
    assert!(err(&output).ends_with(&problem), "{output:?}");
    assert_eq!(json(&db, &["builds"]).len(), 5);
}

/// Adds a build, and reads what the reports read.
fn use_database(db: &Path, number: u128) {
    let more = build(number, "a/a", "1", "2026-11-02T10:00:00Z", c_stats(2, 2));
    record(db, &[more]);
    let store = Store::open_for_reading(db).unwrap();
    let all = Filter::default();
    assert_sums_match(&store);
    store.builds(&all).unwrap();
    store.phases(&all).unwrap();
    store.emerges(&all).unwrap();
    store.evidence(&all).unwrap();
    store.hosts(&all).unwrap();
    store.hours(&all).unwrap();
    store.cache_levels(&all).unwrap();
    store.counters().unwrap();
    store.package_counters().unwrap();
    store.time_saved().unwrap();
    let slow = Filter {
        outcomes: vec![Outcome::Merged],
        ..all
    };
    store.hosts(&slow).unwrap();
    store.cache_levels(&slow).unwrap();
    store.packages_by_host(&slow).unwrap();
}

fn drop_triggers(database: &Connection) {
    let sql = "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema
         WHERE type = 'trigger'";
    let drop: String = database.query_row(sql, (), |row| row.get(0)).unwrap();
    database.execute_batch(&drop).unwrap();
}

/// Returns the columns of each table, except of sums and counters.
fn columns(database: &Connection) -> BTreeMap<String, Vec<String>> {
    let sql = "SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
         WHERE m.type = 'table' AND m.name NOT LIKE '%\\_sum' ESCAPE '\\' AND m.name NOT LIKE '%counter'";
    let mut select = database.prepare(sql).unwrap();
    let columns = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for column in columns.unwrap() {
        let (table, column) = column.unwrap();
        tables.entry(table).or_default().push(column);
    }
    tables
}

/// Sets columns of rows to a value, each column in another row, unless a constraint of the table forbids it. Returns
/// the number of columns.
fn damage(source: &Path, table: &str, columns: &[String], value: &str) -> usize {
    let raw = Connection::open(source).unwrap();
    let pragmas = "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON";
    raw.execute_batch(pragmas).unwrap();
    let key = &columns[0];
    let damaged = columns.iter().enumerate().filter(|(n, column)| {
        let sql = format!(
            "UPDATE {table} SET {column} = {value} WHERE {key} = (SELECT {key} FROM {table}
             ORDER BY {key} LIMIT 1 OFFSET {n} % (SELECT count(*) FROM {table}))"
        );
        raw.execute(&sql, []).is_ok_and(|rows| rows > 0)
    });
    damaged.count()
}

/// Each column of each table with each of these values, as a damaged or hostile database can have them.
#[test]
fn no_value_of_another_database_keeps_this_one_from_recording_and_reporting() {
    let (folder, _) = folder();
    let source = folder.path().join("source.db");
    let builds = (0..60).map(|n| Build {
        id: id(1000 + n),
        ..listed(
            1 + n as u32 % 28,
            "app-misc/foo",
            &[miss(&format!("{n}.o"), n as u64)],
        )
    });
    let mut store = Store::open_for_recording(&source).unwrap();
    store.keep_compilations(50);
    store.record_all(&builds.collect::<Vec<_>>()).unwrap();
    drop(store);
    let raw = Connection::open(&source).unwrap();
    drop_triggers(&raw);
    let sql = "INSERT INTO stable_path_effect SELECT id, 1, 2, 3, 4 FROM phase;
         INSERT INTO former_units VALUES ('app-misc/foo', 'gentoo', 'test', x'00010203', 5);
         UPDATE phase SET cache_levels = '[{\"name\":\"L0 (disk)\",\"hits\":1}]' WHERE id > 50";
    raw.execute_batch(sql).unwrap();
    let tables = columns(&raw);
    drop(raw);
    let whole = fs::read(&source).unwrap();
    let target = folder.path().join("target.db");
    let first = build(900, "a/a", "1", "2026-11-01T10:00:00Z", c_stats(1, 1));
    record(&target, &[first]);
    let before = fs::read(&target).unwrap();
    let mut damaged = 0;
    for (table, columns) in &tables {
        for value in [
            "9223372036854775807",
            "-9223372036854775808",
            "-1",
            "1e300",
            "'x'",
            "x'00ff'",
        ] {
            fs::write(&source, &whole).unwrap();
            fs::write(&target, &before).unwrap();
            damaged += damage(&source, table, columns, value);
            let mut store = Store::open_for_recording(&target).unwrap();
            if let Err(MergeError::Target(error)) = store.merge(&source) {
                panic!("{table} with {value}: {error}");
            }
            drop(store);
            assert_consistent(&target);
            use_database(&target, 901);
        }
    }
    assert!(damaged > 200, "{damaged} of {tables:?}");
}

/// Times that are possible for each build, but not for all of them.
#[test]
fn sums_over_the_builds_of_several_databases_do_not_overflow() {
    let (folder, db) = folder();
    let builds: Vec<Build> = (0..3)
        .map(|n| {
            build(
                n,
                ["a/a", "a/b", "a/c"][n as usize],
                "1",
                "2026-11-01T10:00:00Z",
                c_stats(1, 1),
            )
        })
        .collect();
    let source = record_on(folder.path(), "a", &builds);
    merge(&db, &[&source]);
    let raw = Connection::open(&db).unwrap();
    let sql = "UPDATE build SET time_saved_us = 1 << 61 WHERE package <> 'a/c'";
    raw.execute(sql, ()).unwrap();
    let more = record_on(
        folder.path(),
        "b",
        &[build(9, "a/d", "1", "2026-11-01T10:00:00Z", c_stats(1, 1))],
    );
    refused_for(&db, &more, "the times of its builds are too large");
    use_database(&db, 901);
}

#[track_caller]
fn refused_for(db: &Path, source: &Path, problem: &str) {
    let output = merge_command(db, &[source]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(err(&output).contains(problem), "{output:?}");
}

/// As a clock that was wrong leaves objects of the future.
#[test]
fn merges_remove_no_objects_of_this_host() {
    let (folder, db) = folder();
    let own = listed(1, "a/a", &[miss("a.o", 1), miss("b.o", 2)]);
    record(&db, &on_this_host(vec![own]));
    let source = folder.path().join("source.db");
    let other = Build {
        id: id(700),
        ..listed(2, "a/b", &[miss("c.o", 3), miss("d.o", 4)])
    };
    record(&source, &on_this_host(vec![other]));
    let raw = Connection::open(&source).unwrap();
    raw.execute("UPDATE object SET used_on = 40000 WHERE key = 3", ())
        .unwrap();
    let output = merge_command(&db, &[&source]).output().unwrap();
    assert!(
        err(&output).contains("a day is out of range: 40000"),
        "{output:?}"
    );
    let raw = Connection::open(&db).unwrap();
    let sql = "SELECT group_concat(key) FROM (SELECT key FROM object ORDER BY key)";
    let keys: String = raw.query_row(sql, (), |row| row.get(0)).unwrap();
    assert_eq!(keys, "1,2,4");
}

/// The error of this database ends the command: it isn't that of each source.
#[test]
fn an_error_of_this_database_is_no_error_of_a_source() {
    let (folder, db) = folder();
    let a = record_on(folder.path(), "a", &sample()[..1]);
    let b = record_on(folder.path(), "b", &sample()[1..]);
    record(
        &db,
        &[build(9, "a/d", "1", "2026-11-01T10:00:00Z", c_stats(1, 1))],
    );
    let raw = Connection::open(&db).unwrap();
    raw.execute_batch(
        "CREATE TRIGGER t BEFORE INSERT ON build BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    .unwrap();
    let output = merge_command(&db, &[&a, &b]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!err(&output).contains("can't be merged"), "{output:?}");
    assert_eq!(out(&output), "", "{output:?}");
}

/// A merge that waits for this database has its copy of the other one.
#[test]
fn nothing_is_left_of_the_copy_if_a_merge_is_killed() {
    let (folder, db) = folder();
    let source = record_on(folder.path(), "a", &sample());
    record(&db, &[]);
    let writer = Connection::open(&db).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let temporary = folder.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut command = merge_command(&db, &[&source]);
    let mut child = command.env("TMPDIR", &temporary).spawn().unwrap();
    let opened = format!("/proc/{}/fd", child.id());
    let has_copy = || {
        let files = fs::read_dir(&opened).unwrap().flatten();
        let mut names = files.flat_map(|file| fs::read_link(file.path()));
        names.any(|name| name.to_string_lossy().ends_with("/copy (deleted)"))
    };
    while !has_copy() {
        assert!(child.try_wait().unwrap().is_none());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}

#[test]
fn a_database_in_a_read_only_folder_is_merged_and_nothing_is_written_beside_it() {
    let (folder, db) = folder();
    let place = folder.path().join("place");
    fs::create_dir(&place).unwrap();
    let source = record_on(&place, "a", &sample());
    fs::set_permissions(&place, fs::Permissions::from_mode(0o555)).unwrap();
    let before = fs::read(&source).unwrap();
    assert_eq!(merge(&db, &[&source]), ["6 builds added, 0 already there"]);
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
    assert!(fs::read(&source).unwrap() == before);
}

#[test]
fn a_dry_run_shows_what_a_merge_would_add_and_adds_nothing() {
    let (folder, db) = folder();
    let a = record_on(folder.path(), "a", &sample());
    let b = record_on(folder.path(), "b", &sample()[..2]);
    let dry = |sources: &[&Path]| {
        let output = merge_command(&db, sources)
            .arg("--dry-run")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        out(&output)
    };
    let text = dry(&[&b, &a]);
    assert!(
        text.contains("b.db: 2 builds would be added, 0 already there\n"),
        "{text}"
    );
    assert!(
        text.ends_with("a.db: 4 builds would be added, 2 already there\n"),
        "{text}"
    );
    assert!(!db.exists());
    merge(&db, &[&b]);
    let before = fs::read(&db).unwrap();
    assert!(dry(&[&a]).ends_with("a.db: 4 builds would be added, 2 already there\n"));
    assert!(fs::read(&db).unwrap() == before);
}

#[test]
fn a_second_merge_and_forget_beside_a_merge_lose_nothing_and_bring_nothing_back() {
    let (folder, db) = folder();
    let sources = ["a", "b"].map(|host| many(folder.path(), host, 1500));
    record(&db, &[]);
    let mut merges = [[0, 1], [1, 0]].map(|[first, second]| {
        let mut command = merge_command(&db, &[&sources[first], &sources[second]]);
        command.stdout(Stdio::null()).spawn().unwrap()
    });
    let mut forgotten = BTreeSet::new();
    while merges
        .iter_mut()
        .any(|merge| merge.try_wait().unwrap().is_none())
    {
        let newest = Filter {
            last: Some(1),
            ..Filter::default()
        };
        let newest = Store::open_for_reading(&db).unwrap().builds(&newest);
        let ids: Vec<_> = newest.unwrap().iter().map(|build| build.id).collect();
        let store = Store::open_for_recording(&db);
        match store.and_then(|mut store| store.forget(&ids)) {
            Ok(_) => forgotten.extend(ids),
            Err(error) => assert!(matches!(error, Error::Locked(_)), "{error}"),
        }
    }
    for merge in &mut merges {
        assert!(merge.wait().unwrap().success());
    }
    merge(&db, &[&sources[0], &sources[1]]);
    let builds = Store::open_for_reading(&db)
        .unwrap()
        .builds(&Filter::default())
        .unwrap();
    assert_eq!(builds.len(), 3000 - forgotten.len());
    assert!(builds.iter().all(|build| !forgotten.contains(&build.id)));
    assert!(forgotten.len() > 1, "no forget in between");
    assert_consistent(&db);
}
