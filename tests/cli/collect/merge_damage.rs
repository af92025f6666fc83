//! `sccache-collect merge` of databases that somebody changed by hand, or whose file is damaged.

use std::fs;
use std::path::Path;
use std::process::Output;

use rusqlite::Connection;

use crate::support::listed::{hit, listed, miss};
use crate::support::merging::*;
use crate::support::recorder::crash::assert_consistent;
use crate::support::recorder::run_to_end;
use crate::support::*;

/// Merges a database after these statements on it, and compares what is there then with what its unchanged copy gives.
#[track_caller]
fn merge_changed(source: &Path, statements: &str) -> Output {
    let [db, clean] = ["changed", "clean"].map(|name| source.with_file_name(name));
    merge(&clean, &[source]);
    let raw = Connection::open(source).unwrap();
    raw.execute_batch(statements).unwrap();
    drop(raw);
    let output = merge_command(&db, &[source]).output().unwrap();
    assert_consistent(&db);
    assert_same_content(&db, &clean);
    output
}

/// Records builds with lists of compilations, and returns the database.
fn with_lists(folder: &Path) -> std::path::PathBuf {
    let source = folder.join("a.db");
    let cold = listed(1, "a/a", &[miss("a.o", 1), miss("b.o", 2)]);
    let warm = listed(2, "a/a", &[hit("a.o", 1), miss("b.o", 3)]);
    record(&source, &[cold, warm]);
    record(&source, &sample());
    source
}

