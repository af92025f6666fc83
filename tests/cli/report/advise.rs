//! Advice as people and scripts get it. Unit tests in src/report/advice cover when each kind of advice
//! is given.

use crate::support::*;
use sccache_report::portage::Build;
use sccache_report::sccache::Stats;
use sccache_report::sccache::compilations::MissReason;

/// Returns three versions of a package that never hits.
fn never_hits() -> Vec<Build> {
    versions(3, 0)
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
    record(&db, &never_hits());
    let output = run(&db, &["advise"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    insta::assert_snapshot!("advise", out(&output));
}

#[test]
fn scripts_get_the_same_advice() {
    let (_folder, db) = folder();
    record(&db, &never_hits());
    let rows = json(&db, &["advise"]);
    let never = &rows[0];
    assert_eq!(never["advice"], "only-misses");
    assert_eq!(never["about"][0], "www-client/firefox");
    assert_eq!(never["sample_builds"], 3);
    assert_eq!(never["numbers"]["misses"], 159);
    let setting = never["setting"].as_str().unwrap();
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
    assert_eq!(overview["advice"][0]["advice"], "only-misses");
    let show = &json(&db, &["show", "firefox"])[0];
    assert_eq!(show["advice"][0]["setting"], never["setting"]);
    assert!(out(&run(&db, &["show", "firefox"])).contains("firefox never hits"));
}

/// Returns three builds, `builds` of them with a server that was killed.
fn unmeasured(builds: usize) -> Vec<Build> {
    let mut all = never_hits();
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
    assert_eq!(rows.len(), 1, "unknown which packages never hit: {rows:?}");
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
    assert!(!out(&run(&db, &[])).contains("never hits"));
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
    record(&db, &never_hits()[..2]);
    let verdict = out(&run(&db, &[]));
    let verdict = verdict.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(verdict.contains("That cost about"), "{verdict}");
}

#[test]
fn notes_are_nothing_to_change() {
    let (_folder, db) = folder();
    let builds = versions(4, 1);
    record(&db, &builds);
    for build in &builds {
        let list = (0..53).map(|n| missed(&format!("crate_{n}"), MissReason::Path, 500));
        insert_list(&db, build, 0, list.collect());
    }
    assert!(!out(&run(&db, &[])).contains("to change"));
    let rows = json(&db, &["advise"]);
    assert_eq!(
        (&rows[0]["advice"], &rows[0]["severity"]),
        (&"cold-versions".into(), &"note".into())
    );
    insta::assert_snapshot!("note", out(&run(&db, &["advise"])));
    let show = out(&run(&db, &["show", "firefox"]));
    assert!(
        show.contains("\nfor your information:\n- New versions start cold"),
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

#[test]
fn the_overview_agrees_with_advise() {
    let (_folder, db) = folder();
    // The first of three is older than the overview's 30 days.
    let mut builds = never_hits();
    let at = at("2026-09-20T10:00:00Z");
    builds[0].started_at = at;
    builds[0].phases[0].started_at = at;
    record(&db, &builds);
    let overview = &json(&db, &[])[0];
    assert_eq!(overview["builds"], 2);
    assert!(
        overview["verdict"]
            .as_str()
            .unwrap()
            .contains("firefox never hits: 3 builds")
    );
    assert_eq!(
        overview["advice"][0]["advice"],
        json(&db, &["advise"])[0]["advice"]
    );
    // An older hit is outside of both periods, one in between is inside of both.
    for (start, named) in [
        ("2026-08-01T10:00:00Z", true),
        ("2026-09-01T10:00:00Z", false),
    ] {
        record(
            &db,
            &[build(
                9 + u128::from(named),
                "www-client/firefox",
                "1",
                start,
                rust_stats(1, 0),
            )],
        );
        let overview = out(&run(&db, &[])).contains("firefox never hits");
        let advise = out(&run(&db, &["advise"])).contains("firefox never hits");
        assert_eq!((overview, advise), (named, named), "{start}");
    }
}

#[test]
fn nothing_to_change_is_success_and_no_builds_is_not() {
    let (_folder, db) = folder();
    record(&db, &never_hits()[..1]);
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
fn the_overview_names_packages_that_never_hit_and_the_cache_size() {
    let (_folder, db) = folder();
    record(&db, &never_hits());
    let text = out(&run(&db, &[]));
    assert!(
        text.contains("www-client/firefox never hits: 3 builds, 159 misses in 90 days."),
        "{text}"
    );
    assert!(
        text.contains("cache       1 GiB of 10 GiB (10.0 %)"),
        "{text}"
    );
    let overview = &json(&db, &[])[0];
    assert_eq!(overview["max_cache_size_bytes"], 10_u64 << 30);
    assert_eq!(overview["by_time"].as_array().unwrap().len(), 3);
}
