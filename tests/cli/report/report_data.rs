//! What scripts read: the names and values of JSON, CSV and TSV are the contract's.

use crate::support::*;
use sccache_report::store::Store;
use serde_json::Value;

#[test]
fn nothing_is_an_empty_document_too() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for args in [
        &["packages", "nope"][..],
        &["builds", "nope"],
        &["show", "nope"],
        &["explain", "nope"],
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
         time_saved_seconds processor_seconds hit_rate_by_cost exact_share hit_cost_seconds \
         miss_cost_seconds exact_cost_seconds evicted \
         sccache_version attribution unmeasured_phases miss_reasons stable_paths languages not_cached phases"
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
        "the sccache server did not answer"
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
        "package first_at last_at builds failed interrupted incomplete shared hits misses \
         hit_rate coverage time_saved_seconds hit_rate_by_cost exact_share evicted last_version \
         last_hit_rate verdict"
    );
    assert_eq!(packages[0]["package"], "app-portage/emlop");
    assert_eq!(packages[0]["hit_rate"], 63.0 / 121.0);
    assert_eq!(packages[0]["last_hit_rate"], 63.0 / 68.0);
    let emerges = json(&db, &["emerges"]);
    assert_eq!(
        keys(&emerges[0]).join(" "),
        "id host command started_at builds failed interrupted incomplete shared hits misses \
         hit_rate coverage time_saved_seconds hit_rate_by_cost exact_share evicted"
    );
    assert_eq!(
        (&emerges[1]["builds"], &emerges[1]["failed"]),
        (&3.into(), &1.into())
    );
    let trend = json(&db, &["trend", "--by", "day"]);
    assert_eq!(
        keys(&trend[0]).join(" "),
        "period builds failed interrupted incomplete shared hits misses hit_rate coverage \
         time_saved_seconds hit_rate_by_cost exact_share evicted"
    );
    let periods: Vec<_> = trend
        .iter()
        .map(|row| row["period"].as_str().unwrap())
        .collect();
    assert_eq!(periods, ["2026-11-01", "2026-11-20", "2026-11-21"]);
    let show = &json(&db, &["show", "emlop"])[0];
    assert_eq!(
        keys(show)[19..].join(" "),
        "languages compilers not_cached phases history versions sccache_versions \
         advice verdict_numbers"
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
                .filter(|(k, v)| {
                    !v.is_object() && !["miss_reasons", "stable_paths"].contains(&k.as_str())
                })
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
fn what_is_unknown_or_gone_hides_no_build() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let connection = rusqlite::Connection::open(&db).unwrap();
    let sql = |text| connection.execute_batch(text).unwrap();
    sql("UPDATE phase_language SET errors = NULL");
    assert_eq!(json(&db, &["builds", "--language", "rust"]).len(), 3);
    // Only somebody else's SQL does that; the shell doesn't mind what refers to it.
    sql("PRAGMA foreign_keys = OFF; DELETE FROM emerge");
    let builds = json(&db, &["builds"]);
    assert_eq!(builds.len(), 6);
    assert!(builds.iter().all(|build| build["emerge"].is_null()));
    let faults = Store::open_for_reading(&db)
        .unwrap()
        .check_integrity()
        .unwrap();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert_eq!(
        faults[0],
        "a row of build refers to a missing row of emerge"
    );
}

#[test]
fn filters_pick_the_same_builds_in_every_report() {
    let (_folder, db) = folder();
    let mut all = sample();
    all[5].repository = Some("guru".into());
    record(&db, &all);
    for (filter, builds) in [
        (&["--language", "rust"][..], &["1", "2", "6"][..]),
        (&["--language", "c++"], &["3", "4"]),
        (&["--language", "C/C++,Rust"], &["1", "2", "3", "4", "6"]),
        (&["--repository", "guru"], &["6"]),
        (
            &["--repository", "guru,gentoo"],
            &["1", "2", "3", "4", "5", "6"],
        ),
        (&["--min-builds", "2"], &["1", "2"]),
        (&["--min-builds", "2", "--last", "1"], &["2"]),
        (&["--last", "3"], &["4", "5", "6"]),
        (&["--outcome", "merged", "--language", "c"], &["4"]),
        (
            &["--since", "2026-11-20", "--until", "2026-W47"],
            &["2", "3", "4", "5", "6"],
        ),
        (&["--since", "2026-11", "--until", "2026-11-01"], &["1"]),
    ] {
        let args = [&["builds"], filter].concat();
        let ids: Vec<String> = json(&db, &args)
            .iter()
            .map(|row| row["id"].as_str().unwrap()[7..8].to_string())
            .collect();
        assert_eq!(ids, builds, "{filter:?}");
        for (report, number) in [("packages", "builds"), ("trend", "builds")] {
            let rows = json(&db, &[&[report], filter].concat());
            let sum: u64 = rows.iter().map(|row| row[number].as_u64().unwrap()).sum();
            assert_eq!(sum, builds.len() as u64, "{report} {filter:?}");
        }
        let overview = &json(&db, filter)[0];
        assert_eq!(overview["builds"], builds.len(), "{filter:?}");
        let emerges = json(&db, &[&["emerges"], filter].concat());
        let of_emerges: u64 = emerges.iter().map(|r| r["builds"].as_u64().unwrap()).sum();
        let with_emerge = builds.iter().filter(|id| "1234".contains(**id)).count();
        assert_eq!(of_emerges, with_emerge as u64, "{filter:?}");
    }
    let of_package = json(&db, &["emerges", "quazip", "ccls"]);
    assert_eq!((of_package.len(), &of_package[0]["builds"]), (1, &2.into()));
    let newest = &json(&db, &["show", "emlop", "--last", "1"])[0];
    assert_eq!(
        (&newest["builds"], &newest["hits"]),
        (&1.into(), &63.into())
    );
}

#[test]
fn limit_keeps_the_newest_builds_of_those_that_all_else_leaves() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let ids = |args: &[&str]| -> Vec<String> {
        let rows = json(&db, &[&["builds"], args].concat());
        let first = |row: &Value| row["id"].as_str().unwrap()[7..8].to_string();
        rows.iter().map(first).collect()
    };
    assert_eq!(ids(&["--limit", "2"]), ["5", "6"]);
    assert_eq!(ids(&["--limit", "2", "--last", "1"]), ["6"]);
    assert_eq!(ids(&["--limit", "1", "--last", "2"]), ["6"]);
    assert_eq!(ids(&["emlop", "--limit", "1"]), ["2"]);
    assert_eq!(ids(&["--min-builds", "2", "--limit", "1"]), ["2"]);
    assert_eq!(ids(&["--outcome", "failed", "--limit", "3"]), ["3"]);
    // The first of those that are sorted, of all builds.
    assert_eq!(ids(&["--sort", "misses", "--limit", "1"]), ["1"]);
    assert_eq!(
        ids(&["--sort", "misses", "--limit", "1", "--last", "2"]),
        ["6"]
    );
}
