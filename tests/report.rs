//! The command line of sccache-report: what it prints, and how it exits.

mod common;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::*;
use serde_json::Value;

fn program() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sccache-report"));
    command.env_clear().env("TZ", "UTC0");
    command
}

fn run(db: &Path, args: &[&str]) -> Output {
    program().arg("--db").arg(db).args(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(db: &Path, args: &[&str]) -> Vec<Value> {
    let output = run(db, &[args, &["--format", "json"]].concat());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], 1);
    document["rows"].as_array().unwrap().clone()
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn exit_status() {
    let (folder, db) = folder();
    record(&db, &sample());
    for (args, status) in [
        (&[][..], 0),
        (&["emlop"], 0),
        (&["app-portage/emlop"], 0),
        (&["sys-*/*"], 0),
        (&["-e", "^sys"], 0),
        (&["packages"], 0),
        (&["builds", "emlop", "fd"], 0),
        (&["emerges"], 0),
        (&["trend", "--by", "month"], 0),
        (&["show", "emlop"], 0),
        (&["show", "b0000001"], 0),
        (&["show", "b0000001-0000-4000-8000-000000000000"], 0),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["builds", "--help"], 0),
        (&["nothing-like-it"], 1),
        (&["packages", "nothing-like-it"], 1),
        (&["builds", "--since", "2030-01-01"], 1),
        (&["builds", "--limit", "0"], 1),
        (&["emerges", "--until", "2000-01-01"], 1),
        (&["--until", "2000-01-01"], 1),
        (&["show", "nothing-like-it"], 1),
        (&["show", "b00000ff"], 1),
        (&["show", "sys-*/*"], 2),
        (&["builds", "--since", "whenever"], 2),
        (&["builds", "--sort", "colour"], 2),
        (&["builds", "--format", "xml"], 2),
        (&["builds", "-e", "("], 2),
        (&["builds", "[a"], 2),
        (&["trend", "--by", "hour"], 2),
        (&["show"], 2),
        (&["emlop", "builds"], 0),
    ] {
        let output = run(&db, args);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{args:?}: {}",
            err(&output)
        );
        assert_eq!(output.stderr.is_empty(), status == 0, "{args:?}");
        assert_eq!(output.stdout.is_empty(), status != 0, "{args:?}");
        assert!(status != 1 || err(&output).lines().count() == 1, "{args:?}");
    }
    let missing = run(&folder.path().join("nothing.db"), &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        err(&missing).contains("there is no database at"),
        "{}",
        err(&missing)
    );
    assert!(
        err(&missing).contains("install the hook"),
        "{}",
        err(&missing)
    );
}

#[test]
fn nothing_is_an_empty_document_too() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for args in [
        &["packages", "nope"][..],
        &["builds", "nope"],
        &["show", "nope"],
        &["nope"],
        &["trend", "nope"],
        &["emerges", "--until", "2000-01-01"],
        &["--until", "2000-01-01"],
    ] {
        assert_eq!(json(&db, args), Vec::<Value>::new(), "{args:?}");
    }
}

