//! A hostile file in place of a snapshot's list of compilations: the build is recorded without the list, and with one
//! warning that doesn't quote the file. It costs no more memory than any other build.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::ZlibEncoder};
use uuid::Uuid;

use crate::support::recorder::refused::*;
use crate::support::recorder::system::*;
use crate::support::recorder::*;
use sccache_report::portage::{Build, write_snapshot};
use sccache_report::sccache::compilations::{
    Compilation, CompilationList, CompilationResult, Compilations, DirectoryInKey, Language,
    ObjectKey,
};

/// Returns numbers that can't be compressed.
fn random() -> impl FnMut() -> u64 {
    let mut random = 1u64;
    move || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        random ^ (random >> 29)
    }
}

/// Encodes compilations with these units.
fn list<'a>(units: impl IntoIterator<Item = &'a str>) -> CompilationList {
    let mut next = random();
    let mut compilation = |unit: &str| Compilation {
        unit: unit.into(),
        metadata: Some(next()),
        key: Some(ObjectKey(next())),
        language: Some(Language::Rust),
        result: CompilationResult::Hit,
        is_stored: true,
        lookup: None,
        cache_read: None,
        compile: None,
        flags: Some(next()),
        directory_in_key: DirectoryInKey::Always,
        is_ambiguous: false,
        miss_reason: None,
    };
    CompilationList::encode(&Compilations {
        directory: 1,
        list: units.into_iter().map(&mut compilation).collect(),
    })
}

/// Writes a snapshot of 7 hits with a list, and returns the list's file.
fn write(t: &Path, list: CompilationList) -> PathBuf {
    let id = Uuid::new_v4();
    let mut phase = compile(7);
    phase.compilations = Some(list);
    write_snapshot(id, t, &phase).unwrap();
    snapshots(t).join(format!("{id}.compilations"))
}

/// Makes the database unusable, so that the next build stays in a file that has its lists.
fn break_database(workspace: &Workspace) {
    fs::write(&workspace.db, "not a database").unwrap();
}

fn pending_build(workspace: &Workspace) -> Build {
    let file = fs::read_dir(workspace.pending().folder()).unwrap().next();
    serde_json::from_slice(&fs::read(file.unwrap().unwrap().path()).unwrap()).unwrap()
}

/// Asserts that only the list is missing.
#[track_caller]
fn assert_list_refused(workspace: &Workspace, t: &Path, why: &str) {
    let done = workspace.record(t);
    let warning = done.assert_warnings(1);
    assert!(
        warning.contains(".compilations: ") && warning.contains(why),
        "{why}: {warning}"
    );
    assert!(
        !warning.contains("secret") && warning.len() < 2100,
        "{warning}"
    );
    assert!(done.out.contains("7 hits, 2 misses"), "{done:?}");
    assert_eq!(workspace.hits(), [7]);
    assert!(!snapshots(t).exists(), "its snapshot is removed");
    assert_little_memory(&done);
}

#[test]
fn a_list_comes_with_its_build() {
    let workspace = Workspace::new();
    break_database(&workspace);
    let t = workspace.empty_build();
    let file = write(&t, list(["a.o", "b.o"]));
    // One without its snapshot is of a collector that was killed.
    fs::copy(&file, file.with_file_name("x.compilations")).unwrap();
    workspace.record(&t).assert_warnings(1);
    let build = pending_build(&workspace);
    let decoded = build.phases[0].compilations.as_ref().unwrap().decode();
    let units = decoded.unwrap().list.into_iter().map(|one| one.unit);
    assert_eq!(units.collect::<Vec<_>>(), ["a.o".into(), "b.o".into()]);
    assert!(!file.exists());
    // A log has no room for a list.
    let line = build.to_log_line().unwrap();
    let logged = Build::from_log_line(&line).unwrap().unwrap();
    assert_eq!(logged.phases[0].compilations, None);
}

