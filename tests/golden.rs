//! What people see: every report of one fixed database on terminals of several widths, with and
//! without colours, by the clocks of three time zones.

mod common;

use std::path::Path;

use common::terminal::run_on_terminal;
use common::*;
use sccache_report::portage::{Attribution, Build, Outcome};
use unicode_width::UnicodeWidthStr;

/// The zone's name, and the rule that it follows, for systems that know no names.
const ZONES: [(&str, &str); 3] = [
    ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
    ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
    ("Asia/Kolkata", "IST-5:30"),
];

const REPORTS: [(&str, &[&str]); 8] = [
    ("packages", &["packages"]),
    ("builds", &["builds"]),
    ("emerges", &["emerges"]),
    ("trend_day", &["trend", "--by", "day"]),
    ("trend_week", &["trend", "--by", "week"]),
    ("trend_month", &["trend", "--by", "month"]),
    ("trend_year", &["trend", "--by", "year"]),
    (
        "picked",
        &[
            "builds",
            "--columns",
            "package,slot,finished_at,errors,emerge,sccache_version",
        ],
    ),
];

fn zone((name, rule): (&'static str, &'static str)) -> &'static str {
    match Path::new("/usr/share/zoneinfo").join(name).exists() {
        true => name,
        false => rule,
    }
}

/// Builds around New Year and the changes of the clocks: of a long name, of a wide one, of a
/// single build, of failures only, of nothing that was measured.
fn builds() -> Vec<Build> {
    let old = [
        ("2024-12-30T09:00:00Z", "2.1", 0, 210),
        ("2026-03-28T23:30:00Z", "2.2", 1400, 12_345),
        ("2026-03-29T00:59:59Z", "2.2", 1_234_567, 17),
        ("2026-10-25T00:30:00Z", "2.3", 12_000, 12_000),
    ];
    let world = emerge(
        1,
        "emerge --update --deep --newuse --with-bdeps=y --keep-going @world",
        "2026-03-28T23:29:30Z",
    );
    let mut all: Vec<Build> = Vec::new();
    for (number, (start, version, hits, misses)) in (1..).zip(old) {
        let mut stats = c_stats(hits, misses);
        stats.compiler_seconds = Some(misses as f64 * 1.5);
        all.push(build(number, "www-client/firefox", version, start, stats));
    }
    all[1].emerge = Some(world.clone());
    all[2].emerge = Some(world);
    let long = "dev-python/python-discovery-of-very-long-package-names";
    all.push(build(
        11,
        long,
        "2026.11.1_alpha20261101-r12",
        "2026-10-25T01:30:00Z",
        c_stats(3, 1),
    ));
    for (number, start) in [(21, "2026-11-01T05:30:00Z"), (22, "2026-11-01T06:30:00Z")] {
        let mut failed = build(number, "dev-libs/quazip", "1.4", start, c_stats(0, 2));
        failed.outcome = Outcome::Failed;
        failed.emerge = Some(emerge(2, "emerge -1 quazip", "2026-11-01T05:29:00Z"));
        all.push(failed);
    }
    let mut none = build(
        31,
        "sys-apps/fd",
        "10.2.0",
        "2026-12-31T23:15:00Z",
        rust_stats(0, 0),
    );
    none.phases[0].stats = Err("the server died".into());
    none.outcome = Outcome::Interrupted;
    let wide = "app-i18n/日本語入力";
    let mut shared = build(32, wide, "1.0", "2027-01-03T12:00:00Z", rust_stats(3, 1));
    shared.phases[0].attribution = Attribution::Shared;
    shared.outcome = Outcome::Packaged;
    all.extend([none, shared]);
    all
}

fn shown(db: &Path, args: &[&str], zone: &str, color: &str, columns: u16) -> String {
    let mut command = program();
    command.env("TZ", zone).arg("--db").arg(db).args(args);
    command.args(["--color", color]);
    let (status, shown, errors) = run_on_terminal(&mut command, columns);
    assert_eq!(status, Some(0), "{args:?}: {errors}");
    shown
}

fn without_colours(text: &str) -> String {
    let sequence = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    let plain = sequence.replace_all(text, "");
    // A coloured cell keeps the spaces that fill it.
    let trimmed = plain.lines().map(|line| format!("{}\n", line.trim_end()));
    trimmed.collect()
}

#[test]
fn every_report_at_every_width() {
    let (_folder, db) = folder();
    record(&db, &builds());
    for (name, args) in REPORTS {
        let mut golden = String::new();
        for (number, zone) in ZONES.map(zone).into_iter().enumerate() {
            for columns in [60, 80, 200] {
                let plain = shown(&db, args, zone, "never", columns);
                for line in plain.lines() {
                    assert!(line.width() <= columns.into(), "{args:?} {columns}: {line}");
                }
                let coloured = shown(&db, args, zone, "auto", columns);
                assert_eq!(without_colours(&coloured), plain, "{args:?} {columns}");
                let (zone, _) = ZONES[number];
                if number == 0 || columns == 80 {
                    golden += &format!("--- {columns} columns, {zone}\n{plain}");
                }
                if number == 0 && columns == 80 {
                    let visible = coloured.replace('\x1b', "␛");
                    golden += &format!("--- {columns} columns, {zone}, in colour\n{visible}");
                }
            }
        }
        insta::assert_snapshot!(name, golden);
    }
}
