//! Reports on narrow terminals.

use std::path::Path;

use crate::support::listed::record_explained;
use crate::support::terminal::run_on_terminal;
use crate::support::*;
use chrono::TimeDelta;
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

/// Notes are shortened or whole, and no date loses its year.
#[test]
fn notes_and_dates_fit_80_columns() {
    for (args, note) in [
        (&["packages"][..], "10 failed,"),
        (&["trend"], "10 failed,"),
        (&["emerges"], "10 failed,"),
        (&["builds"], "interrupted,"),
    ] {
        let shown = at_80(args);
        assert!(shown.contains(note), "{args:?}:\n{shown}");
        assert!(!shown.contains(" 11-01"), "{args:?}:\n{shown}");
    }
}

#[test]
fn the_overview_fits_narrow_terminals() {
    let (_folder, db) = folder();
    record(&db, &with_remarks());
    for columns in [40, 59, 80] {
        let shown = on_terminal(&db, &[], columns);
        for line in shown.lines() {
            let width = unicode_width::UnicodeWidthStr::width(line);
            assert!(width <= columns.into(), "{columns}: {line} of {shown}");
        }
    }
}

/// The end of a path says which file it is.
#[test]
fn long_units_lose_their_beginning() {
    let (_folder, db) = folder();
    record_explained(&db);
    let shown = on_terminal(&db, &["explain", "foo"], 44);
    let line = shown.lines().find(|line| line.contains("grammar"));
    let line = line.unwrap_or_else(|| panic!("{shown}"));
    assert!(line.starts_with("-\u{a0}…"), "{line}");
    assert!(line.contains("/grammar.cpp.o "), "{line}");
}
