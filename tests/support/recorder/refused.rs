//! A hostile file beside an honest snapshot, and what has to come of it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Done, MOST_MEMORY, World, snapshots};
use crate::support;

pub const SECRET: &str = "root:$6$hostile-secret";

#[track_caller]
pub fn assert_little_memory(done: &Done) {
    eprintln!("memory: {} KiB", done.memory);
    assert!(done.memory < MOST_MEMORY, "{} KiB", done.memory);
}

/// `${T}` with an honest snapshot of 7 hits, and the path where a hostile one would lie.
pub fn place(world: &World, number: u128) -> (PathBuf, PathBuf) {
    let t = world.t(7);
    let path = snapshots(&t).join(format!("{}.json", support::id(number)));
    (t, path)
}

/// The text of a snapshot that would be taken.
pub fn honest(id: u128) -> String {
    let world = World::new();
    let t = world.t(9);
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

/// The honest numbers are recorded, the other file is refused in one line that doesn't quote it, and stays.
#[track_caller]
pub fn is_refused(world: &World, t: &Path, path: &Path, why: &str) {
    let done = world.record(t);
    let warning = done.warned(1);
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
    assert_eq!(world.hits(), [7]);
    assert_little_memory(&done);
}
