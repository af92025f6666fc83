//! Every report of a fixed database on terminals of several widths, with and without colors, in three time zones.

use std::path::Path;

use crate::support::terminal::run_on_terminal;
use crate::support::*;
use sccache_report::portage::{Attribution, Build, Outcome};
use unicode_width::UnicodeWidthStr;

/// The zone's name, and its rule for systems without zone names.
const ZONES: [(&str, &str); 3] = [
    ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
    ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
    ("Asia/Kolkata", "IST-5:30"),
];

/// Times around a zone's clock changes, and their local days.
const DAYS: [(usize, &str, &str); 11] = [
    (0, "2026-03-28T22:59:59Z", "2026-03-28"),
    (0, "2026-03-28T23:00:00Z", "2026-03-29"),
    (0, "2026-03-29T21:59:59Z", "2026-03-29"),
    (0, "2026-03-29T22:00:00Z", "2026-03-30"),
    (0, "2026-10-25T22:59:59Z", "2026-10-25"),
    (0, "2026-10-25T23:00:00Z", "2026-10-26"),
    (1, "2026-11-01T03:59:59Z", "2026-10-31"),
    (1, "2026-11-01T04:00:00Z", "2026-11-01"),
    (1, "2026-11-02T04:59:59Z", "2026-11-01"),
    (2, "2026-11-01T18:29:59Z", "2026-11-01"),
    (2, "2026-11-01T18:30:00Z", "2026-11-02"),
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
    if Path::new("/usr/share/zoneinfo").join(name).exists() {
        name
    } else {
        rule
    }
}

/// Returns builds around New Year and the clock changes: with a long name, with a wide name, a single build, only failures,
/// and nothing measured.
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
        "2025-12-31T23:15:00Z",
        rust_stats(0, 0),
    );
    none.phases[0].stats = Err(NotMeasuredReason::ServerKilled.into());
    none.outcome = Outcome::Interrupted;
    let wide = "app-i18n/日本語入力";
    let mut shared = build(32, wide, "1.0", "2026-01-03T12:00:00Z", rust_stats(3, 1));
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
    // A colored cell keeps its padding.
    let trimmed = plain.lines().map(|line| format!("{}\n", line.trim_end()));
    trimmed.collect()
}

#[test]
fn every_report_at_every_width() {
    let (_folder, db) = folder();
    record(&db, &builds());
    for (name, args) in REPORTS {
        insta::assert_snapshot!(name, golden(&db, args));
    }
}

/// Returns a report on terminals of all widths in the first zone, of 80 columns in the others, and once with colors. Asserts
/// that none is wider than its terminal, except lines to paste and selected columns.
fn golden(db: &Path, args: &[&str]) -> String {
    let mut golden = String::new();
    for (number, zone) in ZONES.map(zone).into_iter().enumerate() {
        for columns in [60, 80, 200] {
            let plain = shown(db, args, zone, "never", columns);
            let is_checked =
                |line: &&str| !line.starts_with("       ") && !args.contains(&"--columns");
            for line in plain.lines().filter(is_checked) {
                assert!(line.width() <= columns.into(), "{args:?} {columns}: {line}");
            }
            let coloured = shown(db, args, zone, "auto", columns);
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
    golden
}

#[test]
fn days_are_those_of_the_local_clock_across_its_changes() {
    for (zone_of, time, day) in DAYS {
        let (_folder, db) = folder();
        record(&db, &[build(1, "a/b", "1", time, rust_stats(1, 1))]);
        let run = |args: &[&str]| {
            let mut command = program();
            command.env("TZ", zone(ZONES[zone_of])).arg("--db").arg(&db);
            command
                .args(args)
                .args(["--format", "csv"])
                .output()
                .unwrap()
        };
        let trend = out(&run(&["trend", "--by", "day"]));
        assert!(trend.contains(&format!("\n{day},1,")), "{time}: {trend}");
        for args in [
            &["builds", "--since", day, "--until", day][..],
            &["builds", "--since", day],
            &["builds", "--until", day],
        ] {
            assert_eq!(run(args).status.code(), Some(0), "{time} {args:?}");
        }
        let next = at(&format!("{day}T00:00:00Z")) + chrono::TimeDelta::days(1);
        let next = next.format("%Y-%m-%d").to_string();
        let later = run(&["builds", "--since", &next]);
        assert_eq!(later.status.code(), Some(1), "{time}: {}", out(&later));
    }
}

#[test]
fn colours_only_on_a_terminal_that_wants_them() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (color, variable, coloured) in [
        ("auto", "", true),
        ("auto", "1", false),
        ("always", "1", true),
        ("never", "", false),
    ] {
        let mut command = program();
        command.env("NO_COLOR", variable).arg("--db").arg(&db);
        command.args(["builds", "--color", color]);
        let (_, shown, _) = run_on_terminal(&mut command, 80);
        assert_eq!(shown.contains('\x1b'), coloured, "{color} {variable}");
    }
}

#[test]
fn selected_columns_are_never_hidden() {
    let (_folder, db) = folder();
    record(&db, &builds());
    let args = [
        "builds",
        "--columns",
        "package,finished_at,hits,misses,coverage,errors",
    ];
    let narrow = shown(&db, &args, "UTC", "never", 60);
    let heading = narrow.lines().next().unwrap();
    assert!(
        heading.starts_with("package ") && heading.ends_with("  errors"),
        "{narrow}"
    );
}

#[test]
fn a_time_that_the_clocks_skip_is_the_first_after_it() {
    let (_folder, db) = folder();
    record(
        &db,
        &[build(
            1,
            "a/b",
            "1",
            "2026-03-29T01:00:00Z",
            rust_stats(1, 1),
        )],
    );
    for (since, status) in [
        ("2026-03-29 02:30", 0),
        ("2026-03-29 03:00", 0),
        ("2026-03-29 03:01", 1),
    ] {
        let mut command = program();
        command.env("TZ", zone(ZONES[0])).arg("--db").arg(&db);
        let output = command.args(["builds", "--since", since]).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(status),
            "{since}: {}",
            err(&output)
        );
    }
}

