//! What has to come of a build that the database can't take.

use std::process::Command;

use sccache_report::portage::Build;

use super::{World, finish, snapshots};
use crate::support;

/// A build while something is wrong: one warning with `cause`, kept beside the database, and the reports say so.
#[track_caller]
pub fn waits(world: &World, hits: u64, cause: &str) {
    let before = world.pending().count();
    let t = world.t(hits);
    waits_in(world, world.command(&t), cause);
    assert!(!snapshots(&t).exists(), "the numbers are in two places");
    assert_eq!(world.pending().count(), before + 1);
    let overview = support::run(&world.db, &[]);
    let said = support::err(&overview);
    assert!(said.contains("could not be recorded yet"), "{said}");
}

#[track_caller]
pub fn waits_in(world: &World, record: Command, cause: &str) {
    let done = finish(record);
    let warning = done.warned(1);
    assert!(warning.contains(cause), "{cause}: {warning}");
    assert_eq!(
        warning.contains("Hint: "),
        !cause.contains("locked"),
        "{warning}"
    );
    assert!(
        warning.contains(world.pending().folder().to_str().unwrap()),
        "{warning}"
    );
    assert!(done.out.contains(", 2 misses"), "{done:?}");
}

/// All is well again: the next build takes up those that waited, and no later one does so again.
#[track_caller]
pub fn are_taken_up(world: &World, all: &[u64]) {
    let (more, last) = (world.t(90), world.t(91));
    let first = world.record(&more);
    first.warned(0);
    assert!(first.out.contains(" pending build"), "{first:?}");
    assert_eq!(world.pending().count(), 0);
    let second = world.record(&last);
    second.warned(0);
    assert!(!second.out.contains(" pending build"), "{second:?}");
    assert_eq!(world.hits(), [all, &[90, 91]].concat());
    assert!(support::err(&support::run(&world.db, &[])).is_empty());
}

/// Not even beside the database is there room: the build is a line of the log.
#[track_caller]
pub fn is_in_the_log(world: &World, hits: u64, cause: &str) -> Build {
    let done = world.record(&world.t(hits));
    let warning = done.warned(1);
    assert!(
        warning.contains(cause) && warning.contains("This log contains the build"),
        "{warning}"
    );
    assert_eq!(world.pending().count(), 0);
    // As Portage's einfo prints it, in colour.
    let log = done.out.replace(
        "sccache-report-build",
        " \x1b[32;01m*\x1b[0m sccache-report-build",
    );
    let mut builds = log.lines().filter_map(Build::from_log_line);
    let build = builds.next().expect("a line").unwrap();
    assert!(builds.next().is_none());
    assert_eq!(build.package, "dev-test/thing");
    assert_eq!(build.phases[0].stats.as_ref().unwrap().hits.total, hits);
    build
}
