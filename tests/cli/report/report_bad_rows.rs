//! Rows that no report can read, and pages that are broken: every report says which and what to do,
//! and none panics.

use std::fs;
use std::path::Path;

use crate::support::*;
use rusqlite::Connection;

/// Runs SQL with all that keeps bad rows out turned off.
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
    for (sql, said) in [
        (
            "UPDATE build SET uuid = replace(uuid, 'b', 'x') WHERE id = 2",
            "table build, the row of id 2: uuid is no UUID",
        ),
        (
            "UPDATE build SET version = CAST(x'ff41' AS TEXT) WHERE id = 2",
            "table build, the row of id 2: version is not UTF-8",
        ),
        (
            "UPDATE build SET hits = 'many' WHERE id = 2",
            "table build, the row of id 2: hits is not a whole number",
        ),
        (
            "UPDATE build SET hits = -1000000 WHERE id = 2",
            "table build, the row of id 2: hits is negative",
        ),
        (
            "UPDATE build SET hits = 9223372036854775807 WHERE id < 3",
            "table build, the row of id 1: hits is too large",
        ),
        (
            "UPDATE build SET started_at_us = NULL WHERE id = 2",
            "table build, the row of id 2: started_at_us is missing",
        ),
        (
            "UPDATE build SET started_at_us = 9223372036854775807 WHERE id = 2",
            "table build, the row of id 2: started_at_us is no time of the years 0 to 9999",
        ),
        (
            "UPDATE build SET outcome = 'eaten' WHERE id = 2",
            "table build, the row of id 2: outcome is no outcome",
        ),
        (
            "UPDATE emerge SET command = x'00' WHERE id = 1",
            "table emerge, the row of id 1: command is not a text",
        ),
        (
            "UPDATE phase SET hits = NULL, not_measured_reason = x'00' WHERE build_id = 2",
            "table phase, the row of id 2: not_measured_reason is not a text",
        ),
        (
            "UPDATE phase_language SET hits = -1 WHERE phase_id = 2",
            "table phase_language, the row of phase_id 2, language Rust: hits is negative",
        ),
        (
            "UPDATE not_cached SET calls = 'x' WHERE phase_id = 2 AND reason = '-'",
            "table not_cached, the row of phase_id 2, reason -: calls is not a whole number",
        ),
        (
            "UPDATE package_sum SET hits = 'x' WHERE package LIKE '%emlop'",
            "table package_sum, the row of package app-portage/emlop: hits is not a whole number",
        ),
        (
            "UPDATE hour_sum SET hour = 1000000000000000 WHERE hour = (SELECT max(hour) FROM hour_sum)",
            "table hour_sum, the row of hour 1000000000000000: hour is no hour",
        ),
    ] {
        let (_folder, db) = folder();
        record(&db, &sample());
        spoil(&db, sql);
        let mut told = 0;
        for args in reports() {
            let output = run(&db, &args);
            let errors = err(&output);
            assert!(!errors.contains("panicked"), "{sql}, {args:?}: {errors}");
            match output.status.code() {
                Some(0) => continue,
                Some(2) => {}
                other => panic!("{sql}, {args:?}: {other:?} {errors}"),
            }
            assert!(errors.contains(said), "{sql}, {args:?}: {errors}");
            assert!(errors.contains("`sccache-report doctor`"), "{errors}");
            assert_eq!(errors.lines().count(), 2, "{errors}");
            told += 1;
        }
        assert!(told > 0, "{sql}: nobody told of it");
        let doctor = out(&run(&db, &["doctor"]));
        let doctor: Vec<&str> = doctor.split_whitespace().collect();
        // At most 80 bytes of it are quoted.
        let start = &said[..said.len().min(60)];
        assert!(doctor.join(" ").contains(start), "{sql}: {doctor:?}");
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