#[test]
fn what_is_no_list_of_rows_fits_the_terminal_too() {
    let (_folder, db) = folder();
    let mut all = builds();
    let stats = all[3].phases[0].stats.as_mut().unwrap();
    stats.not_cached.insert("-fprofile-use".into(), 5_678);
    stats.non_cacheable = Some(5_678);
    all.extend(costs());
    record(&db, &all);
    set_costs(&db);
    for (name, args) in [
        ("overview", &[][..]),
        ("advise", &["advise"]),
        ("advise_of_all_time", &["advise", "--since", "2020"]),
        ("show_firefox", &["show", "firefox"]),
        ("show_failures", &["show", "quazip"]),
        ("show_misses", &["show", "mozillavpn"]),
        ("show_build", &["show", "b000001f"]),
    ] {
        insta::assert_snapshot!(name, golden(&db, args));
    }
}

#[test]
fn an_explanation_fits_the_terminal() {
    let (_folder, db) = folder();
    listed::record_explained(&db);
    insta::assert_snapshot!("explain", golden(&db, &["explain", "foo"]));
}

/// Returns versions of a package that never hits, newer than all other builds.
fn costs() -> impl Iterator<Item = Build> {
    (1..=12).map(|n| {
        let at = format!("2026-11-04T{:02}:00:00Z", 7 + n);
        let mut stats = rust_stats(0, 53);
        stats.writes = Some(53);
        stats.write_errors = Some(0);
        stats.not_cached.insert("crate-type (bin)".into(), 90);
        stats.non_cacheable = Some(90);
        let version = format!("2.{n}0.0");
        build(40 + n, "net-vpn/mozillavpn", &version, &at, stats)
    })
}

#[test]
fn the_overview_fits_a_screen() {
    let (_folder, db) = folder();
    let mut all: Vec<Build> = costs().collect();
    for (number, package) in (1..).zip(["a/one", "b/two", "c/three", "d/four"]) {
        let hits = if number < 4 { 90 } else { 1 };
        for (run, hits) in [(0, 0), (10, hits), (20, hits)] {
            let mut stats = c_stats(hits, 100 - hits);
            stats.compiler_seconds = Some((100 - hits) as f64);
            let day = format!("2026-10-{:02}T10:00:00Z", 10 + number);
            let mut build = build(number + run, package, "1", &day, stats);
            build.emerge = Some(emerge(1, "emerge @world", "2026-10-11T09:00:00Z"));
            all.push(build);
        }
    }
    record(&db, &all);
    set_costs(&db);
    let text = shown(&db, &[], zone(ZONES[0]), "never", 80);
    for part in [
        "last emerge",
        "saves most",
        "costs most",
        "advice",
        "by day",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.lines().count() < 24, "{text}");
}
