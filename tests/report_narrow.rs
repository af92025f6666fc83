//! On a terminal of 80 columns nothing that matters is cut: what keeps a row's numbers from being
//! the whole truth is all there.

mod common;

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
            build.phases[0].stats = Err("the server died".into());
        }
        all.push(build);
    }
    all
}

fn at_80(args: &[&str]) -> String {
    let (_folder, db) = folder();
    record(&db, &with_remarks());
    let mut command = program();
    command.arg("--db").arg(&db).args(args);
    run_on_terminal(&mut command, 80).1
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