#[test]
fn a_list_that_is_no_file_of_ours_is_refused() {
    type Make = fn(&Path, &Path);
    let kinds: [(Make, &str); 5] = [
        (
            |path, other| symlink(other, path).unwrap(),
            "a symbolic link",
        ),
        (
            |path, other| fs::hard_link(other, path).unwrap(),
            "it has 2 hard links",
        ),
        (
            |path, _| run("mkfifo", &[path.to_str().unwrap()]),
            "not a regular file",
        ),
        (|path, _| fs::write(path, "").unwrap(), "is damaged"),
        (|_, _| (), "No such file"),
    ];
    for (make, why) in kinds {
        let workspace = Workspace::new();
        let t = workspace.empty_build();
        let valid = list(["a.o"]);
        let path = write(&t, valid.clone());
        let other = workspace.folder.path().join("secret");
        fs::write(&other, valid.as_bytes()).unwrap();
        fs::remove_file(&path).unwrap();
        make(&path, &other);
        assert_list_refused(&workspace, &t, why);
        assert_eq!(fs::read(&other).unwrap(), valid.as_bytes());
    }
}

/// Returns a list with this text in place of postcard.
fn packed(postcard: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(vec![1], Compression::fast());
    encoder.write_all(postcard).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_list_with_hostile_content_is_refused() {
    let valid = list(["a.o", "b.o"]);
    let valid = valid.as_bytes();
    // A directory of 0, and then the number of units.
    let many_units = [&[0, 0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0; 1000]].concat();
    let long_unit = [&[0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f][..], &[b'a'; 1000]].concat();
    for (content, why) in [
        (SECRET.as_bytes().to_vec(), "is damaged"),
        (vec![0xff; 100_000], "is damaged"),
        (valid[..valid.len() - 9].to_vec(), "is damaged"),
        (packed(&[0xff; 100]), "is damaged"),
        (packed(&many_units), "is damaged"),
        (packed(&long_unit), "is damaged"),
        // They inflate to 100 MB.
        (packed(&vec![0; 100_000_000]), "is damaged"),
        (packed(&vec![0xff; 100_000_000]), "is damaged"),
        (list(["\u{1b}[31m.o"]).as_bytes().to_vec(), "is damaged"),
        (list(["a\u{202e}.o"]).as_bytes().to_vec(), "is damaged"),
        (list([&*"x".repeat(201)]).as_bytes().to_vec(), "is damaged"),
        (
            list(vec!["a.o"; 100_001]).as_bytes().to_vec(),
            "longer than",
        ),
        (
            list(vec!["a"; 70_000]).as_bytes()[1..].to_vec(),
            "is damaged",
        ),
    ] {
        let workspace = Workspace::new();
        let t = workspace.empty_build();
        let path = write(&t, list(["a.o"]));
        fs::write(&path, &content).unwrap();
        assert_list_refused(&workspace, &t, why);
    }
}

/// Each is valid.
#[test]
fn lists_that_are_too_long_together_are_refused() {
    let workspace = Workspace::new();
    break_database(&workspace);
    let t = workspace.empty_build();
    let mut next = random();
    let mut unit = || -> String {
        let printable = |number: u64| char::from(b' ' + (number >> 32) as u8 % 95);
        (0..200).map(|_| printable(next())).collect()
    };
    let units: Vec<String> = (0..10_000).map(|_| unit()).collect();
    let long = list(units.iter().map(String::as_str));
    assert!(
        long.as_bytes().len() > 1_500_000,
        "{}",
        long.as_bytes().len()
    );
    for _ in 0..3 {
        write(&t, long.clone());
    }
    let mut command = workspace.command(&t);
    command.env("SCCACHE_REPORT_OUTPUT", "none");
    let done = run_to_end(command);
    assert_little_memory(&done);
    assert!(done.assert_warnings(2).contains("too long"), "{done:?}");
    let build = pending_build(&workspace);
    let lists = build
        .phases
        .iter()
        .filter(|phase| phase.compilations.is_some());
    assert_eq!((build.phases.len(), lists.count()), (3, 2));
}

/// Each is valid, and short when compressed.
#[test]
fn lists_of_too_many_compilations_together_are_refused() {
    for (lists, units, accepted) in [(17, 1, 16), (2, 60_000, 1)] {
        let workspace = Workspace::new();
        break_database(&workspace);
        let t = workspace.empty_build();
        let list = list(vec!["a.o"; units]);
        for _ in 0..lists {
            write(&t, list.clone());
        }
        let mut command = workspace.command(&t);
        command.env("SCCACHE_REPORT_OUTPUT", "none");
        let done = run_to_end(command);
        assert!(done.assert_warnings(2).contains("too many"), "{done:?}");
        let phases = pending_build(&workspace).phases;
        let kept = phases.iter().filter(|phase| phase.compilations.is_some());
        assert_eq!((phases.len(), kept.count()), (lists, accepted));
    }
}