#[test]
fn builds_in_json_follow_the_contract() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let rows = json(&db, &["builds"]);
    assert_eq!(rows.len(), 6);
    assert_eq!(
        keys(&rows[0]).join(" "),
        "id package version slot repository host emerge outcome started_at finished_at hits \
         misses hit_rate coverage requests executed errors compile_failures non_cacheable \
         time_saved_seconds sccache_version attribution languages not_cached phases"
    );
    let warm = &rows[1];
    assert_eq!(warm["id"], "b0000002-0000-4000-8000-000000000000");
    assert_eq!(warm["emerge"], "e0000002-0000-4000-8000-000000000000");
    assert_eq!(warm["started_at"], "2026-11-20T18:00:00Z");
    assert_eq!((&warm["hits"], &warm["misses"]), (&63.into(), &5.into()));
    assert_eq!(warm["hit_rate"], 63.0 / 68.0);
    assert_eq!(warm["coverage"], 68.0 / 114.0);
    assert_eq!(
        warm["languages"]["Rust"],
        serde_json::json!({"hits": 63, "misses": 5, "errors": 0})
    );
    assert_eq!(warm["not_cached"]["crate-type"], 30);
    assert_eq!(keys(&warm["phases"]), ["compile", "test"]);
    assert_eq!(warm["phases"]["test"]["hits"], 10);
    assert_eq!(warm["phases"]["test"]["measured"], true);
    assert_eq!(warm["phases"]["compile"]["languages"]["Rust"]["hits"], 53);
    let half = &rows[3];
    assert_eq!(half["phases"]["test"]["measured"], false);
    assert_eq!(
        half["phases"]["test"]["not_measured"],
        "the server didn't answer"
    );
    assert_eq!(half["phases"]["test"]["hits"], Value::Null);
    let none = &rows[4];
    assert_eq!(
        (&none["hits"], &none["hit_rate"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(none["outcome"], "interrupted");
    assert_eq!(rows[5]["attribution"], "shared");
}

#[test]
fn the_other_reports_in_json_follow_the_contract() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let packages = json(&db, &["packages"]);
    assert_eq!(
        keys(&packages[0]).join(" "),
        "package builds first_at last_at hits misses hit_rate coverage time_saved_seconds \
         last_version last_hit_rate"
    );
    assert_eq!(packages[0]["package"], "app-portage/emlop");
    assert_eq!(packages[0]["hit_rate"], 63.0 / 121.0);
    assert_eq!(packages[0]["last_hit_rate"], 63.0 / 68.0);
    let emerges = json(&db, &["emerges"]);
    assert_eq!(
        keys(&emerges[0]).join(" "),
        "id host command started_at builds failed hits misses hit_rate time_saved_seconds"
    );
    assert_eq!(
        (&emerges[1]["builds"], &emerges[1]["failed"]),
        (&3.into(), &1.into())
    );
    let trend = json(&db, &["trend", "--by", "day"]);
    assert_eq!(
        keys(&trend[0]).join(" "),
        "period builds hits misses hit_rate coverage time_saved_seconds"
    );
    let periods: Vec<_> = trend
        .iter()
        .map(|row| row["period"].as_str().unwrap())
        .collect();
    assert_eq!(periods, ["2026-11-01", "2026-11-20", "2026-11-21"]);
    let show = &json(&db, &["show", "emlop"])[0];
    assert_eq!(
        keys(show)[11..].join(" "),
        "languages compilers not_cached phases history"
    );
    assert_eq!(show["phases"]["compile"]["hits"], 53);
    assert_eq!(show["history"].as_array().unwrap().len(), 2);
    assert_eq!(show["history"][0]["phases"]["compile"]["misses"], 53);
    let build = &json(&db, &["show", "b0000003"])[0];
    assert_eq!(build["package"], "dev-libs/quazip");
    assert_eq!(build["compilers"]["c++ [gcc]"]["errors"], 1);
    let overview = &json(&db, &[])[0];
    assert_eq!(
        (&overview["builds"], &overview["hits"]),
        (&6.into(), &72.into())
    );
    assert_eq!(overview["best"][0]["package"], "app-portage/emlop");
    assert_eq!(
        overview["last_emerge"]["command"],
        "emerge --update --deep @world"
    );
    assert_eq!(json(&db, &["emlop"])[0], *show);
}

#[test]
fn csv_and_tsv_have_the_columns_of_json_without_the_nested() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for command in ["builds", "packages", "emerges", "trend"] {
        let rows = json(&db, &[command]);
        let flat = |row: &Value| -> Vec<String> {
            let row = row.as_object().unwrap();
            row.iter()
                .filter(|(_, v)| !v.is_object())
                .map(|(k, _)| k.clone())
                .collect()
        };
        for (format, by) in [("csv", b','), ("tsv", b'\t')] {
            let output = run(&db, &[command, "--format", format]);
            let mut reader = csv::ReaderBuilder::new()
                .delimiter(by)
                .from_reader(output.stdout.as_slice());
            assert_eq!(reader.headers().unwrap(), flat(&rows[0]), "{command}");
            assert_eq!(reader.records().map(Result::unwrap).count(), rows.len());
        }
    }
    let output = run(&db, &["builds", "emlop", "--format", "csv", "--last", "1"]);
    assert!(
        out(&output).contains(",0.9264705882352942,"),
        "{}",
        out(&output)
    );
}

#[test]
fn tables_are_aligned_and_say_what_is_wrong() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (name, args) in [
        ("overview", &[][..]),
        ("packages", &["packages"]),
        ("builds", &["builds"]),
        ("emerges", &["emerges"]),
        ("trend", &["trend", "--by", "week"]),
        ("show_package", &["show", "emlop"]),
        ("show_build", &["show", "b0000004"]),
    ] {
        insta::assert_snapshot!(name, out(&run(&db, args)));
    }
}

