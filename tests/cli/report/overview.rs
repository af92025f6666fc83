//! The period of the overview, and its filters.

use crate::support::*;
use chrono::{TimeDelta, Utc};
use sccache_report::portage::Build;
use serde_json::Value;

/// Returns a build of another package, this long from now.
fn dated(number: u128, from_now: TimeDelta) -> Build {
    let at = (Utc::now() + from_now).to_rfc3339();
    build(number, "a/dated", "1", &at, rust_stats(1, 1))
}

#[test]
fn what_is_dated_in_the_future_leaves_the_rest_in() {
    let (_folder, db) = folder();
    let recent = [
        dated(1, TimeDelta::days(-20)),
        dated(2, TimeDelta::days(-70)),
    ];
    record(&db, &recent);
    record(&db, &[dated(3, TimeDelta::hours(23))]);
    let overview = |builds: u64| {
        let output = run(&db, &["--format", "json"]);
        let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(rows["rows"][0]["builds"], builds, "{}", out(&output));
        err(&output)
    };
    assert_eq!(overview(2), "", "a day ahead, as clocks may be");
    record(
        &db,
        &[
            dated(4, TimeDelta::hours(25)),
            dated(5, TimeDelta::days(9999)),
        ],
    );
    let told = overview(2);
    assert_eq!(told.lines().count(), 1, "{told}");
    let said = "ignored builds dated in the future; list them with `";
    assert!(told.contains(said), "{told}");
    // The named command shows them.
    let command: Vec<&str> = told.split('`').nth(1).unwrap().split(' ').skip(1).collect();
    let shown = out(&run(&db, &[&command[..], &["--format", "csv"]].concat()));
    assert!(
        shown.contains("b0000004-") && shown.contains("b0000005-"),
        "{shown}"
    );
    let advise = run(&db, &["advise"]);
    assert!(
        out(&advise).contains("Based on 3 builds"),
        "{}",
        out(&advise)
    );
    assert!(err(&advise).contains(said), "{}", err(&advise));
    assert_eq!(err(&run(&db, &["--since", "2000"])), "", "asked for");
}

#[test]
fn where_all_is_dated_in_the_future_it_is_what_there_is() {
    let (_folder, db) = folder();
    record(
        &db,
        &[
            dated(1, TimeDelta::days(100)),
            dated(2, TimeDelta::days(110)),
        ],
    );
    let output = run(&db, &[]);
    assert!(out(&output).contains("2 of 1 package"), "{}", out(&output));
    assert_eq!(err(&output), "");
}

#[test]
fn the_last_emerge_has_the_builds_that_were_asked_for() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (args, said, builds) in [
        (&[][..], ", 3 builds, hit rate 81.2 %:", 3),
        (&["--outcome", "failed"], ", 1 build, hit rate 71.4 %:", 1),
        (&["--language", "c"], ", 2 builds, hit rate 35.3 %:", 2),
        (&["--until", "2026-11-01"], ", 1 build, hit rate 0.0 %:", 1),
    ] {
        let text = out(&run(&db, args));
        let line = text.lines().find(|line| line.starts_with("last emerge"));
        assert!(line.unwrap().contains(said), "{args:?}: {text}");
        let rows = json(&db, args);
        assert_eq!(rows[0]["last_emerge"]["builds"], builds, "{args:?}");
        let emerges = json(&db, &[&["emerges"], args].concat());
        assert_eq!(rows[0]["last_emerge"], *emerges.last().unwrap(), "{args:?}");
    }
    let none = out(&run(&db, &["--outcome", "packaged"]));
    assert!(!none.contains("last emerge"), "{none}");
}

#[test]
fn the_overview_has_a_name() {
    let (_folder, db) = folder();
    record(&db, &sample());
    assert_eq!(out(&run(&db, &["overview"])), out(&run(&db, &[])));
    let of_that_name = run(&db, &["packages", "overview"]);
    assert_eq!(of_that_name.status.code(), Some(1));
}

