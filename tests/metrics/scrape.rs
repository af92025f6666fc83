//! What Prometheus scrapes equals the reports, also after an import, a `forget`, a new build, and a `merge`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use sccache_report::portage::host;
use serde_json::Value;

use crate::servers::{Monitoring, Series};
use crate::support::logs::{LIBRSVG, librsvg};
use crate::support::*;

#[path = "../../benches/generate.rs"]
#[allow(dead_code, reason = "it is a program of its own")]
mod generate;

/// How many builds a generated database has. They are those of 60 days.
const BUILDS: usize = 150;

/// Writes a generated database of this host whose newest build ended less than a day ago.
pub fn generated(db: &Path) {
    static CONTENT: OnceLock<Vec<u8>> = OnceLock::new();
    let content = CONTENT.get_or_init(|| {
        let (_folder, db) = folder();
        generate::database(generate::Machine::SMALL, BUILDS, &db, &mut std::io::sink()).unwrap();
        let raw = rusqlite::Connection::open(&db).unwrap();
        let sql = "UPDATE build SET host = ?2,
                started_at_us = started_at_us + by, finished_at_us = finished_at_us + by
            FROM (SELECT ?1 - max(finished_at_us) AS by FROM build)";
        let recently = Utc::now() - TimeDelta::minutes(10);
        let values = (recently.timestamp_micros(), host());
        raw.execute(sql, values).unwrap();
        std::fs::read(&db).unwrap()
    });
    std::fs::write(db, content).unwrap();
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or(0.0)
}

/// Microseconds, so that the sum is exact.
fn time_saved<'a>(rows: impl Iterator<Item = &'a Value>) -> f64 {
    let micros = rows.map(|row| (number(row, "time_saved_seconds") * 1e6).round());
    micros.sum::<f64>() / 1e6
}

/// The rows of `builds` that a report ever had, by ID, except of imported builds, which are in no counter.
type Ledger = BTreeMap<String, Value>;

/// Compares what Prometheus has with the reports.
fn compare(monitoring: &mut Monitoring, db: &Path, ledger: &mut Ledger) {
    let hour = || Utc::now().duration_trunc(TimeDelta::hours(1)).unwrap();
    let (file, now) = loop {
        // The windows begin with an hour.
        let now = hour();
        let file = monitoring.scrape(db, &[]);
        if hour() == now {
            break (file, now);
        }
    };
    let scraped = monitoring.query("{__name__=~\"sccache_report_.*\"}");
    // Labels are sorted in `scraped`, and only `info` has others.
    let written = series(&file).into_iter();
    let written: Series = written
        .filter(|(name, _)| !name.starts_with("info"))
        .collect();
    let scraped: Series = { scraped.into_iter() }
        .filter(|(name, _)| !name.starts_with("info"))
        .collect();
    assert_eq!(scraped, written);
    assert_eq!(
        monitoring
            .query("node_textfile_scrape_error")
            .values()
            .sum::<f64>(),
        0.0
    );
    for counter in ["builds", "lookups", "hits", "misses", "compiler_calls"] {
        let resets = monitoring.query(&format!("resets(sccache_report_{counter}_total[1h])"));
        assert!(!resets.is_empty(), "{counter}");
        assert!(resets.values().all(|count| *count == 0.0), "{counter}");
    }

    let rows = json(db, &["builds"]);
    let raw = rusqlite::Connection::open(db).unwrap();
    let is_recorded = "SELECT NOT is_imported FROM build WHERE uuid = ?";
    for row in &rows {
        let id = row["id"].as_str().unwrap();
        if raw.query_row(is_recorded, [id], |row| row.get(0)).unwrap() {
            ledger.insert(id.to_string(), row.clone());
        }
    }
    compare_counters(&scraped, ledger);
    let saved = scraped["time_saved_seconds"];
    assert_eq!(saved, time_saved(rows.iter()));
    for (window, days) in [("1d", 1), ("7d", 7), ("30d", 30)] {
        compare_window(&scraped, db, window, now - TimeDelta::days(days));
    }
}