#[test]
fn sorting_limits_and_filters() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (args, expected) in [
        (
            &["packages", "--sort", "misses", "--limit", "2"][..],
            "emlop ccls",
        ),
        (
            &["packages", "--sort", "misses:asc"],
            "ripgrep quazip ccls emlop fd",
        ),
        (
            &["packages", "--sort", "hit_rate"],
            "ripgrep quazip emlop ccls fd",
        ),
        (
            &["packages", "--sort", "package:desc", "--limit", "1"],
            "ripgrep",
        ),
        (&["packages", "--last", "2"], "fd ripgrep"),
        (
            &["packages", "--outcome", "failed,interrupted"],
            "quazip fd",
        ),
        (&["packages", "--since", "2026-11-21"], "fd ripgrep"),
        (&["packages", "--until", "2026-11-01"], "emlop"),
        (&["packages", "-e", "zip$|^dev-util"], "quazip ccls"),
        (&["builds", "emlop", "--last", "1"], "emlop"),
    ] {
        let rows = json(&db, args);
        let names: Vec<_> = rows
            .iter()
            .map(|row| row["package"].as_str().unwrap().split_once('/').unwrap().1)
            .collect();
        assert_eq!(names.join(" "), expected, "{args:?}");
    }
}

#[test]
fn what_others_wrote_cannot_steer_the_terminal() {
    let (_folder, db) = folder();
    let mut bad = build(
        1,
        "a/b\x1b]0;x\x07",
        "1\n2\u{9b}",
        "2026-11-01T10:00:00Z",
        rust_stats(1, 1),
    );
    bad.emerge = Some(emerge(
        1,
        "emerge \x1b[2J\r\u{202e}x",
        "2026-11-01T09:00:00Z",
    ));
    bad.phases
        .push(phase("test", bad.started_at, Err("\x1b[31mred".into())));
    let stats = bad.phases[0].stats.as_mut().unwrap();
    stats.not_cached.insert("\x1bc".into(), 1);
    stats.hits.languages.insert("\x1b[1m".into(), 1);
    record(&db, &[bad]);
    for args in [
        &[][..],
        &["builds"],
        &["packages"],
        &["emerges"],
        &["show", "b?*"],
        &["show", "b0000001"],
    ] {
        let output = run(&db, args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(
            !out(&output).contains(steers),
            "{args:?}: {:?}",
            out(&output)
        );
    }
}

#[test]
fn colours_only_when_asked_for_or_on_a_terminal() {
    let (_folder, db) = folder();
    record(&db, &sample());
    assert!(!out(&run(&db, &["builds"])).contains('\x1b'));
    assert!(out(&run(&db, &["builds", "--color", "always"])).contains('\x1b'));
    assert!(!out(&run(&db, &["builds", "--color", "never"])).contains('\x1b'));
}

#[test]
fn times_are_local_in_tables() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let output = program()
        .env("TZ", "XST-5:45")
        .env("SCCACHE_REPORT_DB", &db)
        .args(["builds", "--last", "1"])
        .output()
        .unwrap();
    assert!(
        out(&output).contains("2026-11-21 14:45"),
        "{}",
        out(&output)
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let (_folder, db) = folder();
    let many: Vec<_> = (1..200)
        .map(|n| build(n, "a/b", "1", "2026-11-01T10:00:00Z", rust_stats(1, 1)))
        .collect();
    record(&db, &many);
    for format in ["table", "json", "csv"] {
        let mut child = program()
            .arg("--db")
            .arg(&db)
            .args(["builds", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_eq!(err(&output), "", "{format}");
    }
}

#[test]
fn anybody_reads_while_root_writes() {
    let (folder, db) = folder();
    record(&db, &sample());
    let writer = rusqlite::Connection::open(&db).unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; UPDATE build SET version = 'uncommitted'")
        .unwrap();
    let owner = std::fs::metadata("/proc/self").map(|p| std::os::unix::fs::MetadataExt::uid(&p));
    if owner.unwrap() != 0 {
        eprintln!("anybody_reads_while_root_writes: needs root to become user 65534: NOT RUN");
        return;
    }
    let copy = folder.path().join("sccache-report");
    std::fs::copy(assert_cmd::cargo::cargo_bin!("sccache-report"), &copy).unwrap();
    for args in [
        &[][..],
        &["emlop"],
        &["packages"],
        &["builds"],
        &["emerges"],
        &["trend"],
        &["show", "emlop"],
    ] {
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