#[test]
fn how_old_is_said_of_what_the_cache_held() {
    let (_folder, db) = folder();
    let known = build(1, "a/b", "1", "2026-10-25T12:00:00Z", rust_stats(1, 1));
    record(&db, &[known]);
    let cache = |db| -> String {
        let text = out(&run(db, &[]));
        let line = text.lines().find(|line| line.starts_with("cache "));
        line.unwrap().to_string()
    };
    assert_eq!(cache(&db), "cache       1 GiB of 10 GiB (10.0 %)");
    // The last one is unknown.
    record(
        &db,
        &[build(2, "a/c", "1", "2026-10-26T11:00:00Z", c_stats(1, 1))],
    );
    record(
        &db,
        &[build(3, "a/c", "1", "2026-11-06T13:00:00Z", c_stats(1, 1))],
    );
    assert_eq!(
        cache(&db),
        "cache       1 GiB of 10 GiB (10.0 %), as of 2026-10-25"
    );
    assert_eq!(json(&db, &[])[0]["cache_at"], "2026-10-25T12:00:00Z");
}

#[test]
fn json_says_what_advice_looked_at() {
    let (_folder, db) = folder();
    for (n, day) in (1..).zip(["09-10", "09-20", "09-21", "10-01", "10-02", "11-10"]) {
        let mut stats = rust_stats(0, 50);
        (stats.writes, stats.write_errors) = (Some(50), Some(0));
        let start = format!("2026-{day}T12:00:00Z");
        record(&db, &[build(n, "a/b", &n.to_string(), &start, stats)]);
    }
    set_costs(&db);
    let overview = &json(&db, &[])[0];
    let piece = &json(&db, &["advise"])[0];
    assert_eq!(overview["advice"][0], *piece);
    assert_eq!(piece["about"][0], "a/b");
    for name in ["sample_builds", "sample_from", "sample_to"] {
        assert_eq!(overview[name], piece[name]);
    }
    assert_eq!(overview["sample_from"], "2026-09-10T12:00:00Z");
    assert_eq!(overview["builds"], 1, "of 30 days");
    let show = &json(&db, &["show", "a/b"])[0];
    assert_eq!(show["advice"][0]["sample_builds"], 6);
    // The verdict on a package doesn't depend on the filter.
    let newest = &json(&db, &["--last", "1"])[0];
    assert_eq!(newest["advice"][0]["numbers"]["builds"], 6);
    assert_eq!(newest["sample_builds"], 1);
}

/// A package's first build fills the cache. A later build without hits is a loss, even if it is the only one in 30 days.
#[test]
fn only_the_first_build_ever_is_no_loss() {
    let cold = |n, package, day| {
        let mut stats = rust_stats(0, 90);
        (stats.writes, stats.write_seconds) = (Some(90), Some(40.0));
        build(n, package, "1", day, stats)
    };
    let unmeasured = |n, package, day| {
        let mut build = cold(n, package, day);
        build.phases[0].stats = Err(NotMeasuredReason::ServerKilled.into());
        build
    };
    let (_folder, db) = folder();
    record(
        &db,
        &[
            cold(1, "a/again", "2020-01-01T10:00:00Z"),
            unmeasured(2, "a/unknown-before", "2020-01-02T10:00:00Z"),
            cold(3, "a/again", "2026-11-01T10:00:00Z"),
            cold(4, "a/unknown-before", "2026-11-01T11:00:00Z"),
            cold(5, "a/first", "2026-11-01T12:00:00Z"),
            cold(6, "a/twice", "2026-11-01T13:00:00Z"),
            cold(7, "a/twice", "2026-11-01T14:00:00Z"),
        ],
    );
    let worst = |args: &[&str]| -> Vec<String> {
        let rows = json(&db, args);
        let worst = rows[0]["worst"].as_array().unwrap();
        let name = |row: &Value| row["package"].as_str().unwrap().to_string();
        worst.iter().map(name).collect()
    };
    assert_eq!(worst(&[]), ["a/twice", "a/again"]);
    assert_eq!(worst(&["--until", "2026-10"]), Vec::<String>::new());
    assert_eq!(worst(&["--last", "3"]), ["a/twice"]);
}