fn compare_counters(scraped: &Series, ledger: &Ledger) {
    let total = |prefix: &str| -> f64 {
        let series = scraped.iter().filter(|(name, _)| name.starts_with(prefix));
        series.map(|(_, value)| value).sum()
    };
    let sum = |value: fn(&Value) -> f64| ledger.values().map(value).sum::<f64>();
    let lookups = |row: &Value| number(row, "hits") + number(row, "misses");
    assert_eq!(total("hits_total"), sum(|row| number(row, "hits")));
    assert_eq!(total("lookups_total"), sum(lookups));
    assert_eq!(
        total("lookup_errors_total"),
        sum(|row| number(row, "errors"))
    );
    let calls = |row: &Value| match (&row["executed"], &row["non_cacheable"]) {
        (Value::Null, _) | (_, Value::Null) => 0.0,
        (executed, other) => executed.as_f64().unwrap() + other.as_f64().unwrap(),
    };
    assert_eq!(total("compiler_calls_total"), sum(calls));
    for outcome in ["merged", "packaged", "failed", "interrupted"] {
        let builds = ledger
            .values()
            .filter(|row| row["outcome"] == outcome)
            .count();
        let name = format!("builds_total{{outcome=\"{outcome}\"}}");
        assert_eq!(scraped[&name], builds as f64);
    }
    for language in ["C/C++", "Rust", "CUDA"] {
        for (metric, fields) in [
            ("hits_total", &["hits"][..]),
            ("lookups_total", &["hits", "misses"]),
        ] {
            let counts = ledger.values().flat_map(|row| {
                let counts = &row["languages"][language];
                fields.iter().map(|field| number(counts, field))
            });
            let name = format!("{metric}{{language=\"{language}\"}}");
            assert_eq!(scraped[&name], counts.sum::<f64>(), "{name}");
        }
    }
}

fn compare_window(scraped: &Series, db: &Path, window: &str, since: DateTime<Utc>) {
    let rows = json(db, &["builds", "--since", &since.to_rfc3339()]);
    assert!(!rows.is_empty(), "{window}");
    let sum = |name: &str| rows.iter().map(|row| number(row, name)).sum::<f64>();
    let value = |name: &str| scraped[&format!("recent_{name}{{window=\"{window}\"}}")];
    assert_eq!(value("hits"), sum("hits"), "{window}");
    assert_eq!(value("lookups"), sum("hits") + sum("misses"), "{window}");
    assert_eq!(
        value("time_saved_seconds"),
        time_saved(rows.iter()),
        "{window}"
    );
    for outcome in ["merged", "packaged", "failed", "interrupted"] {
        let name = format!("recent_builds{{outcome=\"{outcome}\",window=\"{window}\"}}");
        let builds = rows.iter().filter(|row| row["outcome"] == outcome).count();
        assert_eq!(scraped[&name], builds as f64, "{name}");
    }
}

fn collect(db: &Path, args: &[&str]) {
    let mut collect = Command::new(assert_cmd::cargo::cargo_bin!("sccache-collect"));
    let output = collect
        .env_clear()
        .args(args)
        .arg("--db")
        .arg(db)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", err(&output));
}

#[test]
#[ignore = "needs Prometheus and node_exporter"]
fn a_scrape_equals_the_reports_whatever_happened_to_the_database() {
    let (folder, db) = folder();
    generated(&db);
    let mut monitoring = Monitoring::start();
    let mut ledger = Ledger::new();
    compare(&mut monitoring, &db, &mut ledger);

    let log = folder.path().join(LIBRSVG);
    std::fs::write(&log, librsvg()).unwrap();
    collect(&db, &["import", log.to_str().unwrap()]);
    compare(&mut monitoring, &db, &mut ledger);
    assert_eq!(ledger.len(), BUILDS);

    let before = json(&db, &["builds"]).len();
    collect(&db, &["forget", "firefox", "mesa", "librsvg"]);
    let gone = before - json(&db, &["builds"]).len();
    assert!(gone > BUILDS / 10, "{gone}");
    compare(&mut monitoring, &db, &mut ledger);

    // Portage merges a package.
    let now = Utc::now().to_rfc3339();
    record(&db, &[build(1, "a/a", "1", &now, rust_stats(7, 5))]);
    compare(&mut monitoring, &db, &mut ledger);
    assert_eq!(ledger.len(), BUILDS + 1);

    let other = folder.path().join("other.db");
    record(&other, &[build(2, "b/b", "1", &now, rust_stats(2, 3))]);
    collect(&db, &["merge", other.to_str().unwrap()]);
    compare(&mut monitoring, &db, &mut ledger);
    assert_eq!(ledger.len(), BUILDS + 2);
}
