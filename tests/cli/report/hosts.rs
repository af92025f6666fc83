//! Reports on the builds of several hosts: a filter, a column, and a section of the overview.

use std::path::PathBuf;

use crate::support::merging::{of_host, record_on};
use crate::support::*;
use sccache_report::portage::Build;
use serde_json::{Value, json};

/// A database with the sample of one host, and of another host two of its builds, with fewer hits.
fn two_hosts() -> (tempfile::TempDir, PathBuf) {
    let (folder, _) = folder();
    let db = record_on(folder.path(), "alpha", &sample());
    let again = sample().into_iter().take(2).enumerate().map(|(n, build)| {
        let start = "2026-11-20T18:00:00Z";
        let other = build_of(100 + n as u128, &build.package, start);
        of_host("beta", &other)
    });
    record(&db, &again.collect::<Vec<Build>>());
    (folder, db)
}

fn build_of(number: u128, package: &str, start: &str) -> Build {
    let mut build = build(number, package, "0.9.0", start, rust_stats(1, 3));
    build.emerge = Some(emerge(number, "emerge emlop", start));
    build
}

fn column(db: &std::path::Path, args: &[&str], name: &str) -> Vec<Value> {
    let rows = json(db, args);
    rows.iter().map(|row| row[name].clone()).collect()
}

#[test]
fn a_host_is_a_filter_of_every_report_with_filters() {
    let (_folder, db) = two_hosts();
    for report in [
        &[][..],
        &["packages"],
        &["trend"],
        &["emlop"],
        &["show", "emlop"],
    ] {
        for (hosts, builds) in [("beta", 2), ("alpha", 2), ("alpha,beta", 4)] {
            let args = [report, &["--host", hosts, "--since", "2026-11-01"]].concat();
            let rows = json(&db, &args);
            let emlop = rows
                .iter()
                .filter(|row| row["package"] == "app-portage/emlop");
            let sum: u64 = emlop.map(|row| row["builds"].as_u64().unwrap()).sum();
            let is_by_package = rows.iter().any(|row| row["package"].is_string());
            if is_by_package {
                assert_eq!(sum, builds, "{args:?}");
            } else {
                let all: u64 = rows.iter().map(|row| row["builds"].as_u64().unwrap()).sum();
                let others = if hosts == "beta" { 0 } else { 4 };
                assert_eq!(all, builds + others, "{args:?}");
            }
        }
    }
    assert_eq!(
        column(&db, &["builds", "--host", "beta"], "host"),
        ["beta", "beta"]
    );
    assert_eq!(
        column(&db, &["emerges", "--host", "beta"], "host"),
        ["beta", "beta"]
    );
    let advise = run(&db, &["advise", "--host", "beta"]);
    assert!(
        out(&advise).starts_with("Based on 2 builds"),
        "{}",
        out(&advise)
    );
    let page = run(&db, &["html", "--host", "beta"]);
    assert!(page.status.success(), "{page:?}");
    assert!(!out(&page).contains("ripgrep"));
    let unknown = run(&db, &["packages", "--host", "gamma"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        err(&unknown).contains("the hosts are: alpha, beta"),
        "{}",
        err(&unknown)
    );
}

#[test]
fn the_host_is_a_column_on_request() {
    let (_folder, db) = two_hosts();
    assert!(json(&db, &["packages"])[0].get("host").is_none());
    let args = ["packages", "emlop", "--columns", "package,host,builds,hits"];
    let row = |host, hits| json!({"package": "app-portage/emlop", "host": host, "builds": 2, "hits": hits});
    assert_eq!(json(&db, &args), [row("alpha", 63), row("beta", 2)]);
    let table = out(&run(&db, &args));
    assert!(table.contains("alpha") && table.contains("beta"), "{table}");
    let table = out(&run(&db, &["packages", "--sort", "host:desc"]));
    assert!(table.lines().nth(1).unwrap().contains("beta"), "{table}");
    for report in ["builds", "emerges"] {
        let table = out(&run(&db, &[report, "--columns", "host,started_at"]));
        assert!(table.contains("alpha") && table.contains("beta"), "{table}");
    }
}

#[test]
fn the_overview_lists_several_hosts() {
    let (folder, db) = two_hosts();
    let overview = &json(&db, &[])[0];
    let hosts = overview["by_host"].as_array().unwrap();
    assert_eq!(hosts.len(), 2);
    assert_eq!(hosts[0]["host"], "alpha");
    assert_eq!(
        (&hosts[1]["builds"], &hosts[1]["hits"]),
        (&2.into(), &2.into())
    );
    for sum in ["builds", "hits", "misses", "failed"] {
        let all: u64 = hosts.iter().map(|host| host[sum].as_u64().unwrap()).sum();
        assert_eq!(overview[sum], all, "{sum}");
    }
    let text = out(&run(&db, &[]));
    assert!(text.contains("\nby host "), "{text}");
    let one = record_on(folder.path(), "one", &sample());
    assert_eq!(json(&one, &[])[0]["by_host"], json!([]));
    assert!(!out(&run(&one, &[])).contains("by host"));
    let page = |args: &[&str]| out(&run(&db, &[&["html"], args].concat()));
    assert!(page(&[]).contains("<h2 id=hosts>Hosts</h2>"));
    assert!(!page(&["--host", "beta"]).contains("id=hosts"));
    assert_eq!(json(&db, &["--host", "beta"])[0]["by_host"], json!([]));
}
