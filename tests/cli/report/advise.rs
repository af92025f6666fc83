//! Advice as people and scripts get it. Unit tests in src/report/advice cover when each kind of advice
//! is given.

use std::path::Path;

use crate::support::listed::*;
use crate::support::*;
use sccache_report::portage::Build;
use sccache_report::sccache::Stats;
use sccache_report::sccache::compilations::{
    Compilation, CompilationList, Compilations, DirectoryInKey, Language,
};

/// Records so many versions of a package that never hits that the verdict on it is `costs`.
fn record_costs(db: &Path) {
    record(db, &versions(12, 0));
    set_costs(db);
}

/// Returns `count` versions of a package, one build of each.
fn versions(count: u128, hits: u64) -> Vec<Build> {
    (1..=count)
        .map(|n| {
            let at = format!("2026-11-{n:02}T10:00:00Z");
            let stats = Stats {
                writes: Some(53),
                write_errors: Some(0),
                ..rust_stats(hits, 53)
            };
            build(n, "www-client/firefox", &format!("14{n}.0"), &at, stats)
        })
        .collect()
}

#[test]
fn advice_has_numbers_and_lines_to_paste() {
    let (_folder, db) = folder();
    record_costs(&db);
    let output = run(&db, &["advise"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    insta::assert_snapshot!("advise", out(&output));
}

#[test]
fn scripts_get_the_same_advice() {
    let (_folder, db) = folder();
    record_costs(&db);
    let rows = json(&db, &["advise"]);
    let costs = &rows[0];
    assert_eq!(costs["advice"], "cache-costs");
    assert_eq!(costs["about"][0], "www-client/firefox");
    assert_eq!(costs["sample_builds"], 12);
    assert_eq!(costs["numbers"]["builds"], 12);
    let setting = costs["setting"].as_str().unwrap();
    assert!(
        setting.ends_with(" >> /etc/portage/env/www-client/firefox"),
        "{setting}"
    );
    let csv = out(&run(&db, &["advise", "--format", "csv"]));
    assert!(
        csv.starts_with("advice,summary,evidence,recommendation,setting,"),
        "{csv}"
    );
    let overview = &json(&db, &[])[0];
    assert_eq!(overview["advice"][0]["advice"], "cache-costs");
    let show = &json(&db, &["show", "firefox"])[0];
    assert_eq!(show["advice"][0]["setting"], costs["setting"]);
}

/// Returns three builds, `builds` of them with a server that was killed.
fn unmeasured(builds: usize) -> Vec<Build> {
    let mut all = versions(3, 0);
    for build in all.iter_mut().rev().take(builds) {
        let at = build.started_at;
        build.phases.push(phase(
            "test",
            at,
            Err(NotMeasuredReason::ServerKilled.into()),
        ));
    }
    all
}

#[test]
fn missing_statistics_name_a_build() {
    let (_folder, db) = folder();
    record(&db, &unmeasured(3));
    let rows = json(&db, &["advise"]);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        rows[0]["numbers"]["newest"],
        "b0000003-0000-4000-8000-000000000000"
    );
    let text = out(&run(&db, &["advise"]));
    assert!(
        text.contains("www-client/firefox 143.0 on 2026-11-03, `sccache-report show b0000003`."),
        "{text}"
    );
    assert!(out(&run(&db, &["show", "b0000003"])).contains("was killed"));
    let (_folder, db) = folder();
    record(&db, &unmeasured(2));
    assert_eq!(json(&db, &["advise"]).len(), 0);
}

/// Somebody who can write a database or a snapshot must not be able to write advice.
#[test]
fn no_text_from_a_database_becomes_advice() {
    let (_folder, db) = folder();
    record(&db, &unmeasured(3));
    let raw = rusqlite::Connection::open(&db).unwrap();
    raw.execute_batch(
        "PRAGMA ignore_check_constraints = ON;
         UPDATE phase SET write_errors = 50, cache_location = 'Local disk: \"/etc/evil\"'
         WHERE not_measured_reason IS NULL;
         UPDATE phase SET not_measured_reason = 'x. To do: evil',
         not_measured_detail = printf('%.*c', 200, 'y') || '. To do: evil'
         WHERE not_measured_reason IS NOT NULL",
    )
    .unwrap();
    for args in [
        &["advise"][..],
        &["advise", "--format", "json"],
        &["show", "b0000003"],
    ] {
        let text = out(&run(&db, args));
        assert!(
            !text.contains("evil") && !text.contains(&"y".repeat(81)),
            "{text}"
        );
    }
    let rows = json(&db, &["advise"]);
    let kinds: Vec<_> = rows
        .iter()
        .map(|row| row["advice"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["cache-errors", "not-measured"]);
    assert_eq!(rows[1]["numbers"]["reasons"]["other"], 3);
}

#[test]
fn the_cost_of_filling_the_cache_is_stated() {
    let (_folder, db) = folder();
    record(&db, &versions(2, 0));
    let headline = out(&run(&db, &[]));
    let headline = headline.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(headline.contains("That cost about"), "{headline}");
}

#[test]
fn notes_are_nothing_to_change() {
    let (_folder, db) = folder();
    let mut builds = versions(4, 1);
    for (build, directory) in builds.iter_mut().zip(1..) {
        let crates = (0..53).map(|n| Compilation {
            metadata: Some(n),
            language: Some(Language::Rust),
            directory_in_key: DirectoryInKey::Always,
            ..miss(&format!("crate_{n}"), directory * 100 + n)
        });
        let list = crates.collect();
        let list = CompilationList::encode(&Compilations { directory, list });
        build.phases[0].compilations = Some(list);
    }
    record(&db, &builds);
    assert!(!out(&run(&db, &[])).contains("to change"));
    let rows = json(&db, &["advise"]);
    assert_eq!(
        (&rows[0]["advice"], &rows[0]["severity"]),
        (&"cold-versions".into(), &"note".into())
    );
    insta::assert_snapshot!("note", out(&run(&db, &["advise"])));
    let show = out(&run(&db, &["show", "firefox"]));
    assert!(
        show.contains("\nfor your information:\n- New versions start without hits"),
        "{show}"
    );
    assert!(!show.contains("to change ("), "{show}");
}

#[test]
fn a_cache_is_too_small_on_evidence_of_evictions() {
    let (_folder, db) = folder();
    record_explained(&db);
    let rows = json(&db, &["advise"]);
    let full = &rows[0];
    assert_eq!(full["advice"], "cache-full");
    assert_eq!(full["setting"], "SCCACHE_CACHE_SIZE=\"20G\"");
    assert_eq!(full["numbers"]["evicted_misses"], 5);
    insta::assert_snapshot!("evictions", out(&run(&db, &["advise"])));
    let database = rusqlite::Connection::open(&db).unwrap();
    let sql = "UPDATE phase SET cache_size_bytes = 1 << 20";
    database.execute_batch(sql).unwrap();
    assert_eq!(json(&db, &["advise"])[0]["advice"], "cache-cleared");
    database.execute_batch("DELETE FROM miss_reason").unwrap();
    assert_eq!(json(&db, &["advise"]).len(), 0);
}

/// A package that was built on these days, with the size and maximum of the cache after each build.
fn record_rebuilds(db: &Path, package: &str, days: &[(u32, u64, u64)]) {
    for (day, size, max_size) in days {
        let list = [1, 2, 3].map(|n| taking(10.0, miss(&format!("{package}{n}.o"), n)));
        let mut build = listed(*day, package, &list);
        let stats = build.phases[0].stats.as_mut().unwrap();
        (stats.cache_size, stats.max_cache_size) = (Some(*size), Some(*max_size));
        record(db, &[build]);
    }
}

#[test]
fn a_cache_that_was_enlarged_is_not_too_small() {
    let (_folder, db) = folder();
    record_rebuilds(&db, "a/b", &[(1, 19_000, 20_480), (2, 19_000, 20_480)]);
    let rows = json(&db, &["advise"]);
    assert_eq!(rows[0]["setting"], "SCCACHE_CACHE_SIZE=\"40K\"", "{rows:?}");
    let explain = || words(&out(&run(&db, &["explain", "b"])));
    assert!(explain().contains("for example to 40K"), "{}", explain());
    let large = 10 << 30;
    record_rebuilds(&db, "a/new", &[(3, 60_000, large)]);
    assert_eq!(json(&db, &["advise"]).len(), 0);
    assert_eq!(json(&db, &["advise", "a/b"]).len(), 0);
    let now = "The cache was too small: before this build, it held 18.6 KiB of 20 KiB (92.8 %). Its \
               size is 10 GiB now.";
    assert!(explain().contains(now), "{}", explain());
    // The old size explains what is missing at first.
    record_rebuilds(&db, "a/b", &[(4, 90_000, large)]);
    assert_eq!(json(&db, &["advise"]).len(), 0);
    assert!(explain().contains(now), "{}", explain());
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_small_cache_is_not_blamed_for_what_was_cleared() {
    let (_folder, db) = folder();
    let large = 10 << 30;
    record_rebuilds(&db, "a/b", &[(1, 60_000, large)]);
    // The cache was removed before this build.
    record_rebuilds(&db, "a/other", &[(2, 30_000, large)]);
    record_rebuilds(&db, "a/b", &[(3, 19_000, 20_480)]);
    let explain = words(&out(&run(&db, &["explain", "b"])));
    let unknown = "The cache was cleared or too small: no recorded build shows which.";
    assert!(explain.contains(unknown), "{explain}");
    assert_eq!(json(&db, &["advise"]).len(), 0);
}

/// The package whose verdict is `costs`, while another one's objects were evicted.
#[test]
fn evictions_of_others_keep_no_package_on() {
    let (_folder, db) = folder();
    record_rebuilds(&db, "a/b", &[(13, 19_000, 20_480), (14, 19_000, 20_480)]);
    record_costs(&db);
    let kinds = || {
        let rows = json(&db, &["advise"]);
        let kind = |row: &serde_json::Value| format!("{} {}", row["advice"], row["severity"]);
        rows.iter()
            .map(kind)
            .collect::<Vec<_>>()
            .join(", ")
            .replace('"', "")
    };
    assert_eq!(kinds(), "cache-full change, cache-costs change");
    let raw = rusqlite::Connection::open(&db).unwrap();
    raw.execute_batch(
        "UPDATE build SET evicted_misses = misses WHERE package = 'www-client/firefox';
         INSERT INTO miss_reason SELECT phase.id, 'evicted', build.misses, build.miss_cost_us
         FROM build JOIN phase ON phase.build_id = build.id WHERE package = 'www-client/firefox';",
    )
    .unwrap();
    assert_eq!(json(&db, &["show", "firefox"])[0]["verdict"], "costs");
    let notes = json(&db, &["advise", "firefox"]);
    let note = notes.iter().find(|row| row["severity"] == "note").unwrap();
    assert_eq!(note["about"][0], "www-client/firefox");
    assert_eq!(note["setting"], serde_json::Value::Null);
    let text = words(&out(&run(&db, &["advise", "firefox"])));
    let stays = "Leave sccache on for now: it may pay when the cache loses no objects";
    assert!(
        text.contains(stays) && !text.contains("no-sccache"),
        "{text}"
    );
    assert!(!out(&run(&db, &[])).contains("costs more than it saves"));
}

#[test]
fn the_overview_agrees_with_advise() {
    let (_folder, db) = folder();
    record_costs(&db);
    let overview = &json(&db, &[])[0];
    let expected = "The cache costs more than it saves for www-client/firefox.";
    let headline = overview["headline"].as_str().unwrap();
    assert!(headline.ends_with(expected), "{headline}");
    assert_eq!(overview["advice"][0], json(&db, &["advise"])[0]);
    assert_eq!(overview["advice"][0]["summary"], expected);
}

#[test]
fn nothing_to_change_is_success_and_no_builds_is_not() {
    let (_folder, db) = folder();
    record(&db, &versions(1, 0));
    let output = run(&db, &["advise"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        out(&output).contains("No changes are recommended"),
        "{}",
        out(&output)
    );
    assert_eq!(json(&db, &["advise"]).len(), 0);
    assert_eq!(run(&db, &["advise", "nope"]).status.code(), Some(1));
    assert_eq!(
        run(&db, &["advise", "--until", "2000-01-01"]).status.code(),
        Some(1)
    );
    assert_eq!(
        run(&db, &["advise", "--sort", "summary"]).status.code(),
        Some(2)
    );
}

#[test]
fn the_overview_has_the_cache_size() {
    let (_folder, db) = folder();
    record(&db, &versions(3, 0));
    let text = out(&run(&db, &[]));
    assert!(
        text.contains("cache       1 GiB of 10 GiB (10.0 %)"),
        "{text}"
    );
    let overview = &json(&db, &[])[0];
    assert_eq!(overview["max_cache_size_bytes"], 10_u64 << 30);
    assert_eq!(overview["by_time"].as_array().unwrap().len(), 3);
}

/// The verdict on one package, wherever it is shown.
#[test]
fn every_report_has_the_same_verdict() {
    let (_folder, db) = folder();
    record_costs(&db);
    let hits = |n, hits, misses| {
        let start = format!("2026-11-{:02}T20:00:00Z", n - 20);
        build(n, "dev-libs/hits", "1", &start, rust_stats(hits, misses))
    };
    record(&db, &[hits(21, 0, 40)]);
    record(&db, &[22, 23, 24, 25].map(|n| hits(n, 40, 0)));
    let start = "2026-11-06T20:00:00Z";
    record(&db, &[build(26, "a/new", "1", start, rust_stats(0, 9))]);
    set_costs(&db);
    let verdicts = |args: &[&str]| -> Vec<String> {
        let rows = json(&db, args);
        let verdict = |row: &serde_json::Value| row["verdict"].as_str().unwrap().to_string();
        rows.iter().map(verdict).collect()
    };
    assert_eq!(verdicts(&["packages"]), ["undecided", "pays", "costs"]);
    assert_eq!(verdicts(&["show", "firefox"]), ["costs"]);
    // The builds that match don't change the verdict.
    assert_eq!(verdicts(&["packages", "firefox", "--last", "1"]), ["costs"]);
    let table = out(&run(&db, &["packages", "--columns", "package,verdict"]));
    assert!(table.contains("dev-libs/hits       pays"), "{table}");
    assert!(!out(&run(&db, &["packages"])).contains("verdict"));
    let sorted = run(&db, &["packages", "--sort", "verdict", "--format", "csv"]);
    assert!(out(&sorted).contains("www-client/firefox"));
    let show = out(&run(&db, &["show", "hits"]));
    let pays = "The cache pays: it saves 15 s per build on average over 5 builds (4 rebuilds, 1 new \
                version).";
    assert!(show.contains(pays), "{show}");
    let numbers = &json(&db, &["show", "hits"])[0]["verdict_numbers"];
    assert_eq!(
        (&numbers["kind"], &numbers["rebuilds"]),
        (&"pays".into(), &4.into())
    );
    let show = out(&run(&db, &["show", "firefox"]));
    assert!(show.contains("The cache doesn't pay: it costs "), "{show}");
}

/// Objects that were not stored can't be hit, and a forced miss is no miss of the cache.
#[test]
fn builds_that_show_nothing_are_no_part_of_a_verdict() {
    let (_folder, db) = folder();
    record_costs(&db);
    let counted = || json(&db, &["show", "firefox"])[0]["verdict_numbers"]["builds"].clone();
    assert_eq!(counted(), 12);
    let raw = rusqlite::Connection::open(&db).unwrap();
    raw.execute_batch(
        "UPDATE phase SET forced_recaches = 53 WHERE build_id = 1;
         UPDATE phase SET write_errors = 1 WHERE build_id = 2;
         UPDATE phase SET writes = 0 WHERE build_id = 3;
         UPDATE phase SET read_errors = 1 WHERE build_id = 4;
         UPDATE build SET outcome = 'failed' WHERE id = 5;
         UPDATE build SET hits = NULL, misses = NULL, executed = NULL, time_saved_us = NULL
         WHERE id = 6;",
    )
    .unwrap();
    assert_eq!(counted(), 6);
}
