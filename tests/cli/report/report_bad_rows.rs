//! Unreadable rows and damaged pages: every report names them and the fix, and none panics.

use std::fs;
use std::path::Path;

use crate::support::*;
use rusqlite::Connection;

/// Runs SQL without the checks that reject invalid rows.
fn spoil(db: &Path, sql: &str) {
    let open = || {
        let connection = Connection::open(db).unwrap();
        connection
            .execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA writable_schema = ON;")
            .unwrap();
        connection
    };
    let loose = "UPDATE sqlite_schema SET sql = replace(replace(replace(replace(sql, \
                 ') STRICT, ', ') '), ') STRICT', ')'), 'INTEGER NOT NULL', 'INTEGER'), \
                 'TEXT NOT NULL', 'TEXT') WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let connection = open();
    connection
        .execute_batch("CREATE TEMP TABLE kept AS SELECT rowid AS place, sql FROM sqlite_schema")
        .unwrap();
    connection.execute_batch(loose).unwrap();
    open().execute_batch(sql).unwrap();
    let strict =
        "UPDATE sqlite_schema SET sql = (SELECT sql FROM kept WHERE place = sqlite_schema.rowid)";
    connection.execute_batch(strict).unwrap();
}

/// The reports, and one that goes by rows one after the other.
fn reports() -> Vec<Vec<&'static str>> {
    let mut all: Vec<Vec<&str>> = REPORTS.iter().map(|args| args.to_vec()).collect();
    all.push(vec!["builds", "--format", "tsv"]);
    all.push(vec!["builds", "--format", "json"]);
    all.push(vec!["show", "emlop", "--format", "json"]);
    all.push(vec!["packages", "--since", "2020"]);
    all
}

#[test]
fn a_row_that_cannot_be_read_is_named() {
    // What is wrong, what a report prints, and what doctor prints: SQLite checks types and NOT NULL,
    // but in a file that is open for reading no CHECK.
    for (sql, message, finding) in [
        (
            "UPDATE build SET uuid = replace(uuid, 'b', 'x') WHERE id = 2",
            "uuid of the row that begins with x0000002",
            "",
        ),
        (
            "UPDATE build SET version = CAST(x'ff41' AS TEXT) WHERE id = 2",
            "version of the row that begins with",
            "",
        ),
        (
            "UPDATE build SET hits = 'many' WHERE id = 2",
            "hits",
            "non-INTEGER value in build.hits",
        ),
        (
            "UPDATE build SET hits = -1000000 WHERE id = 2",
            "-1000000 out of range",
            "",
        ),
        (
            "DROP TRIGGER build_update_before; DROP TRIGGER build_update_after;
             UPDATE build SET started_at_us = NULL WHERE id = 2",
            "started_at_us of the row that begins with",
            "NULL value in build.started_at_us",
        ),
        (
            "UPDATE build SET started_at_us = 9223372036854775807 WHERE id = 2",
            "9223372036854775807 out of range",
            "",
        ),
        (
            "UPDATE build SET outcome = 'eaten' WHERE id = 2",
            "outcome of the row that begins with b0000002",
            "",
        ),
        (
            "UPDATE emerge SET command = x'00' WHERE id = 1",
            "command of the row that begins with",
            "non-TEXT value in emerge.command",
        ),
        (
            "UPDATE phase SET hits = NULL, not_measured_reason = x'00' WHERE build_id = 2",
            "not_measured_reason of the row that begins with 2",
            "non-TEXT value in phase.not_measured_reason",
        ),
        (
            "UPDATE phase_language SET hits = -1 WHERE phase_id = 2",
            "hits of the row that begins with 2",
            "",
        ),
        (
            "UPDATE not_cached SET calls = 'x' WHERE phase_id = 2 AND reason = '-'",
            "calls of the row that begins with 2",
            "non-INTEGER value in not_cached.calls",
        ),
        (
            "UPDATE package_sum SET hits = 'x' WHERE package LIKE '%emlop'",
            "of the row that begins with app-portage/emlop",
            "non-INTEGER value in package_sum.hits",
        ),
        (
            "UPDATE hour_sum SET hour = 1000000000000000 WHERE hour = (SELECT max(hour) FROM hour_sum)",
            "1000000000000000 out of range",
            "",
        ),
    ] {
        let (_folder, db) = folder();
        record(&db, &sample());
        spoil(&db, sql);
        let mut failed = Vec::new();
        for args in reports() {
            let output = run(&db, &args);
            let errors = err(&output);
            assert!(!errors.contains("panicked"), "{sql}, {args:?}: {errors}");
            match output.status.code() {
                Some(0) => continue,
                Some(2) => {}
                other => panic!("{sql}, {args:?}: {other:?} {errors}"),
            }
            assert_eq!(errors.lines().count(), 2, "{errors}");
            failed.push(errors);
        }
        let names_it = failed.iter().any(|errors| errors.contains(message));
        assert!(names_it, "{sql}: {failed:?}");
        let doctor = out(&run(&db, &["doctor"]));
        let doctor: Vec<&str> = doctor.split_whitespace().collect();
        assert!(doctor.join(" ").contains(finding), "{sql}: {doctor:?}");
    }
}

#[test]
fn builds_of_any_year_are_shown() {
    for time in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        let (_folder, db) = folder();
        record(&db, &sample());
        let micros = at(time).timestamp_micros();
        spoil(
            &db,
            &format!(
                "UPDATE build SET started_at_us = {micros}, finished_at_us = {micros} WHERE id = 2"
            ),
        );
        for args in reports() {
            for zone in ["UTC0", "X-14", "X12"] {
                let mut command = program();
                command.env("TZ", zone).arg("--db").arg(&db).args(&args);
                let output = command.output().unwrap();
                let errors = err(&output);
                assert_eq!(output.status.code(), Some(0), "{time}, {args:?}: {errors}");
            }
        }
    }
}

#[test]
fn a_broken_page_is_said_to_be_one() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let whole = fs::read(&db).unwrap();
    let page = usize::from(u16::from_be_bytes([whole[16], whole[17]]));
    let mut told = 0;
    for number in 1..whole.len() / page {
        for with in [0x00, 0xff, 0x41] {
            let mut broken = whole.clone();
            broken[number * page..][..page].fill(with);
            fs::write(&db, broken).unwrap();
            for args in [&[][..], &["builds"], &["show", "emlop"], &["trend"]] {
                let output = run(&db, args);
                let errors = err(&output);
                assert!(!errors.contains("panicked"), "page {number}: {errors}");
                if output.status.code() == Some(2) {
                    let known = errors.contains("is damaged") || errors.contains("can't be read");
                    assert!(known, "page {number}, {args:?}: {errors}");
                    assert!(errors.contains("sccache-report doctor"), "{errors}");
                    told += 1;
                }
            }
        }
    }
    assert!(told > 100, "{told}");
}