/// Merges a database after a statement on it: this many builds are added, and one row is skipped.
#[track_caller]
fn one_row_is_skipped(statement: &str, builds: usize) -> Output {
    let (folder, db) = folder();
    let source = with_lists(folder.path());
    let raw = Connection::open(&source).unwrap();
    raw.execute_batch(statement).unwrap();
    drop(raw);
    let output = merge_command(&db, &[&source]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let summary =
        format!("a.db: {builds} builds added, 0 already there, 1 row skipped: impossible values\n");
    assert!(out(&output).ends_with(&summary), "{output:?}");
    assert_consistent(&db);
    output
}

#[test]
fn one_of_two_rows_with_the_same_id_is_merged_with_its_phases() {
    let (folder, _) = folder();
    let twin = |table: &str, changes: &str, of: &str| {
        format!(
            "CREATE TEMP TABLE twin AS SELECT * FROM {table} WHERE {of};
             UPDATE twin SET {changes}; INSERT INTO {table} SELECT * FROM twin; DROP TABLE twin;"
        )
    };
    let part = |table| twin(table, "phase_id = phase_id + 1000", "phase_id = 1");
    let statements = [
        twin("build", "id = 100, uuid = upper(uuid)", "id = 1"),
        twin("phase", "id = id + 1000, build_id = 100", "build_id = 1"),
        part("phase_language"),
        part("phase_compiler"),
    ];
    let output = merge_changed(&with_lists(folder.path()), &statements.concat());
    assert!(err(&output).contains("is there twice"), "{output:?}");
    assert!(
        out(&output)
            .ends_with("8 builds added, 0 already there, 1 row skipped: impossible values\n")
    );
}

#[test]
fn ids_in_another_notation_are_the_same_ids() {
    for change in ["upper(uuid)", "replace(uuid, '-', '')"] {
        let (folder, _) = folder();
        let statement = format!("UPDATE build SET uuid = {change}");
        let output = merge_changed(&with_lists(folder.path()), &statement);
        assert_eq!(err(&output), "");
    }
}

#[test]
fn a_build_whose_id_or_phases_are_impossible_is_skipped() {
    for (statement, problem) in [
        (
            "UPDATE build SET uuid = CAST(x'ffff' AS TEXT) WHERE id = 4",
            "uuid of the row",
        ),
        (
            "UPDATE build SET host = CAST(x'ffff' AS TEXT) WHERE id = 4",
            "host of the row",
        ),
        (
            "UPDATE phase SET position = 3 * position + 5 WHERE build_id = 4",
            "its phases are incomplete or not in order",
        ),
        (
            "DELETE FROM phase WHERE build_id = 4 AND position = 1",
            "its phases are incomplete or not in order",
        ),
        (
            "DELETE FROM phase WHERE build_id = 4",
            "its phases are incomplete or not in order",
        ),
        (
            "UPDATE phase SET position = -1 - position WHERE build_id = 4",
            "its phases are incomplete or not in order",
        ),
    ] {
        let output = one_row_is_skipped(statement, 7);
        assert!(err(&output).contains(problem), "{output:?}");
    }
}

/// As `PRAGMA journal_mode = WAL` by hand leaves it: with its last transaction in another file, or closed.
#[test]
fn a_database_in_wal_mode_is_merged_and_nothing_is_written_beside_it() {
    let (folder, db) = folder();
    let place = folder.path().join("place");
    fs::create_dir(&place).unwrap();
    let source = with_lists(&place);
    merge(&db, &[&source]);
    let writer = Connection::open(&source).unwrap();
    writer
        .execute_batch("PRAGMA journal_mode = WAL; UPDATE host SET builds = builds")
        .unwrap();
    let other = folder.path().join("other.db");
    let files = || {
        let files = fs::read_dir(&place).unwrap().map(|file| {
            let path = file.unwrap().path();
            (fs::read(&path).unwrap(), path)
        });
        let mut files: Vec<_> = files.collect();
        files.sort();
        files
    };
    let before = files();
    assert_eq!(before.len(), 3);
    merge(&other, &[&source]);
    assert!(files() == before);
    assert_eq!(dump(&other), dump(&db));
    drop(writer);
    // Only the version for readers counts.
    let mut bytes = fs::read(&source).unwrap();
    assert_eq!(bytes[18..20], [2, 2]);
    bytes[18] = 1;
    fs::write(&source, bytes).unwrap();
    let before = files();
    assert_eq!(before.len(), 1);
    let third = folder.path().join("third.db");
    merge(&third, &[&source]);
    assert_eq!(json(&source, &["builds"]).len(), 8);
    assert!(files() == before);
    assert_eq!(dump(&third), dump(&db));
}

#[test]
fn a_name_that_is_not_utf_8_is_skipped_and_all_builds_are_merged() {
    for statement in [
        "UPDATE host SET name = CAST(x'ffff' AS TEXT)",
        "INSERT INTO former_units VALUES (CAST(x'ffff' AS TEXT), 'gentoo', 'test', x'00010203', 5)",
    ] {
        let output = one_row_is_skipped(statement, 8);
        assert!(
            err(&output).ends_with("a name is not UTF-8\n"),
            "{output:?}"
        );
    }
}

/// Returns the offsets of the pages of a table that have rows.
fn leaves(source: &Path, table: &str) -> Vec<usize> {
    let raw = Connection::open(source).unwrap();
    let sql = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path";
    let mut pages = raw.prepare(sql).unwrap();
    let pages = pages.query_map([table], |row| row.get(0)).unwrap();
    let pages: Vec<usize> = pages.map(Result::unwrap).collect();
    pages.iter().map(|page| (page - 1) * 4096).collect()
}

/// Overwrites a page in the middle of a table.
fn damage(source: &Path, table: &str) {
    let leaves = leaves(source, table);
    let start = leaves[leaves.len() / 2];
    let mut bytes = fs::read(source).unwrap();
    bytes[start..start + 4096].fill(0x5a);
    fs::write(source, bytes).unwrap();
}

/// As a disk that writes a page in the wrong place leaves it, which SQLite doesn't notice.
#[test]
fn a_page_in_the_place_of_another_ends_the_merge() {
    let (folder, db) = folder();
    let source = many(folder.path(), "a", 1000);
    let leaves = leaves(&source, "build");
    let (from, to) = (leaves[1], leaves[leaves.len() - 1]);
    let mut bytes = fs::read(&source).unwrap();
    bytes.copy_within(from..from + 4096, to);
    fs::write(&source, bytes).unwrap();
    let run = run_to_end(merge_command(&db, &[&source]));
    assert!(
        run.err.contains("the rows of its builds are not in order"),
        "{}",
        run.err
    );
    let added = json(&db, &["builds"]).len();
    assert!((900..1000).contains(&added), "{added}");
    assert_consistent(&db);
}

#[test]
fn damaged_lists_are_skipped() {
    let (folder, db) = folder();
    let source = many(folder.path(), "a", 1000);
    let (intact, whole) = (folder.path().join("intact"), folder.path().join("whole"));
    fs::copy(&source, &intact).unwrap();
    merge(&whole, &[&intact]);
    damage(&source, "compilation_list");
    let output = merge_command(&db, &[&source]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        out(&output).contains("a.db: 1000 builds added, "),
        "{output:?}"
    );
    assert_consistent(&db);
    merge(&db, &[&intact]);
    assert_same_content(&db, &whole);
}

#[test]
fn a_damaged_file_is_merged_up_to_the_damage_and_the_summary_says_so() {
    for table in ["build", "phase", "phase_language", "not_cached"] {
        let (folder, db) = folder();
        let source = many(folder.path(), "a", 1000);
        let (intact, whole) = (folder.path().join("intact"), folder.path().join("whole"));
        fs::copy(&source, &intact).unwrap();
        merge(&whole, &[&intact]);
        damage(&source, table);
        let output = merge_command(&db, &[&source]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let problem = format!(
            "the rest of {} can't be merged: {0} is damaged",
            source.display()
        );
        assert!(err(&output).contains(&problem), "{output:?}");
        let added = json(&db, &["builds"]).len();
        assert!((300..700).contains(&added), "{table}: {added}");
        assert!(out(&output).contains(&format!("a.db: {added} builds added, ")));
        assert_consistent(&db);
        merge(&db, &[&intact]);
        assert_same_content(&db, &whole);
    }
}

#[test]
fn a_missing_directory_for_copies_is_named() {
    let (folder, db) = folder();
    let source = with_lists(folder.path());
    let mut command = merge_command(&db, &[&source]);
    let output = command.env("TMPDIR", "/missing").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        err(&output).contains("can't write to $TMPDIR: "),
        "{output:?}"
    );
}
