//! Advice as people and scripts get it. When each piece is given and when it is not: the tests
//! beside each (src/report/advise/).

mod common;

use common::*;
use sccache_report::portage::Build;
use sccache_report::sccache::Stats;

/// Three versions of a package that never hits.
fn never_hits() -> Vec<Build> {
    (1..=3)
        .map(|n| {
            let at = format!("2026-11-{n:02}T10:00:00Z");
            let stats = Stats {
                writes: Some(53),
                write_errors: Some(0),
                ..rust_stats(0, 53)
            };
            build(n, "www-client/firefox", &format!("14{n}.0"), &at, stats)
        })
        .collect()
}

#[test]
fn each_piece_has_its_numbers_and_its_lines() {
    let (_folder, db) = folder();
    record(&db, &never_hits());
    let output = run(&db, &["advise"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    insta::assert_snapshot!("advise", out(&output));
}

#[test]
fn scripts_get_the_same() {
    let (_folder, db) = folder();
    record(&db, &never_hits());
    let rows = json(&db, &["advise"]);
    let never = &rows[0];
    assert_eq!(never["advice"], "only-misses");
    assert_eq!(never["about"][0], "www-client/firefox");
    assert_eq!(never["looked_at_builds"], 3);
    assert_eq!(never["numbers"]["misses"], 159);
    let setting = never["setting"].as_str().unwrap();
    assert!(
        setting.contains("\nwww-client/firefox no-sccache.conf"),
        "{setting}"
    );
    let csv = out(&run(&db, &["advise", "--format", "csv"]));
    assert!(
        csv.starts_with("advice,says,evidence,to_do,setting,"),
        "{csv}"
    );
    let overview = &json(&db, &[])[0];
    assert_eq!(overview["advice"][0]["advice"], "only-misses");
    let show = &json(&db, &["show", "firefox"])[0];
    assert_eq!(show["advice"][0]["setting"], never["setting"]);
    assert!(out(&run(&db, &["show", "firefox"])).contains("firefox never hits"));
}

#[test]
fn nothing_to_change_is_an_answer_and_no_builds_is_none() {
    let (_folder, db) = folder();
    record(&db, &never_hits()[..1]);
    let output = run(&db, &["advise"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        out(&output).contains("Nothing to change"),
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
        run(&db, &["advise", "--sort", "says"]).status.code(),
        Some(2)
    );
}

#[test]
fn the_overview_names_who_never_hits_and_how_full_the_cache_is() {
    let (_folder, db) = folder();
    record(&db, &never_hits());
    let text = out(&run(&db, &[]));
    assert!(
        text.contains("www-client/firefox never hits: 3 builds, 159 misses."),
        "{text}"
    );
    assert!(
        text.contains("cache       1.0 of 10.0 GiB (10.0 %)"),
        "{text}"
    );
    let overview = &json(&db, &[])[0];
    assert_eq!(overview["max_cache_size_bytes"], 10_u64 << 30);
    assert_eq!(overview["by_time"].as_array().unwrap().len(), 3);
}
