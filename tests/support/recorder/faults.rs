//! What happens to a build that can't be written to the database.

use std::process::Command;

use sccache_report::portage::Build;

use super::{Workspace, run_to_end, snapshots};
use crate::support;

/// Records a build during a fault. Asserts one warning with `cause`, a pending file, and a note in the reports.
#[track_caller]
pub fn assert_kept_pending(workspace: &Workspace, hits: u64, cause: &str) {
    let before = workspace.pending().count().unwrap();
    let t = workspace.build_with(hits);
    assert_run_kept_pending(workspace, workspace.command(&t), cause);
    assert!(!snapshots(&t).exists(), "the numbers are in two places");
    assert_eq!(workspace.pending().count(), Some(before + 1));
    let overview = support::run(&workspace.db, &[]);
    let said = support::err(&overview);
    assert!(said.contains("could not be recorded yet"), "{said}");
}

#[track_caller]
pub fn assert_run_kept_pending(workspace: &Workspace, record: Command, cause: &str) {
    let done = run_to_end(record);
    let warning = done.assert_warnings(1);
    assert!(warning.contains(cause), "{cause}: {warning}");
    assert_eq!(
        warning.contains("Hint: "),
        !cause.contains("locked"),
        "{warning}"
    );
    assert!(
        warning.contains(workspace.pending().folder().to_str().unwrap()),
        "{warning}"
    );
    assert!(done.out.contains(", 2 misses"), "{done:?}");
}

/// Records two builds after the fault. Asserts that the first also records the pending builds, and the second none.
#[track_caller]
pub fn assert_recorded_later(workspace: &Workspace, all: &[u64]) {
    let (more, last) = (workspace.build_with(90), workspace.build_with(91));
    let first = workspace.record(&more);
    first.assert_warnings(0);
    assert!(first.out.contains(" pending build"), "{first:?}");
    assert_eq!(workspace.pending().count(), Some(0));
    let second = workspace.record(&last);
    second.assert_warnings(0);
    assert!(!second.out.contains(" pending build"), "{second:?}");
    assert_eq!(workspace.hits(), [all, &[90, 91]].concat());
    assert!(support::err(&support::run(&workspace.db, &[])).is_empty());
}

/// Records a build when there is no place for a pending file either. Asserts that the log has it, and returns it.
#[track_caller]
pub fn assert_kept_in_log(workspace: &Workspace, hits: u64, cause: &str) -> Build {
    let done = workspace.record(&workspace.build_with(hits));
    let warning = done.assert_warnings(1);
    assert!(
        warning.contains(cause) && warning.contains("This log contains the build"),
        "{warning}"
    );
    assert_eq!(workspace.pending().count(), Some(0));
    // Portage's einfo adds a colored star.
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
