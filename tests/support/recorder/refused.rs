//! A hostile file beside a valid snapshot.

use std::fs;
use std::path::{Path, PathBuf};

use super::{MAX_MEMORY_KIB, RecordRun, Workspace, snapshots};
use crate::support;

pub const SECRET: &str = "root:$6$hostile-secret";

#[track_caller]
pub fn assert_little_memory(done: &RecordRun) {
    eprintln!("memory: {} KiB", done.memory);
    assert!(done.memory < MAX_MEMORY_KIB, "{} KiB", done.memory);
}

/// Creates a `${T}` with a valid snapshot of 7 hits. Returns it, and a path for a hostile snapshot.
pub fn hostile_path(workspace: &Workspace, number: u128) -> (PathBuf, PathBuf) {
    let t = workspace.build_with(7);
    let path = snapshots(&t).join(format!("{}.json", support::id(number)));
    (t, path)
}

/// Returns the text of a valid snapshot.
pub fn valid_snapshot(id: u128) -> String {
    let workspace = Workspace::new();
    let t = workspace.build_with(9);
    let file = fs::read_dir(snapshots(&t))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = fs::read_to_string(&file).unwrap();
    let old = file.file_stem().unwrap().to_str().unwrap();
    text.replace(old, &support::id(id).to_string())
}

/// Asserts that the valid snapshot is recorded, and that the other file stays and causes one warning that doesn't quote it.
#[track_caller]
pub fn assert_refused(workspace: &Workspace, t: &Path, path: &Path, why: &str) {
    let done = workspace.record(t);
    let warning = done.assert_warnings(1);
    assert!(
        warning.contains("were ignored: ") && warning.contains(why),
        "{why}: {warning}"
    );
    assert!(
        !warning.contains("secret") && warning.len() < 2100,
        "{warning}"
    );
    assert!(
        !warning.contains(['\u{202e}', '\u{200b}', '\u{9b}']),
        "{warning:?}"
    );
    assert!(done.out.contains("7 hits, 2 misses"), "{done:?}");
    assert!(fs::symlink_metadata(path).is_ok(), "it was removed");
    assert_eq!(workspace.hits(), [7]);
    assert_little_memory(&done);
}
