//! Why compilations missed.

use crate::support::listed::*;
use crate::support::*;
use rusqlite::Connection;

#[test]
fn reasons_are_listed_with_their_costliest_units() {
    let (_folder, db) = folder();
    record_explained(&db);
    let output = run(&db, &["explain", "foo"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    insta::assert_snapshot!("explain", out(&output));
    assert_eq!(out(&run(&db, &["explain", "b0000001"])), out(&output));
    let all = out(&run(&db, &["explain", "foo", "--limit", "9"]));
    assert!(all.contains("src/small.cpp.o"), "{all}");
}

#[test]
fn scripts_get_every_unit() {
    let (_folder, db) = folder();
    record_explained(&db);
    let rows = json(&db, &["explain", "foo"]);
    let reasons: Vec<_> = rows
        .iter()
        .map(|row| row["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        ["evicted", "changed", "first", "unknown", "flags", "path"]
    );
    assert_eq!(rows[0]["count"], 5);
    assert_eq!(rows[0]["compile_seconds"], 17.3);
    let unit = serde_json::json!({
        "unit": "src/util.cpp.o", "language": "C/C++", "phase": "compile", "count": 2,
        "compile_seconds": 1.2,
    });
    assert_eq!(rows[0]["units"][2], unit);
    assert_eq!(rows[0]["units"].as_array().unwrap().len(), 4);
    assert_eq!(rows[5]["units"][0]["unit"], "x\\u{1b}[31m\\u{202e}");
    assert_eq!(
        rows[5]["units"][0]["compile_seconds"],
        serde_json::Value::Null
    );
    let csv = out(&run(&db, &["explain", "foo", "--format", "csv"]));
    assert!(
        csv.starts_with(
            "reason,count,compile_seconds,avoidable_with_stable_paths\nevicted,5,17.3,\n"
        ),
        "{csv}"
    );
    let picked = out(&run(&db, &["explain", "foo", "--columns", "count,reason"]));
    assert_eq!(picked.lines().nth(1).unwrap().trim(), "5  evicted");
    let wrong = run(&db, &["explain", "foo", "--columns", "reasons"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn other_reports_have_the_reasons_in_short() {
    let (_folder, db) = folder();
    record_explained(&db);
    let others = "5 evicted (17 s), 1 changed (8.0 s)";
    for (args, expected) in [
        (
            &["show", "foo"][..],
            [
                "hit rate 39.5 % (30 hits, 46 misses), 28.3 % by cost",
                "time saved 21 s of 1 min 49 s of processor time (20 %; exact for 93 %)",
                &format!("misses: 37 first (51 s), {others}"),
                "(0.0 s); see `sccache-report explain app-misc/foo`",
            ],
        ),
        (
            &["show", "b0000001"],
            [
                "hit rate 75.0 % (30 hits, 10 misses), 51.9 % by cost",
                "of processor time (42 %; exact for 93 %)",
                &format!("misses: {others}, 1 first (2.5 s)"),
                "(0.0 s); see `sccache-report explain b0000001`",
            ],
        ),
        (
            &[],
            ["time saved 21 s of 1 min 49 s of processor time (20 %; exact for 93 %)"; 4],
        ),
    ] {
        let text = out(&run(&db, args));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in expected {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let build = &json(&db, &["builds"])[1];
    assert_eq!(build["miss_reasons"]["evicted"], 5);
    assert_eq!(build["evicted"], 5);
    assert!(build["processor_seconds"].is_f64());
    for report in ["packages", "trend"] {
        let args = [report, "--columns", "evicted,exact_share,hit_rate_by_cost"];
        let rows = json(&db, &args);
        let row = rows.last().unwrap();
        assert_eq!(row["evicted"], 5);
        assert!(row["hit_rate_by_cost"].as_f64() < Some(0.6), "{row}");
    }
}

#[test]
fn newer_builds_without_compilations_are_named() {
    let (_folder, db) = folder();
    record_explained(&db);
    let start = "2026-11-21T10:00:00Z";
    let mut shared = build(2, "app-misc/foo", "1.2", start, c_stats(1, 1));
    shared.phases[0].attribution = sccache_report::portage::Attribution::Shared;
    let mut imported = build(
        3,
        "app-misc/foo",
        "1.3",
        "2026-11-22T10:00:00Z",
        c_stats(1, 1),
    );
    imported.is_imported = true;
    record(&db, &[shared, imported]);
    let text = out(&run(&db, &["explain", "foo"]));
    assert!(
        text.contains("2 newer builds can't be explained; the newest: it was imported"),
        "{text}"
    );
    assert!(!out(&run(&db, &["explain", "b0000001"])).contains("newer"));
    let shared = run(&db, &["explain", "b0000002"]);
    assert_eq!(shared.status.code(), Some(1));
    let message = err(&shared);
    assert!(message.contains("its server was shared"), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn nothing_to_explain_is_one_line() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let mut first = listed(1, "app-misc/bar", &[miss("a.o", 1)]);
    let mut warm = listed(2, "app-misc/bar", &[hit("a.o", 1)]);
    (first.id, warm.id) = (id(11), id(12));
    record(&db, &[first, warm]);
    for (target, message) in [
        (
            "bar",
            "no compilation missed in app-misc/bar 1 of 2026-11-02 10:00 (build b000000c); earlier \
             misses: `sccache-report explain b000000b`",
        ),
        (
            "emlop",
            "no build of app-portage/emlop has recorded compilations",
        ),
        ("fd", "it was not measured"),
        ("b0000003", "the server's log was missing"),
        ("nope", "no recorded package matches nope"),
    ] {
        for format in ["table", "json"] {
            let output = run(&db, &["explain", target, "--format", format]);
            assert_eq!(output.status.code(), Some(1), "{target}");
            let errors = err(&output);
            assert!(errors.contains(message), "{target}: {errors}");
            assert_eq!(errors.lines().count(), 1, "{errors}");
        }
        assert_eq!(json(&db, &["explain", target]).len(), 0);
    }
}

#[test]
fn sums_remain_without_lists() {
    let (_folder, db) = folder();
    record_explained(&db);
    for (sql, line) in [
        (
            "UPDATE compilation_list SET compilations = x'0102'",
            "The list of compilations in the database is damaged",
        ),
        (
            "DELETE FROM compilation_list",
            "Units are kept for the newest builds of a package",
        ),
    ] {
        Connection::open(&db).unwrap().execute_batch(sql).unwrap();
        let text = out(&run(&db, &["explain", "foo"]));
        assert!(text.contains("evicted"), "{text}");
        assert!(text.contains(line), "{text}");
        assert!(!text.contains(".o"), "{text}");
        let rows = json(&db, &["explain", "foo"]);
        assert_eq!(
            (&rows[0]["count"], &rows[0]["units"]),
            (&5.into(), &serde_json::json!([]))
        );
    }
}
