//! On a terminal of 80 columns nothing that matters is cut: what keeps a row's numbers from being
//! the whole truth is all there.

mod common;

use std::path::Path;

use chrono::TimeDelta;
use common::terminal::run_on_terminal;
use common::*;
use sccache_report::portage::{Attribution, Build, Outcome};

/// Builds of a package, so many of each that has a remark, and one that has all.
fn with_remarks() -> Vec<Build> {
    let world = emerge(1, "emerge @world", "2026-11-01T09:00:00Z");
    let mut all = Vec::new();
    for n in 0..40 {
        let start = at("2026-11-01T10:00:00Z") + TimeDelta::minutes(n);
        let mut stats = c_stats(90, 10);
        stats.compiler_seconds = Some(36_000.0);
        let package = "www-client/firefox";
        let mut build = build(n as u128, package, "140.5.0", &start.to_rfc3339(), stats);
        build.emerge = Some(world.clone());
        match n % 4 {
            0 => build.outcome = Outcome::Failed,
            1 => build.outcome = Outcome::Interrupted,
            2 => build.phases[0].attribution = Attribution::Shared,
            _ => {}
        }
        if n % 5 == 1 {
            build.phases[0].stats = Err(NotMeasuredReason::ServerKilled.into());
        }
        all.push(build);
    }
    all
}

fn at_80(args: &[&str]) -> String {
    let (_folder, db) = folder();
    record(&db, &with_remarks());
    on_terminal(&db, args, 80)
}

fn on_terminal(db: &Path, args: &[&str], columns: u16) -> String {
    let mut command = program();
    command.env("NO_COLOR", "1").arg("--db").arg(db).args(args);
    run_on_terminal(&mut command, columns).1
}

#[test]
fn remarks_that_find_no_room_are_written_shorter() {
    let legend = "f failed, i interrupted, n incomplete, s shared";
    for (args, remarks) in [
        (&["packages"][..], "10f 10i 8n 10s"),
        (&["trend"], "10f 10i 8n 10s"),
    ] {
        let shown = at_80(args);
        assert!(shown.contains(remarks), "{args:?}:\n{shown}");
        assert!(shown.contains(legend), "{args:?}:\n{shown}");
        assert!(!shown.contains('…'), "{args:?}:\n{shown}");
    }
    let shown = at_80(&["emerges"]);
    assert!(
        !shown.contains('…') && shown.contains("10i 8n 10s"),
        "{shown}"
    );
    let shown = at_80(&["packages", "--columns", "package,builds"]);
    assert!(!shown.contains(legend), "{shown}");
}

#[test]
fn outcomes_are_whole() {
    let shown = at_80(&["builds"]);
    for outcome in [
        "interrupted, unmeasured",
        "failed, unmeasured",
        "merged, shared",
    ] {
        assert!(shown.contains(outcome), "{shown}");
    }
    assert!(shown.contains("140.5") && !shown.contains(", …"), "{shown}");
}

#[test]
fn builds_of_a_day_are_told_apart() {
    for (args, minutes) in [
        (&["builds"][..], &["\n11-01 10:00  ", "\n11-01 10:39  "][..]),
        (&["emerges"], &["11-01 09:00  "]),
        (
            &[
                "builds",
                "--columns",
                "finished_at,started_at,package,slot,outcome,hit_rate",
            ],
            &["\n11-01 10:01  11-01 10:00  "],
        ),
    ] {
        let shown = at_80(args);
        for minute in minutes {
            assert!(shown.contains(minute), "{args:?}: {shown}");
        }
        let told = shown.matches("without a year: 2026").count();
        assert_eq!(told, usize::from(!shown.contains("2026-11-01 ")), "{shown}");
    }
}

/// Broken between words, and bars where the line is full; nothing that isn't a table is cut but a long
/// command.
#[test]
fn the_overview_breaks_between_words() {
    let (_folder, db) = folder();
    let mut builds = with_remarks();
    // Bars with a gap.
    for (number, day) in [(50, 3), (51, 4), (52, 30)] {
        let start = format!("2026-10-{day:02}T10:00:00Z");
        builds.push(build(number, "a/earlier", "1", &start, c_stats(0, 100)));
    }
    record(&db, &builds);
    let whole = out(&run(&db, &[]));
    let bars = { whole.lines() }.find_map(|line| line.strip_prefix("by day      "));
    for columns in [30, 35, 39, 40, 59] {
        let shown = on_terminal(&db, &[], columns);
        let indent = if columns < 40 { 2 } else { 12 };
        for line in shown.lines() {
            let width = unicode_width::UnicodeWidthStr::width(line);
            assert!(width <= columns.into(), "{columns}: {line} of {shown}");
        }
        let (facts, _) = shown.split_once("gain most").unwrap();
        for word in facts.split_whitespace().filter(|word| word.is_ascii()) {
            let word = word.trim_end_matches(':');
            assert!(whole.contains(word), "{columns}: {word} of {shown}");
        }
        assert_eq!(
            facts.contains("\nperiod: 2026-10-"),
            columns < 40,
            "{shown}"
        );
        assert!(facts.contains("2,560 h 00 min"), "{shown}");
        let lines = facts.lines().filter(|line| line.contains(['▁', '█']));
        let filled = lines.map(|line| format!("{line:0$}", usize::from(columns)));
        let all: String = filled
            .map(|line| line.chars().skip(indent).collect::<String>())
            .collect();
        assert_eq!(all.trim_end(), bars.unwrap(), "{shown}");
    }
}
